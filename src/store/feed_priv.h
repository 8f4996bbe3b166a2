/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The change feed's inner side: write functions announce what they changed, the subscriber hears of it after the
 * commit, one event per mailbox and kind. What a failed write announced is dropped with it. Called in write functions only.
 */
#ifndef STORE_FEED_PRIV_H
#define STORE_FEED_PRIV_H

#include "store/store.h"

/* Messages of the mailbox came, went or changed; modseq and uidnext are the mailbox's after the change. */
void feed_messages(struct store *store, struct db_txn *txn, int64_t account, int64_t mailbox, uint64_t modseq,
    uint32_t uidnext);
/* EVENT_MAILBOX or EVENT_DELETED. */
void feed_mailbox(struct store *store, struct db_txn *txn, enum store_event_kind kind, int64_t account, int64_t mailbox);

/* EVENT_ACCOUNT. */
void feed_account(struct store *store, struct db_txn *txn, int64_t account, enum account_event what);
/* EVENT_QUOTA. */
void feed_quota(struct store *store, struct db_txn *txn, int64_t account);

struct feed;
struct feed *feed_new(void);
void feed_free(struct feed *feed);

#endif
