/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store takes in at all, through whichever door it comes: nothing that no client could have sent, for it goes out again to clients in places
 * where it would end a line or a list. Each write asks here; check reports what is there nevertheless, repair mends it, and what is read
 * meanwhile gets a stand-in. Pure, any thread.
 */
#ifndef STORE_ADMIT_PRIV_H
#define STORE_ADMIT_PRIV_H

#include "base/arena.h"
#include "base/status.h"
#include "store/message.h"

/* A keyword of the wire's grammar. ERR_BAD_INPUT, ERR_LIMIT (too long). */
must_check enum status admit_keyword(struct str name);
/* Is this the form in which a keyword's name is compared, ASCII letters in lower case? */
bool admit_folded(struct str name, struct str fold);
/* The canonical form of a mailbox's name, and one that may be given. ERR_BAD_INPUT, ERR_LIMIT. */
must_check enum status admit_mailbox_name(struct str name);
/* An instant in the years 1 to 9999 and a zone of less than a day: what a date-time can say (RFC 9051 section 9). */
bool admit_date(int64_t seconds, int16_t zone);
/* Flags that a client may name; \Recent too, which is not kept (T104). */
bool admit_flags(unsigned flags);
/* Flags, dates and sizes; keywords where they are looked up. ERR_BAD_INPUT. */
must_check enum status admit_message(const struct message_new *m);

/* What is shown in the place of a name that could not have come in, and what repair gives it. */
struct str admit_stand_in(struct arena *arena, const char *what, int64_t id);

#endif
