/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door, through a protocol of lines of its own and over TCP, in one thread: login.h and change.h as any protocol uses them. S7 S8 S13 S15.
 *
 *	PASS USER PASSWORD, AUTH MECHANISM [INITIAL]   "+ CHALLENGE" (answered by a line) or "outcome N USER"
 *	WRITE NAME, FAIL                               a change that makes a mailbox, or that fails: "wrote STATUS"
 *	OUT                                            logged out, the connection stays
 *	What ends the session says "ended".
 */
#include <arpa/inet.h>
#include <gsasl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "auth/auth_test.h"
#include "base/clock.h"
#include "base/codec.h"
#include "net/net_test.h"
#include "session/change.h"
#include "session/login.h"
#include "store/mailbox.h"

#define DELAY_MS 60
#define LONG_DELAY_MS 300 /* longer than a password is hashed */

static struct door door;
static struct net *net;
static unsigned port, closed;

struct visitor {
	struct conn *conn;
	struct login login;
	struct login_try try;
	struct change change;
	struct buf name;
	bool trying, reading; /* an attempt; it waits for the client's answer */
};
static struct visitor *newest;

static enum status
v_open(struct conn *c)
{
	struct visitor *v = newest = x_new(struct visitor);

	v->conn = c;
	conn_set_user(c, v);
	login_init(&v->login, c, &door);
	login_deadline(&v->login, 30);
	buf_adds(conn_out(c), "hello\n");
	return OK;
}

static void
v_closed(struct conn *c)
{
	struct visitor *v = conn_user(c);

	assert_false(change_waits(&v->change));
	login_try_fini(&v->try);
	login_fini(&v->login, "the connection was closed");
	assert_int_equal(v->login.charge.n, 0);
	buf_free(&v->name);
	free(v);
	newest = NULL;
	closed++;
}

static enum conn_next
after(struct visitor *v, enum login_next next)
{
	struct buf *out = conn_out(v->conn);

	v->reading = next == LOGIN_CHALLENGE;
	switch (next) {
	case LOGIN_WAIT: return CONN_WAKE;
	case LOGIN_CHALLENGE: buf_addf(out, "%s %.*s\n", v->try.last ? "+!" : "+", STR_FMT(buf_str(&v->try.challenge))); return CONN_AGAIN;
	case LOGIN_OVER: break;
	}
	v->trying = false;
	buf_addf(out, "outcome %d %s\n", (int)v->try.outcome, v->login.user ? v->login.user : "-");
	login_try_fini(&v->try);
	return CONN_AGAIN;
}

static struct str
word(struct str *line)
{
	size_t n = str_chr(*line, ' ');
	struct str w = str_head(*line, n);

	*line = n < line->n ? str_from(*line, n + 1) : STR_NONE;
	return w;
}

static enum status
write_fn(struct db_txn *txn, void *arg)
{
	struct visitor *v = arg;
	struct actor actor = {.store = store, .account = v->login.account};
	int64_t id;

	return v->name.n > 0 ? mailbox_create(&actor, txn, buf_str(&v->name), 0, &id) : ERR_QUOTA;
}

static enum conn_next
submit(struct visitor *v, struct str name)
{
	buf_clear(&v->name);
	buf_add(&v->name, name);
	change_submit(&v->change, v->conn, store_db(store),
	    &(struct db_write){.fn = write_fn, .arg = v, .what = "WRITE", .lane = (uint64_t)v->login.account});
	return CONN_WAKE;
}

static enum conn_next
command(struct visitor *v, struct str line)
{
	struct str verb = word(&line), first;

	v->login.commands++;
	if (str_eq(verb, STR("WRITE")) || str_eq(verb, STR("FAIL")))
		return submit(v, line);
	if (str_eq(verb, STR("OUT"))) {
		login_out(&v->login, "OUT");
		buf_adds(conn_out(v->conn), "out\n");
		return CONN_AGAIN;
	}
	v->try = (struct login_try){0};
	login_try_init(&v->try, &v->login);
	v->trying = true;
	first = word(&line);
	return after(v, str_eq(verb, STR("PASS")) ? login_password(&v->try, first, line) : login_sasl(&v->try, first, line));
}

static enum conn_next
v_step(struct visitor *v)
{
	struct str in = conn_in(v->conn), line;
	size_t n = str_chr(in, '\n');
	enum conn_next next;
	struct buf copy = {0};

	if (change_waits(&v->change))
		return CONN_WAKE;
	if (change_over(&v->change)) {
		buf_addf(conn_out(v->conn), "wrote %s\n", status_word(change_take(&v->change)));
		return CONN_AGAIN;
	}
	if (login_shut_out(&v->login)) {
		buf_adds(conn_out(v->conn), "ended\n");
		return CONN_CLOSE;
	}
	if (v->trying && !v->reading)
		return after(v, login_go_on(&v->try));
	if (n == in.n)
		return CONN_INPUT;
	buf_add(&copy, str_head(in, n));
	conn_eat(v->conn, n + 1);
	line = buf_str(&copy);
	next = v->reading ? after(v, login_answer(&v->try, line)) : command(v, line);
	buf_free(&copy);
	return next;
}

static enum conn_next
v_run(struct conn *c, unsigned events)
{
	enum conn_next next;

	if (events & CONN_EV_TIMEOUT) {
		buf_adds(conn_out(c), "late\n");
		return CONN_CLOSE;
	}
	while ((next = v_step(conn_user(c))) == CONN_AGAIN)
		;
	return next;
}

static const struct conn_handler handler = {.name = "door", .open = v_open, .run = v_run, .closed = v_closed};

static struct store_subscriber changes = {door_changed, &door};

static int
open_with(void **state, unsigned delay_ms)
{
	struct listener *l;
	struct auth_settings settings = auth_settings_default;

	if (setup(state) != 0)
		return 1;
	auth_free(auth);
	settings.scram_iterations = SCRAM_ITERATIONS_MIN;
	settings.delay_ms = delay_ms;
	auth = auth_new(store, &settings);
	net = test_net(NULL);
	door = (struct door){.store = store, .hub = hub_new(), .auth = auth, .budgets = budgets_new(0, 1 << 20), .trust_loopback = true};
	store_subscribe(store, &changes);
	assert_int_equal(net_listen(net, &(struct listener_options){.name = "door", .address = "127.0.0.1", .handler = &handler}, &l), OK);
	port = net_listener_port(l);
	closed = 0;
	return 0;
}

static int
open_door(void **state)
{
	return open_with(state, DELAY_MS);
}

static int
open_patient(void **state)
{
	return open_with(state, LONG_DELAY_MS);
}

static int
close_door(void **state)
{
	net_stop_now(net);
	test_wait(net, 100, NULL);
	store_unsubscribe(store, &changes);
	assert_int_equal(budgets_used(door.budgets), 0);
	/* The committer may be waking a session that has ended since: it ends before what it wakes through. */
	db_thread_end(store_db(store));
	store_close(store);
	auth_free(auth);
	net_free(net);
	net_thread_end();
	pool_free(door.pool);
	hub_free(door.hub);
	budgets_free(door.budgets);
	return 0;
}

/* ---- clients ---- */

static int
client(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char hello[6];

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	test_run(net);
	assert_int_equal(recv(fd, hello, 6, MSG_WAITALL), 6);
	return fd;
}

/* What has come; the static text of the last call. "": nothing. */
static const char *
got(int fd)
{
	static char text[4096];
	ssize_t n;

	test_run(net);
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* The line that comes within ms milliseconds. */
static const char *
hears(int fd, int ms)
{
	const char *text = got(fd);

	for (int64_t end = clock_mono() + ms * 1000LL; *text == '\0' && clock_mono() < end; text = got(fd))
		test_wait(net, 1, NULL);
	return text;
}

static void
say(int fd, const char *line)
{
	assert_int_equal(send(fd, line, strlen(line), 0), (ssize_t)strlen(line));
	test_run(net);
}

#define expect(fd, line, answer)                                                                   \
	do {                                                                                       \
		say(fd, line);                                                                     \
		assert_string_equal(hears(fd, 3000), answer);                                      \
	} while (0)

/* ---- passwords ---- */

static void
test_password(void **state)
{
	int fd = client();

	expect(fd, "PASS alice pencil\n", "outcome 0 alice\n");
	assert_int_equal(newest->login.account, alice);
	assert_int_equal(hub_watchers(door.hub, (uint64_t)alice, HUB_LOGINS), 1);
	expect(fd, "OUT\n", "out\n");
	assert_int_equal(newest->login.account, 0);
	assert_null(newest->login.user);
	assert_int_equal(hub_watchers(door.hub, (uint64_t)alice, HUB_LOGINS), 0);
	expect(fd, "PASS bob@example.org b o b\n", "outcome 0 Bob@example.org\n"); /* as it was created */
	close(fd);
	test_wait(net, 100, NULL);
	assert_int_equal(closed, 1);
	assert_int_equal(hub_watchers(door.hub, (uint64_t)bob, HUB_LOGINS), 0);
}

/* Whatever is wrong is said at the first multiple of the delay that has not passed, and no thread waits. */
static void
test_one_moment(void **state)
{
	static const char *const lines[] = {"PASS alice pen\n", "PASS nobody pencil\n", "PASS eve pencil\n", "PASS  \n", "AUTH PLAIN AGFsaWNlAHBlbg==\n",
	    "AUTH PLAIN AG5vYm9keQBwZW4=\n"};
	char answer[32];

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		int fd = client(), other = client();
		int64_t start = clock_mono(), took;

		snprintf(answer, sizeof(answer), "outcome %d -\n", (int)LOGIN_WRONG);
		say(fd, lines[i]);
		/* The thread is free. */
		expect(other, "AUTH NONE\n", "outcome 5 -\n");
		assert_string_equal(hears(fd, 3000), answer);
		took = (clock_mono() - start) / 1000;
		assert_true(took >= LONG_DELAY_MS);
		assert_int_equal(newest->login.account, 0);
		close(fd);
		close(other);
		test_wait(net, 50, NULL);
	}
}

/* Bytes that come meanwhile wait for the answer. */
static void
test_pipelined(void **state)
{
	int fd = client();
	char both[64];
	size_t n = 0;

	say(fd, "PASS alice pen\nPASS alice pencil\n");
	while (n < 28) {
		const char *text = hears(fd, 3000);

		assert_true(*text != '\0');
		n += (size_t)snprintf(both + n, sizeof(both) - n, "%s", text);
	}
	assert_string_equal(both, "outcome 1 -\noutcome 0 alice\n");
	close(fd);
}

static void
test_not_private(void **state)
{
	int fd;

	door.trust_loopback = false;
	fd = client();
	assert_false(login_plaintext_allowed(&newest->login));
	expect(fd, "PASS alice pencil\n", "outcome 2 -\n");
	expect(fd, "AUTH PLAIN AGFsaWNlAHBlbmNpbA==\n", "outcome 2 -\n");
	expect(fd, "AUTH login\n", "outcome 2 -\n");
	close(fd);
	test_run(net);
	door.trust_loopback = true;
}

static void
test_too_many_failures(void **state)
{
	char answer[32], many[32];
	const char *text = "";
	int fd;

	snprintf(answer, sizeof(answer), "outcome %d -\n", (int)LOGIN_WRONG);
	snprintf(many, sizeof(many), "outcome %d -\n", (int)LOGIN_TOO_MANY);
	fd = client();
	for (int i = 0; i < 40 && strcmp(text, many) != 0; i++) {
		say(fd, "PASS carol pen\n");
		text = hears(fd, 3000);
		assert_true(strcmp(text, answer) == 0 || strcmp(text, many) == 0);
	}
	assert_string_equal(text, many);
	/* The right one is not looked at either, and it takes as long. */
	expect(fd, "PASS carol not the same\n", many);
	close(fd);
}

/* ---- turns ---- */

static void
test_turns(void **state)
{
	struct heavy held = {0};
	int fd;

	door.pool = pool_new(&(struct pool_options){.threads = 4});
	heavy_init_login(&held, door.pool, NULL, 1);
	assert_true(heavy_enter(&held)); /* the only turn */
	fd = client();
	say(fd, "PASS alice pencil\n");
	test_wait(net, 30, NULL);
	assert_string_equal(got(fd), "");
	heavy_leave(&held);
	assert_string_equal(hears(fd, 3000), "outcome 0 alice\n");
	assert_true(heavy_enter(&held)); /* it was given back */
	heavy_leave(&held);
	close(fd);
}

/* Whoever goes while he waits leaves nothing behind. */
static void
test_turn_of_one_gone(void **state)
{
	struct heavy held = {0}, next = {0};
	int fd = client();

	door.pool = pool_new(&(struct pool_options){.threads = 4});
	heavy_init_login(&held, door.pool, NULL, 1);
	heavy_init_login(&next, door.pool, NULL, 2);
	assert_true(heavy_enter(&held));
	say(fd, "PASS alice pencil\n");
	net_stop_now(net);
	test_wait(net, 50, NULL);
	assert_int_equal(closed, 1);
	heavy_leave(&held);
	assert_true(heavy_enter(&next));
	heavy_leave(&next);
	close(fd);
}

/* ---- the account, once more ---- */

struct set {
	int64_t id;
	bool disable;
	const char *password;
};

static enum status
set_fn(struct db_txn *txn, void *arg)
{
	const struct set *s = arg;

	if (s->disable)
		return account_set_disabled(store, txn, s->id, true);
	if (s->password == NULL)
		return account_delete(store, txn, s->id);
	return account_set_credential(store, txn, s->id, STR("plain"), str_c(s->password));
}

static void
set(struct set s)
{
	assert_int_equal(db_write(store_db(store), set_fn, &s), OK);
}

/* While it waits for its turn the account is closed, or gets another password. */
static void
test_closed_meanwhile(void **state)
{
	static const struct set sets[] = {{.disable = true}, {.password = "{PLAIN}other"}, {.password = NULL}};
	static const char *const users[] = {"ann", "ben", "cem"};
	struct heavy held = {0};

	door.pool = pool_new(&(struct pool_options){.threads = 4});
	heavy_init_login(&held, door.pool, NULL, 1);
	for (size_t i = 0; i < 3; i++) {
		struct set s = sets[i];
		char line[64];
		int fd = client();

		s.id = make(users[i], "plain", STR("{PLAIN}pw"), "pw", false);
		snprintf(line, sizeof(line), "PASS %s pw\n", users[i]);
		assert_true(heavy_enter(&held));
		say(fd, line);
		set(s);
		assert_string_equal(got(fd), "");
		heavy_leave(&held);
		assert_string_equal(hears(fd, 3000), "outcome 1 -\n");
		close(fd);
		test_wait(net, 20, NULL);
	}
}

static void
test_account_max(void **state)
{
	int a = client(), b = client(), c = client();
	char many[32];

	door.account_max = 2;
	snprintf(many, sizeof(many), "outcome %d -\n", (int)LOGIN_TOO_MANY);
	expect(a, "PASS alice pencil\n", "outcome 0 alice\n");
	expect(b, "PASS alice pencil\n", "outcome 0 alice\n");
	expect(c, "PASS alice pencil\n", many);
	assert_int_equal(hub_watchers(door.hub, (uint64_t)alice, HUB_LOGINS), 2);
	expect(c, "PASS bob@example.org b o b\n", "outcome 0 Bob@example.org\n");
	expect(c, "OUT\n", "out\n");
	close(a);
	test_wait(net, 20, NULL);
	expect(c, "PASS alice pencil\n", "outcome 0 alice\n");
	close(b);
	close(c);
	test_wait(net, 20, NULL);
	door.account_max = 0;
}

/* The feed ends sessions, of every door and at once. */
static void
test_ended(void **state)
{
	int64_t id = make("dan", "plain", STR("{PLAIN}pw"), "pw", false);
	int fd = client(), other = client();

	expect(fd, "PASS dan pw\n", "outcome 0 dan\n");
	expect(other, "PASS alice pencil\n", "outcome 0 alice\n");
	assert_false(login_shut_out(&newest->login));
	/* Another form of the same password, or another password where sessions are not to end for that. */
	set((struct set){.id = id, .password = "{PLAIN}new"});
	assert_string_equal(got(fd), "");
	door.end_sessions = true;
	set((struct set){.id = id, .password = "{PLAIN}newer"});
	assert_string_equal(got(fd), "ended\n");
	close(fd);
	fd = client();
	expect(fd, "PASS dan newer\n", "outcome 0 dan\n");
	set((struct set){.id = id, .disable = true});
	assert_string_equal(got(fd), "ended\n");
	assert_string_equal(got(other), "");
	expect(other, "WRITE Here\n", "wrote ok\n");
	close(fd);
	close(other);
	door.end_sessions = false;
}

/* A password that was right is at hand: keys that were missing are made. */
static void
test_renewed(void **state)
{
	int64_t id = make("fay", "plain", STR("{PLAIN}pw"), NULL, false);
	struct buf mechanisms = {0};
	int fd = client();
	struct arena arena = {0};
	struct str value;
	struct db_txn *txn;

	expect(fd, "PASS fay pw\n", "outcome 0 fay\n");
	for (int i = 0; i < 1000 && !db_idle(store_db(store)); i++)
		usleep(1000);
	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	assert_int_equal(account_credential(txn, &arena, id, STR("scram-sha-256"), &value), OK);
	db_read_end(txn);
	assert_string_equal(got(fd), ""); /* its session goes on */
	login_mechanisms(&newest->login, &mechanisms, " ");
	assert_true(str_eq(buf_str(&mechanisms), STR(" SCRAM-SHA-256 PLAIN LOGIN")));
	buf_free(&mechanisms);
	arena_free_secret(&arena);
	close(fd);
}

/* ---- SASL ---- */

static int
scram_callback(Gsasl *ctx, Gsasl_session *session, Gsasl_property p)
{
	if (p != GSASL_AUTHID && p != GSASL_PASSWORD)
		return GSASL_NO_CALLBACK;
	gsasl_property_set(session, p, p == GSASL_AUTHID ? "alice" : gsasl_session_hook_get(session));
	return GSASL_OK;
}

/* What the client answers to a line of the server; "" begins. */
static void
scram_line(Gsasl_session *c, const char *from, const char *before, char *line, size_t n)
{
	char *out = NULL;

	(void)gsasl_step64(c, from, &out);
	snprintf(line, n, "%s%s\n", before, out != NULL ? out : "");
	gsasl_free(out);
}

/* The whole of SCRAM-SHA-256; between its last word and the empty answer something may happen. */
static void
scram(const char *password, void (*happens)(void), const char *outcome)
{
	static char hook[32];
	Gsasl *ctx;
	Gsasl_session *c;
	char line[512], *end;
	int fd = client();
	const char *text;

	snprintf(hook, sizeof(hook), "%s", password);
	assert_int_equal(gsasl_init(&ctx), GSASL_OK);
	gsasl_callback_set(ctx, scram_callback);
	assert_int_equal(gsasl_client_start(ctx, "SCRAM-SHA-256", &c), GSASL_OK);
	gsasl_session_hook_set(c, hook);
	scram_line(c, NULL, "AUTH SCRAM-SHA-256 ", line, sizeof(line));
	say(fd, line);
	text = hears(fd, 3000);
	assert_true(strncmp(text, "+ ", 2) == 0);
	snprintf(line, sizeof(line), "%s", text + 2);
	*(end = strchr(line, '\n')) = '\0';
	scram_line(c, line, "", line, sizeof(line));
	say(fd, line);
	text = hears(fd, 3000);
	if (strncmp(text, "+! ", 3) == 0) {
		if (happens != NULL)
			happens();
		expect(fd, "\n", outcome);
	} else {
		assert_string_equal(text, outcome);
	}
	gsasl_finish(c);
	gsasl_done(ctx);
	close(fd);
	test_wait(net, 20, NULL);
}

static void
disable_alice(void)
{
	set((struct set){.id = alice, .disable = true});
}

static void
test_scram(void **state)
{
	scram("pencil", NULL, "outcome 0 alice\n");
	scram("pen", NULL, "outcome 1 -\n");
	/* Whoever holds back the last, empty message is not let in to what was closed meanwhile (S15). */
	scram("pencil", disable_alice, "outcome 1 -\n");
}

static void
test_sasl(void **state)
{
	int fd = client();
	char answer[32];

	expect(fd, "AUTH PLAIN AGFsaWNlAHBlbmNpbA==\n", "outcome 0 alice\n");
	expect(fd, "OUT\n", "out\n");
	expect(fd, "AUTH PLAIN\n", "+ \n");
	expect(fd, "AGFsaWNlAHBlbmNpbA==\n", "outcome 0 alice\n");
	expect(fd, "OUT\n", "out\n");
	expect(fd, "AUTH LOGIN\n", "+ VXNlciBOYW1l\n");
	expect(fd, "YWxpY2U=\n", "+ UGFzc3dvcmQ=\n");
	expect(fd, "cGVuY2ls\n", "outcome 0 alice\n");
	expect(fd, "OUT\n", "out\n");
	snprintf(answer, sizeof(answer), "outcome %d -\n", (int)LOGIN_GIVEN_UP);
	expect(fd, "AUTH LOGIN\n", "+ VXNlciBOYW1l\n");
	expect(fd, "*\n", answer);
	snprintf(answer, sizeof(answer), "outcome %d -\n", (int)LOGIN_BAD_BASE64);
	expect(fd, "AUTH PLAIN not?base64\n", answer);
	expect(fd, "AUTH PLAIN\n", "+ \n");
	expect(fd, "====\n", answer);
	snprintf(answer, sizeof(answer), "outcome %d -\n", (int)LOGIN_NO_MECHANISM);
	expect(fd, "AUTH CRAM-MD5\n", answer);
	expect(fd, "AUTH SCRAM-SHA-256-PLUS\n", answer); /* no channel to bind to */
	snprintf(answer, sizeof(answer), "outcome %d -\n", (int)LOGIN_WRONG);
	expect(fd, "AUTH PLAIN =\n", answer);
	/* And goes away in the middle of one. */
	expect(fd, "AUTH LOGIN\n", "+ VXNlciBOYW1l\n");
	close(fd);
	test_wait(net, 50, NULL);
	assert_int_equal(closed, 1);
}

/* ---- changes ---- */

static void
test_change(void **state)
{
	int fd = client();

	expect(fd, "PASS alice pencil\n", "outcome 0 alice\n");
	expect(fd, "WRITE One\n", "wrote ok\n");
	expect(fd, "WRITE One\n", "wrote exists already\n");
	expect(fd, "FAIL\n", "wrote over quota\n");
	/* Each is answered before the next is begun. */
	say(fd, "WRITE Two\nWRITE Two\nOUT\n");
	for (int i = 0; i < 200 && newest->login.account != 0; i++)
		test_wait(net, 5, NULL);
	assert_string_equal(got(fd), "wrote ok\nwrote exists already\nout\n");
	close(fd);
}

static _Atomic bool go;

static enum status
hold_fn(struct db_txn *txn, void *arg)
{
	for (int i = 0; i < 5000 && !go; i++)
		usleep(1000);
	return OK;
}

/* The client vanishes while its change is on its way: the session stays until it is over, and the change is made. */
static void
test_change_of_one_gone(void **state)
{
	struct db_write hold = {.fn = hold_fn, .lane = 1};
	struct actor actor = {.store = store, .account = alice};
	struct arena arena = {0};
	struct mailbox mb;
	struct db_txn *txn;
	int fd = client();

	go = false;
	expect(fd, "PASS alice pencil\n", "outcome 0 alice\n");
	db_submit(store_db(store), &hold);
	say(fd, "WRITE Late\n");
	close(fd);
	test_wait(net, 30, NULL);
	assert_int_equal(closed, 0);
	net_stop_now(net); /* whatever waits: the socket goes, not the session */
	test_wait(net, 30, NULL);
	assert_int_equal(closed, 0);
	go = true;
	for (int i = 0; i < 1000 && closed == 0; i++)
		test_wait(net, 5, NULL);
	assert_int_equal(closed, 1);
	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	assert_int_equal(mailbox_find(&actor, txn, &arena, STR("Late"), &mb), OK);
	db_read_end(txn);
	arena_free(&arena);
}

/* Nothing is said before it is durable. */
static void
test_change_waits(void **state)
{
	struct db_write hold = {.fn = hold_fn, .lane = 1};
	int fd = client();

	go = false;
	expect(fd, "PASS alice pencil\n", "outcome 0 alice\n");
	db_submit(store_db(store), &hold);
	say(fd, "WRITE Waits\n");
	test_wait(net, 30, NULL);
	assert_true(change_waits(&newest->change));
	/* Other events come meanwhile. */
	conn_wake(newest->conn, CONN_EV_WAKE | CONN_EV_CHANGE);
	test_run(net);
	assert_string_equal(got(fd), "");
	go = true;
	assert_string_equal(hears(fd, 3000), "wrote ok\n");
	close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_door, close_door)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_password),
	    cmocka_unit_test_setup_teardown(test_one_moment, open_patient, close_door),
	    T(test_pipelined),
	    T(test_not_private),
	    T(test_too_many_failures),
	    T(test_turns),
	    T(test_turn_of_one_gone),
	    T(test_closed_meanwhile),
	    T(test_account_max),
	    T(test_ended),
	    T(test_renewed),
	    T(test_scram),
	    T(test_sasl),
	    T(test_change),
	    T(test_change_of_one_gone),
	    T(test_change_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
