/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pool, hub and connections together, many threads: clients that talk, change, watch and vanish; a
 * "committer" that wakes. Run it with -Db_sanitize=thread; MANSIO_LONG=1 runs it for a minute.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/clock.h"
#include "session/hub.h"
#include "session/pool.h"

#define MAILBOXES 3
#define CLIENTS 12
#define ADDRESSES 3
#define THREADS 16u /* four of them for logins, two for those of one address (pool.h) */

static struct pool *pool;
static struct net *net;
static struct hub *hub;
static unsigned port;
static _Atomic int opened, closed, threads_now;
static _Atomic uint64_t modseq[MAILBOXES + 1];
static _Atomic unsigned logging_in, logging_in_from[ADDRESSES], logins, most_logins;

/* ---- a protocol: "p" pong, "c" commit, "w N" watch, "i" idle, "d" done, "h" heavy, "l N" log in from an address, "q" quit ---- */

struct session {
	struct conn *conn;
	struct watcher watcher;
	struct heavy heavy, login;
	uint64_t told;
	char waiting; /* 'c', 'h', 'l' or nothing */
	bool idle;
	struct session *next_commit;
};

static pthread_mutex_t commit_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t commit_cond = PTHREAD_COND_INITIALIZER;
static struct session *commits;
static bool commits_end;

/* Like the database's committer: takes all that waits, tells the hub, wakes. */
static void *
committer(void *arg)
{
	for (;;) {
		struct session *all, *s;

		pthread_mutex_lock(&commit_lock);
		while (commits == NULL && !commits_end)
			pthread_cond_wait(&commit_cond, &commit_lock);
		all = commits;
		commits = NULL;
		pthread_mutex_unlock(&commit_lock);
		if (all == NULL)
			return NULL;
		while ((s = all) != NULL) {
			struct conn *c = s->conn;
			uint64_t mb = 1 + (uintptr_t)s / 64 % MAILBOXES;

			all = s->next_commit;
			hub_changed(hub, 1, mb, atomic_fetch_add(&modseq[mb], 1) + 1);
			conn_wake(c, CONN_EV_WAKE);
			conn_release(c);
		}
	}
}

static enum status
s_open(struct conn *c)
{
	struct session *s = x_new(struct session);

	s->conn = c;
	conn_set_user(c, s);
	heavy_init(&s->heavy, pool, c, 1);
	atomic_fetch_add(&opened, 1);
	buf_adds(conn_out(c), "hello\n");
	return OK;
}

static void
s_closed(struct conn *c)
{
	struct session *s = conn_user(c);

	hub_unwatch(hub, &s->watcher);
	heavy_leave(&s->heavy);
	heavy_leave(&s->login);
	free(s);
	atomic_fetch_add(&closed, 1);
}

static void
tell_news(struct conn *c, struct session *s)
{
	uint64_t now = hub_modseq(&s->watcher);

	if (now > s->told) {
		s->told = now;
		buf_addf(conn_out(c), "* %llu\n", (unsigned long long)now);
	}
}

static enum conn_next
heavy_work(struct conn *c, struct session *s)
{
	volatile unsigned i;

	s->waiting = 'h';
	if (!heavy_enter(&s->heavy))
		return CONN_WAKE;
	for (i = 0; i < 20000;)
		i = i + 1;
	heavy_leave(&s->heavy);
	s->waiting = 0;
	buf_adds(conn_out(c), "heavy\n");
	return CONN_INPUT;
}

/* As LOGIN does it (S13): a flood of them has its places, and no more. */
static enum conn_next
login_work(struct conn *c, struct session *s)
{
	unsigned from = (unsigned)s->login.account, all;
	volatile unsigned i;

	s->waiting = 'l';
	if (!heavy_enter(&s->login))
		return CONN_WAKE;
	all = atomic_fetch_add(&logging_in, 1) + 1;
	if (all > THREADS / 4 || atomic_fetch_add(&logging_in_from[from], 1) + 1 > THREADS / 8)
		abort();
	if (all > atomic_load(&most_logins))
		atomic_store(&most_logins, all);
	for (i = 0; i < 20000;)
		i = i + 1;
	atomic_fetch_sub(&logging_in_from[from], 1);
	atomic_fetch_sub(&logging_in, 1);
	atomic_fetch_add(&logins, 1);
	heavy_leave(&s->login);
	s->waiting = 0;
	buf_adds(conn_out(c), "logged in\n");
	return CONN_INPUT;
}

static enum conn_next
s_command(struct conn *c, struct session *s, struct str line)
{
	switch (line.n ? line.p[0] : ' ') {
	case 'p':
		tell_news(c, s);
		buf_adds(conn_out(c), "pong\n");
		return CONN_INPUT;
	case 'c':
		s->waiting = 'c';
		conn_hold(c);
		pthread_mutex_lock(&commit_lock);
		s->next_commit = commits;
		commits = s;
		pthread_cond_signal(&commit_cond);
		pthread_mutex_unlock(&commit_lock);
		return CONN_WAKE;
	case 'w':
		hub_unwatch(hub, &s->watcher);
		hub_watch(hub, 1, (uint64_t)(line.p[2] - '0'), &s->watcher, c);
		s->told = 0;
		buf_adds(conn_out(c), "watching\n");
		return CONN_INPUT;
	case 'i':
		s->idle = true;
		watcher_push(&s->watcher, true);
		tell_news(c, s);
		buf_adds(conn_out(c), "idling\n");
		return CONN_INPUT;
	case 'd':
		s->idle = false;
		watcher_push(&s->watcher, false);
		buf_adds(conn_out(c), "done\n");
		return CONN_INPUT;
	case 'h': return heavy_work(c, s);
	case 'l':
		heavy_init_login(&s->login, pool, c, (uint64_t)(line.p[2] - '0'));
		return login_work(c, s);
	case 'q': buf_adds(conn_out(c), "quit\n"); return CONN_CLOSE;
	default: return CONN_ABORT;
	}
}

static enum conn_next
s_run(struct conn *c, unsigned events)
{
	struct session *s = conn_user(c);
	enum conn_next next = CONN_INPUT;

	if (events & CONN_EV_STOP)
		return CONN_CLOSE;
	if (s->idle)
		tell_news(c, s);
	if (s->waiting == 'c') {
		s->waiting = 0;
		buf_adds(conn_out(c), "committed\n");
	} else if (s->waiting == 'h') {
		next = heavy_work(c, s);
	} else if (s->waiting == 'l') {
		next = login_work(c, s);
	}
	while (next == CONN_INPUT) {
		struct str in = conn_in(c);
		size_t n = str_chr(in, '\n');
		char line[16];

		if (n == in.n)
			break;
		if (n >= sizeof(line))
			return CONN_ABORT;
		memcpy(line, in.p, n);
		conn_eat(c, n + 1);
		next = s_command(c, s, str_of(line, n));
	}
	return next;
}

static const struct conn_handler handler = {"stress", s_open, s_run, NULL, s_closed, NULL};

/* ---- clients: blocking, each checks its answers ---- */

static int
dial(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct timeval tv = {20, 0};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		abort();
	return fd;
}

/* Reads lines until one begins with want; others must be news. */
static void
expect(FILE *f, char want)
{
	char line[64];

	do
		if (fgets(line, sizeof(line), f) == NULL) {
			fprintf(stderr, "no answer %c\n", want);
			abort();
		}
	while (line[0] == '*');
	if (line[0] != want) {
		fprintf(stderr, "wanted %c, got %s", want, line);
		abort();
	}
}

static int64_t until;

static void *
client(void *arg)
{
	unsigned r = (unsigned)(uintptr_t)arg;

	while (clock_mono() < until) {
		int fd = dial();
		FILE *f = fdopen(fd, "r");
		unsigned steps = (unsigned)rand_r(&r) % 60;

		expect(f, 'h');
		dprintf(fd, "w %u\n", 1 + rand_r(&r) % MAILBOXES);
		expect(f, 'w');
		for (unsigned i = 0; i < steps; i++)
			switch (rand_r(&r) % 8) {
			case 0: dprintf(fd, "p\np\np\n"); expect(f, 'p'); expect(f, 'p'); expect(f, 'p'); break;
			case 1: dprintf(fd, "c\n"); expect(f, 'c'); break;
			case 2: dprintf(fd, "c\nc\np\n"); expect(f, 'c'); expect(f, 'c'); expect(f, 'p'); break;
			case 3: dprintf(fd, "i\n"); expect(f, 'i'); dprintf(fd, "d\n"); expect(f, 'd'); break;
			case 4: dprintf(fd, "w %u\n", 1 + rand_r(&r) % MAILBOXES); expect(f, 'w'); break;
			case 5: dprintf(fd, "h\n"); expect(f, 'h'); break;
			case 6: dprintf(fd, "l %u\n", rand_r(&r) % ADDRESSES); expect(f, 'l'); break;
			case 7: dprintf(fd, "l %u\nc\nl 0\nh\n", rand_r(&r) % ADDRESSES); expect(f, 'l'); expect(f, 'c'); expect(f, 'l'); expect(f, 'h'); break;
			}
		/* Leaves properly, vanishes, or vanishes with a commit, a login or a turn under way. */
		switch (rand_r(&r) % 4) {
		case 0: dprintf(fd, "q\n"); expect(f, 'q'); break;
		case 1: break;
		case 2: dprintf(fd, "c\nc\nh\n"); break;
		case 3: dprintf(fd, "l 1\nl 1\n"); break;
		}
		fclose(f);
	}
	return NULL;
}

/* Watches in IDLE and must hear the last mod-sequence in the end, whatever the races. */
static void *
watcher(void *arg)
{
	unsigned mb = (unsigned)(uintptr_t)arg;
	int fd = dial();
	FILE *f = fdopen(fd, "r");
	char line[64];
	uint64_t heard = 0;

	expect(f, 'h');
	dprintf(fd, "w %u\n", mb);
	expect(f, 'w');
	dprintf(fd, "i\n");
	while (heard < UINT64_C(1) << 40) {
		if (fgets(line, sizeof(line), f) == NULL) {
			fprintf(stderr, "the news did not come\n");
			abort();
		}
		if (line[0] == '*') {
			uint64_t now = strtoull(line + 2, NULL, 10);

			if (now <= heard)
				abort();
			heard = now;
		}
	}
	fclose(f);
	return NULL;
}

static void
count_in(void *arg)
{
	atomic_fetch_add(&threads_now, 1);
}

static void
count_out(void *arg)
{
	atomic_fetch_sub(&threads_now, 1);
}

static void
start(unsigned threads)
{
	struct pool_options po = {.threads = threads, .thread_start = count_in, .thread_end = count_out,
	    .heavy = 2, .heavy_per_account = 1};
	struct net_options no = {.ready = pool_ready};
	struct listener_options lo = {.name = "stress", .address = "127.0.0.1", .handler = &handler};
	struct listener *l;

	pool = pool_new(&po);
	no.ready_arg = pool;
	net = net_new(&no);
	hub = hub_new();
	assert_int_equal(pool_start(pool, net), OK);
	assert_int_equal(net_listen(net, &lo, &l), OK);
	port = net_listener_port(l);
}

static void
stop(void)
{
	net_stop(net);
	for (int i = 0; i < 500 && net_connections(net) > 0; i++)
		usleep(10000);
	net_stop_now(net);
	for (int i = 0; i < 500 && net_connections(net) > 0; i++)
		usleep(10000);
	assert_int_equal(net_connections(net), 0);
	pool_stop(pool);
	assert_int_equal(threads_now, 0);
	assert_int_equal(opened, closed);
	net_free(net);
	pool_free(pool);
	hub_free(hub);
}

static void
test_stress(void **state)
{
	const char *more = getenv("MANSIO_LONG");
	pthread_t clients[CLIENTS], watchers[MAILBOXES], com;

	until = clock_mono() + (more && *more ? 60 : 1) * 1000000LL;
	start(THREADS);
	pthread_create(&com, NULL, committer, NULL);
	for (uintptr_t i = 0; i < MAILBOXES; i++)
		pthread_create(&watchers[i], NULL, watcher, (void *)(i + 1));
	for (uintptr_t i = 0; i < CLIENTS; i++)
		pthread_create(&clients[i], NULL, client, (void *)(i + 1));
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(clients[i], NULL);
	for (uint64_t i = 1; i <= MAILBOXES; i++)
		hub_changed(hub, 1, i, UINT64_C(1) << 40);
	for (int i = 0; i < MAILBOXES; i++)
		pthread_join(watchers[i], NULL);
	stop();
	pthread_mutex_lock(&commit_lock);
	commits_end = true;
	pthread_cond_signal(&commit_cond);
	pthread_mutex_unlock(&commit_lock);
	pthread_join(com, NULL);
	assert_int_equal(logging_in, 0);
	assert_true(logins > 20 && most_logins > 1);
}

/* ---- tasks from outside wake sleeping threads ---- */

struct job {
	struct task task;
	_Atomic int *count;
};

static void
do_job(struct task *t)
{
	atomic_fetch_add(((struct job *)(void *)t)->count, 1);
	free(t);
}

static void
test_submit(void **state)
{
	_Atomic int count = 0;
	int64_t begin = clock_mono();

	start(3);
	for (int i = 0; i < 3000; i++) {
		struct job *j = x_new(struct job);

		task_init(&j->task, do_job, 0);
		j->count = &count;
		pool_submit(pool, &j->task);
		if (i % 100 == 0)
			usleep(200);
	}
	while (atomic_load(&count) < 3000 && clock_mono() - begin < 10000000)
		usleep(1000);
	assert_int_equal(count, 3000);
	stop();
}

/* ---- lanes ---- */

#define LANE_JOBS 200
#define LANE_OTHERS 3

static struct lane_job {
	struct task task;
	int ran; /* as the how many-th */
} lane_jobs[LANE_JOBS + 1 + LANE_OTHERS];
static _Atomic int lane_order, lane_ran, lane_gate;

static void
do_lane_job(struct task *t)
{
	struct lane_job *j = (struct lane_job *)(void *)t;

	while (j == lane_jobs && !atomic_load(&lane_gate))
		usleep(1000);
	j->ran = atomic_fetch_add(&lane_order, 1) + 1;
	atomic_fetch_add(&lane_ran, 1); /* from here on it is looked at */
}

/* Two hundred tasks of one lane keep a task of another waiting for one of them, not for all. Two lanes may share a place by chance, more do not. */
static void
test_lanes(void **state)
{
	int64_t begin = clock_mono();
	int early = 0;

	start(1);
	for (int i = 0; i <= LANE_JOBS + LANE_OTHERS; i++) {
		task_init(&lane_jobs[i].task, do_lane_job, i <= LANE_JOBS ? 1 : (uint64_t)(i - LANE_JOBS) * 1000003);
		pool_submit(pool, &lane_jobs[i].task);
	}
	atomic_store(&lane_gate, 1);
	while (atomic_load(&lane_ran) < LANE_JOBS + 1 + LANE_OTHERS && clock_mono() - begin < 10000000)
		usleep(1000);
	assert_int_equal(lane_ran, LANE_JOBS + 1 + LANE_OTHERS);
	for (int i = LANE_JOBS + 1; i <= LANE_JOBS + LANE_OTHERS; i++)
		early += lane_jobs[i].ran <= 2 + LANE_OTHERS;
	assert_in_range(early, LANE_OTHERS - 1, LANE_OTHERS);
	/* In order within a lane. */
	for (int i = 1; i <= LANE_JOBS; i++)
		assert_true(lane_jobs[i].ran > lane_jobs[i - 1].ran);
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_submit),
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_stress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
