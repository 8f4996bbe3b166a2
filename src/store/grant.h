/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A grant: what an actor may do with one mailbox. The one place of access checks makes it (access.c), once, when a mailbox is opened or is to
 * be written to; from then on it is carried, and nothing asks again by account. Whatever reads or changes messages takes it:
 *
 *  - the actor is who acts: what is kept for each reader (\Seen in shared mailboxes, private annotations) is his, and so are lines of the log
 *    and turns;
 *  - the owner is whose mail it is: emails, thread ids, object ids and quota are those of the owner's account, which a write has to declare
 *    (struct db_write).
 *
 * What an actor may not look up answers ERR_NOT_FOUND, as if it did not exist (S9); what it may see but not do answers ERR_NO_PERM. What it may do
 * it may also without looking it up (RFC 4314 4: SELECT asks for r alone). A value that is copied as one likes; borrowed by every call. Zeroes are
 * the grant of nothing: every call answers ERR_NOT_FOUND.
 *
 * A grant ages: rights may be taken away after it was made. What writes makes it anew in its own transaction, and a view at each snapshot, where the
 * mailbox is shared; where nobody was ever given rights nothing is asked (docs/why/grants.md).
 */
#ifndef STORE_GRANT_H
#define STORE_GRANT_H

#include "store/store.h"

struct mailbox;

/* The rights of RFC 4314 2.1, "lrswipkxtea" from the lowest bit. */
enum right {
	RIGHT_LOOKUP = 1 << 0,   /* l: see that it is there, subscribe */
	RIGHT_READ = 1 << 1,     /* r: select, status, fetch */
	RIGHT_SEEN = 1 << 2,     /* s: keep \Seen */
	RIGHT_WRITE = 1 << 3,    /* w: other flags */
	RIGHT_INSERT = 1 << 4,   /* i: append, copy into */
	RIGHT_POST = 1 << 5,     /* p: send mail to its address */
	RIGHT_CREATE = 1 << 6,   /* k: children */
	RIGHT_REMOVE = 1 << 7,   /* x: delete or rename the mailbox */
	RIGHT_DELETE = 1 << 8,   /* t: \Deleted */
	RIGHT_EXPUNGE = 1 << 9,  /* e: expunge */
	RIGHT_ADMIN = 1 << 10,   /* a: rights */
	RIGHTS_ALL = (1 << 11) - 1
};

struct grant {
	struct actor actor;
	int64_t owner;   /* the account */
	int64_t mailbox; /* 0: none, it is of the account itself (grant_self()) */
	unsigned rights; /* RIGHT_ bits */
};
/* With one of these a mailbox may be known (RFC 4314 4, MYRIGHTS). */
#define RIGHTS_KNOW (RIGHT_LOOKUP | RIGHT_READ | RIGHT_INSERT | RIGHT_CREATE | RIGHT_REMOVE | RIGHT_ADMIN)

/* What the actor may do with a mailbox that was found (mailbox_find() and its like). ERR_NOT_FOUND. */
must_check enum status grant_make(const struct actor *actor, struct db_txn *txn, const struct mailbox *mb, struct grant *grant_r);
/* The same by its id; a \Noselect name has a grant, too. ERR_NOT_FOUND: there is no such mailbox. */
must_check enum status grant_get(const struct actor *actor, struct db_txn *txn, int64_t mailbox, struct grant *grant_r);
/* What the actor may do with its own account, beside its mailboxes. ERR_NOT_FOUND: nobody is logged in. */
must_check enum status grant_self(const struct actor *actor, struct grant *grant_r);

/* The same grant as things are in this transaction; acl: of the mailbox's row (struct mailbox). ERR_NOT_FOUND: nothing is left. */
must_check enum status grant_renew(const struct grant *old, struct db_txn *txn, uint32_t acl, struct grant *grant_r);

/* The one place where rights are asked for: has the grant all of these? ERR_NOT_FOUND, ERR_NO_PERM. */
must_check enum status grant_need(const struct grant *g, unsigned rights);
/* Has it one of these? */
must_check enum status grant_any(const struct grant *g, unsigned rights);
/* Of these flags (FLAG_ bits) those that it may set and clear (RFC 4314 4). Keywords ask for RIGHT_WRITE. */
uint8_t grant_flags(const struct grant *g, uint8_t flags);
/* May this email be read by it: is it one of the owner's? */
must_check enum status grant_email(const struct grant *g, int64_t email);

#endif
