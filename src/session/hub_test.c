/* SPDX-License-Identifier: Apache-2.0 */
/* The hub and the heavy turns, one thread, connections that are never opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "session/hub.h"
#include "session/pool.h"

static unsigned changes, commits;

static enum status
h_open(struct conn *c)
{
	return OK;
}

static enum conn_next
h_run(struct conn *c, unsigned events)
{
	changes += (events & CONN_EV_CHANGE) != 0;
	commits += (events & CONN_EV_WAKE) != 0;
	return CONN_INPUT;
}

static void
h_closed(struct conn *c)
{
}

static const struct conn_handler handler = {"h", h_open, h_run, NULL, h_closed, NULL};
static struct task *queue[256];
static unsigned queued;
static struct net *net;

static void
ready(void *arg, struct task *t, bool local)
{
	queue[queued++] = t;
}

static void
run_all(void)
{
	while (queued > 0 || net_poll(net, 0, 8) > 0)
		while (queued > 0) {
			struct task *t = queue[0];

			memmove(queue, queue + 1, --queued * sizeof(*queue));
			t->run(t);
		}
}

static struct conn *
connection(int *peer)
{
	int fd[2];
	struct conn *c;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	*peer = fd[1];
	c = net_adopt(net, fd[0], &handler, NULL, false);
	run_all();
	return c;
}

static int
setup(void **state)
{
	struct net_options o = {.ready = ready};

	net = net_new(&o);
	changes = commits = 0;
	return 0;
}

static int
teardown(void **state)
{
	net_stop_now(net);
	run_all();
	net_free(net);
	net_thread_end();
	return 0;
}

static void
test_watch(void **state)
{
	struct hub *hub = hub_new();
	struct watcher a = {0}, b = {0}, all = {0};
	int fd[3];
	struct conn *ca = connection(&fd[0]), *cb = connection(&fd[1]), *call = connection(&fd[2]);

	hub_changed(hub, 1, 10, 5); /* nobody watches: harmless */
	hub_watch(hub, 1, 10, &a, ca);
	hub_watch(hub, 1, 11, &b, cb);
	hub_watch(hub, 1, 0, &all, call);
	assert_int_equal(hub_modseq(&a), 0);
	hub_changed(hub, 1, 10, 6);
	run_all();
	assert_int_equal(changes, 0); /* nobody asked to be woken */
	assert_int_equal(hub_modseq(&a), 6);
	assert_int_equal(hub_modseq(&b), 0);
	assert_int_equal(hub_modseq(&all), 1);
	watcher_push(&a, true);
	watcher_push(&all, true);
	hub_changed(hub, 1, 10, 8);
	hub_changed(hub, 1, 10, 7); /* late: the newest stays */
	hub_changed(hub, 2, 10, 9); /* another account */
	run_all();
	assert_int_equal(changes, 2);
	assert_int_equal(hub_modseq(&a), 8);
	hub_changed(hub, 1, 0, 0);
	run_all();
	assert_int_equal(changes, 3);
	assert_int_equal(hub_watchers(hub, 1, 10), 1);
	hub_unwatch(hub, &a);
	hub_unwatch(hub, &a);
	hub_changed(hub, 1, 10, 10);
	run_all();
	assert_int_equal(changes, 4); /* the watcher of the account only */
	assert_int_equal(hub_watchers(hub, 1, 10), 0);
	/* Logins are told apart from mailboxes and their list. */
	hub_watch(hub, 1, HUB_LOGINS, &a, ca);
	watcher_push(&a, true);
	hub_changed(hub, 1, 0, 0);
	run_all();
	assert_int_equal(changes, 5);
	assert_int_equal(hub_modseq(&a), 0);
	hub_changed(hub, 1, HUB_LOGINS, 0);
	run_all();
	assert_int_equal(changes, 6);
	assert_int_equal(hub_modseq(&a), 1);
	assert_int_equal(hub_watchers(hub, 1, HUB_LOGINS), 1);
	hub_unwatch(hub, &a);
	hub_unwatch(hub, &b);
	hub_unwatch(hub, &all);
	hub_free(hub);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}

/* The first session gets the new ones; EXAMINE takes nothing; a lagging store mark does no harm. */
static void
test_recent(void **state)
{
	struct hub *hub = hub_new();
	struct watcher a = {0}, b = {0};
	int fd;
	struct conn *c = connection(&fd);

	hub_watch(hub, 1, 10, &a, c);
	hub_watch(hub, 1, 10, &b, c);
	assert_int_equal(hub_recent_peek(&b, 5, 9), 5);
	assert_int_equal(hub_recent_claim(&a, 5, 9), 5);
	assert_int_equal(hub_recent_claim(&b, 5, 9), 9);
	assert_int_equal(hub_recent_claim(&b, 5, 12), 9);
	assert_int_equal(hub_recent_peek(&a, 9, 12), 12);
	assert_int_equal(hub_recent_claim(&a, 9, 11), 11); /* an older view of the mailbox */
	assert_int_equal(hub_recent_claim(&a, 9, 13), 12);
	hub_unwatch(hub, &a);
	hub_unwatch(hub, &b);
	/* The last watcher went and the store's mark is not written yet: the claim is remembered. */
	hub_watch(hub, 1, 10, &a, c);
	assert_int_equal(hub_recent_claim(&a, 9, 13), 13);
	hub_unwatch(hub, &a);
	/* Of very many only the latest are. */
	for (uint64_t i = 100; i < 20000; i++) {
		hub_watch(hub, 1, i, &a, c);
		assert_int_equal(hub_recent_claim(&a, 1, 2), 1);
		hub_unwatch(hub, &a);
	}
	assert_int_equal(hub_watchers(hub, 1, 19999), 0);
	hub_watch(hub, 1, 19999, &a, c);
	assert_int_equal(hub_recent_claim(&a, 1, 2), 2);
	hub_unwatch(hub, &a);
	hub_watch(hub, 1, 10, &a, c);
	/* This one is forgotten: the store's mark counts. */
	assert_int_equal(hub_recent_claim(&a, 5, 13), 5);
	hub_unwatch(hub, &a);
	hub_free(hub);
	close(fd);
}

static void
test_heavy(void **state)
{
	struct pool_options o = {.threads = 8, .heavy = 3, .heavy_per_account = 2};
	struct pool *p = pool_new(&o);
	struct heavy h[6];
	int fd[6];

	for (int i = 0; i < 6; i++)
		heavy_init(&h[i], p, connection(&fd[i]), i < 4 ? 1 : 2);
	assert_true(heavy_enter(&h[0]));
	assert_true(heavy_enter(&h[1]));
	assert_false(heavy_enter(&h[2])); /* its account has two */
	assert_false(heavy_enter(&h[3]));
	assert_true(heavy_enter(&h[4]));  /* another account passes them */
	assert_false(heavy_enter(&h[5])); /* three in all */
	heavy_leave(&h[4]);
	run_all();
	assert_int_equal(commits, 1);
	assert_false(heavy_enter(&h[2]));
	assert_true(heavy_enter(&h[5]));
	heavy_leave(&h[2]); /* gives up waiting */
	heavy_leave(&h[2]);
	heavy_leave(&h[0]);
	run_all();
	assert_int_equal(commits, 2);
	heavy_leave(&h[3]); /* was called, goes without coming in */
	heavy_leave(&h[1]);
	heavy_leave(&h[5]);
	assert_true(heavy_enter(&h[2]));
	heavy_leave(&h[2]);
	pool_free(p);
	for (int i = 0; i < 6; i++)
		close(fd[i]);
}

/* Sixty searches of one account, one of another: that one waits for a single step at its beginning, and never again while it goes on. */
static void
test_heavy_fair(void **state)
{
	struct pool_options o = {.threads = 4};
	struct pool *p = pool_new(&o);
	struct heavy many[60], other;
	int fd[61];

	for (int i = 0; i < 60; i++)
		heavy_init(&many[i], p, connection(&fd[i]), 1);
	heavy_init(&other, p, connection(&fd[60]), 2);
	for (int i = 0; i < 60; i++)
		assert_int_equal(heavy_enter(&many[i]), i < 2);
	assert_false(heavy_enter(&other));
	heavy_leave(&many[0]); /* the end of a step: not to one of the 58 that asked before */
	assert_false(heavy_enter(&many[0]));
	assert_true(heavy_enter(&other));
	for (int step = 0; step < 20; step++) {
		heavy_leave(&other);
		assert_true(heavy_enter(&other)); /* its place was kept */
	}
	heavy_leave(&many[1]);
	assert_false(heavy_enter(&many[1]));
	assert_true(heavy_enter(&many[2])); /* in order of asking */
	heavy_leave(&other);
	usleep(150000);
	assert_false(heavy_enter(&many[3]));
	heavy_leave(&many[2]); /* nobody else asks any more: two again */
	assert_true(heavy_enter(&many[3]));
	assert_true(heavy_enter(&many[4]));
	for (int i = 0; i < 60; i++)
		heavy_leave(&many[i]);
	run_all();
	pool_free(p);
	for (int i = 0; i < 61; i++)
		close(fd[i]);
}

/* Logins have a quarter of the threads, one address half of those, whatever reads (S13). */
static void
test_login_turns(void **state)
{
	struct pool_options o = {.threads = 16};
	struct pool *p = pool_new(&o);
	struct heavy h[5], reading[8];
	int fd[5], rfd[8];

	for (unsigned i = 0; i < 8; i++) {
		heavy_init(&reading[i], p, connection(&rfd[i]), i);
		assert_true(heavy_enter(&reading[i]));
	}
	for (unsigned i = 0; i < 5; i++)
		heavy_init_login(&h[i], p, connection(&fd[i]), i < 3 ? 7 : 8);
	assert_true(heavy_enter(&h[0]));
	assert_true(heavy_enter(&h[1]));
	assert_false(heavy_enter(&h[2])); /* its address has two of four */
	assert_true(heavy_enter(&h[3]));
	assert_true(heavy_enter(&h[4]));
	heavy_leave(&h[3]);
	assert_false(heavy_enter(&h[2]));
	heavy_leave(&h[0]);
	run_all();
	assert_int_equal(commits, 1);
	assert_true(heavy_enter(&h[2]));
	for (int i = 0; i < 5; i++) {
		heavy_leave(&h[i]);
		close(fd[i]);
	}
	for (int i = 0; i < 8; i++) {
		heavy_leave(&reading[i]);
		close(rfd[i]);
	}
	pool_free(p);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {T(test_watch), T(test_recent), T(test_heavy), T(test_heavy_fair), T(test_login_turns)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
