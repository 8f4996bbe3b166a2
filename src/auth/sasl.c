/* SPDX-License-Identifier: Apache-2.0 */
/* SASL exchanges. GNU SASL speaks the mechanisms; here is what it asks for, and what it must not
 * be asked. */
#include <stdlib.h>
#include "auth/auth_priv.h"
#include "base/assert.h"
#include "auth/simple.h"
#include "base/clock.h"
#include "base/codec.h"
#include "store/store.h"

#define INPUT_MAX 65536
#define STEPS_MAX 10
/* SCRAM's first answer waits so long: what was looked up for it must not show. */
#define CHALLENGE_MS 10

enum phase { RUNNING, PASSWORD, LAST_SENT, ENDED };

struct auth_sasl {
	struct auth *auth;
	const struct auth_client *client;
	Gsasl_session *session; /* of SCRAM; NULL: PLAIN and LOGIN, which are in simple */
	struct simple simple;
	struct arena arena;
	enum phase phase;
	unsigned steps;
	bool scram, plus;
	bool bound; /* SCRAM: -PLUS was on offer */
	/* SCRAM: what the user name led to. */
	bool looked_up, real;
	struct known known;
	struct attempt attempt;
	struct scram_keys keys;
	enum status status;
	struct auth_result result;
};

/* ---- what is asked ---- */

static struct str
property(struct auth_sasl *s, Gsasl_property p)
{
	if (s->session == NULL)
		return buf_str(p == GSASL_AUTHZID ? &s->simple.authzid : &s->simple.user);
	return str_c(gsasl_property_fast(s->session, p));
}

/* Who logs in acts as himself. */
static bool
authzid_ok(struct auth_sasl *s)
{
	struct str as = property(s, GSASL_AUTHZID);

	return as.n == 0 || str_eq(as, property(s, GSASL_AUTHID)) || auth_same(s->auth, as, property(s, GSASL_AUTHID));
}

static enum auth_step
check_password(struct auth_sasl *s)
{
	struct str user = property(s, GSASL_AUTHID);

	if (!authzid_ok(s))
		s->status = auth_outcome(s->auth, s->client, user, NULL, ERR_NO_PERM, "not for others", &s->result);
	else
		s->status = auth_password(s->auth, s->client, user, buf_str(&s->simple.password), &s->result);
	if (s->status == ERR_AGAIN)
		return AUTH_AGAIN;
	buf_free(&s->simple.password);
	s->phase = ENDED;
	return s->status == OK ? AUTH_DONE : AUTH_FAILED;
}

/* Finds the keys of the user; whoever has none gets false ones that look the same (S7). Both are made in any case. */
static enum status
load_keys(struct auth_sasl *s)
{
	struct str user = property(s, GSASL_AUTHID);
	enum status st = auth_look_up(s->auth, &s->arena, user, &s->known);
	struct scram_keys keys;

	if (st != OK)
		return st;
	attempt_init(s->auth, &s->attempt, s->client, &s->arena, user);
	/* Counted when the proof comes. */
	if (limit_ask(s->auth->limit, &s->attempt.who, clock_mono()) == LIMIT_PLACE)
		return ERR_LIMIT;
	survey_fake(s->auth->survey, s->attempt.who.user, &s->keys);
	s->real = s->known.account != 0 && s->known.scram.p != NULL && scram_parse(s->known.scram, &keys) == OK;
	if (s->real)
		s->keys = keys;
	explicit_bzero(&keys, sizeof(keys));
	return OK;
}

static int
set_base64(struct auth_sasl *s, Gsasl_property p, const void *bytes, size_t n)
{
	struct buf b = {0};

	base64_encode(&b, str_of(bytes, n));
	buf_addc(&b, '\0');
	gsasl_property_set(s->session, p, b.p);
	buf_free(&b);
	return GSASL_OK;
}

static int
give_key(struct auth_sasl *s, Gsasl_property p)
{
	char iterations[16];

	if (!s->looked_up) {
		s->status = load_keys(s);
		s->looked_up = true;
	}
	if (s->status != OK)
		return GSASL_AUTHENTICATION_ERROR;
	switch (p) {
	case GSASL_SCRAM_ITER:
		snprintf(iterations, sizeof(iterations), "%u", s->keys.iterations);
		gsasl_property_set(s->session, p, iterations);
		return GSASL_OK;
	case GSASL_SCRAM_SALT: return set_base64(s, p, s->keys.salt, s->keys.salt_len);
	case GSASL_SCRAM_STOREDKEY: return set_base64(s, p, s->keys.stored_key, 32);
	case GSASL_SCRAM_SERVERKEY: return set_base64(s, p, s->keys.server_key, 32);
	default: return GSASL_NO_CALLBACK;
	}
}

/*
 * Channel binding (RFC 9266, RFC 5929). It is given to the mechanism without -PLUS too: there it
 * tells that -PLUS was on offer, and a client which says that it could have done it but saw no
 * offer ("y") has been lied to on the way.
 */
static int
give_binding(struct auth_sasl *s, Gsasl_property p)
{
	const struct auth_client *c = s->client;
	uint8_t key[32];
	struct buf unique = {0};
	int rc = GSASL_NO_CALLBACK;

	if (!c->tls || !s->bound)
		return rc;
	if (p == GSASL_CB_TLS_EXPORTER && c->exporter != NULL && c->exporter(c->arg, key))
		rc = set_base64(s, p, key, sizeof(key));
	if (p == GSASL_CB_TLS_UNIQUE && c->unique != NULL && c->unique(c->arg, &unique) &&
	    unique.n > 0)
		rc = set_base64(s, p, unique.p, unique.n);
	buf_free(&unique);
	return rc;
}

int
auth_callback(Gsasl *ctx, Gsasl_session *session, Gsasl_property p)
{
	struct auth_sasl *s = gsasl_session_hook_get(session);

	if (s == NULL)
		return GSASL_NO_CALLBACK;
	switch (p) {
	case GSASL_SCRAM_ITER:
	case GSASL_SCRAM_SALT:
	case GSASL_SCRAM_STOREDKEY:
	case GSASL_SCRAM_SERVERKEY: return give_key(s, p);
	case GSASL_CB_TLS_EXPORTER:
	case GSASL_CB_TLS_UNIQUE: return give_binding(s, p);
	default: return GSASL_NO_CALLBACK;
	}
}

/* ---- sessions ---- */

enum status
auth_sasl_new(
    struct auth *a, const struct auth_client *client, struct str mech, struct auth_sasl **s_r)
{
	const char *name = auth_offered(a, client, mech);
	struct auth_sasl *s;

	if (name == NULL)
		return ERR_NOT_FOUND;
	s = x_new(struct auth_sasl);
	s->auth = a;
	s->client = client;
	s->scram = name[0] == 'S';
	s->plus = s->scram && str_ends(str_c(name), STR("-PLUS"));
	s->bound = s->scram && auth_offered(a, client, STR("SCRAM-SHA-256-PLUS")) != NULL;
	if (!s->scram) {
		simple_init(&s->simple, name[0] == 'L');
		*s_r = s;
		return OK;
	}
	if (gsasl_server_start(a->gsasl, name, &s->session) != GSASL_OK) {
		free(s);
		return ERR_UNAVAILABLE;
	}
	gsasl_session_hook_set(s->session, s);
	*s_r = s;
	return OK;
}

void
auth_sasl_free(struct auth_sasl *s)
{
	if (s == NULL)
		return;
	if (s->session != NULL)
		gsasl_finish(s->session);
	simple_free(&s->simple);
	explicit_bzero(&s->keys, sizeof(s->keys));
	arena_free_secret(&s->arena);
	free(s);
}

enum status
auth_sasl_status(const struct auth_sasl *s)
{
	return s->status;
}

const struct auth_result *
auth_sasl_result(const struct auth_sasl *s)
{
	return &s->result;
}

unsigned
auth_sasl_delay(const struct auth_sasl *s)
{
	return s->looked_up && s->auth->settings.delay_ms > 0 ? CHALLENGE_MS : 0;
}

bool
auth_sasl_last(const struct auth_sasl *s)
{
	return s->phase == LAST_SENT;
}

static enum auth_step
fail(struct auth_sasl *s, enum status st)
{
	const char *why = s->looked_up && s->known.account != 0 && !s->real ? "the account has no keys for SCRAM" : NULL;

	s->phase = ENDED;
	s->status = auth_outcome(s->auth, s->client, property(s, GSASL_AUTHID), s->looked_up ? &s->known : NULL, s->status == OK ? st : s->status, why,
	    &s->result);
	return AUTH_FAILED;
}

/* The mechanism is satisfied. */
static enum auth_step
succeed(struct auth_sasl *s, const struct buf *output)
{
	if (!s->real || !authzid_ok(s))
		return fail(s, ERR_NO_PERM);
	attempt_succeeded(s->auth, &s->attempt, &s->known);
	(void)auth_outcome(s->auth, s->client, property(s, GSASL_AUTHID), &s->known, OK, NULL, &s->result);
	if (output->n == 0) {
		s->phase = ENDED;
		return AUTH_DONE;
	}
	s->phase = LAST_SENT;
	return AUTH_CONTINUE;
}

/* The client's answer to the server's last message of SCRAM is empty (RFC 9051 6.2.2, RFC 4422
 * section 3). */
static enum auth_step
after_last(struct auth_sasl *s, struct str input)
{
	ensure(s->status == OK && s->result.account != 0); /* the last message is sent to who is in */
	s->phase = ENDED;
	if (input.n == 0)
		return AUTH_DONE;
	s->status = auth_outcome(
	    s->auth, s->client, property(s, GSASL_AUTHID), &s->known, ERR_BAD_INPUT, NULL, &s->result);
	return AUTH_FAILED;
}

/* RFC 5802 section 6: who binds to the channel uses -PLUS, and only he. The library does not look
 * at the former. */
static bool
binding_misplaced(const struct auth_sasl *s, struct str input)
{
	return s->scram && !s->plus && !s->looked_up && input.n > 0 && input.p[0] == 'p';
}

static enum auth_step
step_simple(struct auth_sasl *s, struct str input, struct buf *output)
{
	switch (simple_step(&s->simple, input, output)) {
	case SIMPLE_CONTINUE: return AUTH_CONTINUE;
	case SIMPLE_COMPLETE: break;
	case SIMPLE_BAD: return fail(s, ERR_BAD_INPUT);
	}
	s->phase = PASSWORD;
	return check_password(s);
}

enum auth_step
auth_sasl_step(struct auth_sasl *s, struct str input, struct buf *output)
{
	char *out = NULL;
	size_t n = 0;
	int rc;

	buf_clear(output);
	if (s->phase == PASSWORD)
		return check_password(s);
	if (s->phase == LAST_SENT)
		return after_last(s, input);
	if (s->phase == ENDED)
		return s->status == OK ? AUTH_DONE : AUTH_FAILED;
	if (input.n > INPUT_MAX || s->steps++ == STEPS_MAX || binding_misplaced(s, input))
		return fail(s, ERR_BAD_INPUT);
	if (!s->scram)
		return step_simple(s, input, output);
	/* The proof comes: it is a guess, whatever it is worth. */
	if (s->looked_up && (s->status = attempt_begin(s->auth, &s->attempt, &s->known, &s->result)) != OK)
		return fail(s, ERR_LIMIT);
	rc = gsasl_step(s->session, input.p, input.n, &out, &n);
	if (rc == GSASL_OK || rc == GSASL_NEEDS_MORE)
		buf_add(output, str_of(out, n));
	gsasl_free(out);
	/* An empty message, "=" in IMAP (RFC 4959 3), is not the same as none: it leads nowhere. */
	if (rc == GSASL_NEEDS_MORE && input.p != NULL && input.n == 0 && output->n == 0)
		return fail(s, ERR_BAD_INPUT);
	if (rc == GSASL_NEEDS_MORE)
		return AUTH_CONTINUE;
	if (rc == GSASL_OK)
		return succeed(s, output);
	return fail(s, rc == GSASL_AUTHENTICATION_ERROR ? ERR_NO_PERM : ERR_BAD_INPUT);
}
