/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the view share. */
#ifndef STORE_VIEW_PRIV_H
#define STORE_VIEW_PRIV_H

#include "store/rank_priv.h"
#include "store/view.h"

/* The mailbox at a snapshot. */
struct view_now {
	uint64_t modseq, oldest_change;
	uint32_t uidnext, messages, keywords, acl;
};
/* Reads it and brings the ghosts and the grant up to it. Sets v->deleted where the mailbox is gone; *now_r is empty then. ERR_NO_PERM, ERR_NOT_FOUND:
 * it may not be read any more (v->lost). */
must_check enum status view_refresh(struct view *v, struct db_txn *txn, struct view_now *now_r);
/* How many messages of the view have a smaller UID. */
must_check enum status view_below(struct view *v, struct db_txn *txn, uint32_t uid, uint64_t *n_r);
/* view_iter_down.c: the calls of view_iter for a walk that goes down. */
void view_down_begin(struct view_iter *it);
const struct entry *view_down_next(struct view_iter *it);
void view_down_end(struct view_iter *it);
/* Leaves out what the view was not told of yet. */
static inline void
view_only_told(const struct view *v, struct runs *uids)
{
	runs_remove(uids, v->next_told ? v->next_told : 1, UINT32_MAX);
}

#endif
