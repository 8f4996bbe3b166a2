/* SPDX-License-Identifier: Apache-2.0 */
/* Change rows: what write functions write and views read. See the table change in schema.h. */
#ifndef STORE_CHANGES_PRIV_H
#define STORE_CHANGES_PRIV_H

#include "store/changes.h"

enum change_kind { CHANGE_ADDED = 1, CHANGE_FLAGS = 2, CHANGE_GONE = 3, CHANGE_ANNOTATION = 4 };

/* Rows of kinds 1, 2 and 4 that a mailbox keeps at least; tombstones are kept for ever. */
#ifndef CHANGES_KEPT
#define CHANGES_KEPT 4096
#endif
#ifndef CHANGES_TRIM
#define CHANGES_TRIM 512 /* removed at a time, once that many are too many */
#endif

/*
 * Which flags a change of kind CHANGE_FLAGS touched, of all its messages together: the FLAG_ bits, above them the keywords by their ids, some of
 * which share a bit. CHANGE_ALL_FLAGS where that is not known.
 */
#define CHANGE_ALL_FLAGS UINT64_MAX
static inline uint64_t
change_keyword_bit(uint32_t id)
{
	return 1ull << (8 + id % 56);
}

/* which: for CHANGE_FLAGS; 0 for others. */
must_check enum status change_write(struct db_txn *txn, int64_t mailbox, uint64_t modseq, enum change_kind kind,
    const struct runs *uids, uint64_t which);
/* Removes old rows when it is time; *oldest moves up then. modseq: the newest. */
must_check enum status change_trim(struct db_txn *txn, int64_t mailbox, uint64_t modseq, uint64_t *oldest);

/* Steps over the rows with a modseq > since in order. A damaged row is logged and given with failed set. */
struct change_row {
	uint64_t modseq;
	enum change_kind kind;
	uint64_t which; /* of CHANGE_FLAGS */
	bool damaged;
	struct runs uids;
};
struct change_walk {
	struct db_stmt *stmt;
	int64_t mailbox;
	struct change_row row;
};
/* only_gone: tombstones only. */
void change_walk_begin(struct change_walk *w, struct db_txn *txn, int64_t mailbox, uint64_t since, bool only_gone);
must_check enum status change_walk_next(struct change_walk *w);
void change_walk_end(struct change_walk *w);

/* Adds the UIDs below limit of pages' entries whose modseq is > since and not in own: where change rows are gone. */
must_check enum status changes_from_pages(struct db_txn *txn, int64_t mailbox, uint64_t since, uint32_t limit,
    const struct modseq_run *own, size_t own_n, struct runs *out);

#endif
