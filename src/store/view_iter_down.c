/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a view downwards: a block of neighbours after the other is walked upwards, kept, and given from its end. */
#include <stdlib.h>

#include "store/view_priv.h"

#include "base/assert.h"

#ifndef VIEW_BLOCK
#define VIEW_BLOCK 128 /* messages */
#endif

struct view_block {
	uint32_t low;       /* the UID where the block begins */
	uint32_t n;         /* entries that were not given yet */
	struct runs uids;   /* what is wanted of it */
	struct arena arena; /* keywords */
	struct entry given; /* lives until the next call */
	struct entry e[VIEW_BLOCK];
	uint32_t seq[VIEW_BLOCK];
};

void
view_down_begin(struct view_iter *it)
{
	ensure(it->down && it->block == NULL);
	it->block = x_malloc(sizeof(*it->block));
	memset(it->block, 0, offsetof(struct view_block, e));
}

void
view_down_end(struct view_iter *it)
{
	if (it->block == NULL)
		return;
	runs_free(&it->block->uids);
	arena_free(&it->block->arena);
	free(it->block);
	it->block = NULL;
}

/* The UID of the message at that place of the view, 1 the first. Where damage leaves it open: any one up to high, so that the walk goes on. */
static enum status
uid_at(struct view_iter *it, uint64_t place, uint32_t high, uint32_t *uid_r)
{
	struct runs seq = {0}, uids = {0};
	enum status st;

	runs_add(&seq, (uint32_t)place, (uint32_t)place);
	st = view_uids_of_seqs(it->view, it->txn, &seq, &uids);
	*uid_r = st == OK && uids.n > 0 && uids.run[0].first <= high ? uids.run[0].first : high;
	runs_free(&seq);
	runs_free(&uids);
	return st == ERR_CORRUPT || st == ERR_BAD_INPUT ? OK : st;
}

/* Where the next block lies: up to VIEW_BLOCK messages of the view, wanted or not, the highest of which is wanted, if it is there.
 * ERR_NOT_FOUND: there is none. */
static enum status
bounds(struct view_iter *it, uint32_t *low_r, uint32_t *high_r)
{
	uint32_t end = it->view->next_told, high;
	uint64_t n = 0;
	enum status st;

	if (end <= 1 || it->next_uid == 0)
		return ERR_NOT_FOUND;
	high = it->next_uid < end ? it->next_uid : end - 1;
	if (it->only != NULL && (high = runs_last(it->only, high)) == 0)
		return ERR_NOT_FOUND;
	if ((st = view_below(it->view, it->txn, high + 1, &n)) != OK || n == 0)
		return st == OK ? ERR_NOT_FOUND : st;
	*high_r = high;
	*low_r = 1;
	return n > VIEW_BLOCK ? uid_at(it, n - VIEW_BLOCK + 1, high, low_r) : OK;
}

static void
want(const struct runs *only, uint32_t low, uint32_t high, struct runs *uids)
{
	runs_clear(uids);
	if (only == NULL) {
		runs_add(uids, low, high);
		return;
	}
	for (size_t i = runs_seek(only, low); i < only->n && only->run[i].first <= high; i++) {
		const struct run *r = &only->run[i];

		runs_add(uids, r->first > low ? r->first : low, r->last < high ? r->last : high);
	}
}

static void
keep(struct view_block *b, const struct entry *e, uint32_t seq)
{
	struct entry *to = &b->e[b->n];

	ensure(b->n < VIEW_BLOCK);
	*to = *e;
	to->keywords = arena_copy(&b->arena, e->keywords, e->keywords_n, e->keywords_n, sizeof(*e->keywords));
	b->seq[b->n++] = seq;
}

/* Takes the messages between two UIDs. ERR_LIMIT: they are too many, as damaged counts did not tell. */
static enum status
fill(struct view_iter *it, struct view_block *b, uint32_t low, uint32_t high)
{
	struct view_iter up = VIEW_ITER(it->view, &b->uids);
	const struct entry *e;
	enum status st;
	bool full = false;

	want(it->only, low, high, &b->uids);
	arena_free(&b->arena);
	b->n = 0;
	b->low = up.next_uid = low;
	up.no_seq = it->no_seq;
	up.changed_since = it->changed_since;
	if ((st = view_iter_begin(&up, it->txn)) != OK)
		return st;
	while (!full && (e = view_iter_next(&up)) != NULL) {
		if (!(full = b->n == VIEW_BLOCK))
			keep(b, e, up.seq);
	}
	st = view_iter_end(&up);
	if (st != OK || full)
		return st != OK ? st : ERR_LIMIT;
	it->missed += up.missed;
	return OK;
}

/* The next block that has anything. ERR_NOT_FOUND: none. */
static enum status
next_block(struct view_iter *it, struct view_block *b)
{
	enum status st = OK;

	while (st == OK && b->n == 0) {
		uint32_t low, high;

		if ((st = bounds(it, &low, &high)) != OK)
			break;
		while ((st = fill(it, b, low, high)) == ERR_LIMIT)
			low += (high - low + 1) / 2;
		if (st == OK)
			it->next_uid = b->n > 0 ? high : low - 1;
	}
	return st;
}

const struct entry *
view_down_next(struct view_iter *it)
{
	struct view_block *b = it->block;

	if (it->status != OK || it->view->deleted)
		return NULL;
	if (b->n == 0 && (it->status = next_block(it, b)) != OK) {
		if (it->status == ERR_NOT_FOUND) {
			it->status = OK;
			it->next_uid = 0;
		}
		return NULL;
	}
	b->given = b->e[--b->n];
	it->seq = b->seq[b->n];
	/* Below the last one of the block nothing is left in it. */
	it->next_uid = b->n > 0 ? b->given.uid - 1 : b->low - 1;
	return &b->given;
}
