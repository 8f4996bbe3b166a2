/* SPDX-License-Identifier: Apache-2.0 */
/*
 * places: from which networks an account has logged in. Kept in the store (the account's setting "places"), as hashes under the store's
 * secret with the day, so that it is known after a restart too; the newest 32 of each account. Any thread; reading
 * may block on the store, writing waits for nobody.
 */
#ifndef AUTH_PLACES_H
#define AUTH_PLACES_H

#include "base/network.h"

struct places;
struct store;

/* store must outlive it. */
struct places *places_new(struct store *store);
void places_free(struct places *p);
/* Has the account logged in from there before? False also where the store cannot be read. */
bool places_has(struct places *p, int64_t account, const struct network *where);
/* It does now. Looks at the store once a day for an account and a network, and writes to it when the day is another one. */
void places_add(struct places *p, int64_t account, const struct network *where);

#endif
