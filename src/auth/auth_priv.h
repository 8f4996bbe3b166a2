/* SPDX-License-Identifier: Apache-2.0 */
/* What auth.c, attempt.c, renew.c and sasl.c share. */
#ifndef AUTH_AUTH_PRIV_H
#define AUTH_AUTH_PRIV_H

#include "auth/auth.h"
#include "auth/cache.h"
#include "auth/limit.h"
#include "auth/places.h"
#include "auth/scram.h"
#include "auth/survey.h"
#include "store/store.h"

struct auth {
	struct store *store;
	struct auth_settings settings;
	struct limit *limit;
	struct cache *cache;
	struct places *places;
	struct survey *survey[SCRAM_HASHES]; /* NULL: keys for that hash are not kept */
	struct buf tls_mechanisms; /* what settings.tls_mechanisms points to */
};

/* What the store knows of a user name. */
struct known {
	bool exists;     /* there is an account of that name, maybe a disabled one: for the log */
	int64_t account; /* 0: no such account, or a disabled one */
	uint64_t generation;
	struct str name;  /* as it was created */
	struct str hash;  /* what password_verify takes; p NULL: none */
	struct str scram[SCRAM_HASHES]; /* RFC 5803 text; p NULL: none */
};
/* Looks for what is needed to check a password and for SCRAM keys. The same questions are asked of the store whether the user
 * exists or not. Strings in the arena. OK also for who does not exist. */
must_check enum status auth_look_up(struct auth *a, struct arena *arena, struct str user, struct known *known_r);

/* Whether two names mean one account, which there is. */
bool auth_same(struct auth *a, struct str one, struct str other);

/* Who tries, for the limits; user stands for all spellings of the name (account_guess_key()), and where aliases are names to log in with, for those of one
 * account. In the arena. */
struct attempt {
	struct network network;
	struct limit_who who;
};
void attempt_init(struct auth *a, struct attempt *t, const struct auth_client *client, struct arena *arena, struct str user,
    const struct known *known);
/* Counts the attempt, once, before anything is compared with what was given. ERR_LIMIT: there were too many. */
must_check enum status attempt_begin(struct auth *a, struct attempt *t, const struct known *known, struct auth_result *result);
/* It was right. */
void attempt_succeeded(struct auth *a, struct attempt *t, const struct known *known);

/* Ends an attempt: logs it, fills the result. Returns st. user as it was tried; known: what it led to, NULL: it was not looked up; why: for the
 * log, NULL: what st says. */
enum status auth_outcome(struct auth *a, const struct auth_client *client, struct str user,
    const struct known *known, enum status st, const char *why, struct auth_result *result_r);
/* A password attempt without the question whether plaintext is allowed here. */
must_check enum status auth_password(struct auth *a, const struct auth_client *client,
    struct str user, struct str password, struct auth_result *result_r);

/* The password is right and at hand: what is kept of it is brought up to date (keys that are missing or have too few iterations, a hash
 * from elsewhere). Takes the time of a hash where there is something to do; what it makes is stored without waiting. */
void auth_renew(struct auth *a, const struct known *known, struct str password);

/* Is there a value for channel binding on this connection? */
bool auth_has_binding(const struct auth_client *client);

/* A SASL mechanism by its name (mechanism.c). */
struct mechanism {
	enum mechanism_kind { MECHANISM_EXTERNAL, MECHANISM_PLAIN, MECHANISM_LOGIN, MECHANISM_SCRAM } kind;
	enum scram_hash hash; /* SCRAM's */
	bool plus;            /* -PLUS */
};
/* Is that on offer on this connection? May block on the store. */
bool auth_offered(struct auth *a, const struct auth_client *client, struct str mech, struct mechanism *m_r);
/* SCRAM with this hash, with -PLUS? */
bool auth_offers_binding(struct auth *a, const struct auth_client *client, enum scram_hash hash);

#endif
