/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simple: PLAIN (RFC 4616) and LOGIN on the server's side, up to the point where name and password are there. Not left to the library of
 * the other mechanisms, which leaves copies of the password in memory that it gave back. One exchange, one thread at a time.
 */
#ifndef AUTH_SIMPLE_H
#define AUTH_SIMPLE_H

#include "base/buf.h"

struct simple {
	bool login;               /* LOGIN: the server asks; PLAIN: all comes in one message */
	bool asked, named;        /* LOGIN: for the user name; it is there */
	struct buf authzid, user; /* as they came */
	struct buf password;      /* overwritten by simple_free() and before */
};

enum simple_step { SIMPLE_CONTINUE, SIMPLE_COMPLETE, SIMPLE_BAD };

void simple_init(struct simple *s, bool login);
/* The client's message (p NULL: none yet); adds the challenge to output. An initial response to LOGIN answers its first question. */
enum simple_step simple_step(struct simple *s, struct str input, struct buf *output);
void simple_free(struct simple *s);

#endif
