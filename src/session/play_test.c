/* SPDX-License-Identifier: Apache-2.0 */
/* A door in one thread, its store in memory, and its clients, for tests and fuzzers. */
#include "session/play_test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "auth/password.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/vfs/memvfs.h"
#include "net/task.h"
#include "store/account.h"

/* What is ready to run; the committer's thread adds to it too. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct task *head, **tail = &head;

static void
ready(void *arg, struct task *t, bool local)
{
	struct test_door *door = arg;

	pthread_mutex_lock(&lock);
	t->next = NULL;
	*tail = t;
	tail = &t->next;
	pthread_mutex_unlock(&lock);
	if (!local)
		net_interrupt(door->net);
}

static struct task *
take(void)
{
	struct task *t;

	pthread_mutex_lock(&lock);
	if ((t = head) != NULL && (head = t->next) == NULL)
		tail = &head;
	pthread_mutex_unlock(&lock);
	return t;
}

/* Runs what is ready, then waits so many milliseconds for more. False: nothing happened. */
static bool
turn(struct test_door *t, int ms)
{
	struct task *task;
	bool any = false;

	while ((task = take()) != NULL) {
		task->run(task);
		db_commit_own(store_db(t->store));
		any = true;
	}
	return net_poll(t->net, any ? 0 : ms, 16) > 0 || any;
}

/* Not door_changed(): sessions are not told of their account's end, so that commands meet it themselves. */
static void
feed(void *arg, const struct store_event *ev)
{
	hub_changed(arg, (uint64_t)ev->account, (uint64_t)ev->mailbox, ev->modseq);
}

static enum status
make_alice(struct db_txn *txn, void *arg)
{
	int64_t id;
	enum status st = account_create(arg, txn, STR("alice"), &id);

	return st != OK ? st : account_set_credential(arg, txn, id, STR("plain"), STR("{PLAIN}secret"));
}

static enum status
nothing(struct db_txn *txn, void *arg)
{
	return OK;
}

/* All but the store. */
static void
open_services(struct test_door *t, const struct test_service *kind)
{
	struct auth_settings as = auth_settings_default;

	as.plaintext = true;
	as.delay_ms = 0;
	t->door = (struct door){.store = t->store, .hub = hub_new(), .auth = auth_new(t->store, &as), .hostname = "test", .account_max = 200, .trust_loopback = true};
	t->changes = x_new(struct store_subscriber);
	*t->changes = (struct store_subscriber){feed, t->door.hub};
	if (kind->faulty)
		*t->changes = (struct store_subscriber){door_changed, &t->door};
	store_subscribe(t->store, t->changes);
	t->net = net_new(&(struct net_options){.ready = ready, .ready_arg = t});
	t->kind = kind;
	t->service = kind->open(&t->door);
}

static void
on_fatal(void *arg, const char *why)
{
	struct test_door *t = arg;

	t->fatal = true;
}

/* A store in memory puts its layer in place. */
static void
make_faulty(void)
{
	struct db_options o = {0};
	struct db *db;

	ensure(db_open(&o, &db) == OK);
	db_close(db);
	faultvfs_register(MEMVFS_NAME);
}

struct planned {
	enum status (*fn)(struct db_txn *, void *arg);
	void *arg;
	const struct fault *plan;
};

static enum status
write_planned(struct db_txn *txn, void *arg)
{
	struct planned *p = arg;
	enum status st = p->fn(txn, p->arg);

	faultvfs_plan(p->plan);
	return st;
}

enum status
test_write_planned(struct test_door *t, enum status (*fn)(struct db_txn *, void *arg), void *arg, const struct fault *plan)
{
	return db_write(store_db(t->store), write_planned, &(struct planned){fn, arg, plan});
}

void
test_door_open(struct test_door *t, const struct test_service *kind)
{
	struct store_options options = {.no_reaper = true, .fatal = on_fatal, .fatal_arg = t};

	*t = (struct test_door){0};
	if (kind->faulty) {
		make_faulty();
		options.dir = "/faulty";
		options.vfs = FAULTVFS_NAME;
	}
	ensure(store_open(&options, &t->store) == OK);
	ensure(db_write(store_db(t->store), make_alice, t->store) == OK);
	open_services(t, kind);
}

/* What nobody waits for (\Recent) is done, too. False: nothing was to be done. */
static bool
settle(struct test_door *t)
{
	bool any = false;

	while (!db_idle(store_db(t->store))) {
		ensure(db_write(store_db(t->store), nothing, NULL) == OK);
		/* Whoever ran it may be on his way out of the group. */
		for (int i = 0; i < 100 && !db_idle(store_db(t->store)); i++)
			sched_yield();
		any = true;
	}
	return any;
}

static void
close_services(struct test_door *t)
{
	(void)settle(t);
	store_unsubscribe(t->store, t->changes);
	free(t->changes);
	net_free(t->net);
	if (t->kind->close != NULL)
		t->kind->close(t->service);
	auth_free(t->door.auth);
	hub_free(t->door.hub);
}

/* What test_door_open_image() gives each time. */
static struct test_door kept;
static struct memimage *image;

void
test_door_open_image(struct test_door *t, const struct test_service *kind, void (*fill)(struct test_door *), bool anew)
{
	if (image == NULL) {
		test_door_open(&kept, kind);
		fill(&kept);
		(void)settle(&kept);
		image = memvfs_image();
	}
	if (anew) {
		close_services(&kept);
		open_services(&kept, kind);
	}
	memvfs_image_back(image);
	db_forget(store_db(kept.store));
	*t = kept;
}

void
test_door_close(struct test_door *t)
{
	if (t->store == kept.store) {
		ensure(net_connections(t->net) == 0);
		(void)settle(t);
		return;
	}
	close_services(t);
	net_thread_end();
	db_thread_end(store_db(t->store));
	store_close(t->store);
}

void
test_client_open(struct test_door *t, struct test_client *c)
{
	int fd[2];

	ensure(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	*c = (struct test_client){.fd = fd[0]};
	ensure(net_adopt(t->net, fd[1], t->kind->handler, t->service, false) != NULL);
	test_client_run(t, c);
}

/* Takes what the server sent; false when it has closed. */
static bool
drain(struct test_client *c)
{
	static char bytes[65536];
	ssize_t n;

	if (c->fd < 0)
		return false;
	do {
		n = recv(c->fd, bytes, sizeof(bytes), 0);
		if (n > 0)
			buf_add(&c->got, str_of(bytes, (size_t)n));
	} while (n == sizeof(bytes));
	if (n > 0)
		return true;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	close(c->fd);
	c->fd = -1;
	return false;
}

void
test_client_turn(struct test_door *t, struct test_client *c)
{
	while (turn(t, 0))
		if (drain(c) && c->got.n > 0)
			return;
	(void)drain(c);
}

void
test_client_run(struct test_door *t, struct test_client *c)
{
	/* What was on its way to disk is done when a later write is. */
	do {
		while (turn(t, 0))
			(void)drain(c);
	} while (settle(t) || turn(t, 0));
	(void)drain(c);
}

void
test_client_send(struct test_door *t, struct test_client *c, struct str bytes)
{
	while (bytes.n > 0 && c->fd >= 0) {
		ssize_t n = send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n > 0)
			bytes = str_from(bytes, (size_t)n);
		else if (errno != EAGAIN && errno != EINTR)
			break;
		(void)turn(t, 0);
		(void)drain(c);
	}
}

void
test_client_shut(struct test_client *c)
{
	if (c->fd >= 0)
		(void)shutdown(c->fd, SHUT_WR);
}

bool
test_client_end(struct test_door *t, struct test_client *c)
{
	int64_t until = clock_mono() + (int64_t)10 * 1000000;

	test_client_shut(c);
	while (net_connections(t->net) > 0 && clock_mono() < until) {
		test_client_run(t, c);
	}
	(void)drain(c);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	return net_connections(t->net) == 0;
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHES_THREADS true
#endif
#elif defined(__SANITIZE_THREAD__)
#define WATCHES_THREADS true
#endif
#if !defined(WATCHES_THREADS)
#define WATCHES_THREADS false
#endif

void
test_door_cheap(void)
{
	static const struct password_cost least = {.memory_kib = 8, .passes = 1, .lanes = 1};

	log_set_level(LOG_LEVEL_ERROR);
	password_dummy_cost(&least);
	db_thread_commits(!WATCHES_THREADS);
}
