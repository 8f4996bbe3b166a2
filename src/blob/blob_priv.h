/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of blob share. blob.c and stage.c do what all drivers have in common: hashing,
 * compression, checksums, pacing, the thread's cache. A driver keeps encoded chunks.
 *
 * An encoded chunk is one byte of method (0 plain, 1 zstd, 2 LZ4), the CRC-32C (little-endian) over body id, chunk number,
 * method and payload, and the payload. Body id and number are in the sum so that a chunk that turns up in a wrong
 * place is found out.
 */
#ifndef BLOB_BLOB_PRIV_H
#define BLOB_BLOB_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/lock.h"
#include "base/magic.h"
#include "blob/blob.h"

#define CHUNK_HEAD 5
#define CHUNKS_MAX 65536 /* of a body: the key of a chunk is body << 16 | number */
#define BODY_MAX ((uint64_t)CHUNKS_MAX * BLOB_CHUNK)

/* An encoded chunk as a driver hands it out, borrowed until piece_done. */
struct piece {
	struct str bytes;
	uint64_t size;      /* of the body; only from get_first */
	bool whole;         /* get_first: bytes is the body's only chunk */
	struct db_stmt *st; /* the driver's own */
	bool locked;
};

struct blob_driver {
	const char *name;
	enum status (*open)(struct blob_store *bs);
	void (*close)(struct blob_store *bs);
	enum status (*schema)(struct blob_store *bs, struct db_txn *txn);
	enum status (*sweep)(struct blob_store *bs);
	/* NULL: nothing that could need it. */
	enum status (*mend)(struct db_txn *txn, int64_t above);
	/* Takes n ids that were never given out before, durably; may wait. */
	enum status (*reserve_ids)(struct blob_store *bs, int64_t n, int64_t *first_r);

	/* A chunk of a body that is not published yet. Takes encoded over; may wait while too many are under way. */
	enum status (*spill)(struct blob_stage *stage, unsigned n, struct buf *encoded);
	/* Waits until all spilled chunks are visible. */
	enum status (*spill_wait)(struct blob_stage *stage);
	/* Forgets spilled chunks, unless the body was published; does not wait. */
	void (*unspill)(struct blob_stage *stage);
	enum status (*publish)(struct blob_stage *stage, struct db_txn *txn);

	enum status (*stat)(struct blob_store *bs, struct db_txn *txn, int64_t body, struct blob_info *info_r);
	/* The size of the body, and the chunk if it is the only one. With a walk (else NULL) the bytes live until it moves or ends. */
	enum status (*get_first)(struct blob_store *bs, struct db_txn *txn, struct blob_walk *walk, int64_t body,
	    struct piece *piece_r);
	enum status (*get_chunk)(struct blob_store *bs, struct db_txn *txn, int64_t body, unsigned n,
	    struct piece *piece_r);
	void (*piece_done)(struct blob_store *bs, struct piece *piece);
	enum status (*remove)(struct blob_store *bs, struct db_txn *txn, int64_t body, bool *done_r);
	enum status (*next)(struct blob_store *bs, struct db_txn *txn, int64_t after, int64_t *body_r);
};

extern const struct blob_driver blob_db, blob_mem;

struct blob_store {
	const struct blob_driver *drv;
	struct db *db;
	void *own;       /* the driver's */
	uint64_t serial; /* of this process: the key of thread caches */
	int level;
	size_t stage_memory;
	struct lock lock; /* ids */
	int64_t next_id, end_id;
	atomic_uint_fast64_t deletions; /* thread caches from before the last one do not count */
};

struct held_chunk {
	struct held_chunk *next;
	unsigned n;
	struct buf encoded;
};

struct blob_stage {
	enum magic magic;
	struct blob_store *bs;
	uint64_t lane;
	int64_t id; /* 0: none yet */
	uint64_t size, stored;
	unsigned chunks;    /* encoded so far, spilled ones first */
	unsigned spilled;
	struct buf plain;   /* the chunk that is being filled; after the end: the last one */
	struct held_chunk *held, **held_end;
	size_t held_bytes;
	void *hasher;       /* EVP_MD_CTX, from the second chunk on */
	unsigned char hash[BLOB_HASH_SIZE];
	bool finished;
	enum status st;     /* sticky */
	/* Spilling: written by the committer's callbacks. */
	struct lock lock;
	pthread_cond_t wake;
	unsigned under_way;
	enum status spill_st;
};

/* chunk.c: contexts and cache of the calling thread, freed when it ends. */
struct blob_thread {
	struct ZSTD_CCtx_s *cctx;
	void *lz4; /* what packing with it works in */
	struct ZSTD_DCtx_s *dctx;
	void *hasher;
	/* The last chunk that was decompressed in part. */
	uint64_t store, deletions, size;
	int64_t body;
	unsigned chunk;
	struct buf plain;
};
struct blob_thread *blob_thread(void);

/* Adds the encoded chunk to out. */
void chunk_encode(struct blob_store *bs, int64_t body, unsigned n, struct str plain, struct buf *out);
/* Adds exactly size bytes to out, or nothing: ERR_CORRUPT. */
must_check enum status chunk_decode(int64_t body, unsigned n, struct str encoded, size_t size, struct buf *out);
/* Bytes of chunk n of a body of size bytes. */
size_t chunk_size(uint64_t size, unsigned n);

void hash_begin(void *hasher);
void hash_add(void *hasher, struct str s);
void hash_end(void *hasher, unsigned char *hash_r);
void *hash_new(void);
void hash_free(void *hasher);

must_check enum status blob_take_id(struct blob_store *bs, int64_t *id_r);

#endif
