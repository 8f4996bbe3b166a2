/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranks: how many messages of a mailbox have a smaller UID, and which UID has that many before it. A ranker keeps the
 * directory row and the UIDs of the page it looked at last, so that lookups near each other cost nothing. It belongs to one
 * snapshot and one thread. It is about 8 kB: on the stack, or part of something larger; never in a session.
 */
#ifndef STORE_RANK_PRIV_H
#define STORE_RANK_PRIV_H

#include "store/dir_priv.h"

struct ranker {
	struct db_txn *txn;
	int64_t mailbox;
	bool loaded;      /* dir and before hold something */
	uint64_t before;  /* messages before the row */
	uint32_t uids_key, uids_n; /* the page whose UIDs are there; 0: none */
	struct dir dir;
	uint32_t uids[PAGE_MAX];
};
void ranker_init(struct ranker *r, struct db_txn *txn, int64_t mailbox);
/* Messages with a UID < uid; *there_r (may be NULL): a message has that UID. */
must_check enum status ranker_rank(struct ranker *r, uint32_t uid, uint64_t *rank_r, bool *there_r);
/* The UID of the message with that many before it. ERR_NOT_FOUND past the end. In a damaged page it is a UID in its range. */
must_check enum status ranker_uid(struct ranker *r, uint64_t rank, uint32_t *uid_r);
/* Adds those UIDs of first..last that messages have. */
must_check enum status ranker_present(struct ranker *r, uint32_t first, uint32_t last, struct runs *out);

#endif
