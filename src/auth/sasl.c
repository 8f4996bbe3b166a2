/* SPDX-License-Identifier: Apache-2.0 */
/* SASL exchanges: which mechanism goes which way, and what is looked up, counted and told on it. */
#include <stdlib.h>
#include "auth/external.h"
#include "auth/scram_exchange.h"
#include "auth/simple.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "store/store.h"

#define INPUT_MAX 65536
#define STEPS_MAX 10
/* SCRAM's first answer waits so long: what was looked up for it must not show. */
#define CHALLENGE_MS 10

enum phase { RUNNING, PASSWORD, LAST_SENT, ENDED };

struct auth_sasl {
	struct auth *auth;
	const struct auth_client *client;
	struct simple simple; /* PLAIN and LOGIN; EXTERNAL: user is who was asked for */
	struct scram_exchange exchange;
	struct arena arena;
	enum phase phase;
	unsigned steps;
	bool scram, plus, external;
	bool bound; /* SCRAM: -PLUS was on offer */
	enum scram_hash hash;
	/* SCRAM: what the user name led to. */
	bool looked_up, real;
	struct known known;
	struct attempt attempt;
	struct scram_keys keys;
	struct buf channel; /* the data of the channel binding that the client named */
	enum status status;
	struct auth_result result;
};

/* ---- what is asked ---- */

static struct str
user_of(const struct auth_sasl *s)
{
	return buf_str(s->scram ? &s->exchange.user : &s->simple.user);
}

/* Who logs in acts as himself. */
static bool
authzid_ok(struct auth_sasl *s)
{
	struct str as = buf_str(s->scram ? &s->exchange.authzid : &s->simple.authzid);

	return as.n == 0 || str_eq(as, user_of(s)) || auth_same(s->auth, as, user_of(s));
}

static enum auth_step
check_password(struct auth_sasl *s)
{
	struct str user = user_of(s);

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
	struct str user = user_of(s);
	enum status st = auth_look_up(s->auth, &s->arena, user, &s->known);
	struct scram_keys keys;

	if (st != OK)
		return st;
	attempt_init(s->auth, &s->attempt, s->client, &s->arena, user, &s->known);
	/* Counted when the proof comes. */
	if (limit_ask(s->auth->limit, &s->attempt.who, clock_mono()) == LIMIT_PLACE)
		return ERR_LIMIT;
	survey_fake(s->auth->survey[s->hash], s->attempt.who.user, &s->keys);
	s->real = s->known.account != 0 && s->known.scram[s->hash].p != NULL && scram_parse(s->hash, s->known.scram[s->hash], &keys) == OK;
	if (s->real)
		s->keys = keys;
	explicit_bzero(&keys, sizeof(keys));
	return OK;
}

/* The value that the channel is bound by (RFC 9266, RFC 5929). False: there is none of that name on this connection. */
static bool
find_channel(const struct auth_client *c, struct str name, struct buf *out)
{
	uint8_t key[32];

	if (!c->tls)
		return false;
	if (str_eq(name, STR("tls-exporter")) && c->exporter != NULL && c->exporter(c->arg, key))
		buf_add(out, str_of(key, sizeof(key)));
	else if (str_eq(name, STR("tls-unique")) && c->unique != NULL)
		(void)c->unique(c->arg, out);
	else if (str_eq(name, STR("tls-server-end-point")) && c->end_point != NULL)
		(void)c->end_point(c->arg, out);
	return out->n > 0;
}

bool
auth_has_binding(const struct auth_client *client)
{
	static const struct str names[] = {STR("tls-exporter"), STR("tls-unique"), STR("tls-server-end-point")};
	struct buf value = {0};
	bool has = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !has; i++)
		has = find_channel(client, names[i], &value);
	buf_free(&value);
	return has;
}

/* ---- sessions ---- */

enum status
auth_sasl_new(
    struct auth *a, const struct auth_client *client, struct str mech, struct auth_sasl **s_r)
{
	struct mechanism m;
	struct auth_sasl *s;

	if (!auth_offered(a, client, mech, &m))
		return ERR_NOT_FOUND;
	s = x_new(struct auth_sasl);
	s->auth = a;
	s->client = client;
	s->scram = m.kind == MECHANISM_SCRAM;
	s->external = m.kind == MECHANISM_EXTERNAL;
	s->plus = m.plus;
	s->hash = m.hash;
	s->bound = s->scram && auth_offers_binding(a, client, m.hash);
	if (!s->scram)
		simple_init(&s->simple, m.kind == MECHANISM_LOGIN);
	*s_r = s;
	return OK;
}

void
auth_sasl_free(struct auth_sasl *s)
{
	if (s == NULL)
		return;
	simple_free(&s->simple);
	scram_exchange_free(&s->exchange);
	buf_free_secret(&s->channel);
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

/* why: for the log; NULL: what st says. */
static enum auth_step
fail(struct auth_sasl *s, enum status st, const char *why)
{
	s->phase = ENDED;
	s->status = auth_outcome(s->auth, s->client, user_of(s), s->looked_up ? &s->known : NULL, st, why, &s->result);
	return AUTH_FAILED;
}

static enum auth_step
step_simple(struct auth_sasl *s, struct str input, struct buf *output)
{
	switch (simple_step(&s->simple, input, output)) {
	case SIMPLE_CONTINUE: return AUTH_CONTINUE;
	case SIMPLE_COMPLETE: break;
	case SIMPLE_BAD: return fail(s, ERR_BAD_INPUT, NULL);
	}
	s->phase = PASSWORD;
	return check_password(s);
}

/* ---- EXTERNAL ---- */

/* Who stands behind a certificate is no secret that could be guessed, but whom it may be tried for is: it is counted like a guess. */
static enum auth_step
judge_certificate(struct auth_sasl *s, const struct auth_certificate *c)
{
	struct str name = buf_str(&s->simple.user);
	const char *why = NULL;
	enum status st = external_decide(s->auth, &s->arena, c, name, &s->known, &why);

	s->looked_up = true;
	attempt_init(s->auth, &s->attempt, s->client, &s->arena, name.n > 0 ? name : s->known.account != 0 ? s->known.name : str_c(c->fingerprint), &s->known);
	if (st == OK)
		st = attempt_begin(s->auth, &s->attempt, &s->known, &s->result);
	if (st == OK && s->known.account == 0)
		st = ERR_NO_PERM;
	if (st != OK)
		return fail(s, st, st == ERR_NO_PERM ? why : NULL);
	attempt_succeeded(s->auth, &s->attempt, &s->known);
	(void)auth_outcome(s->auth, s->client, name, &s->known, OK, NULL, &s->result);
	s->phase = ENDED;
	return AUTH_DONE;
}

/* RFC 4422 appendix A: the client says whom it acts as, or nothing. */
static enum auth_step
step_external(struct auth_sasl *s, struct str input)
{
	struct auth_certificate c = {0};
	enum auth_step step;

	if (input.p == NULL)
		return AUTH_CONTINUE;
	if (str_chr(input, '\0') < input.n || !utf8_valid(input) || !s->client->certificate(s->client->arg, &c))
		return fail(s, ERR_BAD_INPUT, NULL);
	buf_add(&s->simple.user, input);
	step = judge_certificate(s, &c);
	buf_free(&c.addresses);
	return step;
}

/* ---- SCRAM ---- */

/*
 * RFC 5802 section 6: who binds to the channel uses -PLUS, and only he. A client that could have bound and says that it saw no offer ("y"), where
 * there was one, has been lied to on the way. NULL: all is well.
 */
static const char *
binding_wrong(struct auth_sasl *s)
{
	if (s->plus != (s->exchange.flag == SCRAM_BINDS))
		return "channel binding does not go with the mechanism";
	if (s->exchange.flag == SCRAM_UNSEEN && s->bound)
		return "a downgrade: the client has not seen that -PLUS is on offer";
	if (s->plus && !find_channel(s->client, s->exchange.binding, &s->channel))
		return "no such channel binding on this connection";
	return NULL;
}

static enum auth_step
first_message(struct auth_sasl *s, struct str input, struct buf *output)
{
	const char *why;
	enum status st;

	if (scram_first(&s->exchange, input) != OK)
		return fail(s, ERR_BAD_INPUT, NULL);
	if ((why = binding_wrong(s)) != NULL)
		return fail(s, ERR_BAD_INPUT, why);
	s->looked_up = true;
	if ((st = load_keys(s)) != OK)
		return fail(s, st, NULL);
	scram_challenge(&s->exchange, &s->keys, output);
	return AUTH_CONTINUE;
}

/* The proof: it is a guess, whatever it is worth. */
static enum auth_step
proof(struct auth_sasl *s, struct str input, struct buf *output)
{
	enum status st = attempt_begin(s->auth, &s->attempt, &s->known, &s->result);

	if (st == OK)
		st = scram_final(&s->exchange, &s->keys, buf_str(&s->channel), input, output);
	if (st == OK && (!s->real || !authzid_ok(s)))
		st = ERR_NO_PERM;
	if (st != OK) {
		buf_clear(output);
		return fail(s, st, s->known.account != 0 && !s->real ? "the account has no keys for this mechanism" : NULL);
	}
	attempt_succeeded(s->auth, &s->attempt, &s->known);
	(void)auth_outcome(s->auth, s->client, user_of(s), &s->known, OK, NULL, &s->result);
	s->phase = LAST_SENT;
	return AUTH_CONTINUE;
}

/* The client's answer to the server's last message of SCRAM is empty (RFC 9051 6.2.2, RFC 4422
 * section 3). */
static enum auth_step
after_last(struct auth_sasl *s, struct str input)
{
	ensure(s->status == OK && s->result.account != 0); /* the last message is sent to who is in */
	if (input.n > 0)
		return fail(s, ERR_BAD_INPUT, NULL);
	s->phase = ENDED;
	return AUTH_DONE;
}

/* A client that sent no first message is asked for it with an empty challenge; an empty one, "=" in IMAP (RFC 4959 3), is not the same as none. */
static enum auth_step
step_scram(struct auth_sasl *s, struct str input, struct buf *output)
{
	if (s->looked_up)
		return proof(s, input, output);
	return input.p == NULL ? AUTH_CONTINUE : first_message(s, input, output);
}

enum auth_step
auth_sasl_step(struct auth_sasl *s, struct str input, struct buf *output)
{
	buf_clear(output);
	if (s->phase == PASSWORD)
		return check_password(s);
	if (s->phase == LAST_SENT)
		return after_last(s, input);
	if (s->phase == ENDED)
		return s->status == OK ? AUTH_DONE : AUTH_FAILED;
	if (input.n > INPUT_MAX || s->steps++ == STEPS_MAX)
		return fail(s, ERR_BAD_INPUT, NULL);
	if (s->external)
		return step_external(s, input);
	return s->scram ? step_scram(s, input, output) : step_simple(s, input, output);
}
