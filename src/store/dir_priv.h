/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of a mailbox: rows of up to DIR_MAX page summaries, their sums in columns. The rank of a UID and the UID
 * of a rank cost one pass over the sums, one row, and at most one page. Exact in every transaction. A damaged row is rebuilt
 * from its pages in memory, logged, and written anew by the next change.
 *
 * A row packed: u8 version (1), u8 0, u16 n, u32 mailbox, u32 key, the columns key, last - key, messages, unseen, deleted, modseq,
 * CRC-32C. One thread at a time.
 */
#ifndef STORE_DIR_PRIV_H
#define STORE_DIR_PRIV_H

#include "store/page_priv.h"

#ifndef DIR_MAX
#define DIR_MAX 128
#endif

struct page_sum {
	uint32_t key;  /* of the page; no UID of it is smaller */
	uint32_t last; /* its highest UID */
	uint32_t messages, unseen, deleted;
	uint64_t modseq; /* the highest of its entries */
};
struct dir {
	int64_t mailbox;
	uint32_t key; /* of the row; no page of it has a smaller one */
	uint32_t n;
	uint32_t messages, unseen, deleted; /* sums */
	struct page_sum p[DIR_MAX];
};

void dir_pack(struct buf *out, const struct dir *dir);
must_check enum status dir_unpack(struct dir *dir, struct str blob, int64_t mailbox, uint32_t key);
/* Sums anew after the summaries changed. */
void dir_sum_up(struct dir *dir);
/* The summary of entries that belong together. */
struct page_sum page_summary(uint32_t key, const struct entry *e, uint32_t n);
/* Index of the first page whose last UID is >= uid, or n. */
uint32_t dir_seek(const struct dir *dir, uint32_t uid);

/* The row in which uid lies or would lie: the last one whose key is <= uid, else the first. ERR_NOT_FOUND: no rows. */
must_check enum status dir_load(struct db_txn *txn, int64_t mailbox, uint32_t uid, struct dir *dir);
/* The first row whose key is > key and whose modseq is > modseq. ERR_NOT_FOUND. */
must_check enum status dir_next(struct db_txn *txn, int64_t mailbox, uint32_t key, uint64_t modseq, struct dir *dir);
/* Messages in the rows whose key is < key. */
must_check enum status dir_messages_before(struct db_txn *txn, int64_t mailbox, uint32_t key, uint64_t *n_r);

/* The first message without \Seen: its UID and rank. ERR_NOT_FOUND. */
must_check enum status dir_first_unseen(struct db_txn *txn, int64_t mailbox, uint32_t *uid_r, uint64_t *rank_r);
/* The highest UID below limit. ERR_NOT_FOUND. */
must_check enum status dir_last_uid(struct db_txn *txn, int64_t mailbox, uint32_t limit, uint32_t *uid_r);

/* page_load.c. Reads a page. ERR_CORRUPT (logged), ERR_NOT_FOUND counts as damage too. */
must_check enum status page_load(struct db_txn *txn, int64_t mailbox, uint32_t key, struct page *page);
/* Only the entries first <= UID <= last: see page_unpack_part(). */
must_check enum status page_load_part(struct db_txn *txn, int64_t mailbox, uint32_t key, uint32_t first, uint32_t last, struct page *page,
    uint32_t *before_r);
/* See page_first_unseen(); damage counts as none. */
must_check enum status page_load_first_unseen(struct db_txn *txn, int64_t mailbox, uint32_t key, uint32_t *uid_r, uint32_t *before_r);
/* Only prepares the statement. */
void page_load_ready(struct db_txn *txn);
must_check enum status page_load_uids(struct db_txn *txn, int64_t mailbox, uint32_t key, uint32_t *uids, uint32_t *n_r);

#endif
