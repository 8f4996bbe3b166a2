/* SPDX-License-Identifier: Apache-2.0 */
/* Stores: opening, ids, reading. */
#include "blob/blob_priv.h"

#include <stdlib.h>
#include "base/arena.h"
#include "base/log.h"

#define ID_BLOCK (1 << 20)

enum status
blob_open(struct db *db, const struct blob_options *options, struct blob_store **bs_r)
{
	static const struct blob_driver *const drivers[] = {&blob_db, &blob_mem};
	static atomic_uint_fast64_t serial;
	struct str name = str_c(options->driver != NULL ? options->driver : "db");
	struct blob_store *bs;
	enum status st;

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		if (!str_eq(name, str_c(drivers[i]->name)))
			continue;
		bs = x_new(struct blob_store);
		bs->drv = drivers[i];
		bs->db = db;
		bs->serial = atomic_fetch_add(&serial, 1) + 1;
		bs->level = options->level != 0 ? options->level : 1;
		bs->stage_memory = options->stage_memory != 0 ? options->stage_memory : BLOB_CHUNK;
		lock_init(&bs->lock, LOCK_blob_ids);
		if ((st = bs->drv->open(bs)) != OK) {
			lock_fini(&bs->lock);
			free(bs);
			return st;
		}
		*bs_r = bs;
		return OK;
	}
	return ERR_BAD_INPUT;
}

void
blob_close(struct blob_store *bs)
{
	if (bs == NULL)
		return;
	bs->drv->close(bs);
	lock_fini(&bs->lock);
	free(bs);
}

enum status
blob_schema(struct blob_store *bs, struct db_txn *txn)
{
	return bs->drv->schema(bs, txn);
}

enum status
blob_sweep(struct blob_store *bs)
{
	return bs->drv->sweep(bs);
}

enum status
blob_mend(struct blob_store *bs, struct db_txn *txn, int64_t above)
{
	return bs->drv->mend != NULL ? bs->drv->mend(txn, above) : OK;
}

/*
 * Ids come from a block that was reserved durably before the first of it is used: a crash skips the rest of
 * the block, and no id is ever given out twice. Once in a million bodies somebody waits for a commit here.
 */
enum status
blob_take_id(struct blob_store *bs, int64_t *id_r)
{
	enum status st = OK;

	lock_take(&bs->lock);
	if (bs->next_id == bs->end_id) {
		st = bs->drv->reserve_ids(bs, ID_BLOCK, &bs->next_id);
		if (st == OK)
			bs->end_id = bs->next_id + ID_BLOCK;
	}
	if (st == OK)
		*id_r = bs->next_id++;
	lock_give(&bs->lock);
	return st;
}

enum status
blob_stat(struct blob_store *bs, struct db_txn *txn, int64_t body, struct blob_info *info_r)
{
	return bs->drv->stat(bs, txn, body, info_r);
}

static enum status
damaged(int64_t body, const char *what)
{
	log_event(EV_damage, "body %lld: %s", (long long)body, what);
	return ERR_CORRUPT;
}

static bool
is_cached(const struct blob_store *bs, const struct blob_thread *t, int64_t body)
{
	return t->store == bs->serial && t->body == body &&
	    t->deletions == atomic_load_explicit(&bs->deletions, memory_order_acquire);
}

/* The part of chunk bytes that [at, at + n) covers. */
static struct str
part_of(struct str chunk, uint64_t at, size_t n)
{
	return str_head(str_from(chunk, (size_t)(at % BLOB_CHUNK)), n);
}

/* Decompresses a chunk into the thread's cache. Bodies never change; only a deletion makes what is kept stale. */
static enum status
to_cache(struct blob_store *bs, struct blob_thread *t, int64_t body, unsigned k, uint64_t size,
    struct str encoded)
{
	enum status st;

	t->store = 0;
	t->deletions = atomic_load_explicit(&bs->deletions, memory_order_acquire);
	buf_clear(&t->plain);
	st = chunk_decode(body, k, encoded, chunk_size(size, k), &t->plain);
	if (st != OK)
		return st;
	t->store = bs->serial;
	t->body = body;
	t->chunk = k;
	t->size = size;
	return OK;
}

/* Adds [at, at + n), which lies within chunk k, to out: straight if it is the whole chunk, else through the cache. */
static enum status
deliver(struct blob_store *bs, int64_t body, unsigned k, uint64_t size, struct str encoded, uint64_t at, size_t n,
    struct buf *out)
{
	struct blob_thread *t = blob_thread();
	enum status st;

	if (at % BLOB_CHUNK == 0 && n == chunk_size(size, k))
		return chunk_decode(body, k, encoded, n, out);
	if ((st = to_cache(bs, t, body, k, size, encoded)) == OK)
		buf_add(out, part_of(buf_str(&t->plain), at, n));
	return st;
}

static enum status
read_chunk(struct blob_store *bs, struct db_txn *txn, int64_t body, unsigned k, uint64_t size, uint64_t at,
    size_t n, struct buf *out)
{
	struct piece piece = {0};
	enum status st = bs->drv->get_chunk(bs, txn, body, k, &piece);

	if (st == OK)
		st = deliver(bs, body, k, size, piece.bytes, at, n, out);
	bs->drv->piece_done(bs, &piece);
	return st == ERR_NOT_FOUND ? ERR_CORRUPT : st;
}

/* The size of the body; a body of one chunk is served right away. */
static enum status
read_first(struct blob_store *bs, struct db_txn *txn, struct blob_walk *walk, int64_t body, uint64_t at, size_t n,
    struct buf *out, uint64_t *size_r, bool *served_r)
{
	struct piece piece = {0};
	enum status st = bs->drv->get_first(bs, txn, walk, body, &piece);

	if (st == OK) {
		*size_r = piece.size;
		*served_r = piece.whole;
		if (piece.size > BODY_MAX || (piece.whole && piece.size > BLOB_CHUNK))
			st = ERR_CORRUPT;
		else if (piece.whole && at < piece.size)
			st = deliver(bs, body, 0, piece.size, piece.bytes, at,
			    n < piece.size - at ? n : (size_t)(piece.size - at), out);
	}
	bs->drv->piece_done(bs, &piece);
	return st;
}

void
blob_walk_end(struct blob_walk *walk)
{
	db_done(walk->st);
	*walk = (struct blob_walk){0};
}

enum status
blob_read(struct blob_store *bs, struct db_txn *txn, struct blob_walk *walk, int64_t body, uint64_t at, size_t n,
    struct buf *out)
{
	struct blob_thread *t = blob_thread();
	uint64_t size = 0;
	bool served = false;
	enum status st = OK;

	if (is_cached(bs, t, body))
		size = t->size;
	else
		st = read_first(bs, txn, walk, body, at, n, out, &size, &served);
	while (st == OK && !served && n > 0 && at < size) {
		unsigned k = (unsigned)(at / BLOB_CHUNK);
		size_t left = chunk_size(size, k) - (size_t)(at % BLOB_CHUNK), part = n < left ? n : left;

		if (is_cached(bs, t, body) && t->chunk == k)
			buf_add(out, part_of(buf_str(&t->plain), at, part));
		else
			st = read_chunk(bs, txn, body, k, size, at, part, out);
		at += part;
		n -= part;
	}
	if (st == ERR_CORRUPT)
		return damaged(body, "a chunk is damaged or missing");
	return st == OK && out->failed ? ERR_LIMIT : st;
}

enum status
blob_verify(struct blob_store *bs, struct db_txn *txn, int64_t body)
{
	void *hasher = blob_thread()->hasher;
	unsigned char hash[BLOB_HASH_SIZE];
	struct blob_info info;
	struct buf plain = {0};
	enum status st = bs->drv->stat(bs, txn, body, &info);

	if (st != OK)
		return st;
	hash_begin(hasher);
	for (uint64_t at = 0; at < info.size && st == OK; at += BLOB_CHUNK) {
		buf_clear(&plain);
		st = blob_read(bs, txn, NULL, body, at, BLOB_CHUNK, &plain);
		hash_add(hasher, buf_str(&plain));
	}
	buf_free(&plain);
	hash_end(hasher, hash);
	if (st == OK && memcmp(hash, info.hash, sizeof(hash)) != 0)
		return damaged(body, "its hash does not match");
	return st;
}

enum status
blob_delete(struct blob_store *bs, struct db_txn *txn, int64_t body, bool *done_r)
{
	atomic_fetch_add(&bs->deletions, 1);
	return bs->drv->remove(bs, txn, body, done_r);
}

enum status
blob_next(struct blob_store *bs, struct db_txn *txn, int64_t after, int64_t *body_r)
{
	return bs->drv->next(bs, txn, after, body_r);
}
