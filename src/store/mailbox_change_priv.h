/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change of an account's list of mailboxes, part of a write function: begins with the account's counters, ends by writing them. In
 * between rows of mailboxes change, and each such change is told, as a row of account_change and as an event. One thread; on the stack.
 */
#ifndef STORE_MAILBOX_CHANGE_PRIV_H
#define STORE_MAILBOX_CHANGE_PRIV_H

#include "store/mailbox_priv.h"

/* Kinds of account_change rows. */
enum { LIST_CREATED = 1, LIST_RENAMED = 2, LIST_DELETED = 3, LIST_CHANGED = 4 };

struct list_change {
	const struct actor *actor;
	struct db_txn *txn;
	int64_t account, now;
	int64_t last_uidvalidity, modseq, mailboxes;
	bool beyond;             /* mailboxes are made whatever the account's quota */
	int64_t messages, bytes; /* that went with mailboxes: taken off the account's sums at the end */
};

/* Of the list of that owner: what the actor may change in somebody else's follows from the rights to the mailboxes there. */
must_check enum status list_change_begin(struct list_change *c, const struct actor *actor, struct db_txn *txn, int64_t owner);
/* Is it another's list? */
static inline bool
list_change_others(const struct list_change *c)
{
	return !c->actor->admin && c->account != c->actor->account;
}
/* Writes the counters; without it nothing counts. */
must_check enum status list_change_end(struct list_change *c);
/* One change of the mailbox list: a row for OLDNAME and NOTIFY, and an event. old_name: empty or the name before. */
must_check enum status list_change_tell(struct list_change *c, int kind, int64_t mailbox, struct str old_name);

/* The mailbox of that name; arena NULL: without its name. ERR_NOT_FOUND. */
must_check enum status list_change_find(struct list_change *c, struct arena *arena, struct str name, struct mailbox *mb_r);
/* All mailboxes below a name: step q, whose rows are (id, name), and end it with db_done(). False: there can be none. */
struct list_below {
	struct db_stmt *q;
	struct sort_key from, to; /* bound to q */
};
/* The sort keys of a name's children: from the first, below the second. False: there can be none. */
bool list_below_keys(struct str name, struct sort_key *from, struct sort_key *to);
bool list_below_begin(struct list_below *b, struct list_change *c, struct str name);

/* A row with the next UIDVALIDITY; not told. ERR_BAD_INPUT: no name. ERR_LIMIT: too many; ERR_QUOTA: more than the account may have. What is only a name
 * is not refused for its quota. */
must_check enum status list_change_insert(struct list_change *c, struct str name, bool noselect, unsigned special, int64_t *id_r);
/* The parents that are not there, the nearest first; up has room for MAILBOX_LEVELS_MAX. *above_r: the nearest that is, id 0: none. ERR_NO_PERM,
 * ERR_NOT_FOUND: nothing may be made below that one. */
must_check enum status list_change_missing(struct list_change *c, struct str name, struct str *up, size_t *n_r, struct mailbox *above_r);
/* Makes the missing parents as mailboxes one can select: a name that is only a name makes clients stumble (T25). They are subscribed, and
 * have the rights of the mailbox above them, which is *above_r. */
must_check enum status list_change_make_parents(struct list_change *c, struct str name, struct mailbox *above_r);
/* The mailbox itself, where the name is free or \Noselect, and its parents. ERR_EXISTS. */
must_check enum status list_change_make(struct list_change *c, struct str name, unsigned special, int64_t *id_r);
/* Removes \Noselect names above that have no child left (T25). */
must_check enum status list_change_remove_phantoms(struct list_change *c, struct str name);

#endif
