/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners on sockets that others made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "net/net_test.h"

static struct net *net;

static int
client(unsigned port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static int
setup(void **state)
{
	net = test_net(NULL);
	return 0;
}

static int
teardown(void **state)
{
	net_stop_now(net);
	test_run(net);
	net_free(net);
	net_thread_end();
	return 0;
}

/* A socket that somebody else made, and keeps: not shut with the net. */
static void
test_listen_given(void **state)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sin);
	int made = socket(AF_INET, SOCK_STREAM, 0), later;
	struct listener_options o = {.name = "talk", .handler = &talk_handler, .given = true, .fd = dup(made)};
	char text[LISTENING_MAX], want[LISTENING_MAX];
	struct listener *l;
	bool local;
	unsigned opened = talk_opened;

	assert_int_equal(bind(made, (struct sockaddr *)&sin, n), 0);
	assert_int_equal(net_listen(net, &o, &l), ERR_BAD_INPUT); /* it does not listen */
	assert_int_equal(fcntl(o.fd, F_GETFD), -1);               /* and was taken */
	assert_int_equal(listen(made, 5), 0);
	assert_int_equal(getsockname(made, (struct sockaddr *)&sin, &n), 0);
	snprintf(want, sizeof(want), "127.0.0.1:%u", ntohs(sin.sin_port));
	assert_int_equal(net_listening(made, text, &local), OK);
	assert_string_equal(text, want);
	assert_false(local);
	o.kind = LISTEN_UNIX;
	o.fd = dup(made);
	assert_int_equal(net_listen(net, &o, &l), ERR_BAD_INPUT);
	o.kind = LISTEN_PLAIN;
	o.fd = dup(made);
	later = client(ntohs(sin.sin_port)); /* before anybody serves */
	assert_int_equal(net_listen(net, &o, &l), OK);
	assert_int_equal(net_listener_port(l), ntohs(sin.sin_port));
	test_run(net);
	assert_int_equal(talk_opened, opened + 1);
	close(later);
	test_run(net);
	net_stop(net);
	test_run(net);
	/* Who holds it goes on with it. */
	later = client(ntohs(sin.sin_port));
	assert_true(accept(made, NULL, NULL) >= 0);
	assert_int_equal(talk_opened, opened + 1);
	close(later);
	close(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_listen_given, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
