/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver mem, for tests: bodies in a list in memory. A body is visible from its publication, also to others, and goes
 * again if the transaction is undone; a deleted one goes at the commit. One lock for all.
 */
#include "blob/blob_priv.h"

#include <stdlib.h>
#include <sys/queue.h>
#include "base/arena.h"
#include "base/lock.h"

struct body {
	TAILQ_ENTRY(body) link;
	struct mem *mem;
	int64_t id;
	bool published;
	struct blob_info info;
	unsigned chunks;
	struct buf *encoded; /* by number */
};

struct mem {
	struct lock lock;
	TAILQ_HEAD(bodies, body) bodies; /* by id, rising */
	int64_t next_id;
};

static void
body_free(struct body *b)
{
	TAILQ_REMOVE(&b->mem->bodies, b, link);
	for (unsigned i = 0; i < b->chunks; i++)
		buf_free(&b->encoded[i]);
	free(b->encoded);
	free(b);
}

static struct body *
find(struct mem *mem, int64_t id)
{
	struct body *b;

	TAILQ_FOREACH(b, &mem->bodies, link) {
		if (b->id == id)
			return b;
	}
	return NULL;
}

static struct body *
find_or_make(struct mem *mem, int64_t id)
{
	struct body *b = find(mem, id), *after;

	if (b != NULL)
		return b;
	b = x_new(struct body);
	b->mem = mem;
	b->id = id;
	TAILQ_FOREACH_REVERSE(after, &mem->bodies, bodies, link) {
		if (after->id < id)
			break;
	}
	if (after != NULL)
		TAILQ_INSERT_AFTER(&mem->bodies, after, b, link);
	else
		TAILQ_INSERT_HEAD(&mem->bodies, b, link);
	return b;
}

static enum status
mem_open(struct blob_store *bs)
{
	struct mem *mem = x_new(struct mem);

	lock_init(&mem->lock, LOCK_blob_mem);
	TAILQ_INIT(&mem->bodies);
	mem->next_id = 1;
	bs->own = mem;
	return OK;
}

static void
mem_close(struct blob_store *bs)
{
	struct mem *mem = bs->own;
	struct body *b;

	while ((b = TAILQ_FIRST(&mem->bodies)) != NULL)
		body_free(b);
	lock_fini(&mem->lock);
	free(mem);
}

static enum status
mem_schema(struct blob_store *bs, struct db_txn *txn)
{
	return OK;
}

static enum status
mem_sweep(struct blob_store *bs)
{
	return OK;
}

static enum status
mem_reserve_ids(struct blob_store *bs, int64_t n, int64_t *first_r)
{
	struct mem *mem = bs->own;

	lock_take(&mem->lock);
	*first_r = mem->next_id;
	mem->next_id += n;
	lock_give(&mem->lock);
	return OK;
}

static void
put_chunk(struct body *b, unsigned n, struct str encoded)
{
	if (n >= b->chunks) {
		b->encoded = x_realloc(b->encoded, (n + 1) * sizeof(*b->encoded));
		memset(b->encoded + b->chunks, 0, (n + 1 - b->chunks) * sizeof(*b->encoded));
		b->chunks = n + 1;
	}
	buf_clear(&b->encoded[n]);
	buf_add(&b->encoded[n], encoded);
}

static enum status
mem_spill(struct blob_stage *stage, unsigned n, struct buf *encoded)
{
	struct mem *mem = stage->bs->own;

	lock_take(&mem->lock);
	put_chunk(find_or_make(mem, stage->id), n, buf_str(encoded));
	lock_give(&mem->lock);
	return OK;
}

static enum status
mem_spill_wait(struct blob_stage *stage)
{
	return OK;
}

static void
mem_unspill(struct blob_stage *stage)
{
	struct mem *mem = stage->bs->own;
	struct body *b;

	lock_take(&mem->lock);
	b = find(mem, stage->id);
	if (b != NULL && !b->published)
		body_free(b);
	lock_give(&mem->lock);
}

struct change {
	struct mem *mem;
	int64_t id;
};

static struct change *
change_new(struct mem *mem, int64_t id)
{
	struct change *c = x_new(struct change);

	c->mem = mem;
	c->id = id;
	return c;
}

static void
publish_undo(void *arg)
{
	struct change *c = arg;
	struct body *b;

	lock_take(&c->mem->lock);
	if ((b = find(c->mem, c->id)) != NULL)
		b->published = false;
	lock_give(&c->mem->lock);
	free(c);
}

static enum status
mem_publish(struct blob_stage *stage, struct db_txn *txn)
{
	struct mem *mem = stage->bs->own;
	struct body *b;

	lock_take(&mem->lock);
	b = find_or_make(mem, stage->id);
	for (struct held_chunk *h = stage->held; h != NULL; h = h->next)
		put_chunk(b, h->n, buf_str(&h->encoded));
	b->info.size = stage->size;
	b->info.stored = stage->stored;
	memcpy(b->info.hash, stage->hash, BLOB_HASH_SIZE);
	b->published = true;
	lock_give(&mem->lock);
	db_after_commit(txn, free, publish_undo, change_new(mem, stage->id));
	return OK;
}

static enum status
mem_stat(struct blob_store *bs, struct db_txn *txn, int64_t body, struct blob_info *info_r)
{
	struct mem *mem = bs->own;
	struct body *b;

	lock_take(&mem->lock);
	b = find(mem, body);
	if (b != NULL && b->published)
		*info_r = b->info;
	else
		b = NULL;
	lock_give(&mem->lock);
	return b != NULL ? OK : ERR_NOT_FOUND;
}

/* A piece holds the lock: it is given back within microseconds. */
static enum status
mem_get_first(struct blob_store *bs, struct db_txn *txn, struct blob_walk *walk, int64_t body, struct piece *piece_r)
{
	struct mem *mem = bs->own;
	struct body *b;

	lock_take(&mem->lock);
	piece_r->locked = true;
	b = find(mem, body);
	if (b == NULL || !b->published)
		return ERR_NOT_FOUND;
	piece_r->size = b->info.size;
	piece_r->whole = b->chunks == 1;
	if (piece_r->whole)
		piece_r->bytes = buf_str(&b->encoded[0]);
	return OK;
}

static enum status
mem_get_chunk(struct blob_store *bs, struct db_txn *txn, int64_t body, unsigned n, struct piece *piece_r)
{
	struct mem *mem = bs->own;
	struct body *b;

	lock_take(&mem->lock);
	piece_r->locked = true;
	b = find(mem, body);
	if (b == NULL || n >= b->chunks)
		return ERR_NOT_FOUND;
	piece_r->bytes = buf_str(&b->encoded[n]);
	return OK;
}

static void
mem_piece_done(struct blob_store *bs, struct piece *piece)
{
	struct mem *mem = bs->own;

	if (piece->locked)
		lock_give(&mem->lock);
	piece->locked = false;
}

static void
remove_now(void *arg)
{
	struct change *c = arg;
	struct body *b;

	lock_take(&c->mem->lock);
	if ((b = find(c->mem, c->id)) != NULL)
		body_free(b);
	lock_give(&c->mem->lock);
	free(c);
}

static enum status
mem_remove(struct blob_store *bs, struct db_txn *txn, int64_t body, bool *done_r)
{
	struct blob_info info;
	enum status st = mem_stat(bs, txn, body, &info);

	if (st != OK)
		return st;
	db_after_commit(txn, remove_now, free, change_new(bs->own, body));
	*done_r = true;
	return OK;
}

static enum status
mem_next(struct blob_store *bs, struct db_txn *txn, int64_t after, int64_t *body_r)
{
	struct mem *mem = bs->own;
	enum status st = ERR_NOT_FOUND;
	struct body *b;

	lock_take(&mem->lock);
	TAILQ_FOREACH(b, &mem->bodies, link) {
		if (b->published && b->id > after) {
			*body_r = b->id;
			st = OK;
			break;
		}
	}
	lock_give(&mem->lock);
	return st;
}

const struct blob_driver blob_mem = {
    .name = "mem",
    .open = mem_open,
    .close = mem_close,
    .schema = mem_schema,
    .sweep = mem_sweep,
    .reserve_ids = mem_reserve_ids,
    .spill = mem_spill,
    .spill_wait = mem_spill_wait,
    .unspill = mem_unspill,
    .publish = mem_publish,
    .stat = mem_stat,
    .get_first = mem_get_first,
    .get_chunk = mem_get_chunk,
    .piece_done = mem_piece_done,
    .remove = mem_remove,
    .next = mem_next,
};
