/* SPDX-License-Identifier: Apache-2.0 */
/* RENAME of a tree: what mailbox_rename.c and mailbox_tree.c share. Parts of write functions but for renames_finish() (reap_priv.h). */
#ifndef STORE_MAILBOX_TREE_PRIV_H
#define STORE_MAILBOX_TREE_PRIV_H

#include "store/mailbox_change_priv.h"

#define TREE_STEP 500 /* mailboxes renamed in one commit: some milliseconds */

struct renamed {
	int64_t id;
	struct str name;
};

/* What is below move->from_name, in order from move->at on, at most max; not the \Noselect names that the renaming itself has made. *list_r is malloc'd, names are in the arena. */
must_check enum status renamed_below(struct list_change *c, struct arena *arena, const struct mailbox_move *move, size_t max,
    struct renamed **list_r, size_t *n_r);
/* One mailbox gets its new name, which is free; its subscription follows. */
must_check enum status rename_one(struct list_change *c, int64_t id, struct str old, struct str name);

/* ERR_AGAIN: the account has one under way. */
must_check enum status tree_under_way(struct list_change *c);
/* Notes that the tree is to be renamed. */
must_check enum status tree_begin(struct list_change *c, struct mailbox_move *move, struct str from, struct str to);
/* Some of it; move->more: not all. */
must_check enum status tree_step(struct list_change *c, struct mailbox_move *move);
/* The same as a change of its own. */
must_check enum status tree_more(const struct actor *actor, struct db_txn *txn, struct mailbox_move *move);

#endif
