/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stages: a body on its way in. What fits into one chunk stays plain in memory and is hashed and compressed at the end,
 * with the thread's contexts. Of more, each full chunk is encoded; encoded chunks are held until they are more
 * than stage_memory and then spilled through the driver.
 */
#include "blob/blob_priv.h"

#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"

struct blob_stage *
blob_stage_new(struct blob_store *bs, uint64_t lane)
{
	struct blob_stage *stage = x_new(struct blob_stage);

	stage->magic = MAGIC_STAGE;
	stage->bs = bs;
	stage->lane = lane;
	stage->held_end = &stage->held;
	lock_init(&stage->lock, LOCK_blob_stage);
	pthread_cond_init(&stage->wake, NULL);
	return stage;
}

static void
held_free(struct held_chunk *h)
{
	buf_free(&h->encoded);
	free(h);
}

static struct held_chunk *
held_take(struct blob_stage *stage)
{
	struct held_chunk *h = stage->held;

	if (h == NULL)
		return NULL;
	stage->held = h->next;
	if (stage->held == NULL)
		stage->held_end = &stage->held;
	ensure(stage->held_bytes >= h->encoded.n);
	stage->held_bytes -= h->encoded.n;
	return h;
}

void
blob_stage_free(struct blob_stage *stage)
{
	struct held_chunk *h;

	if (stage == NULL)
		return;
	ensure(stage->magic == MAGIC_STAGE);
	/* The chunks under way point to the stage. */
	(void)!stage->bs->drv->spill_wait(stage);
	if (stage->spilled > 0)
		stage->bs->drv->unspill(stage);
	while ((h = held_take(stage)) != NULL)
		held_free(h);
	buf_free(&stage->plain);
	hash_free(stage->hasher);
	ensure(stage->under_way == 0 && stage->held_bytes == 0);
	stage->magic = MAGIC_DEAD;
	lock_fini(&stage->lock);
	pthread_cond_destroy(&stage->wake);
	free(stage);
}

static enum status
spill_held(struct blob_stage *stage)
{
	struct held_chunk *h;
	enum status st = OK;

	while (st == OK && (h = held_take(stage)) != NULL) {
		stage->spilled++;
		st = stage->bs->drv->spill(stage, h->n, &h->encoded);
		held_free(h);
	}
	return st;
}

/* Encodes what is in plain, which stays. */
static enum status
encode(struct blob_stage *stage)
{
	struct held_chunk *h;
	enum status st;

	if (stage->chunks >= CHUNKS_MAX)
		return ERR_LIMIT;
	if (stage->id == 0 && (st = blob_take_id(stage->bs, &stage->id)) != OK)
		return st;
	h = x_new(struct held_chunk);
	h->n = stage->chunks++;
	chunk_encode(stage->bs, stage->id, h->n, buf_str(&stage->plain), &h->encoded);
	*stage->held_end = h;
	stage->held_end = &h->next;
	stage->held_bytes += h->encoded.n;
	stage->stored += h->encoded.n;
	return stage->held_bytes > stage->bs->stage_memory && stage->chunks > 1 ? spill_held(stage) : OK;
}

/* A full chunk, and more is to come. */
static enum status
next_chunk(struct blob_stage *stage)
{
	enum status st;

	if (stage->hasher == NULL) {
		stage->hasher = hash_new();
		hash_begin(stage->hasher);
	}
	hash_add(stage->hasher, buf_str(&stage->plain));
	st = encode(stage);
	buf_clear(&stage->plain);
	return st;
}

enum status
blob_stage_add(struct blob_stage *stage, struct str bytes)
{
	ensure(!stage->finished);
	while (stage->st == OK && bytes.n > 0) {
		size_t room = BLOB_CHUNK - stage->plain.n;

		if (room == 0) {
			stage->st = next_chunk(stage);
			continue;
		}
		buf_add(&stage->plain, str_head(bytes, room));
		stage->size += str_head(bytes, room).n;
		bytes = str_from(bytes, room);
	}
	return stage->st;
}

enum status
blob_stage_finish(struct blob_stage *stage)
{
	void *hasher = stage->hasher != NULL ? stage->hasher : blob_thread()->hasher;

	if (stage->finished || stage->st != OK)
		return stage->st;
	stage->finished = true;
	if (stage->hasher == NULL)
		hash_begin(hasher);
	hash_add(hasher, buf_str(&stage->plain));
	hash_end(hasher, stage->hash);
	stage->st = encode(stage);
	buf_free(&stage->plain);
	if (stage->st == OK)
		stage->st = stage->bs->drv->spill_wait(stage);
	return stage->st;
}

size_t
blob_stage_memory(const struct blob_stage *stage)
{
	return sizeof(*stage) + stage->plain.cap + stage->held_bytes;
}

uint64_t
blob_stage_size(const struct blob_stage *stage)
{
	return stage->size;
}

static const struct held_chunk *
held_find(const struct blob_stage *stage, unsigned n)
{
	const struct held_chunk *h = stage->held;

	while (h != NULL && h->n != n)
		h = h->next;
	return h;
}

/* Adds chunk n, which was encoded, in plain. */
static enum status
encoded_read(struct blob_stage *stage, unsigned n, struct buf *out)
{
	const struct held_chunk *h = held_find(stage, n);
	size_t size = chunk_size(stage->size, n);
	struct piece piece = {0};
	struct db_txn *txn;
	enum status st;

	if (h != NULL)
		return chunk_decode(stage->id, n, buf_str(&h->encoded), size, out);
	if ((st = stage->bs->drv->spill_wait(stage)) != OK)
		return st;
	if ((st = db_read_begin(stage->bs->db, &txn)) != OK)
		return st;
	st = stage->bs->drv->get_chunk(stage->bs, txn, stage->id, n, &piece);
	if (st == OK)
		st = chunk_decode(stage->id, n, piece.bytes, size, out);
	stage->bs->drv->piece_done(stage->bs, &piece);
	db_read_end(txn);
	return st == ERR_NOT_FOUND ? ERR_CORRUPT : st;
}

enum status
blob_stage_read(struct blob_stage *stage, uint64_t at, size_t n, struct buf *out)
{
	/* plain holds the last chunk until all is encoded. */
	uint64_t last = stage->finished ? UINT64_MAX : (stage->size - stage->plain.n) / BLOB_CHUNK;
	struct buf chunk = {0};
	enum status st = stage->st;

	while (st == OK && n > 0 && at < stage->size) {
		uint64_t k = at / BLOB_CHUNK;
		struct str from;

		buf_clear(&chunk);
		if (k == last) {
			from = buf_str(&stage->plain);
		} else {
			st = encoded_read(stage, (unsigned)k, &chunk);
			from = buf_str(&chunk);
		}
		if (st != OK)
			break;
		from = str_head(str_from(from, (size_t)(at % BLOB_CHUNK)), n);
		if (from.n == 0)
			break;
		buf_add(out, from);
		at += from.n;
		n -= from.n;
	}
	buf_free(&chunk);
	return st != OK ? st : out->failed ? ERR_LIMIT : OK;
}

enum status
blob_publish(struct blob_stage *stage, struct db_txn *txn, int64_t *body_r)
{
	enum status st;

	ensure(stage->finished);
	if (stage->st != OK)
		return stage->st;
	if ((st = stage->bs->drv->publish(stage, txn)) == OK)
		*body_r = stage->id;
	return st;
}
