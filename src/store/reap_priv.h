/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reaper's parts. store_reap() (reaper.c) runs them in small commits: first what is due of the expunged messages, then
 * deleted mailboxes past their grace, then deleted accounts.
 */
#ifndef STORE_REAP_PRIV_H
#define STORE_REAP_PRIV_H

#include "store/store.h"

/* Removes what is due of the expunged messages, in commits of its own (reap.c). */
must_check enum status reap_messages(struct store *store, int64_t now);
/* Within a write function: removes a bounded part of what a deleted mailbox still holds (pages, directory, keywords, changes, reap
 * rows, and the emails that nothing else names); *done_r: only the mailbox's own row is left (reap.c). */
must_check enum status reap_mailbox(struct store *store, struct db_txn *txn, int64_t mailbox, bool *done_r);

/* Forgets keywords that nothing uses, in mailboxes that have nearly as many as they may (keyword_forget.c). */
must_check enum status keywords_sweep(struct store *store);

/* Goes on with what is left of renamings in steps (mailbox_tree.c). */
must_check enum status renames_finish(struct store *store);

/* Puts a deleted mailbox or account (its id; kind 1 or 2) on the reaper's list. */
enum { DOOMED_MAILBOX = 1, DOOMED_ACCOUNT = 2 };
must_check enum status reap_doom(struct db_txn *txn, int64_t due, int kind, int64_t id);

#endif
