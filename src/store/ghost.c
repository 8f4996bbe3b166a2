/* SPDX-License-Identifier: Apache-2.0 */
/* Reads ghosts out of reap rows, a window at a time. */
#include "store/ghost_priv.h"

#include <stdlib.h>
#include "base/assert.h"
#include "base/log.h"

void
ghosts_begin(struct ghosts *g, const struct view *v, const struct runs *only, struct db_txn *txn, uint32_t from)
{
	*g = (struct ghosts){.view = v, .only = only, .txn = txn, .from = from};
}

void
ghosts_end(struct ghosts *g)
{
	free(g->e);
	arena_free(&g->arena);
	g->e = NULL;
}

/* The first wanted ghost from uid on, or 0. */
static uint32_t
next_wanted(const struct ghosts *g, uint32_t uid)
{
	while (uid != 0) {
		uint32_t ghost = runs_next(&g->view->ghosts, uid), want;

		if (ghost == 0 || g->only == NULL)
			return ghost;
		want = runs_next(g->only, ghost);
		if (want == ghost)
			return ghost;
		uid = want;
	}
	return 0;
}

/* Notes the UIDs of the next window; their entries are empty still (email 0). */
static void
choose(struct ghosts *g)
{
	uint32_t uid = next_wanted(g, g->from);

	if (g->e == NULL)
		g->e = x_malloc(GHOST_WINDOW * sizeof(*g->e));
	arena_free(&g->arena);
	g->n = g->at = 0;
	for (; uid != 0 && g->n < GHOST_WINDOW; uid = next_wanted(g, uid + 1))
		g->e[g->n++] = (struct entry){.uid = uid};
	g->from = uid == 0 ? UINT32_MAX : uid;
}

static struct entry *
find(struct ghosts *g, uint32_t uid)
{
	uint32_t lo = 0, hi = g->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (g->e[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < g->n && g->e[lo].uid == uid ? &g->e[lo] : NULL;
}

static void
take_row(struct ghosts *g, const struct page *page)
{
	for (uint32_t i = 0; i < page->n; i++) {
		struct entry *e = find(g, page->e[i].uid);

		if (e == NULL)
			continue;
		*e = page->e[i];
		e->expunged = true;
		e->keywords = arena_copy(&g->arena, e->keywords, e->keywords_n, e->keywords_n, sizeof(*e->keywords));
	}
}

static struct db_sql rows =
    DB_SQL("SELECT entries FROM reap WHERE mailbox = ?1 AND modseq > ?2 AND last >= ?3 AND first <= ?4");

/* Fills the window. */
static enum status
load(struct ghosts *g)
{
	struct page *page;
	struct db_stmt *s;
	uint32_t kept = 0;
	enum status st;

	choose(g);
	if (g->n == 0)
		return OK;
	page = page_new();
	s = db_prepare(g->txn, &rows);
	db_bind_int(s, 1, g->view->grant.mailbox);
	db_bind_int(s, 2, (int64_t)g->view->gone_told);
	db_bind_int(s, 3, g->e[0].uid);
	db_bind_int(s, 4, g->e[g->n - 1].uid);
	while ((st = db_step(s)) == OK) {
		if (page_unpack(page, db_blob(s, 0), 0, 0) == OK)
			take_row(g, page);
		else
			log_event(EV_damage, "expunged messages of mailbox=%lld", (long long)g->view->grant.mailbox);
	}
	db_done(s);
	page_free(page);
	for (uint32_t i = 0; i < g->n; i++)
		if (g->e[i].email != 0)
			g->e[kept++] = g->e[i];
	g->missed += g->n - kept;
	g->n = kept;
	return st == ERR_NOT_FOUND ? OK : st;
}

const struct entry *
ghosts_peek(struct ghosts *g, enum status *st)
{
	if (g->view->ghosts.n == 0)
		return NULL;
	while (g->at == g->n) {
		if (g->from == UINT32_MAX || (*st = load(g)) != OK)
			return NULL;
	}
	return &g->e[g->at];
}

void
ghosts_pop(struct ghosts *g)
{
	ensure(g->at < g->n);
	g->at++;
}
