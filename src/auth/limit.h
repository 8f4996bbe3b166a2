/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit: counts failed logins by address and by address and user, in a table of fixed size. A
 * count leaks away with time, so nobody is locked out for long, and nobody can lock another's
 * address out. Any thread.
 */
#ifndef AUTH_LIMIT_H
#define AUTH_LIMIT_H

#include "base/str.h"

struct limit;

struct limit *limit_new(void);
void limit_free(struct limit *l);
/* May this user be tried from this address now (microseconds, monotonic)? An empty address always
 * may. */
bool limit_allows(struct limit *l, struct str address, struct str user, int64_t now);
void limit_failed(struct limit *l, struct str address, struct str user, int64_t now);
/* Forgets the failures of this user from this address. */
void limit_succeeded(struct limit *l, struct str address, struct str user);

#endif
