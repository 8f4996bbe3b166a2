/* SPDX-License-Identifier: Apache-2.0 */
/* Moving a view on: what happened since it was told the last time. */
#include "store/changes_priv.h"
#include "base/assert.h"
#include "store/view_priv.h"

static bool
is_own(const struct view *v, uint64_t modseq)
{
	for (unsigned i = 0; i < v->own_n; i++)
		if (modseq >= v->own[i].first && modseq <= v->own[i].last)
			return true;
	return false;
}

/* Runs of changed UIDs in change rows, beyond which the pages are asked in their place: they name each message once, however often it changed. */
#define ROW_RUNS_MAX 100000

/* What changed, and what of that this session told itself. */
struct changed_piles {
	struct run_pile other, own;
	size_t runs;
};

/* Flag changes of messages that the view had before. */
static enum status
find_changed(struct view *v, struct db_txn *txn, const struct view_now *now, struct runs *out, struct runs *own)
{
	struct change_walk w;
	struct changed_piles piles = {0};
	bool pages = v->flags_told < now->oldest_change;
	enum status st = OK;

	if (!pages) {
		change_walk_begin(&w, txn, v->grant.mailbox, v->flags_told, false);
		while ((st = change_walk_next(&w)) == OK && piles.runs <= ROW_RUNS_MAX) {
			pages |= w.row.damaged;
			if (w.row.kind != CHANGE_FLAGS && w.row.kind != CHANGE_ANNOTATION)
				continue;
			piles.runs += w.row.uids.n;
			if (!is_own(v, w.row.modseq))
				run_pile_gather(&piles.other, &w.row.uids, out);
			else if (v->keep_own)
				run_pile_gather(&piles.own, &w.row.uids, own);
		}
		change_walk_end(&w);
		pages |= st == OK; /* too many */
		if (st == ERR_NOT_FOUND)
			st = OK;
		run_pile_into(&piles.other, out, NULL);
		run_pile_into(&piles.own, own, NULL);
		view_only_told(v, out);
		view_only_told(v, own);
	}
	if (st == OK && pages)
		st = changes_from_pages(txn, v->grant.mailbox, v->flags_told, v->next_told, v->own, v->own_n, out);
	if (st == OK && pages && v->keep_own)
		st = changes_from_pages(txn, v->grant.mailbox, v->flags_told, v->next_told, NULL, 0, own);
	runs_remove_all(out, &v->ghosts);
	runs_remove_all(own, &v->ghosts);
	return st;
}

enum status
view_ghost_seqs(struct view *v, struct db_txn *txn, struct runs *out)
{
	struct ranker r;
	uint64_t before = 0, rank;

	ranker_init(&r, txn, v->grant.mailbox);
	for (size_t i = 0; i < v->ghosts.n; i++) {
		const struct run *g = &v->ghosts.run[i];
		uint32_t n = g->last - g->first;
		enum status st = ranker_rank(&r, g->first, &rank, NULL);

		if (st != OK)
			return st;
		runs_add(out, (uint32_t)(rank + before) + 1, (uint32_t)(rank + before) + 1 + n);
		before += (uint64_t)n + 1;
	}
	return OK;
}

/* Everything goes when the mailbox is gone. Which UIDs there were nobody knows any more: all below next_told are named. */
static void
empty(struct view *v, struct view_update *u)
{
	if (v->exists > 0) {
		runs_add(&u->gone, 1, v->next_told - 1);
		runs_add(&u->gone_seqs, 1, v->exists);
	}
	v->exists = 0;
	runs_clear(&v->ghosts);
	runs_clear(&v->recent);
}

static void
leave(struct view *v, struct view_update *u)
{
	ensure(runs_count(&v->ghosts) <= v->exists);
	v->exists -= (uint32_t)runs_count(&v->ghosts);
	u->gone = v->ghosts;
	v->ghosts = (struct runs){0};
	runs_remove_all(&v->recent, &u->gone);
}

enum status
view_sync(struct view *v, struct db_txn *txn, bool may_expunge, struct view_update *u_r)
{
	struct view_update u = {0};
	struct view_now now;
	uint32_t exists;
	enum status st = view_refresh(v, txn, &now);

	if (st != OK)
		return st;
	u.modseq = v->flags_told < v->gone_told ? v->flags_told : v->gone_told;
	if (v->deleted) {
		if (may_expunge)
			empty(v, &u);
		*u_r = u;
		return OK;
	}
	if (v->flags_told < now.modseq)
		st = find_changed(v, txn, &now, &u.changed, &u.own);
	if (st == OK && may_expunge && v->ghosts.n > 0)
		st = view_ghost_seqs(v, txn, &u.gone_seqs);
	if (st != OK) {
		view_update_free(&u);
		return st;
	}
	if (may_expunge && v->ghosts.n > 0)
		leave(v, &u);
	exists = now.messages + (uint32_t)runs_count(&v->ghosts);
	u.grown = exists > v->exists;
	u.first_new = u.grown ? v->next_told : 0;
	u.keywords = now.keywords > v->keywords_told;
	v->exists = exists;
	v->next_told = now.uidnext;
	v->keywords_told = now.keywords;
	v->flags_told = now.modseq;
	v->own_n = 0;
	if (v->ghosts.n == 0)
		v->gone_told = now.modseq;
	u.modseq = v->gone_told;
	*u_r = u;
	return OK;
}

void
view_update_free(struct view_update *u)
{
	runs_free(&u->gone);
	runs_free(&u->gone_seqs);
	runs_free(&u->changed);
	runs_free(&u->own);
}
