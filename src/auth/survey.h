/* SPDX-License-Identifier: Apache-2.0 */
/*
 * survey: what SCRAM keys of one hash the accounts of a store have, taken together: whether anybody who can log in has none, and how many have which
 * number of iterations and length of salt. Counted once, then kept up as accounts change. Any thread; questions may block on
 * the store, survey_changed() does not.
 *
 * A user who does not exist gets keys as one of those who do (RFC 5802 has no better): of all names the same share gets each form
 * as of the accounts, and in the same order, in which the form of new keys is the last: an account gets it at its next login with a
 * password, whether it had fewer iterations or more. A form that has become rarer does not become more frequent again
 * while the process runs: no account goes back to it.
 */
#ifndef AUTH_SURVEY_H
#define AUTH_SURVEY_H

#include "auth/scram.h"

struct store;
struct survey;

/* iterations: what new keys have; the form of false keys where nobody has any. store must outlive it. */
struct survey *survey_new(struct store *store, enum scram_hash hash, uint32_t iterations);
void survey_free(struct survey *v);
/* The account's credentials changed, or it was disabled, enabled or deleted. */
void survey_changed(struct survey *v, int64_t account);
/* Has everybody who can log in (is not disabled, and has a password) keys for SCRAM? False also where the store cannot be read. */
bool survey_complete(struct survey *v);
/* False keys for a user name, in the form in which names are compared. */
void survey_fake(struct survey *v, struct str user, struct scram_keys *keys_r);

#endif
