/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that go out, many at once in the threads of the pool: plain, TLS, by name, refused, and some that are ended at any moment. Run it
 * with -Db_sanitize=thread; MANSIO_LONG=1 runs it for longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "net/dial.h"
#include "session/pool.h"

#define AT_ONCE 40u

static struct pool *pool;
static struct net *net;
static struct tls *tls;
static struct tls_client *trusting;
static _Atomic unsigned opened, failed, closed, heard;

static enum status
e_open(struct conn *c)
{
	return OK;
}

static enum conn_next
e_run(struct conn *c, unsigned events)
{
	buf_add(conn_out(c), conn_in(c));
	conn_eat(c, conn_in(c).n);
	return events & (CONN_EV_STOP | CONN_EV_EOF) ? CONN_CLOSE : CONN_INPUT;
}

static void
e_closed(struct conn *c)
{
}

static const struct conn_handler echo = {.name = "echo", .open = e_open, .run = e_run, .closed = e_closed};

static enum status
d_open(struct conn *c)
{
	atomic_fetch_add(&opened, 1);
	buf_adds(conn_out(c), "hello\n");
	return OK;
}

static enum conn_next
d_run(struct conn *c, unsigned events)
{
	if (conn_in(c).n >= 6) {
		atomic_fetch_add(&heard, 1);
		return CONN_CLOSE;
	}
	return events & CONN_EV_STOP ? CONN_CLOSE : CONN_INPUT;
}

static void
d_failed(struct conn *c)
{
	if (conn_dial_fault(c) != DIAL_NONE)
		atomic_fetch_add(&failed, 1);
}

static void
d_closed(struct conn *c)
{
	atomic_fetch_add(&closed, 1);
}

static const struct conn_handler dialler = {.name = "dialler", .open = d_open, .run = d_run, .closed = d_closed, .failed = d_failed};

static void
round_of(const unsigned port[2])
{
	static const char *const hosts[] = {"127.0.0.1", "localhost"};
	struct conn *c[AT_ONCE];
	struct dial_tls with = {.client = trusting};

	for (unsigned i = 0; i < AT_ONCE; i++) {
		struct dial_options o = {.host = hosts[i / 2 % 2], .port = i % 8 == 7 ? 1 : port[i % 2], .deadline = 10, .tls = i % 2 ? &with : NULL,
		    .handler = &dialler, .lane = i};

		assert_int_equal(net_dial(net, &o, &c[i]), OK);
		if (i % 5 == 4)
			conn_wake(c[i - 2], CONN_EV_STOP); /* at whatever it is */
	}
	usleep(1000);
	for (unsigned i = 0; i < AT_ONCE; i++) {
		if (i % 3 == 0)
			conn_wake(c[i], CONN_EV_STOP);
		conn_release(c[i]);
	}
	for (int64_t end = clock_mono() + 15000000; net_connections(net) > 0 && clock_mono() < end;)
		usleep(500);
	assert_int_equal(net_connections(net), 0);
}

static void
test_many(void **state)
{
	struct listener_options o = {.name = "echo", .address = "127.0.0.1", .handler = &echo};
	char dir[] = "/tmp/mansio-dials-XXXXXX", cert[60], key[60], cmd[60];
	unsigned port[2], rounds = getenv("MANSIO_LONG") ? 300 : 15;
	struct listener *l;

	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	assert_int_equal(tls_make_certificate(cert, key, "localhost"), OK);
	assert_int_equal(tls_new(cert, key, &tls), OK);
	assert_int_equal(tls_client_new(cert, &trusting), OK);
	pool = pool_new(&(struct pool_options){.threads = 4});
	net = net_new(&(struct net_options){.ready = pool_ready, .ready_arg = pool, .tls = tls});
	assert_int_equal(pool_start(pool, net), OK);
	for (unsigned i = 0; i < 2; i++) {
		o.kind = i ? LISTEN_TLS : LISTEN_PLAIN;
		assert_int_equal(net_listen(net, &o, &l), OK);
		port[i] = net_listener_port(l);
	}
	for (unsigned i = 0; i < rounds; i++)
		round_of(port);
	assert_int_equal(opened + failed, rounds * AT_ONCE); /* each exactly one of them */
	assert_int_equal(opened, closed);
	assert_true(heard > 0 && failed > 0);
	net_stop(net);
	net_stop_now(net);
	pool_stop(pool);
	net_free(net);
	pool_free(pool);
	tls_client_free(trusting);
	tls_free(tls);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
