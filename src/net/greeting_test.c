/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes out when, over TLS: the greeting with the server's own Finished, and the records of a burst. The client holds its bytes in its
 * hand, so that flights can be counted, cut and changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <cmocka.h>
#include "net/net_priv.h"
#include "net/net_test.h"

static struct net *net;
static struct tls *tls;
static struct test_certificate files;
static SSL_CTX *ctx;

/* A client. */
static SSL *ssl;
static BIO *from_server, *to_server;
static int fd = -1;
static struct buf heard;
static SSL_SESSION *ticket;
static unsigned tickets;
static unsigned records[64], n_records; /* what came, by its length on the wire */

static int
keep_ticket(SSL *s, SSL_SESSION *session)
{
	SSL_SESSION_free(ticket);
	ticket = session;
	tickets++;
	return 1;
}

static int
setup(void **state)
{
	struct net_options o = {0};

	test_certificate_make(&files, &tls);
	o.tls = tls;
	net = test_net(&o);
	talk_opened = talk_closed = talk_all_runs = 0;
	talk_padding = 0;
	talk_refuses = false;
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(ctx, keep_ticket);
	return 0;
}

static void
leave(void)
{
	if (ssl != NULL)
		SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); /* or the ticket is thrown away */
	SSL_free(ssl); /* and its BIOs */
	ssl = NULL;
	if (fd >= 0)
		close(fd);
	fd = -1;
	buf_clear(&heard);
	test_run(net);
	assert_int_equal(net_connections(net), 0);
	assert_int_equal(talk_opened, talk_closed);
}

static int
teardown(void **state)
{
	leave();
	net_stop_now(net);
	test_run(net);
	net_free(net);
	tls_free(tls);
	SSL_CTX_free(ctx);
	SSL_SESSION_free(ticket);
	ticket = NULL;
	test_certificate_remove(&files);
	buf_free(&heard);
	net_thread_end();
	return 0;
}

static void
note_record(int sent, int version, int type, const void *p, size_t n, SSL *s, void *arg)
{
	const unsigned char *head = p;

	if (!sent && type == SSL3_RT_HEADER && n == 5 && head[0] == SSL3_RT_APPLICATION_DATA && n_records < 64)
		records[n_records++] = head[3] * 256u + head[4];
}

static void
arrive(bool late)
{
	int pair[2];
	struct conn *c;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	fd = pair[1];
	c = net_adopt(net, pair[0], &talk_handler, NULL, true);
	if (late)
		c->shake = SHAKE_FIRST; /* as conn_start() has it where the listener says so */
	test_run(net);
	ssl = SSL_new(ctx);
	from_server = BIO_new(BIO_s_mem());
	to_server = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(from_server, -1);
	SSL_set_bio(ssl, from_server, to_server);
	SSL_set_connect_state(ssl);
	SSL_set_msg_callback(ssl, note_record);
	n_records = 0;
	if (ticket != NULL)
		SSL_set_session(ssl, ticket);
}

/* What the client has to say goes out, and the server has its turn. False: there was nothing. */
static bool
flight(void)
{
	char *p;
	long n = BIO_get_mem_data(to_server, &p);

	if (n <= 0)
		return false;
	assert_int_equal(send(fd, p, (size_t)n, MSG_NOSIGNAL), n);
	(void)BIO_reset(to_server);
	test_run(net);
	return true;
}

/* What has come is read. False: the handshake has failed, or the stream is at its end. */
static bool
listen_up(void)
{
	char b[65536];
	ssize_t n;
	int r;

	while ((n = recv(fd, b, sizeof(b), MSG_DONTWAIT)) > 0) {
		assert_int_equal(BIO_write(from_server, b, (int)n), n);
		test_run(net);
	}
	ERR_clear_error();
	while ((r = SSL_read(ssl, buf_room(&heard, 65536), 65536)) > 0)
		buf_wrote(&heard, (size_t)r);
	return SSL_get_error(ssl, r) == SSL_ERROR_WANT_READ;
}

/* How often the client has to speak until it has been greeted. */
static unsigned
flights(void)
{
	unsigned n = 0;

	(void)listen_up(); /* it makes the hello */
	while (!str_ends(buf_str(&heard), STR("hello\n"))) {
		assert_true(n < 5 && flight());
		assert_true(listen_up() || str_ends(buf_str(&heard), STR("hello\n")));
		n++;
	}
	return n;
}

static void
chat(void)
{
	buf_clear(&heard);
	assert_int_equal(SSL_write(ssl, "echo well\n", 10), 10);
	assert_true(flight());
	assert_true(listen_up());
	assert_true(str_eq(buf_str(&heard), STR("well\n")));
}

/* Each connection in TLS 1.3 is greeted after one flight of its client, and the ticket comes behind it, which wakes a client that waits for more. */
static void
test_flights(void **state)
{
	SSL_SESSION *mine;

	for (int again = 0; again < 3; again++) {
		tickets = 0;
		arrive(false);
		assert_int_equal(flights(), 1);
		assert_int_equal(SSL_session_reused(ssl), again > 0);
		assert_int_equal(tickets, 0);
		assert_true(flight()); /* its Finished */
		assert_true(listen_up());
		assert_int_equal(tickets, 1);
		assert_int_equal(talk_last->runs, 0);
		chat();
		leave();
	}
	/* Where the listener says so, after the whole handshake; and in TLS 1.2. */
	arrive(true);
	assert_int_equal(flights(), 2);
	assert_int_equal(tickets, 2);
	chat();
	leave();
	mine = ticket;
	ticket = NULL;
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	for (int late = 0; late < 2; late++) {
		arrive(late);
		assert_int_equal(flights(), 2);
		assert_string_equal(SSL_get_version(ssl), "TLSv1.2");
		chat();
		leave();
	}
	SSL_SESSION_free(mine);
}

/* The client's command comes with its Finished, in one piece and byte by byte. */
static void
test_command_at_once(void **state)
{
	for (int bytes = 0; bytes < 2; bytes++) {
		char *p;
		long n;

		arrive(false);
		assert_int_equal(flights(), 1);
		buf_clear(&heard);
		assert_int_equal(SSL_write(ssl, "echo now\n", 9), 9);
		n = BIO_get_mem_data(to_server, &p);
		for (long i = 0; bytes && i < n - 1; i++) {
			assert_int_equal(send(fd, p + i, 1, 0), 1);
			test_run(net);
			assert_int_equal(talk_last->runs, 0);
		}
		assert_int_equal(send(fd, bytes ? p + n - 1 : p, bytes ? 1 : (size_t)n, 0), bytes ? 1 : n);
		(void)BIO_reset(to_server);
		test_run(net);
		assert_true(listen_up());
		assert_true(str_eq(buf_str(&heard), STR("now\n")));
		leave();
	}
}

/* The handshake fails after the greeting: cut at each byte, each byte changed, or left alone too long. Nothing runs. */
static void
test_failure(void **state)
{
	struct buf finished = {0};
	char *p;
	long n;

	for (size_t i = 0; i == 0 || i < 2 * finished.n; i++) {
		arrive(false);
		assert_int_equal(flights(), 1);
		n = BIO_get_mem_data(to_server, &p);
		buf_clear(&finished);
		buf_add(&finished, str_of(p, (size_t)n));
		/* A ChangeCipherSpec means nothing (RFC 8446 5): what is in its six bytes may be looked at or not. */
		if (i >= finished.n && i - finished.n >= 6)
			finished.p[i - finished.n] ^= 0x20;
		else if (i >= finished.n)
			finished.n = 6;
		assert_int_equal(send(fd, finished.p, i < finished.n ? i : finished.n, MSG_NOSIGNAL), i < finished.n ? i : finished.n);
		finished.n = (size_t)n;
		test_run(net);
		leave();
		assert_int_equal(talk_all_runs, 0);
	}
	assert_true(finished.n > 30);
	buf_free(&finished);
}

/* Whoever stops there has the time of a handshake, and ends with the server. */
static void
test_stop(void **state)
{
	arrive(false);
	assert_int_equal(flights(), 1);
	assert_int_equal(talk_opened, 1);
	assert_int_equal(talk_last->conn->stage, STAGE_GREETING);
	assert_in_range(talk_last->conn->handshake_at, net_now(net) + 1, net_now(net) + HANDSHAKE_SECONDS);
	assert_true(conn_tls(talk_last->conn));
	talk_last->conn->handshake_at = net_now(net) + 1;
	timer_need(talk_last->conn, net_now(net) + 1);
	test_wait(net, 2500, NULL);
	assert_int_equal(net_connections(net), 0);
	leave();
	arrive(false);
	assert_int_equal(flights(), 1);
	net_stop(net);
	test_run(net);
	assert_int_equal(net_connections(net), 0);
}

/* A greeting that is larger than what the socket takes, and one that ends the connection. */
static void
test_long_greeting(void **state)
{
	for (int late = 0; late < 2; late++) {
		talk_padding = 1000000;
		arrive(late);
		assert_int_equal(flights(), late ? 2 : 1);
		assert_int_equal(heard.n, 1000000 + 6);
		if (!late)
			assert_true(flight());
		assert_true(listen_up());
		chat();
		leave();
		talk_padding = 0;
		talk_refuses = true;
		arrive(late);
		assert_int_equal(flights(), late ? 2 : 1);
		if (!late)
			assert_true(flight());
		assert_false(listen_up());
		assert_true(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN);
		leave();
		talk_refuses = false;
	}
}

/* A client that is to get no ticket (RFC 8446 4.2.9) is greeted when the handshake is done: nothing would come behind a greeting that came before. */
static void
test_no_ticket(void **state)
{
	static const char modes[] = {0x00, 0x2d, 0x00, 0x02, 0x01, 0x01};
	char *p, *at;
	long n;

	for (int kind = 0; kind < 3; kind++) {
		arrive(false);
		(void)listen_up();
		n = BIO_get_mem_data(to_server, &p);
		at = memmem(p, (size_t)n, modes, sizeof(modes));
		assert_non_null(at);
		if (kind == 1)
			at[1] = 0x7a; /* an extension that nobody knows */
		else if (kind == 2)
			at[5] = 0; /* psk_ke only */
		assert_int_equal(talk_opened, talk_closed);
		assert_true(flight());
		assert_int_equal(talk_opened - talk_closed, kind == 0);
		leave();
	}
}

/* Data before the client's Finished (RFC 8446 2.3) could be played again: none is taken, though a client has a ticket that it thinks allows them. */
static void
test_early_data(void **state)
{
	size_t n;

	arrive(false);
	assert_int_equal(flights(), 1);
	assert_true(flight());
	assert_true(listen_up());
	assert_non_null(ticket);
	assert_int_equal(SSL_SESSION_get_max_early_data(ticket), 0);
	leave();
	for (int late = 0; late < 2; late++) {
		SSL_SESSION_set_max_early_data(ticket, 10000);
		arrive(late);
		assert_int_equal(SSL_write_early_data(ssl, "echo evil\n", 10, &n), 1);
		assert_true(flight());
		assert_int_equal(talk_opened - talk_closed, !late);
		(void)SSL_do_handshake(ssl);
		assert_true(listen_up());
		assert_int_equal(SSL_get_early_data_status(ssl), SSL_EARLY_DATA_REJECTED);
		assert_true(SSL_session_reused(ssl));
		assert_true(flight());
		assert_true(listen_up());
		assert_true(str_eq(buf_str(&heard), STR("hello\n")));
		assert_int_equal(talk_last->runs, 0);
		chat();
		leave();
	}
}

/* Bytes of the records that an answer of so many bytes comes in. */
static void
ask(const char *command)
{
	n_records = 0;
	buf_clear(&heard);
	assert_int_equal(SSL_write(ssl, command, (int)strlen(command)), strlen(command));
	assert_true(flight());
	for (int i = 0; i < 50; i++, test_run(net))
		assert_true(listen_up());
	assert_true(str_ends(buf_str(&heard), STR(".\n")));
}

/* The first 16 kB of a burst go in records of 4 kB, the others in the largest. */
static void
test_records(void **state)
{
	arrive(false);
	assert_int_equal(flights(), 1);
	assert_true(flight());
	assert_true(listen_up()); /* the ticket */
	ask("big 100000\n");
	assert_in_range(n_records, 8, 12);
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(records[i], 4096, 4096 + 40);
	for (unsigned i = 4; i < 8; i++)
		assert_in_range(records[i], 16384, 16384 + 40);
	/* The burst goes on. */
	ask("big 40000\n");
	assert_in_range(records[0], 16384, 16384 + 40);
	assert_in_range(n_records, 3, 3);
	/* After a silence another begins. */
	usleep(300000);
	ask("big 40000\n");
	assert_in_range(n_records, 6, 6);
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(records[i], 4096, 4096 + 40);
	assert_in_range(records[4], 16384, 16384 + 40);
	/* Small answers are records as they are. */
	usleep(300000);
	ask("big 3000\n");
	assert_int_equal(n_records, 1);
	/* A client that takes nothing for a while has not been silent to: the record that waits goes as it was. */
	assert_int_equal(SSL_write(ssl, "big 5000000\n", 12), 12);
	assert_true(flight());
	usleep(300000);
	buf_clear(&heard);
	for (int i = 0; i < 500 && !str_ends(buf_str(&heard), STR(".\n")); i++, test_run(net))
		assert_true(listen_up());
	assert_int_equal(heard.n, 5000002);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_flights),
		T(test_command_at_once),
		T(test_failure),
		T(test_stop),
		T(test_long_greeting),
		T(test_no_ticket),
		T(test_early_data),
		T(test_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
