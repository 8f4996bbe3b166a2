/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net_test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "net/net_priv.h"

/* Who makes tasks ready may be another thread: the committer, a lookup. */
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static struct task *head, **tail = &head;
struct talk *talk_last;
unsigned talk_opened, talk_closed, talk_all_runs;
size_t talk_padding;
bool talk_refuses;

static void
ready(void *arg, struct task *t, bool local)
{
	pthread_mutex_lock(&queue_lock);
	t->next = NULL;
	*tail = t;
	tail = &t->next;
	pthread_mutex_unlock(&queue_lock);
}

struct net *
test_net(const struct net_options *o)
{
	struct net_options mine = o ? *o : (struct net_options){0};

	mine.ready = ready;
	return net_new(&mine);
}

static bool
run_one(void)
{
	struct task *t;

	pthread_mutex_lock(&queue_lock);
	if ((t = head) != NULL && (head = t->next) == NULL)
		tail = &head;
	pthread_mutex_unlock(&queue_lock);
	if (t != NULL)
		t->run(t);
	return t != NULL;
}

void
test_run(struct net *net)
{
	while (run_one() || net_poll(net, 0, 4) > 0) { }
}

void
test_wait(struct net *net, int ms, const bool *until)
{
	int64_t end = clock_mono() + ms * 1000LL;

	test_run(net);
	while (clock_mono() < end && !(until != NULL && *until)) {
		net_poll(net, 5, 4);
		test_run(net);
	}
}

void
test_certificate_make(struct test_certificate *at, struct tls **tls_r)
{
	strcpy(at->dir, "/tmp/mansio-tls-XXXXXX");
	ensure(mkdtemp(at->dir) != NULL);
	snprintf(at->cert, sizeof(at->cert), "%s/cert.pem", at->dir);
	snprintf(at->key, sizeof(at->key), "%s/key.pem", at->dir);
	ensure(tls_make_certificate(at->cert, at->key, "mail.example.org") == OK);
	ensure(tls_new(at->cert, at->key, tls_r) == OK);
}

void
test_certificate_remove(struct test_certificate *at)
{
	unlink(at->cert);
	unlink(at->key);
	rmdir(at->dir);
}

void
test_compressors(bool on)
{
	static struct pack streams[16];
	struct buf wire = {0};

	for (unsigned i = 0; i < 16; i++) {
		if (!on) {
			pack_fini(streams + i);
			continue;
		}
		streams[i] = (struct pack){0};
		pack_init(streams + i);
		ensure(pack_out(streams + i, STR("x"), &wire, 0) == OK);
	}
	buf_free(&wire);
}

static enum status
talk_open(struct conn *c)
{
	struct talk *t = x_new(struct talk);

	t->conn = c;
	talk_last = t;
	talk_opened++;
	conn_set_user(c, t);
	memset(buf_room(conn_out(c), talk_padding + 1), 'x', talk_padding);
	buf_wrote(conn_out(c), talk_padding);
	buf_adds(conn_out(c), "hello\n");
	return talk_refuses ? ERR_LIMIT : OK;
}

static void
talk_end(struct conn *c)
{
	struct talk *t = conn_user(c);

	talk_closed++;
	if (talk_last == t)
		talk_last = NULL;
	free(t);
}

static void
talk_rest(struct conn *c)
{
	((struct talk *)conn_user(c))->rests++;
}

static enum conn_next
produce(struct conn *c, struct talk *t)
{
	while (t->big > 0) {
		size_t n = t->big < 1000 ? t->big : 1000;

		if (conn_out_full(c))
			return CONN_OUTPUT;
		memset(buf_room(conn_out(c), n), 'x', n);
		buf_wrote(conn_out(c), n);
		t->big -= n;
	}
	buf_adds(conn_out(c), ".\n");
	t->in_big = false;
	return CONN_INPUT;
}

static enum conn_next
command(struct conn *c, struct talk *t, struct str line)
{
	uint64_t n = 0;

	if (str_starts(line, STR("echo "))) {
		buf_add(conn_out(c), str_from(line, 5));
		buf_addc(conn_out(c), '\n');
	} else if (str_starts(line, STR("big ")) && str_u64(str_from(line, 4), 1u << 30, &n)) {
		t->big = n;
		t->in_big = true;
		return produce(c, t);
	} else if (str_starts(line, STR("again ")) && str_u64(str_from(line, 6), 1000, &n)) {
		t->again = n;
		return CONN_AGAIN;
	} else if (str_eq(line, STR("wait"))) {
		t->waiting = true;
		return CONN_WAKE;
	} else if (str_eq(line, STR("plain"))) {
		buf_adds(conn_out(c), "plain\n");
		if (conn_end_filter(c) != OK) {
			buf_adds(conn_out(c), "no\n");
			return CONN_CLOSE;
		}
	} else if (str_eq(line, STR("pause"))) {
		t->waiting = true;
		conn_pause_until(c, clock_mono() + 30000);
		return CONN_WAKE;
	} else if (str_eq(line, STR("bye"))) {
		buf_adds(conn_out(c), "bye\n");
		return CONN_CLOSE;
	} else if (str_eq(line, STR("abort"))) {
		return CONN_ABORT;
	}
	return CONN_INPUT;
}

static enum conn_next
upgrade(struct conn *c, bool tls)
{
	if (tls) {
		if (conn_starttls(c) != OK) {
			buf_adds(conn_out(c), "no\n");
			return CONN_CLOSE;
		}
		buf_adds(conn_out(c), "go\n");
		return CONN_INPUT;
	}
	buf_adds(conn_out(c), "ok\n");
	return conn_compress(c) == OK ? CONN_INPUT : CONN_CLOSE;
}

static enum conn_next
lines(struct conn *c, struct talk *t)
{
	enum conn_next next = CONN_INPUT;

	while (next == CONN_INPUT) {
		struct str in = conn_in(c);
		size_t n = str_chr(in, '\n');
		char line[1000];

		if (n >= sizeof(line)) {
			buf_adds(conn_out(c), "long\n");
			return CONN_CLOSE;
		}
		if (n == in.n)
			return CONN_INPUT;
		memcpy(line, in.p, n);
		conn_eat(c, n + 1);
		if (str_eq(str_of(line, n), STR("starttls")))
			return upgrade(c, true);
		if (str_eq(str_of(line, n), STR("compress")))
			next = upgrade(c, false);
		else
			next = command(c, t, str_of(line, n));
		if (conn_compressed(c) && conn_in(c).n == 0)
			return next;
	}
	return next;
}

static enum conn_next
talk_run(struct conn *c, unsigned events)
{
	struct talk *t = conn_user(c);
	enum conn_next next;

	t->runs++;
	talk_all_runs++;
	t->events |= events;
	if (events & CONN_EV_STOP) {
		buf_adds(conn_out(c), "stop\n");
		return CONN_CLOSE;
	}
	if (events & CONN_EV_TIMEOUT) {
		buf_adds(conn_out(c), "late\n");
		return CONN_CLOSE;
	}
	if (events & CONN_EV_CHANGE)
		buf_adds(conn_out(c), "change\n");
	if (events & CONN_EV_TLS)
		buf_addf(conn_out(c), "tls %s\n", conn_tls_version(c));
	if (t->waiting) {
		if (!(events & CONN_EV_WAKE))
			return CONN_ABORT; /* CONN_WAKE means that only */
		t->waiting = false;
		buf_adds(conn_out(c), "done\n");
	}
	if (t->in_big && (next = produce(c, t)) != CONN_INPUT)
		return next;
	if (t->again > 0) {
		if (--t->again > 0)
			return CONN_AGAIN;
		buf_adds(conn_out(c), "again\n");
	}
	return lines(c, t);
}

const struct conn_handler talk_handler = {
	.name = "talk",
	.open = talk_open,
	.run = talk_run,
	.rest = talk_rest,
	.closed = talk_end,
	.refused = "full\n",
};
