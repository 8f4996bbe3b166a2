/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place of access checks. The needs are the rights of RFC 4314 2.1. An actor that lacks the right to look a
 * mailbox up gets ERR_NOT_FOUND, as if it did not exist (S9); one that may see it but not do this gets ERR_NO_PERM.
 */
#ifndef STORE_ACCESS_PRIV_H
#define STORE_ACCESS_PRIV_H

#include "store/mailbox.h"

enum {
	NEED_LOOKUP = 1 << 0,  /* l: see that it is there, subscribe */
	NEED_READ = 1 << 1,    /* r: select, status, fetch */
	NEED_SEEN = 1 << 2,    /* s: keep \Seen */
	NEED_WRITE = 1 << 3,   /* w: other flags */
	NEED_INSERT = 1 << 4,  /* i: append, copy into */
	NEED_CREATE = 1 << 5,  /* k: children */
	NEED_REMOVE = 1 << 6,  /* x: delete or rename the mailbox */
	NEED_DELETE = 1 << 7,  /* t: \Deleted */
	NEED_EXPUNGE = 1 << 8, /* e: expunge */
	NEED_ADMIN = 1 << 9    /* a: rights */
};

/* May the actor do this with the mailbox of that owner? OK, ERR_NOT_FOUND, ERR_NO_PERM. */
must_check enum status access_check(const struct actor *actor, struct db_txn *txn, int64_t owner, int64_t mailbox,
    unsigned need);
/* May the actor do this with the account itself (its name space, its emails)? */
must_check enum status access_account(const struct actor *actor, int64_t account);

/* The row of a mailbox that exists, with its access checked: one point lookup. name is left empty. ERR_NOT_FOUND also
 * for deleted mailboxes, and for \Noselect names unless only NEED_LOOKUP is asked. */
must_check enum status mailbox_row(const struct actor *actor, struct db_txn *txn, int64_t id, unsigned need,
    struct mailbox *mb_r);

#endif
