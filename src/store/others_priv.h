/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of mailboxes of other accounts (RFC 2342): "Other Users/", the owner's name, and the name that the mailbox has there. A mailbox of one's
 * own that is called so, from before such names were kept, goes before. The command line and deliveries have their account's names only.
 *
 * Whoever reads rows of another account tells the snapshot so before (others_read()): what is kept for the actor's own account would outlive them.
 */
#ifndef STORE_OTHERS_PRIV_H
#define STORE_OTHERS_PRIV_H

#include "store/mailbox.h"

/* Whose name it is, and how it is called there. ERR_NOT_FOUND: of an account that is not there. Names of the actor's own are not looked for. */
must_check enum status others_where(const struct actor *actor, struct db_txn *txn, struct str name, int64_t *owner_r, struct str *inner_r);
/* How the actor calls a mailbox of that owner, in the arena. ERR_NOT_FOUND: the owner was deleted. */
must_check enum status others_name(const struct actor *actor, struct db_txn *txn, struct arena *arena, int64_t owner, struct str inner, struct str *name_r);
/* From here on the snapshot is read for rows of others than the actor. */
void others_read(const struct actor *actor, struct db_txn *txn, int64_t owner);

/* What others share with the actor, in order of ids. */
struct others_walk {
	struct mailbox *list; /* malloc'd; names in the arena; ids 0 are names that stand above others */
	size_t n, cap;
	/* its own */
	int64_t subject;  /* whose rights are read: the actor, then anyone (0), then the groups that he is in (below 0), downwards */
	bool begun;
	int64_t after;    /* of those: the mailbox looked at last */
};
/* The order of LIST: '/' before every other byte. */
int place_cmp(struct str a, struct str b);
/* Some more: ERR_AGAIN. OK: all, in the order of names, with what stands above them. */
must_check enum status others_walk(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct others_walk *w);
void others_walk_free(struct others_walk *w);

#endif
