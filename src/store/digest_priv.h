/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest: what one kind of walk asks for of 64 to 256 neighbouring emails, in one row: slices of their summaries (mime/summary.h) or their
 * structures. A list view, SORT or SEARCH over a large mailbox then reads some megabytes that lie together in the file in place of
 * all summaries, which lie among the bodies.
 *
 * A digest says nothing that the rows of its emails do not say. Emails never change, and a digest is removed in the commit that removes
 * one of its emails, so there is nothing to keep up to date. One that is missing or damaged costs time only: walks then read the rows, and ask for it
 * (digest_want()). It is made by a write of its own, lazily, and only when no more emails can come into it: its ids have all been given out.
 *
 * The id of a digest: account << 30 | part << 26 | number of the block of emails. Its bytes: u8 version, u8 0, u16 n, u32 CRC-32C of all that
 * follows, u64 id, n times u32 (low byte of the email's id << 24 | end of its part, counted from the end of this table), ascending; then the parts.
 */
#ifndef STORE_DIGEST_PRIV_H
#define STORE_DIGEST_PRIV_H

#include "mime/summary.h"
#include "store/store.h"

enum { DIGEST_STRUCTURE = MIME_SLICES, DIGEST_PARTS };
#define DIGEST_EMAILS 256 /* at most, in one */

int64_t digest_id(int64_t email, int part);

/* ---- reading: borrows the bytes ---- */

struct digest {
	struct str table, parts;
	uint32_t n, at; /* at: where the next email is looked for first */
};
/* Looks at all of it; ERR_CORRUPT. */
must_check enum status digest_open(struct str packed, int64_t id, struct digest *d_r);
/* The email's part. False: it has none here; its row tells. */
bool digest_find(struct digest *d, int64_t email, struct str *part_r);

/* ---- making ---- */

/* Adds the digest as the rows of its emails have it. */
must_check enum status digest_make(struct db_txn *txn, int64_t id, struct buf *out);

/* What waits to be made, one for each store. Any thread. */
struct digests;
struct digests *digests_new(struct store *store, const char *dir);
/* After that nothing is submitted any more: before the database is closed. */
void digests_stop(struct digests *ds);
void digests_free(struct digests *ds);
/* Asks for a digest that a walk missed; txn: its snapshot. It may be forgotten: the next walk asks again. */
void digest_want(struct digests *ds, struct db_txn *txn, int64_t id);

/* ---- removing, within a write ---- */

/* Of these emails, ascending, all of which are removed in this commit. */
must_check enum status digest_forget(struct db_txn *txn, const int64_t *email, size_t n);
/* Some of all: makes room on a full disk. *n_r: how many there were. */
must_check enum status digest_drop_some(struct db_txn *txn, int64_t *n_r);

/* ---- check and repair ---- */

/* The next digest after *id, and whether it says what the rows of its emails say. ERR_NOT_FOUND at the end. */
must_check enum status digest_verify_next(struct db_txn *txn, int64_t *id, bool *good_r);
must_check enum status digest_drop(struct db_txn *txn, int64_t id);

#endif
