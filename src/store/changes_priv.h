/* SPDX-License-Identifier: Apache-2.0 */
/* Change rows: what write functions write and views read. See the table change in schema.h. */
#ifndef STORE_CHANGES_PRIV_H
#define STORE_CHANGES_PRIV_H

#include "store/changes.h"

/* CHANGE_PACKED: many tombstones in one row (tombstone.c). A walk gives them one by one, as CHANGE_GONE. */
enum change_kind { CHANGE_ADDED = 1, CHANGE_FLAGS = 2, CHANGE_GONE = 3, CHANGE_ANNOTATION = 4, CHANGE_PACKED = 5 };

/* Mod-sequences whose rows a mailbox keeps at least; older tombstones are packed, older rows of other kinds go. */
#ifndef CHANGES_KEPT
#define CHANGES_KEPT 4096
#endif
#ifndef CHANGES_TRIM
#define CHANGES_TRIM 512 /* removed at a time, once that many are too many */
#endif

/* Bytes of a row of packed tombstones: four rows lie in a page of the tree. */
#ifndef TOMBSTONES_ROW
#define TOMBSTONES_ROW 1980
#endif
/* Bytes of the packed tombstones of a mailbox that are known exactly: above a million expunges one by one. */
#ifndef TOMBSTONES_MAX
#define TOMBSTONES_MAX (4 << 20)
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
/* Packs old tombstones and removes other old rows when it is time; *oldest moves up then. modseq: the newest. */
must_check enum status change_trim(struct db_txn *txn, int64_t mailbox, uint64_t modseq, uint64_t *oldest);

/* Adds the UIDs of a row that is not packed, and which flags (may be NULL) where it tells. False: damaged. */
bool change_unpack(struct str row, struct runs *uids_r, uint64_t *which_r);

/* Reads the tombstones of a packed row one by one; see tombstone.c for its form. */
struct tombstone_reader {
	struct unpack u;
	uint64_t modseq;
	uint32_t at;  /* the UID that the next one is told from */
	bool merged;  /* these were expunged at that mod-sequence or before: the oldest of a mailbox with very many */
};
/* False: damaged. row lives as long as the reader. */
bool tombstone_reader_init(struct tombstone_reader *t, struct str row);
/* Adds the UIDs of the next mod-sequence to uids_r. False: the end, or damage (u.failed). */
bool tombstone_next(struct tombstone_reader *t, struct runs *uids_r);

/*
 * Packs the tombstones of mod-sequences above oldest (and older ones that are not packed yet) up to until, and removes the other
 * rows of mod-sequences above oldest up to there. What is damaged stays as it is, with all tombstones after it.
 */
must_check enum status tombstones_pack(struct db_txn *txn, int64_t mailbox, uint64_t oldest, uint64_t until);

/* Steps over the changes with a modseq > since in order. A damaged row is logged and given with damaged set. */
struct change_row {
	uint64_t modseq;
	enum change_kind kind;
	uint64_t which; /* of CHANGE_FLAGS */
	bool damaged;
	bool packed;    /* out of a packed row; a damaged one is told once, with the row's own mod-sequence, the last in it */
	bool merged;    /* CHANGE_GONE at this mod-sequence or before, since included */
	struct runs uids;
};
struct change_walk {
	struct db_stmt *stmt;
	int64_t mailbox;
	uint64_t since;
	struct tombstone_reader packed; /* of the row at hand, while unpacking */
	bool unpacking;
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
