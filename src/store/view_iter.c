/* SPDX-License-Identifier: Apache-2.0 */
/* Walking a view: the pages' entries and the ghosts', merged in the order of their UIDs. */
#include <stdlib.h>

#include "base/log.h"
#include "base/assert.h"
#include "store/ghost_priv.h"
#include "store/view_priv.h"

struct view_walk {
	/* the store's messages */
	uint32_t target;    /* no message with a smaller UID is wanted any more */
	bool end, dir_loaded, page_loaded;
	uint32_t at;        /* index of the page in dir */
	uint32_t idx;       /* of the next entry in page */
	uint32_t before;    /* entries of the page that are not in it: they come before all that is wanted */
	size_t run;         /* of only: no earlier run reaches the entry */
	uint64_t rank;      /* messages before the page */
	struct page *page;
	/* the ghosts */
	struct ghosts ghosts;
	uint32_t ghosts_missed;
	size_t below_run;   /* ghosts below the message given last: whole runs passed */
	uint64_t below;
	struct ranker *ranker; /* for ghosts, made when needed */
	struct dir dir;
};

static void
walk_free(struct view_iter *it)
{
	if (it->walk == NULL)
		return;
	page_free(it->walk->page);
	ghosts_end(&it->walk->ghosts);
	free(it->walk->ranker);
	free(it->walk);
	it->walk = NULL;
}

enum status
view_iter_begin(struct view_iter *it, struct db_txn *txn)
{
	struct view_walk *w;
	struct view_now now;

	ensure(it->walk == NULL && it->block == NULL); /* what it had read is of a snapshot that is over */
	it->txn = txn;
	if ((it->status = view_refresh(it->view, txn, &now)) != OK)
		return it->status;
	if (it->down) {
		view_down_begin(it);
		return OK;
	}
	w = x_malloc(sizeof(*w));
	memset(w, 0, offsetof(struct view_walk, dir));
	w->target = it->next_uid;
	w->end = it->view->deleted || it->next_uid == 0;
	w->page = page_new();
	ghosts_begin(&w->ghosts, it->view, it->only, txn, it->next_uid);
	it->walk = w;
	return OK;
}

enum status
view_iter_end(struct view_iter *it)
{
	walk_free(it);
	view_down_end(it);
	it->txn = NULL;
	return it->status;
}

/* ---- the store's messages ---- */

/* Finds the directory row of the target. */
static enum status
want_row(struct view_iter *it, struct view_walk *w)
{
	enum status st;

	if (w->dir_loaded && w->target <= w->dir.p[w->dir.n - 1].last)
		return OK;
	if (w->dir_loaded)
		st = dir_next(it->txn, it->view->grant.mailbox, w->dir.key, it->changed_since, &w->dir);
	else
		st = dir_load(it->txn, it->view->grant.mailbox, w->target, &w->dir);
	/* The row where the target would lie may end before it. */
	while (st == OK && (w->dir.n == 0 || w->dir.p[w->dir.n - 1].last < w->target))
		st = dir_next(it->txn, it->view->grant.mailbox, w->dir.key, it->changed_since, &w->dir);
	w->dir_loaded = st == OK;
	if (st == OK && !it->no_seq)
		st = dir_messages_before(it->txn, it->view->grant.mailbox, w->dir.key, &w->rank);
	w->at = 0;
	return st;
}

/* Messages of the page that the caller wants, as far as the directory can tell. */
static uint32_t
wanted(const struct view_iter *it, const struct page_sum *p)
{
	uint64_t n = 0;

	if (it->only == NULL)
		return p->messages;
	for (size_t i = runs_seek(it->only, p->key); i < it->only->n && it->only->run[i].first <= p->last; i++) {
		uint32_t first = it->only->run[i].first, last = it->only->run[i].last;

		n += (last < p->last ? last : p->last) - (first > p->key ? first : p->key) + 1;
	}
	return n < p->messages ? (uint32_t)n : p->messages;
}

/* Moves the target to the first UID that may be wanted; false: there is none. */
static bool
move_target(const struct view_iter *it, struct view_walk *w)
{
	if (it->only != NULL && w->target != 0)
		w->target = runs_next(it->only, w->target);
	return w->target != 0 && w->target < it->view->next_told;
}

/* The last UID of the page that is wanted, or one behind it: cheap to find, and exact for the one message that most commands ask for. */
static uint32_t
last_wanted(const struct view_iter *it, const struct view_walk *w, const struct page_sum *p)
{
	size_t i;

	if (it->only == NULL)
		return p->last;
	i = runs_seek(it->only, w->target);
	ensure(i < it->only->n && w->target >= it->only->run[i].first); /* move_target() */
	if (i + 1 < it->only->n && it->only->run[i + 1].first <= p->last)
		return p->last;
	return it->only->run[i].last < p->last ? it->only->run[i].last : p->last;
}

/* Goes to the next page that may hold something wanted and reads it. ERR_NOT_FOUND: none. */
static enum status
next_page(struct view_iter *it, struct view_walk *w)
{
	for (;;) {
		const struct page_sum *p;
		uint32_t at;
		enum status st;

		if (!move_target(it, w))
			return ERR_NOT_FOUND;
		if ((st = want_row(it, w)) != OK)
			return st;
		at = dir_seek(&w->dir, w->target);
		for (; w->at < at; w->at++)
			w->rank += w->dir.p[w->at].messages;
		p = &w->dir.p[at];
		if (p->key > w->target) {
			/* Nothing lies before the page; the set may have nothing in it either. */
			w->target = p->key;
			if (!move_target(it, w))
				return ERR_NOT_FOUND;
			if (w->target > p->last)
				continue;
		}
		if (p->modseq > it->changed_since) {
			st = page_load_part(it->txn, it->view->grant.mailbox, p->key, w->target, last_wanted(it, w, p), w->page, &w->before);
			if (st == OK) {
				w->idx = page_seek(w->page, w->target);
				w->page_loaded = true;
				return OK;
			}
			if (st != ERR_CORRUPT)
				return st;
			it->missed += wanted(it, p);
		}
		w->target = p->last == UINT32_MAX ? 0 : p->last + 1;
	}
}

/* Is it in the set? Entries are asked for in ascending order. */
static bool
in_set(const struct runs *only, size_t *run, uint32_t uid)
{
	while (*run < only->n && only->run[*run].last < uid)
		++*run;
	return *run < only->n && only->run[*run].first <= uid;
}

/* The next wanted message of the store, or NULL. Stays the same until w->idx moves. */
static const struct entry *
peek(struct view_iter *it, struct view_walk *w)
{
	while (!w->end) {
		for (; w->page_loaded && w->idx < w->page->n; w->idx++) {
			const struct entry *e = &w->page->e[w->idx];

			if (e->uid >= it->view->next_told)
				break;
			if (e->modseq > it->changed_since &&
			    (it->only == NULL || in_set(it->only, &w->run, e->uid)))
				return e;
		}
		if (w->page_loaded) {
			uint32_t last = w->dir.p[w->at].last;

			w->page_loaded = false;
			w->target = last == UINT32_MAX ? 0 : last + 1;
		}
		switch (it->status = next_page(it, w)) {
		case OK:
			break;
		case ERR_NOT_FOUND:
			it->status = OK;
			w->end = true;
			break;
		default:
			w->end = true;
		}
	}
	return NULL;
}

/* ---- both ---- */

static uint64_t
ghosts_below(struct view_walk *w, const struct runs *ghosts, uint32_t uid)
{
	while (w->below_run < ghosts->n && ghosts->run[w->below_run].last < uid) {
		w->below += (uint64_t)(ghosts->run[w->below_run].last - ghosts->run[w->below_run].first) + 1;
		w->below_run++;
	}
	if (w->below_run < ghosts->n && ghosts->run[w->below_run].first < uid)
		return w->below + (uid - ghosts->run[w->below_run].first);
	return w->below;
}

static const struct entry *
give_ghost(struct view_iter *it, struct view_walk *w, const struct entry *e)
{
	uint64_t rank;

	if (!it->no_seq) {
		if (w->ranker == NULL) {
			w->ranker = x_malloc(sizeof(*w->ranker));
			ranker_init(w->ranker, it->txn, it->view->grant.mailbox);
		}
		if ((it->status = ranker_rank(w->ranker, e->uid, &rank, NULL)) != OK)
			return NULL;
		it->seq = (uint32_t)(rank + ghosts_below(w, &it->view->ghosts, e->uid)) + 1;
	}
	it->next_uid = e->uid + 1;
	ghosts_pop(&w->ghosts);
	return e;
}

/* The ghosts beside the message: the next one that the caller wants and that comes first, if any. */
static const struct entry *
ghost_before(struct view_iter *it, struct view_walk *w, const struct entry *e)
{
	const struct entry *g;

	while ((g = ghosts_peek(&w->ghosts, &it->status)) != NULL && g->modseq <= it->changed_since)
		ghosts_pop(&w->ghosts);
	it->missed += w->ghosts.missed - w->ghosts_missed;
	w->ghosts_missed = w->ghosts.missed;
	return g != NULL && (e == NULL || g->uid < e->uid) ? g : NULL;
}

const struct entry *
view_iter_next(struct view_iter *it)
{
	struct view_walk *w = it->walk;
	const struct entry *e, *g;

	if (it->block != NULL)
		return view_down_next(it);
	if (w == NULL || it->status != OK || it->view->deleted)
		return NULL;
	e = peek(it, w);
	if (it->status != OK)
		return NULL;
	if (it->view->ghosts.n > 0) {
		if ((g = ghost_before(it, w, e)) != NULL)
			return give_ghost(it, w, g);
		if (it->status != OK)
			return NULL;
	}
	if (e == NULL)
		return NULL;
	ensure(w->page_loaded && w->idx < w->page->n);
	if (!it->no_seq)
		it->seq = (uint32_t)(w->rank + w->before + w->idx + 1 + ghosts_below(w, &it->view->ghosts, e->uid));
	it->next_uid = e->uid + 1;
	w->idx++;
	return e;
}

/* ---- many at once ---- */

size_t
view_iter_take(struct view_iter *it, size_t max, struct runs *uids, bool *gone)
{
	struct run_pile pile = {0}; /* downwards each would come before all others */
	const struct entry *e;
	size_t n = 0;

	while (n < max && (e = view_iter_next(it)) != NULL) {
		struct run one = {e->uid, e->uid};

		if (e->expunged) {
			*gone = true;
			continue;
		}
		if (it->down)
			run_pile_add(&pile, &(struct runs){.run = &one, .n = 1});
		else
			runs_add(uids, e->uid, e->uid);
		n++;
	}
	if (it->down)
		run_pile_into(&pile, uids, NULL);
	return n;
}

bool
view_iter_over(const struct view_iter *it)
{
	if (it->next_uid == 0)
		return true;
	return it->only != NULL && (it->down ? runs_last : runs_next)(it->only, it->next_uid) == 0;
}
