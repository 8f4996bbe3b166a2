/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going out, against a listener of our own in the same net, in one thread: in the clear, TLS with a certificate that is good, another's, or nobody's whom
 * we trust, STARTTLS later, refused, several addresses, deadlines, ends at every moment. S1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "net/dial.h"
#include "net/net_test.h"

static struct net *net;
static struct tls *tls;
static struct tls_client *trusting, *strange;
static char dir[40], cert[80], key[80], other_cert[80], other_key[80];
static unsigned plain_port, tls_port;

/* ---- names ---- */

/* What a name of these tests leads to, in place of the system's. The first takes its time. */
static struct {
	const char *name;
	int ms;
	struct {
		const char *address;
		unsigned *port;
	} at[3];
} hosts[8];
static _Atomic unsigned looked_up;

static struct addrinfo *
one_address(const char *address, unsigned port)
{
	struct {
		struct addrinfo info;
		struct sockaddr_in in;
	} *a = calloc(1, sizeof(*a)); /* as freeaddrinfo() takes it */

	a->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	inet_pton(AF_INET, address, &a->in.sin_addr);
	a->info = (struct addrinfo){.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_addr = (struct sockaddr *)&a->in, .ai_addrlen = sizeof(a->in)};
	return &a->info;
}

int
getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list_r)
{
	static int (*system_s)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct addrinfo **at = list_r;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
		if (hosts[i].name == NULL || strcmp(hosts[i].name, host) != 0)
			continue;
		if (hints->ai_flags & AI_NUMERICHOST)
			return EAI_NONAME;
		usleep((unsigned)hosts[i].ms * 1000);
		looked_up++;
		for (size_t k = 0; k < 3 && hosts[i].at[k].address != NULL; k++, at = &(*at)->ai_next)
			*at = one_address(hosts[i].at[k].address, *hosts[i].at[k].port);
		return 0;
	}
	if (system_s == NULL)
		*(void **)&system_s = dlsym(RTLD_NEXT, "getaddrinfo");
	return system_s(host, port, hints, list_r);
}

/* ---- who dials ---- */

struct caller {
	struct conn *conn;
	unsigned opened, failed, closed;
	unsigned events;
	bool done;          /* opened, failed or heard what it waits for */
	bool upgrade;       /* STARTTLS with "go" */
	bool late;          /* it appends behind it */
	const char *first;  /* what it says first */
	const struct dial_tls *with;
	enum status started;
	enum dial_fault fault;
	char why[200], heard[400], version[16];
};

static enum status
c_open(struct conn *c)
{
	struct caller *a = conn_user(c);

	a->conn = c;
	a->opened++;
	a->done = true;
	snprintf(a->version, sizeof(a->version), "%s", conn_tls_version(c));
	if (a->first != NULL)
		buf_adds(conn_out(c), a->first);
	return OK;
}

static enum conn_next
c_run(struct conn *c, unsigned events)
{
	struct caller *a = conn_user(c);
	struct str in = conn_in(c);
	size_t n = strlen(a->heard), line = str_chr(in, '\n');

	a->events |= events;
	/* What stands behind the go-ahead is not looked at. */
	if (a->upgrade && line < in.n)
		in = str_head(in, line + 1);
	snprintf(a->heard + n, sizeof(a->heard) - n, "%.*s", STR_FMT(in));
	conn_eat(c, in.n);
	if (events & CONN_EV_TLS) {
		snprintf(a->version, sizeof(a->version), "%s", conn_tls_version(c));
		buf_adds(conn_out(c), "echo inside\n");
	}
	if (events & CONN_EV_STOP)
		return CONN_CLOSE;
	if (a->upgrade && strstr(a->heard, "go\n") != NULL) {
		a->upgrade = false;
		if (a->late)
			buf_adds(conn_out(c), "echo late\n");
		if ((a->started = conn_dial_starttls(c, a->with)) != OK)
			return CONN_ABORT;
	}
	return a->upgrade && conn_in(c).n > 0 ? CONN_AGAIN : CONN_INPUT;
}

static void
c_note(struct conn *c)
{
	struct caller *a = conn_user(c);

	a->fault = conn_dial_fault(c);
	snprintf(a->why, sizeof(a->why), "%s", conn_dial_why(c));
	a->done = true;
	a->conn = NULL;
}

static void
c_failed(struct conn *c)
{
	struct caller *a = conn_user(c);

	assert_int_equal(a->opened, 0);
	a->failed++;
	c_note(c);
}

static void
c_closed(struct conn *c)
{
	struct caller *a = conn_user(c);

	a->closed++;
	c_note(c);
}

static const struct conn_handler calling = {.name = "caller", .open = c_open, .run = c_run, .closed = c_closed, .failed = c_failed};

/* Dials, and waits until it is open or has failed. */
static void
dials(struct caller *a, const char *host, unsigned port, const struct dial_tls *with)
{
	struct dial_options o = {.host = host, .port = port, .deadline = 2, .tls = with, .handler = &calling, .user = a};

	a->done = false;
	assert_int_equal(net_dial(net, &o, NULL), OK);
	test_wait(net, 8000, &a->done);
	assert_int_equal(a->opened + a->failed, 1);
}

/* Waits until that was heard. */
static bool
hears(struct caller *a, const char *text)
{
	for (int64_t end = clock_mono() + 3000000; clock_mono() < end && strstr(a->heard, text) == NULL;)
		test_wait(net, 2, NULL);
	return strstr(a->heard, text) != NULL;
}

static void
say(struct caller *a, const char *text)
{
	buf_adds(conn_out(a->conn), text);
	conn_wake(a->conn, CONN_EV_USER);
	test_run(net);
}

static void
end(struct caller *a)
{
	if (a->conn == NULL)
		return;
	a->done = false;
	conn_wake(a->conn, CONN_EV_STOP);
	test_wait(net, 1000, &a->done);
	assert_int_equal(a->closed, 1);
}

static int
setup(void **state)
{
	struct listener_options o = {.name = "talk", .address = "127.0.0.1", .handler = &talk_handler};
	struct listener *l;

	strcpy(dir, "/tmp/mansio-dial-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	snprintf(other_cert, sizeof(other_cert), "%s/other.pem", dir);
	snprintf(other_key, sizeof(other_key), "%s/other.key", dir);
	assert_int_equal(tls_make_certificate(cert, key, "mail.example.org"), OK);
	assert_int_equal(tls_make_certificate(other_cert, other_key, "mail.example.org"), OK);
	assert_int_equal(tls_new(cert, key, &tls), OK);
	assert_int_equal(tls_client_new(cert, &trusting), OK);
	assert_int_equal(tls_client_new(other_cert, &strange), OK);
	net = test_net(&(struct net_options){.tls = tls});
	assert_int_equal(net_listen(net, &o, &l), OK);
	plain_port = net_listener_port(l);
	o.kind = LISTEN_TLS;
	assert_int_equal(net_listen(net, &o, &l), OK);
	tls_port = net_listener_port(l);
	talk_opened = talk_closed = 0;
	return 0;
}

static int
teardown(void **state)
{
	char cmd[80];

	net_stop_now(net);
	test_wait(net, 50, NULL);
	assert_int_equal(talk_opened, talk_closed);
	assert_int_equal(net_connections(net), 0);
	net_free(net);
	tls_free(tls);
	tls_client_free(trusting);
	tls_client_free(strange);
	net_thread_end();
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd);
}

/* ---- in the clear ---- */

static void
test_plain(void **state)
{
	struct caller a = {.first = "echo one\n"};

	dials(&a, "127.0.0.1", plain_port, NULL);
	assert_int_equal(a.opened, 1);
	assert_string_equal(a.version, "");
	assert_string_equal(conn_peer(a.conn), "127.0.0.1");
	assert_int_equal(conn_peer_port(a.conn), plain_port);
	assert_true(conn_loopback(a.conn));
	assert_false(conn_tls_offer(a.conn)); /* we are not the server here */
	assert_int_equal(conn_starttls(a.conn), ERR_UNAVAILABLE);
	assert_true(hears(&a, "one\n"));
	say(&a, "echo two\n");
	assert_true(hears(&a, "two\n"));
	assert_int_equal(conn_dial_fault(a.conn), DIAL_NONE);
	/* The other side closes. */
	a.done = false;
	say(&a, "bye\n");
	test_wait(net, 1000, &a.done);
	assert_int_equal(a.closed, 1);
	assert_int_equal(a.failed, 0);
	assert_int_equal(a.fault, DIAL_NONE);
}

/* By a name, of which the first address may answer, or not. */
static void
test_name(void **state)
{
	struct caller a = {.first = "echo one\n"};

	dials(&a, "localhost", plain_port, NULL);
	assert_int_equal(a.opened, 1);
	assert_true(hears(&a, "one\n"));
	end(&a);
}

static void
test_unix(void **state)
{
	struct caller a = {.first = "echo one\n"}, b = {0};
	char path[80];
	struct listener *l;

	snprintf(path, sizeof(path), "%s/sock", dir);
	assert_int_equal(net_listen(net, &(struct listener_options){.name = "talk", .kind = LISTEN_UNIX, .address = path, .handler = &talk_handler}, &l), OK);
	dials(&a, path, 0, NULL);
	assert_int_equal(a.opened, 1);
	assert_string_equal(conn_peer(a.conn), "unix");
	assert_true(hears(&a, "one\n"));
	end(&a);
	snprintf(path, sizeof(path), "%s/none", dir);
	dials(&b, path, 0, NULL);
	assert_int_equal(b.fault, DIAL_REFUSED);
	assert_string_equal(b.why, "unix: No such file or directory");
}

static void
test_refused(void **state)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct caller a = {0}, b = {0};

	/* A port that is bound and does not listen is nobody else's. */
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &n), 0);
	dials(&a, "127.0.0.1", ntohs(sin.sin_port), NULL);
	assert_int_equal(a.failed, 1);
	assert_int_equal(a.fault, DIAL_REFUSED);
	assert_string_equal(a.why, "127.0.0.1: Connection refused");
	dials(&b, "localhost", ntohs(sin.sin_port), NULL);
	assert_int_equal(b.fault, DIAL_REFUSED);
	close(fd);
}

static void
test_impossible(void **state)
{
	struct dial_options o = {.host = "", .port = 25, .handler = &calling};
	char longest[400];

	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(net_dial(net, &o, NULL), ERR_BAD_INPUT);
	o.host = longest;
	assert_int_equal(net_dial(net, &o, NULL), ERR_BAD_INPUT);
	longest[0] = '/';
	assert_int_equal(net_dial(net, &o, NULL), ERR_BAD_INPUT);
	o.host = "127.0.0.1";
	o.port = 0;
	assert_int_equal(net_dial(net, &o, NULL), ERR_BAD_INPUT);
	o.port = 65536;
	assert_int_equal(net_dial(net, &o, NULL), ERR_BAD_INPUT);
}

/* Whether a name server says so or is not there: an end comes, and says which. */
static void
test_no_name(void **state)
{
	struct caller a = {0};

	dials(&a, "no..such.name.invalid", 25, NULL);
	assert_int_equal(a.failed, 1);
	assert_true(a.fault == DIAL_NO_NAME || a.fault == DIAL_TIMEOUT);
	assert_true(*a.why != '\0');
}

/* ---- a peer that does not answer ---- */

/* A listener whose queue is full: what comes then waits for ever. Its port. */
static int mute[10];
static unsigned
mute_port(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sin);

	mute[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(mute[0], (struct sockaddr *)&sin, n), 0);
	assert_int_equal(listen(mute[0], 0), 0);
	assert_int_equal(getsockname(mute[0], (struct sockaddr *)&sin, &n), 0);
	for (int i = 1; i < 10; i++) {
		mute[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(mute[i], (struct sockaddr *)&sin, sizeof(sin));
	}
	return ntohs(sin.sin_port);
}

static void
close_mute(void)
{
	for (int i = 0; i < 10; i++)
		close(mute[i]);
}

static void
test_deadline(void **state)
{
	struct caller a = {0}, b = {0};
	int64_t start = clock_mono();
	int silent = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sin);

	dials(&a, "127.0.0.1", mute_port(), NULL);
	assert_int_equal(a.failed, 1);
	assert_int_equal(a.fault, DIAL_TIMEOUT);
	assert_true(clock_mono() - start >= 900000);
	close_mute();
	/* It connects, and says nothing where a handshake is due. */
	assert_int_equal(bind(silent, (struct sockaddr *)&sin, n), 0);
	assert_int_equal(listen(silent, 5), 0);
	assert_int_equal(getsockname(silent, (struct sockaddr *)&sin, &n), 0);
	dials(&b, "127.0.0.1", ntohs(sin.sin_port), &(struct dial_tls){.client = trusting});
	assert_int_equal(b.fault, DIAL_TIMEOUT);
	close(silent);
}

/* The addresses of a name are tried in turn; one that does not answer has its share of the time only. */
static void
test_several(void **state)
{
	static unsigned mute_at, nowhere = 1;
	struct caller a = {.first = "echo one\n"}, b = {.first = "echo two\n"}, c = {0};

	hosts[0].name = "two.test";
	hosts[0].at[0].address = "127.0.0.2"; /* nobody listens there */
	hosts[0].at[0].port = &plain_port;
	hosts[0].at[1].address = "127.0.0.1";
	hosts[0].at[1].port = &plain_port;
	dials(&a, "two.test", 25, NULL);
	assert_int_equal(a.opened, 1);
	assert_string_equal(conn_peer(a.conn), "127.0.0.1");
	assert_true(hears(&a, "one\n"));
	end(&a);
	hosts[1] = hosts[0];
	hosts[1].name = "mute.test";
	mute_at = mute_port();
	hosts[1].at[0].address = "127.0.0.1";
	hosts[1].at[0].port = &mute_at;
	dials(&b, "mute.test", 25, NULL);
	assert_int_equal(b.opened, 1);
	assert_true(hears(&b, "two\n"));
	end(&b);
	close_mute();
	hosts[2] = hosts[0];
	hosts[2].name = "none.test";
	hosts[2].at[0].port = hosts[2].at[1].port = &nowhere;
	dials(&c, "none.test", 25, NULL);
	assert_int_equal(c.fault, DIAL_REFUSED);
	assert_string_equal(c.why, "127.0.0.1: Connection refused"); /* the last one's reason */
}

/* A name that is long in coming holds nobody: not those that are known, not who gives up, not the end. */
static void
test_slow_names(void **state)
{
	struct caller slow[10] = {0}, quick = {.first = "echo one\n"};
	struct conn *c[10];

	hosts[3].name = "slow.test";
	hosts[3].ms = 150;
	hosts[3].at[0].address = "127.0.0.1";
	hosts[3].at[0].port = &plain_port;
	looked_up = 0;
	for (int i = 0; i < 10; i++) {
		struct dial_options o = {.host = "slow.test", .port = 25, .handler = &calling, .user = &slow[i]};

		assert_int_equal(net_dial(net, &o, &c[i]), OK);
	}
	test_run(net);
	dials(&quick, "127.0.0.1", plain_port, NULL);
	assert_int_equal(quick.opened, 1);
	end(&quick);
	for (int i = 5; i < 10; i++) {
		conn_wake(c[i], CONN_EV_STOP);
		test_run(net);
		assert_int_equal(slow[i].failed, 1);
		assert_int_equal(slow[i].fault, DIAL_STOPPED);
	}
	for (int i = 0; i < 10; i++)
		conn_release(c[i]);
	for (int i = 0; i < 5; i++) {
		if (slow[i].opened == 0)
			test_wait(net, 3000, &slow[i].done);
		assert_int_equal(slow[i].opened, 1);
		end(&slow[i]);
	}
	assert_true(looked_up <= 9); /* of those that were given up while they waited for a thread none was */
}

/* Ended by who began it, at each moment: failed() comes, also while the connection is held. */
static void
test_given_up(void **state)
{
	static const char *const where[] = {"127.0.0.1", "no-such-name.invalid"};
	struct dial_tls with = {.client = trusting};
	unsigned port = mute_port();
	int silent = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sin);

	assert_int_equal(bind(silent, (struct sockaddr *)&sin, n), 0);
	assert_int_equal(listen(silent, 5), 0);
	assert_int_equal(getsockname(silent, (struct sockaddr *)&sin, &n), 0);
	for (int i = 0; i < 6; i++) {
		/* Connecting, looking up, in the handshake; before its first step, and in the middle. */
		struct dial_options o = {.host = where[i % 3 == 1], .port = i % 3 == 2 ? ntohs(sin.sin_port) : port, .handler = &calling, .tls = &with};
		struct caller a = {0};
		struct conn *c;

		o.user = &a;
		assert_int_equal(net_dial(net, &o, &c), OK);
		if (i >= 3)
			test_wait(net, 20, &a.done);
		if (a.failed == 0) {
			conn_wake(c, CONN_EV_STOP);
			test_run(net);
			assert_int_equal(a.fault, DIAL_STOPPED);
		}
		assert_int_equal(a.failed, 1);
		assert_int_equal(a.opened, 0);
		assert_int_equal(net_connections(net), 1);
		conn_release(c);
		test_run(net);
		assert_int_equal(net_connections(net), 0);
	}
	close_mute();
	close(silent);
}

/* The whole net stops while some are on their way. */
static void
test_net_stops(void **state)
{
	struct caller a = {0}, b = {0}, c = {0};
	struct dial_options o = {.host = "127.0.0.1", .port = mute_port(), .handler = &calling, .user = &a};

	assert_int_equal(net_dial(net, &o, NULL), OK);
	o.host = "no-such-name.invalid";
	o.user = &b;
	assert_int_equal(net_dial(net, &o, NULL), OK);
	test_run(net);
	o.user = &c;
	assert_int_equal(net_dial(net, &o, NULL), OK);
	net_stop(net);
	test_wait(net, 20, NULL);
	assert_int_equal(a.failed + b.failed + c.failed, 3);
	assert_int_equal(a.fault, DIAL_STOPPED);
	assert_int_equal(net_dial(net, &o, NULL), ERR_UNAVAILABLE);
	close_mute();
}

/* ---- TLS ---- */

static void
test_tls(void **state)
{
	struct caller a = {.first = "echo one\n"}, b = {.first = "echo two\n"};

	dials(&a, "127.0.0.1", tls_port, &(struct dial_tls){.client = trusting}); /* an address in the certificate */
	assert_string_equal(a.why, "");
	assert_int_equal(a.opened, 1);
	assert_string_equal(a.version, "TLSv1.3");
	assert_true(hears(&a, "one\n"));
	assert_true(conn_private(a.conn));
	end(&a);
	dials(&b, "127.0.0.1", tls_port, &(struct dial_tls){.client = trusting, .name = "mail.example.org."});
	assert_int_equal(b.opened, 1);
	assert_true(hears(&b, "two\n"));
	end(&b);
}

static void
test_wrong_name(void **state)
{
	static const char *const names[] = {"mail.example.com", "example.org", "x.mail.example.org", "127.0.0.2", ""};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct caller a = {.first = "echo secret\n"};

		dials(&a, "127.0.0.1", tls_port, &(struct dial_tls){.client = trusting, .name = names[i]});
		assert_int_equal(a.failed, 1);
		assert_true(a.fault == DIAL_UNTRUSTED || (*names[i] == '\0' && a.fault == DIAL_TLS));
		assert_true(*a.why != '\0');
	}
	test_run(net);
	assert_int_equal(talk_opened, talk_closed); /* nobody heard a word */
}

static void
test_untrusted(void **state)
{
	struct caller a = {0}, b = {0};
	struct tls_client *system;

	dials(&a, "127.0.0.1", tls_port, &(struct dial_tls){.client = strange});
	assert_int_equal(a.failed, 1);
	assert_int_equal(a.fault, DIAL_UNTRUSTED);
	assert_int_equal(tls_client_new(NULL, &system), OK);
	dials(&b, "127.0.0.1", tls_port, &(struct dial_tls){.client = system});
	assert_int_equal(b.fault, DIAL_UNTRUSTED);
	tls_client_free(system);
	assert_int_equal(tls_client_new("/nowhere", &system), ERR_BAD_INPUT);
}

/* Asked for: encrypted, whoever it is. */
static void
test_unverified(void **state)
{
	struct caller a = {.first = "echo one\n"};

	dials(&a, "127.0.0.1", tls_port, &(struct dial_tls){.client = strange, .name = "somebody.else", .unverified = true});
	assert_int_equal(a.opened, 1);
	assert_true(hears(&a, "one\n"));
	end(&a);
}

/* The peer speaks no TLS. */
static void
test_no_tls(void **state)
{
	struct caller a = {0};

	dials(&a, "127.0.0.1", plain_port, &(struct dial_tls){.client = trusting});
	assert_int_equal(a.failed, 1);
	assert_true(a.fault == DIAL_TLS || a.fault == DIAL_LOST);
}

static void
test_starttls(void **state)
{
	struct dial_tls with = {.client = trusting}, wrong = {.client = trusting, .name = "another"};
	struct caller a = {.first = "echo one\nstarttls\n", .upgrade = true, .with = &with}, b = {.first = "starttls\n", .upgrade = true, .with = &wrong};

	dials(&a, "127.0.0.1", plain_port, NULL);
	assert_true(hears(&a, "inside\n"));
	assert_string_equal(a.version, "TLSv1.3");
	assert_true(a.events & CONN_EV_TLS);
	assert_int_equal(conn_dial_starttls(a.conn, &with), ERR_UNAVAILABLE); /* it is on */
	end(&a);
	/* Of a connection that was open closed() tells. */
	dials(&b, "127.0.0.1", plain_port, NULL);
	for (int i = 0; i < 300 && b.closed == 0; i++)
		test_wait(net, 5, NULL);
	assert_int_equal(b.closed, 1);
	assert_int_equal(b.failed, 0);
	assert_int_equal(b.fault, DIAL_UNTRUSTED);
	assert_null(strstr(b.heard, "inside"));
}

/* Bytes in the clear behind the go-ahead, or of ours in front of the handshake, end it (S1). */
static void
test_starttls_injected(void **state)
{
	struct dial_tls with = {.client = trusting};
	struct caller a = {.first = "starttls\n", .upgrade = true, .late = true, .with = &with}, b = {.upgrade = true, .with = &with};
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sin);
	int made = socket(AF_INET, SOCK_STREAM, 0), peer;

	dials(&a, "127.0.0.1", plain_port, NULL);
	for (int i = 0; i < 300 && a.closed == 0; i++)
		test_wait(net, 5, NULL);
	assert_int_equal(a.started, ERR_BAD_INPUT);
	assert_int_equal(a.closed, 1);
	assert_null(strstr(a.heard, "inside"));
	/* A peer that says more than that in the clear. */
	assert_int_equal(bind(made, (struct sockaddr *)&sin, n), 0);
	assert_int_equal(listen(made, 5), 0);
	assert_int_equal(getsockname(made, (struct sockaddr *)&sin, &n), 0);
	dials(&b, "127.0.0.1", ntohs(sin.sin_port), NULL);
	peer = accept(made, NULL, NULL);
	assert_int_equal(send(peer, "hello\ngo\nevil\n", 14, 0), 14);
	for (int i = 0; i < 300 && b.closed == 0; i++)
		test_wait(net, 5, NULL);
	assert_int_equal(b.started, ERR_BAD_INPUT);
	assert_string_equal(b.heard, "hello\ngo\n");
	close(peer);
	close(made);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_plain),
	    T(test_name),
	    T(test_unix),
	    T(test_refused),
	    T(test_impossible),
	    T(test_no_name),
	    T(test_deadline),
	    T(test_several),
	    T(test_slow_names),
	    T(test_given_up),
	    T(test_net_stops),
	    T(test_tls),
	    T(test_wrong_name),
	    T(test_untrusted),
	    T(test_unverified),
	    T(test_no_tls),
	    T(test_starttls),
	    T(test_starttls_injected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
