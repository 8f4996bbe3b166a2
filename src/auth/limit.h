/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit: how often passwords may be tried. Failures are counted by address and user, by address, and by user over all addresses, in a
 * table of fixed size. A count leaks away with time. An attempt is counted when it begins, so that many at once are as many as one after the
 * other, and given back when it was right. Nothing else is looked at before: no cache can change how often one may try. Any
 * thread.
 *
 * The count over all addresses slows those who guess one user's password from many addresses: beyond it one attempt in some seconds is
 * let through. It is not for addresses at which the user has logged in before (known): from there nobody elsewhere can lock
 * him out. What an address does is its own: nobody locks another's address out.
 */
#ifndef AUTH_LIMIT_H
#define AUTH_LIMIT_H

#include "base/network.h"

struct limit;

/* Who tries: where is NULL for a Unix socket, which is not limited. user: the form in which names are compared. */
struct limit_who {
	const struct network *where;
	struct str user;
	bool known; /* this user has logged in from there before */
};
enum limit_verdict {
	LIMIT_OK,
	LIMIT_USER,  /* refused for the failures of this user everywhere: it may be asked again with known */
	LIMIT_PLACE, /* refused for the failures from there */
};

struct limit *limit_new(void);
void limit_free(struct limit *l);
/* May this user be tried from there now (microseconds, monotonic)? Where not, nothing is counted. */
enum limit_verdict limit_take(struct limit *l, const struct limit_who *who, int64_t now);
/* The same question, counting nothing. */
enum limit_verdict limit_ask(struct limit *l, const struct limit_who *who, int64_t now);
/* After limit_take(): it was right. It is given back, and the failures of this user from there are forgotten. */
void limit_succeeded(struct limit *l, const struct limit_who *who, int64_t now);

#endif
