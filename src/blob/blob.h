/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blob: message bodies, immutable and shared. A body has an id, a size, a SHA-256 of its bytes, and
 * lies in chunks that are compressed (LZ4, zstd) where it pays; each chunk carries a CRC-32C. Drivers: db
 * (rows beside the others, same commit: the default), mem (tests); later s3.
 *
 * In: a stage takes the bytes as they arrive and hashes and compresses them on the caller's thread.
 * Small bodies stay in memory; larger ones are written chunk by chunk as they come, invisible until
 * blob_publish() inserts the body's row in a write transaction. A stage that is not published
 * leaves nothing behind: blob_stage_free() or, after a crash, blob_sweep() removes its chunks.
 *
 * Out: blob_read() reads a range in a snapshot. Nobody counts references here: store's reaper knows when a
 * body is not needed any more and calls blob_delete().
 */
#ifndef BLOB_BLOB_H
#define BLOB_BLOB_H

#include "base/buf.h"
#include "db/db.h"

#define BLOB_HASH_SIZE 32
#define BLOB_CHUNK (256 * 1024) /* bytes of a body in one chunk, before compression */

struct blob_store;
struct blob_stage;

struct blob_options {
	const char *driver;     /* "db" or "mem" */
	int level;              /* zstd's, for large chunks; 0: the default (1) */
	size_t stage_memory;    /* bytes a stage keeps in memory before it spills; 0: the default (BLOB_CHUNK) */
};

must_check enum status blob_open(struct db *db, const struct blob_options *options, struct blob_store **bs_r);
/* After db_close: writes of freed stages may still be on their way until then. */
void blob_close(struct blob_store *bs);
/* Makes the tables, in the transaction that makes the schema. */
must_check enum status blob_schema(struct blob_store *bs, struct db_txn *txn);
/* Removes what stages of an earlier process left; at start-up, before the first stage. */
must_check enum status blob_sweep(struct blob_store *bs);

/* ---- in ---- */

/* lane: the account on whose behalf the chunks are written. One thread at a time. */
struct blob_stage *blob_stage_new(struct blob_store *bs, uint64_t lane);
/* Takes more bytes. May wait for the writer when a large body spills faster than the disk takes it; ERR_FULL, ERR_IO. */
must_check enum status blob_stage_add(struct blob_stage *stage, struct str bytes);
/* No more bytes: finishes hash and last chunk. */
must_check enum status blob_stage_finish(struct blob_stage *stage);
uint64_t blob_stage_size(const struct blob_stage *stage);
/* Bytes of memory that it holds now. */
size_t blob_stage_memory(const struct blob_stage *stage);
/* Reads back what was staged (previews, tests). */
must_check enum status blob_stage_read(struct blob_stage *stage, uint64_t at, size_t n, struct buf *out);
/* Within a write function: makes the body visible under a new id. May run again; the stage is finished, and lives until
 * the write's outcome is known. */
must_check enum status blob_publish(struct blob_stage *stage, struct db_txn *txn, int64_t *body_r);
void blob_stage_free(struct blob_stage *stage);

/* ---- out ---- */

struct blob_info {
	uint64_t size;   /* bytes of the body */
	uint64_t stored; /* bytes on disk */
	unsigned char hash[BLOB_HASH_SIZE];
};
/* ERR_NOT_FOUND, ERR_CORRUPT. */
must_check enum status blob_stat(struct blob_store *bs, struct db_txn *txn, int64_t body, struct blob_info *info_r);
/* A place among the bodies: who reads many in the order of their ids finds the next with a step and not anew. Zeroes are a new one; it
 * belongs to one transaction, and blob_walk_end() is called before that ends. */
struct blob_walk {
	struct db_stmt *st; /* the driver's own */
	int64_t at;
};
void blob_walk_end(struct blob_walk *walk);
/* Adds up to n bytes from offset at to out; fewer only at the body's end. ERR_CORRUPT names the body in the log.
 * The calling thread keeps the last decompressed chunk, so that chunk-wise reading in order is cheap. walk may be NULL. */
must_check enum status blob_read(struct blob_store *bs, struct db_txn *txn, struct blob_walk *walk, int64_t body, uint64_t at, size_t n,
    struct buf *out);
/* Verifies every chunk's checksum and the hash. */
must_check enum status blob_verify(struct blob_store *bs, struct db_txn *txn, int64_t body);
/* Within a write function. *done_r false: call again in another transaction (large bodies go in steps). */
must_check enum status blob_delete(struct blob_store *bs, struct db_txn *txn, int64_t body, bool *done_r);
/* After salvage_copy(), in a write function: removes what belongs to bodies that are not there, and moves the counter of ids beyond every
 * body and beyond above. */
must_check enum status blob_mend(struct blob_store *bs, struct db_txn *txn, int64_t above);
/* Walks all bodies: the smallest id above after, or ERR_NOT_FOUND. */
must_check enum status blob_next(struct blob_store *bs, struct db_txn *txn, int64_t after, int64_t *body_r);

#endif
