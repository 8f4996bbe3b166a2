/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache: remembers that a password was right, so that clients that log in every minute do not
 * cost an argon2 each. An entry belongs to one account and one generation of its credentials (S8)
 * and holds a hash of the password under a key that dies with the process. Fixed size. Any
 * thread.
 */
#ifndef AUTH_CACHE_H
#define AUTH_CACHE_H

#include "base/str.h"

struct cache;

struct cache *cache_new(unsigned seconds);
void cache_free(struct cache *c);
/* Was this password right for this account lately? now: monotonic microseconds. */
bool cache_has(
    struct cache *c, int64_t account, uint64_t generation, struct str password, int64_t now);
void cache_put(
    struct cache *c, int64_t account, uint64_t generation, struct str password, int64_t now);
void cache_forget(struct cache *c, int64_t account);

#endif
