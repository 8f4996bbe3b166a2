/* SPDX-License-Identifier: Apache-2.0 */
/* What auth.c and sasl.c share. */
#ifndef AUTH_AUTH_PRIV_H
#define AUTH_AUTH_PRIV_H

#include <gsasl.h>
#include "auth/auth.h"
#include "auth/cache.h"
#include "auth/limit.h"
#include "auth/scram.h"
#include "store/store.h"

struct auth {
	struct store *store;
	struct auth_settings settings;
	struct limit *limit;
	struct cache *cache;
	Gsasl *gsasl;
};

/* What the store knows of a user name. */
struct known {
	int64_t account; /* 0: no such account, or a disabled one */
	uint64_t generation;
	struct str name;  /* as it was created */
	bool cached;      /* the password is known to be right */
	struct str hash;  /* what password_verify takes; p NULL: none, or cached */
	struct str scram; /* RFC 5803 text; p NULL: none */
};
/* Looks for what is needed to check a password or, where password.p is NULL, for SCRAM keys.
 * Strings in the arena. OK also for who does not exist. */
must_check enum status auth_look_up(struct auth *a, struct arena *arena, struct str user,
    struct str password, struct known *known_r);

/* Ends an attempt: counts it, logs it, fills the result. Returns st. user as it was tried. */
enum status auth_outcome(struct auth *a, const struct auth_client *client, struct str user,
    const struct known *known, enum status st, struct auth_result *result_r);
/* A password attempt without the question whether plaintext is allowed here. */
must_check enum status auth_password(struct auth *a, const struct auth_client *client,
    struct str user, struct str password, struct auth_result *result_r);

/* Answers the library's questions (sasl.c). */
int auth_callback(Gsasl *ctx, Gsasl_session *session, Gsasl_property p);
/* Is there a value for channel binding on this connection? */
bool auth_has_binding(const struct auth_client *client);

#endif
