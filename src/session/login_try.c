/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attempt to log in, from the client's first bytes to the moment at which it is answered. auth says what is right; here it is said
 * when that may be asked, when it may be told, and whether it is true still.
 */
#include "base/clock.h"
#include "base/codec.h"
#include "base/map.h"
#include "base/network.h"
#include "base/watchdog.h"
#include "session/login_priv.h"

static bool
exporter(void *arg, uint8_t key_r[32])
{
	return conn_tls_exporter(arg, STR("EXPORTER-Channel-Binding"), key_r, 32);
}

static bool
unique(void *arg, struct buf *out)
{
	uint8_t data[64];
	size_t n = conn_tls_unique(arg, data);

	buf_add(out, str_of(data, n));
	return n > 0;
}

static bool
end_point(void *arg, struct buf *out)
{
	uint8_t data[64];
	size_t n = conn_tls_end_point(arg, data);

	buf_add(out, str_of(data, n));
	return n > 0;
}

static bool
certificate(void *arg, struct auth_certificate *c_r)
{
	struct conn_tls_peer peer;
	bool has = conn_tls_peer(arg, &peer);

	*c_r = (struct auth_certificate){.trusted = peer.trusted, .addresses = peer.addresses};
	memcpy(c_r->fingerprint, peer.fingerprint, sizeof(c_r->fingerprint));
	return has;
}

struct auth_client
login_client(const struct login *l)
{
	struct conn *c = l->conn;
	enum conn_plaintext plaintext = conn_plaintext(c);
	bool tls = conn_tls(c), unix_socket = str_eq(str_c(conn_peer(c)), STR("unix"));
	bool trusted = plaintext == CONN_PLAINTEXT_LOOPBACK || (plaintext == CONN_PLAINTEXT_DEFAULT && l->door->trust_loopback);

	return (struct auth_client){
	    .address = unix_socket ? STR("") : str_c(conn_peer(c)),
	    .tls = tls,
	    .local = unix_socket || (trusted && conn_loopback(c)),
	    .plaintext = plaintext == CONN_PLAINTEXT_DEFAULT ? AUTH_PLAINTEXT_DEFAULT : plaintext == CONN_PLAINTEXT_YES ? AUTH_PLAINTEXT_YES : AUTH_PLAINTEXT_NO,
	    .exporter = tls ? exporter : NULL,
	    .unique = tls ? unique : NULL,
	    .end_point = tls ? end_point : NULL,
	    .certificate = conn_tls_has_peer(c) ? certificate : NULL,
	    .arg = c,
	};
}

bool
login_plaintext_allowed(const struct login *l)
{
	struct auth_client client = login_client(l);

	return auth_plaintext_allowed(l->door->auth, &client);
}

void
login_mechanisms(const struct login *l, struct buf *out, const char *prefix)
{
	struct auth_client client = login_client(l);

	auth_mechanisms(l->door->auth, &client, out, prefix);
}

static bool
turn(void *arg)
{
	struct login_try *t = arg;

	return t->turn.pool == NULL || heavy_enter(&t->turn);
}

/* Whose turn it is: a client's network's, so that nobody has more of them for having many addresses. */
static uint64_t
lane(const struct auth_client *client)
{
	struct network n;

	return network_of_text(client->address, &n) ? hash_keyed(network_str(&n)) : hash_keyed(client->address);
}

void
login_try_init(struct login_try *t, struct login *l)
{
	t->login = l;
	t->client = login_client(l);
	t->client.turn = turn;
	t->client.turn_arg = t;
	t->user.secret = t->password.secret = t->answer.secret = true;
	heavy_init_login(&t->turn, l->door->pool, l->conn, lane(&t->client));
}

void
login_try_fini(struct login_try *t)
{
	heavy_leave(&t->turn);
	auth_sasl_free(t->sasl);
	t->sasl = NULL;
	buf_free_secret(&t->user);
	buf_free_secret(&t->password);
	buf_free_secret(&t->answer);
	buf_free(&t->challenge);
}

/* Follows at once, or, where ms is not 0, at the first multiple of it after the client's bytes came that has not passed (S7). */
static enum login_next
say(struct login_try *t, enum login_next next, unsigned ms)
{
	int64_t step = (int64_t)ms * 1000;

	if (ms == 0)
		return next;
	t->next = next;
	t->answer_at = t->arrived + ((clock_mono() - t->arrived) / step + 1) * step;
	conn_pause_until(t->login->conn, t->answer_at);
	return LOGIN_WAIT;
}

static enum login_next
over(struct login_try *t, enum login_outcome outcome)
{
	t->outcome = outcome;
	return say(t, LOGIN_OVER, t->result.delay_ms);
}

/* auth has spoken. */
static enum login_next
judged(struct login_try *t, enum status st)
{
	heavy_leave(&t->turn);
	if (st == OK)
		st = login_enter(t->login, &t->client, &t->result);
	switch (st) {
	case OK: return over(t, LOGIN_IN);
	case ERR_NO_PERM:
	case ERR_BAD_INPUT: return over(t, LOGIN_WRONG);
	case ERR_LIMIT: return over(t, LOGIN_TOO_MANY);
	default: return over(t, LOGIN_UNAVAILABLE);
	}
}

static enum login_next
refuse_open(struct login_try *t)
{
	login_log_refused(t->login, "", "a password without TLS");
	return over(t, LOGIN_NOT_PRIVATE);
}

static enum login_next
check_password(struct login_try *t)
{
	enum status st;

	/* Hashing cannot be divided; it has turns of its own. */
	watchdog_pause();
	st = auth_login(t->login->door->auth, &t->client, buf_str(&t->user), buf_str(&t->password), &t->result);
	watchdog_resume();
	t->asking = st == ERR_AGAIN;
	return t->asking ? LOGIN_WAIT : judged(t, st);
}

enum login_next
login_password(struct login_try *t, struct str user, struct str password)
{
	t->arrived = clock_mono();
	if (!auth_plaintext_allowed(t->login->door->auth, &t->client))
		return refuse_open(t);
	buf_add(&t->user, user);
	buf_add(&t->password, password);
	return check_password(t);
}

/* One step of the exchange; input may have no address: nothing came. */
static enum login_next
step(struct login_try *t, struct str input)
{
	struct buf bytes = {0};
	enum auth_step step;

	watchdog_pause();
	step = auth_sasl_step(t->sasl, input, &bytes);
	watchdog_resume();
	if ((t->asking = step == AUTH_AGAIN)) {
		buf_free(&bytes);
		return LOGIN_WAIT;
	}
	if (step == AUTH_CONTINUE) {
		heavy_leave(&t->turn);
		buf_clear(&t->challenge);
		base64_encode(&t->challenge, buf_str(&bytes));
		t->last = auth_sasl_last(t->sasl);
		buf_free(&bytes);
		return say(t, LOGIN_CHALLENGE, auth_sasl_delay(t->sasl));
	}
	buf_free(&bytes);
	t->result = *auth_sasl_result(t->sasl);
	return judged(t, step == AUTH_DONE ? OK : auth_sasl_status(t->sasl));
}

static enum login_next
give(struct login_try *t, struct str text)
{
	enum login_next next;

	t->arrived = clock_mono();
	buf_clear(&t->answer);
	if (base64_decode(&t->answer, text) != OK)
		return over(t, LOGIN_BAD_BASE64);
	next = step(t, t->answer.n > 0 ? buf_str(&t->answer) : STR(""));
	buf_clear(&t->answer);
	return next;
}

enum login_next
login_sasl(struct login_try *t, struct str mech, struct str initial)
{
	struct auth *auth = t->login->door->auth;
	enum status st = auth_sasl_new(auth, &t->client, mech, &t->sasl);

	t->arrived = clock_mono();
	if (st == ERR_NOT_FOUND && !auth_plaintext_allowed(auth, &t->client) && (str_caseeq(mech, STR("PLAIN")) || str_caseeq(mech, STR("LOGIN"))))
		return refuse_open(t);
	if (st != OK)
		return over(t, st == ERR_NOT_FOUND ? LOGIN_NO_MECHANISM : LOGIN_UNAVAILABLE);
	if (initial.p == NULL)
		return step(t, STR_NONE);
	return give(t, str_eq(initial, STR("=")) ? STR("") : initial);
}

enum login_next
login_answer(struct login_try *t, struct str line)
{
	return str_eq(line, STR("*")) ? over(t, LOGIN_GIVEN_UP) : give(t, line);
}

enum login_next
login_go_on(struct login_try *t)
{
	if (t->answer_at != 0) {
		if (clock_mono() < t->answer_at)
			return LOGIN_WAIT;
		t->answer_at = 0;
		return t->next;
	}
	if (!t->asking)
		return LOGIN_WAIT;
	return t->sasl != NULL ? step(t, STR_NONE) : check_password(t);
}
