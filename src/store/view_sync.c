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

/* The sequence numbers of some of the ghosts. */
static enum status
seqs_of(struct view *v, struct db_txn *txn, const struct runs *some, struct runs *out)
{
	struct ranker r;
	uint64_t rank;

	ranker_init(&r, txn, v->grant.mailbox);
	for (size_t i = 0; i < some->n; i++) {
		const struct run *g = &some->run[i];
		uint32_t first;
		enum status st = ranker_rank(&r, g->first, &rank, NULL);

		if (st != OK)
			return st;
		first = (uint32_t)(rank + runs_below(&v->ghosts, g->first)) + 1;
		runs_add(out, first, first + (g->last - g->first));
	}
	return OK;
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

/* All messages of the snapshot are in the view. */
static void
grow(struct view *v, const struct view_now *now, struct view_update *u)
{
	uint32_t exists = now->messages + (uint32_t)runs_count(&v->ghosts);

	u->grown = exists > v->exists;
	u->first_new = u->grown ? v->next_told : 0;
	v->exists = exists;
	v->next_told = now->uidnext;
}

/* All that happened up to the snapshot. */
static enum status
sync_all(struct view *v, struct db_txn *txn, bool may_expunge, const struct view_now *now, struct view_update *u)
{
	enum status st = OK;

	if (v->flags_told < now->modseq)
		st = find_changed(v, txn, now, &u->changed, &u->own);
	if (st == OK && may_expunge && v->ghosts.n > 0)
		st = view_ghost_seqs(v, txn, &u->gone_seqs);
	if (st != OK)
		return st;
	if (may_expunge && v->ghosts.n > 0)
		leave(v, u);
	grow(v, now, u);
	v->flags_told = now->modseq;
	v->own_n = 0;
	if (v->ghosts.n == 0)
		v->gone_told = now->modseq;
	return OK;
}

/* ---- part of it ---- */

/* What the change rows say up to a mod-sequence. */
struct part {
	uint64_t upto; /* moves on as long as only messages came: these are told, too */
	struct changed_piles piles;
	struct run_pile gone_pile, later_pile;
	struct runs gone, later; /* expunged up to there, and after */
	struct runs added; /* came since the view was told of messages */
	bool whole;    /* every row was there and could be read */
};

static void
part_take(struct view *v, const struct change_row *row, struct part *p, struct view_update *u)
{
	bool passed = row->modseq > p->upto;

	p->piles.runs += row->uids.n;
	if (row->kind == CHANGE_GONE && passed)
		run_pile_gather(&p->later_pile, &row->uids, &p->later);
	else if (row->kind == CHANGE_GONE)
		run_pile_gather(&p->gone_pile, &row->uids, &p->gone);
	else if (row->kind == CHANGE_ADDED)
		runs_add_all(&p->added, &row->uids);
	else if (passed || row->modseq <= v->flags_told)
		return;
	else if (!is_own(v, row->modseq))
		run_pile_gather(&p->piles.other, &row->uids, &u->changed);
	else if (v->keep_own)
		run_pile_gather(&p->piles.own, &row->uids, &u->own);
}

/* Beyond the mod-sequence it goes where messages came: what of them is gone again is a ghost. */
static enum status
part_walk(struct view *v, struct db_txn *txn, const struct view_now *now, struct part *p, struct view_update *u)
{
	bool all = now->uidnext > v->next_told, only_added = true;
	struct change_walk w;
	enum status st;

	p->whole = true;
	change_walk_begin(&w, txn, v->grant.mailbox, v->flags_told < v->gone_told ? v->flags_told : v->gone_told, false);
	while (p->whole && (st = change_walk_next(&w)) == OK && (all || w.row.modseq <= p->upto)) {
		p->whole = !w.row.damaged && !w.row.merged && p->piles.runs <= ROW_RUNS_MAX;
		only_added &= w.row.modseq <= p->upto || w.row.kind == CHANGE_ADDED;
		if (p->whole)
			part_take(v, &w.row, p, u);
		if (only_added && w.row.modseq > p->upto)
			p->upto = w.row.modseq;
	}
	change_walk_end(&w);
	return st == ERR_NOT_FOUND ? OK : st;
}

/* Messages that came and went later than that are told as if they were there still. */
static void
part_ghosts(struct view *v, struct part *p)
{
	struct runs fresh = {0};

	if (p->added.n > 0 && v->next_told > 1)
		runs_remove(&p->added, 1, v->next_told - 1);
	runs_remove_all(&p->added, &p->gone);
	runs_add_common(&fresh, &p->added, &p->later);
	runs_add_all(&v->ghosts, &fresh);
	runs_free(&fresh);
}

static void
part_free(struct part *p)
{
	runs_free(&p->gone);
	runs_free(&p->later);
	runs_free(&p->added);
}

static enum status
part_read(struct view *v, struct db_txn *txn, const struct view_now *now, struct part *p, struct view_update *u)
{
	struct runs gone = {0};
	enum status st = part_walk(v, txn, now, p, u);

	run_pile_into(&p->piles.other, &u->changed, NULL);
	run_pile_into(&p->piles.own, &u->own, NULL);
	run_pile_into(&p->gone_pile, &p->gone, NULL);
	run_pile_into(&p->later_pile, &p->later, NULL);
	if (st != OK || !p->whole)
		return st == OK ? ERR_AGAIN : st;
	view_only_told(v, &u->changed);
	view_only_told(v, &u->own);
	runs_remove_all(&u->changed, &v->ghosts);
	runs_remove_all(&u->own, &v->ghosts);
	part_ghosts(v, p);
	/* Of what is gone that which has not been told. */
	runs_add_common(&gone, &p->gone, &v->ghosts);
	runs_free(&p->gone);
	p->gone = gone;
	return OK;
}

static void
part_leave(struct view *v, struct part *p, struct view_update *u)
{
	ensure(runs_count(&p->gone) <= v->exists);
	v->exists -= (uint32_t)runs_count(&p->gone);
	runs_remove_all(&v->ghosts, &p->gone);
	runs_remove_all(&v->recent, &p->gone);
	u->gone = p->gone;
	p->gone = (struct runs){0};
}

/* Its own changes of mod-sequences up to there are behind it. */
static void
part_own(struct view *v, uint64_t upto)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->own_n; i++)
		if (v->own[i].last > upto)
			v->own[n++] = v->own[i];
	v->own_n = n;
}

/* ERR_AGAIN: the rows do not tell; the view is as it was. */
static enum status
sync_part(struct view *v, struct db_txn *txn, bool may_expunge, uint64_t upto, const struct view_now *now, struct view_update *u)
{
	struct part p = {.upto = upto};
	enum status st = part_read(v, txn, now, &p, u);

	if (st == OK && may_expunge)
		st = seqs_of(v, txn, &p.gone, &u->gone_seqs);
	if (st == OK) {
		ensure(p.upto >= upto); /* it moves on, never back */
		if (may_expunge)
			part_leave(v, &p, u);
		grow(v, now, u);
		if (p.upto > v->flags_told)
			v->flags_told = p.upto;
		if (p.gone.n == 0 && p.upto > v->gone_told)
			v->gone_told = p.upto;
		part_own(v, p.upto);
	}
	part_free(&p);
	return st;
}

enum status
view_sync_to(struct view *v, struct db_txn *txn, bool may_expunge, uint64_t upto, struct view_update *u_r)
{
	struct view_update u = {0};
	struct view_now now;
	enum status st = view_refresh(v, txn, &now);

	if (st != OK)
		return st;
	u.modseq = v->flags_told < v->gone_told ? v->flags_told : v->gone_told;
	if (v->deleted) {
		/* When is not known; with all that there is it is told. */
		if (may_expunge && upto == UINT64_MAX)
			empty(v, &u);
		*u_r = u;
		return OK;
	}
	st = upto < now.modseq && v->flags_told >= now.oldest_change ? sync_part(v, txn, may_expunge, upto, &now, &u) : ERR_AGAIN;
	if (st == ERR_AGAIN) {
		view_update_free(&u);
		st = sync_all(v, txn, may_expunge, &now, &u);
	}
	if (st != OK) {
		view_update_free(&u);
		return st;
	}
	u.keywords = now.keywords > v->keywords_told;
	v->keywords_told = now.keywords;
	u.modseq = v->gone_told;
	*u_r = u;
	return OK;
}

enum status
view_sync(struct view *v, struct db_txn *txn, bool may_expunge, struct view_update *u_r)
{
	return view_sync_to(v, txn, may_expunge, UINT64_MAX, u_r);
}

void
view_update_free(struct view_update *u)
{
	runs_free(&u->gone);
	runs_free(&u->gone_seqs);
	runs_free(&u->changed);
	runs_free(&u->own);
}
