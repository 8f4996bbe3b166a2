/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: handshakes whole and broken off at every byte, STARTTLS and S1, versions, tickets, exporter, reload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <errno.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <cmocka.h>
#include "base/clock.h"
#include "net/net_priv.h"
#include "net/net_test.h"

static struct net *net;
static struct tls *tls;
static struct test_certificate files;
static SSL_CTX *client_ctx;
static SSL *ssl;
static int peer = -1;
static struct buf got;

static void
connect_pair(bool with_tls)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	peer = fd[1];
	net_adopt(net, fd[0], &talk_handler, NULL, with_tls);
	test_run(net);
}

static int
setup(void **state)
{
	struct net_options o = {0};

	test_certificate_make(&files, &tls);
	o.tls = tls;
	net = test_net(&o);
	talk_opened = talk_closed = talk_all_runs = 0;
	client_ctx = SSL_CTX_new(TLS_client_method());
	return 0;
}

static void
hang_up(void)
{
	if (ssl != NULL) /* or the ticket is thrown away */
		SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(ssl);
	ssl = NULL;
	if (peer >= 0)
		close(peer);
	peer = -1;
	test_run(net);
}

static int
teardown(void **state)
{
	hang_up();
	net_stop_now(net);
	test_run(net);
	assert_int_equal(talk_opened, talk_closed);
	net_free(net);
	tls_free(tls);
	SSL_CTX_free(client_ctx);
	test_certificate_remove(&files);
	buf_free(&got);
	net_thread_end();
	return 0;
}

static bool
handshake(void)
{
	static char name[] = "unknown.example";

	ssl = SSL_new(client_ctx);
	SSL_set_fd(ssl, peer);
	SSL_set_tlsext_host_name(ssl, name); /* SNI is harmless */
	for (int i = 0; i < 50; i++) {
		int r = SSL_connect(ssl);

		if (r == 1)
			return true;
		r = SSL_get_error(ssl, r);
		if (r != SSL_ERROR_WANT_READ && r != SSL_ERROR_WANT_WRITE)
			return false;
		test_run(net);
	}
	return false;
}

static void
say(const char *text)
{
	assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), strlen(text));
}

/* False at the end of the stream. */
static bool
hear(void)
{
	for (;;) {
		int n;

		test_run(net);
		n = SSL_read(ssl, buf_room(&got, 65536), 65536);
		if (n > 0)
			buf_wrote(&got, (size_t)n);
		else
			return SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ;
	}
}

#define EXPECT(text)                                                                               \
	do {                                                                                       \
		assert_true(str_eq(buf_str(&got), STR(text)));                                     \
		buf_clear(&got);                                                                   \
	} while (0)

static void
talk_a_while(void)
{
	assert_true(hear());
	EXPECT("hello\n");
	say("echo one\necho t");
	assert_true(hear());
	EXPECT("one\n");
	say("wo\nbig 1000000\n");
	assert_true(hear());
	assert_int_equal(got.n, 4 + 1000000 + 2);
	buf_clear(&got);
	/* Many records at once: all are read before it parks. */
	for (int i = 0; i < 100; i++)
		say("echo x\n");
	assert_true(hear());
	assert_int_equal(got.n, 200);
	buf_clear(&got);
	say("bye\n");
	assert_false(hear());
	EXPECT("bye\n");
	assert_int_equal(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
}

/* RFC 5929 4.1: of the certificate that the client was shown. */
static void
expect_end_point(void)
{
	uint8_t mine[64], theirs[64];
	X509 *shown = SSL_get1_peer_certificate(ssl);
	unsigned n = 0;

	assert_int_equal(X509_digest(shown, EVP_sha256(), mine, &n), 1);
	assert_int_equal(conn_tls_end_point(talk_last->conn, theirs), n);
	assert_memory_equal(mine, theirs, n);
	X509_free(shown);
}

static void
test_tls13(void **state)
{
	uint8_t mine[32], theirs[32], unique[64];

	connect_pair(true);
	assert_int_equal(talk_opened, 0); /* no greeting in the clear */
	assert_true(handshake());
	test_run(net);
	assert_string_equal(conn_tls_version(talk_last->conn), "TLSv1.3");
	assert_true(conn_tls(talk_last->conn));
	assert_true(conn_tls_exporter(talk_last->conn, STR("EXPORTER-Channel-Binding"), theirs, 32));
	assert_int_equal(SSL_export_keying_material(ssl, mine, 32, "EXPORTER-Channel-Binding", 24,
	                     (const unsigned char *)"", 0, 1), 1);
	assert_memory_equal(mine, theirs, 32);
	assert_int_equal(conn_tls_unique(talk_last->conn, unique), 0);
	expect_end_point();
	talk_a_while();
}

static void
test_tls12(void **state)
{
	uint8_t mine[64], theirs[64];

	SSL_CTX_set_max_proto_version(client_ctx, TLS1_2_VERSION);
	connect_pair(true);
	assert_true(handshake());
	test_run(net);
	assert_string_equal(conn_tls_version(talk_last->conn), "TLSv1.2");
	assert_int_equal(conn_tls_unique(talk_last->conn, theirs), 12);
	assert_int_equal(SSL_get_finished(ssl, mine, 64), 12);
	assert_memory_equal(mine, theirs, 12);
	expect_end_point();
	/* RFC 9266: with the extended master secret, which OpenSSL always offers. */
	assert_true(conn_tls_exporter(talk_last->conn, STR("EXPORTER-Channel-Binding"), theirs, 32));
	assert_int_equal(SSL_export_keying_material(ssl, mine, 32, "EXPORTER-Channel-Binding", 24,
	                     (const unsigned char *)"", 0, 1), 1);
	assert_memory_equal(mine, theirs, 32);
	talk_a_while();
}

static void
test_old_versions(void **state)
{
	SSL_CTX_set_security_level(client_ctx, 0);
	SSL_CTX_set_min_proto_version(client_ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(client_ctx, TLS1_1_VERSION);
	connect_pair(true);
	assert_false(handshake());
	test_run(net);
	assert_int_equal(talk_opened, 0);
	assert_int_equal(net_connections(net), 0);
}

static SSL_SESSION *ticket;

static int
keep_ticket(SSL *s, SSL_SESSION *session)
{
	SSL_SESSION_free(ticket);
	ticket = session;
	return 1;
}

/* A connection, and its ticket. */
static void
first_visit(int version)
{
	SSL_CTX_set_max_proto_version(client_ctx, version);
	SSL_CTX_set_session_cache_mode(client_ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(client_ctx, keep_ticket);
	connect_pair(true);
	assert_true(handshake());
	assert_true(hear());
	hang_up();
	assert_non_null(ticket);
	buf_clear(&got);
}

/* A connection that brings the ticket. */
static void
next_visit(void)
{
	connect_pair(true);
	ssl = SSL_new(client_ctx);
	SSL_set_session(ssl, ticket);
	SSL_set_fd(ssl, peer);
	for (int i = 0; i < 50 && SSL_connect(ssl) != 1; i++)
		test_run(net);
	assert_true(SSL_is_init_finished(ssl));
	assert_true(hear());
	EXPECT("hello\n");
}

static void
resume(int version)
{
	first_visit(version);
	next_visit();
	assert_true(SSL_session_reused(ssl));
	SSL_SESSION_free(ticket);
	ticket = NULL;
}

static void
test_tickets(void **state)
{
	resume(TLS1_3_VERSION);
	hang_up();
	resume(TLS1_2_VERSION);
}

/* The state that a client brings back is ours only as it was given, and only from this process (S14): else the handshake is a whole one. */
static void
test_changed_tickets(void **state)
{
	const unsigned char *p;
	size_t n;

	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		first_visit(version);
		SSL_SESSION_get0_ticket(ticket, &p, &n);
		assert_true(n > 64);
		SSL_CTX_sess_set_new_cb(client_ctx, NULL);
		for (size_t i = 0; i < n; i += n / 9) {
			((unsigned char *)(uintptr_t)p)[i] ^= 0x10;
			next_visit();
			assert_false(SSL_session_reused(ssl));
			hang_up();
			((unsigned char *)(uintptr_t)p)[i] ^= 0x10;
		}
		next_visit();
		assert_true(SSL_session_reused(ssl));
		hang_up();
		assert_int_equal(tls_reload(tls), OK);
		next_visit();
		assert_false(SSL_session_reused(ssl));
		hang_up();
		SSL_SESSION_free(ticket);
		ticket = NULL;
	}
}

/* The client's bytes of a good handshake, recorded; then cut after each byte, and each flipped. */
static void
test_broken_handshakes(void **state)
{
	BIO *out = BIO_new(BIO_s_mem()), *in = BIO_new(BIO_s_mem());
	char *hello;
	long n;

	ssl = SSL_new(client_ctx);
	SSL_set_bio(ssl, in, out);
	assert_int_not_equal(SSL_connect(ssl), 1);
	n = BIO_get_mem_data(out, &hello);
	assert_true(n > 100);
	for (long i = 0; i <= n; i++) {
		connect_pair(true);
		assert_int_equal(write(peer, hello, (size_t)i), i);
		test_run(net);
		close(peer);
		peer = -1;
		test_run(net);
		assert_int_equal(net_connections(net), 0);
	}
	for (long i = 0; i < n; i++) {
		connect_pair(true);
		hello[i] ^= 0x41;
		assert_int_equal(write(peer, hello, (size_t)n), n);
		hello[i] ^= 0x41;
		test_run(net);
		close(peer);
		peer = -1;
		test_run(net);
		assert_int_equal(net_connections(net), 0);
	}
	/* Some were hellos all the same, and got a greeting. */
	assert_int_equal(talk_opened, talk_closed);
	assert_int_equal(talk_all_runs, 0);
}

static void
plain_hear(void)
{
	ssize_t n;

	test_run(net);
	while ((n = read(peer, buf_room(&got, 4096), 4096)) > 0)
		buf_wrote(&got, (size_t)n);
}

static void
test_starttls(void **state)
{
	connect_pair(false);
	assert_true(conn_tls_offer(talk_last->conn));
	assert_int_equal(write(peer, "starttls\n", 9), 9);
	plain_hear();
	EXPECT("hello\ngo\n");
	assert_true(handshake());
	assert_true(hear());
	EXPECT("tls TLSv1.3\n");
	assert_false(conn_tls_offer(talk_last->conn));
	say("echo x\n");
	assert_true(hear());
	EXPECT("x\n");
	/* Twice is refused. */
	say("starttls\n");
	assert_false(hear());
	EXPECT("no\n");
}

/* S1: bytes behind STARTTLS close the connection; they are never answered, before or after TLS. */
static void
test_starttls_injection(void **state)
{
	char end;

	connect_pair(false);
	assert_int_equal(write(peer, "starttls\necho evil\n", 19), 19);
	plain_hear();
	EXPECT("hello\nno\n");
	assert_int_equal(read(peer, &end, 1), 0);
	hang_up();
	/* Also when they come in a segment of their own, before the handshake: it fails. */
	connect_pair(false);
	assert_int_equal(write(peer, "starttls\n", 9), 9);
	plain_hear();
	EXPECT("hello\ngo\n");
	assert_int_equal(write(peer, "echo evil\n", 10), 10);
	handshake();
	test_run(net);
	buf_clear(&got);
	assert_int_equal(net_connections(net), 0);
	assert_int_equal(talk_closed, 2);
}

/* How long the clock of time-outs says that it takes to end a connection which stops within its handshake; 0: not within the time given. */
static int64_t
given_up_after(int ms)
{
	int64_t begin = clock_mono();

	for (; clock_mono() - begin < ms * 1000LL; test_wait(net, 10, NULL))
		if (net_connections(net) == 0)
			return clock_mono() - begin;
	return 0;
}

/* The handshake is a part of the time to log in, and has a bound of its own that ends with it (S2, S13). */
static void
test_handshake_deadline(void **state)
{
	struct listener_options lo = {.name = "talk", .address = "127.0.0.1", .kind = LISTEN_TLS, .handler = &talk_handler, .deadline = 2};
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	struct listener *l;

	assert_int_equal(net_listen(net, &lo, &l), OK);
	in4.sin_port = htons((uint16_t)net_listener_port(l));
	in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(peer, (struct sockaddr *)&in4, sizeof(in4)), 0);
	assert_int_equal(write(peer, "\x16\x03\x01", 3), 3);
	test_run(net);
	assert_int_equal(net_connections(net), 1);
	assert_in_range(given_up_after(8000), 900000, 4000000);
	hang_up();
	/* Without a deadline, and after STARTTLS, the bound of a handshake; a deadline that is set stays what it is. */
	connect_pair(false);
	conn_deadline(talk_last->conn, 1000);
	assert_int_equal(write(peer, "starttls\n", 9), 9);
	plain_hear();
	EXPECT("hello\ngo\n");
	assert_in_range(talk_last->conn->handshake_at, net_now(net) + 1, net_now(net) + HANDSHAKE_SECONDS);
	assert_true(handshake());
	assert_true(hear());
	EXPECT("tls TLSv1.3\n");
	assert_int_equal(talk_last->conn->handshake_at, 0);
	assert_in_range(talk_last->conn->hard_at, net_now(net) + 900, net_now(net) + 1000);
	hang_up();
	connect_pair(false);
	assert_int_equal(write(peer, "starttls\n", 9), 9);
	plain_hear();
	assert_true(handshake());
	assert_true(hear());
	assert_int_equal(talk_last->conn->hard_at, 0);
}

/* So many key updates, or wishes to renegotiate, with n bytes of text after each. How many until the connection ended. */
static int
updates(int max, size_t n)
{
	static char text[10000], heard[10000];
	bool old = SSL_version(ssl) == TLS1_2_VERSION;
	int i;

	for (size_t k = 0; k < sizeof(text); k++)
		text[k] = k % 500 == 499 ? '\n' : 'x';
	for (i = 0; i < max && net_connections(net) > 0; i++) {
		if ((old ? SSL_renegotiate(ssl) : SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED)) != 1)
			break;
		(void)SSL_do_handshake(ssl);
		if (n > 0 && SSL_write(ssl, text, (int)n) != (int)n)
			break;
		test_run(net);
		(void)SSL_read(ssl, heard, sizeof(heard));
	}
	return i;
}

/* S13: key updates and renegotiation without end are work for nothing. */
static void
test_quiet_records(void **state)
{
	connect_pair(true);
	assert_true(handshake());
	assert_in_range(updates(1000, 0), 30, 100);
	hang_up();
	/* A byte behind each does not make up for it. */
	connect_pair(true);
	assert_true(handshake());
	assert_in_range(updates(1000, 1), 30, 200);
	hang_up();
	/* Much text does. */
	connect_pair(true);
	assert_true(handshake());
	assert_int_equal(updates(300, 9000), 300);
	say("echo x\n");
	assert_true(hear());
	buf_clear(&got);
	hang_up();
	SSL_CTX_set_max_proto_version(client_ctx, TLS1_2_VERSION);
	connect_pair(true);
	assert_true(handshake());
	assert_true(hear());
	assert_in_range(updates(1000, 0), 1, 100);
	assert_int_equal(net_connections(net), 0);
	hang_up();
	connect_pair(true);
	assert_true(handshake());
	assert_true(hear());
	assert_int_equal(SSL_renegotiate(ssl), 1);
	(void)SSL_do_handshake(ssl);
	test_run(net);
	ERR_clear_error();
	assert_int_equal(SSL_do_handshake(ssl), -1);
	assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
	assert_int_equal(SSL_total_renegotiations(talk_last->conn->ssl), 0);
}

static void
test_abrupt_end(void **state)
{
	/* Without a closing alert: an end like any other. */
	connect_pair(true);
	assert_true(handshake());
	assert_true(hear());
	close(peer);
	peer = -1;
	test_run(net);
	assert_int_equal(talk_closed, 1);
	hang_up();
	/* Garbage in the middle. */
	connect_pair(true);
	assert_true(handshake());
	assert_true(hear());
	assert_int_equal(write(peer, "\x17\x03\x03\x00\x20garbage garbage garbage garbage...", 37), 37);
	test_run(net);
	assert_int_equal(talk_closed, 2);
}

static void
test_slow_reader(void **state)
{
	connect_pair(true);
	assert_true(handshake());
	say("big 20000000\necho end\n");
	test_run(net);
	assert_in_range(io_pending(talk_last->conn), 1, OUT_HIGH + 1000);
	assert_true(hear());
	assert_int_equal(got.n, 6 + 20000000 + 2 + 4);
}

static void
test_compress_in_tls(void **state)
{
	connect_pair(true);
	assert_true(handshake());
	say("compress\n");
	assert_true(hear());
	EXPECT("hello\nok\n");
	assert_true(conn_compressed(talk_last->conn));
	assert_int_equal(SSL_write(ssl, "\x4a\x4d\xce\xc8\x57\xa8\xe0\x02\x00\x00\x00\xff\xff", 13), 13);
	assert_true(hear());
	assert_true(got.n > 4);
}

static void
test_names(void)
{
	FILE *f = fopen(files.cert, "r");
	X509 *x = PEM_read_X509(f, NULL, NULL, NULL);

	fclose(f);
	assert_int_equal(X509_check_host(x, "mail.example.org", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "example.org", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(x, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "::1", 0), 1);
	X509_free(x);
}

static void
test_certificate(void **state)
{
	struct stat st;
	char before[65], after[65];

	assert_int_equal(stat(files.key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(tls_fingerprint(tls, before), OK);
	assert_int_equal(strlen(before), 64);
	test_names();
	/* What is there stays. */
	assert_int_equal(tls_make_certificate(files.cert, files.key, "other.example"), OK);
	assert_int_equal(tls_reload(tls), OK);
	assert_int_equal(tls_fingerprint(tls, after), OK);
	assert_string_equal(before, after);
	/* Another one is loaded while a connection uses the old one. */
	connect_pair(true);
	assert_true(handshake());
	unlink(files.cert);
	assert_int_equal(tls_make_certificate(files.cert, files.key, "other.example"), OK);
	assert_int_equal(tls_reload(tls), OK);
	assert_int_equal(tls_fingerprint(tls, after), OK);
	assert_string_not_equal(before, after);
	say("echo x\n");
	assert_true(hear());
	EXPECT("hello\nx\n");
	/* A broken one is refused, the good one stays. */
	assert_int_equal(truncate(files.cert, 100), 0);
	assert_int_equal(tls_reload(tls), ERR_BAD_INPUT);
	hang_up();
	connect_pair(true);
	assert_true(handshake());
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_tls13),
		T(test_tls12),
		T(test_old_versions),
		T(test_tickets),
		T(test_changed_tickets),
		T(test_broken_handshakes),
		T(test_starttls),
		T(test_starttls_injection),
		T(test_handshake_deadline),
		T(test_quiet_records),
		T(test_abrupt_end),
		T(test_slow_reader),
		T(test_compress_in_tls),
		T(test_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
