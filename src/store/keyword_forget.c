/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forgetting keywords that nothing uses, so that a mailbox which cannot be deleted has room for KEYWORDS_PER_MAILBOX at a time and not in its life.
 * keyword_forget() is a part of the edit that needs the room; it looks at a bounded number of pages. keywords_sweep() is the reaper's, for
 * mailboxes that are larger than that: it looks in a snapshot, and then, in the write, at what has changed since.
 */
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "store/keyword_priv.h"
#include "store/message.h"
#include "store/reap_priv.h"
#include "store/store_priv.h"

#define PAGES_IN_EDIT 1024 /* 262,144 messages where they are full */
#define FORGET_AT_ONCE 1000
#define SWEEP_FROM (KEYWORDS_PER_MAILBOX / 5 * 4)

static struct db_sql ids_of = DB_SQL("SELECT id FROM keyword WHERE mailbox = ?1 ORDER BY id");
static struct db_sql pages_of = DB_SQL("SELECT data FROM page WHERE id >= ?1 AND id <= ?2");
static struct db_sql reap_of = DB_SQL("SELECT entries FROM reap WHERE mailbox = ?1 AND modseq >= ?2");
static struct db_sql staged = DB_SQL("SELECT data FROM staged WHERE id >= ?1 AND id <= ?2");
static struct db_sql forget = DB_SQL("DELETE FROM keyword WHERE mailbox = ?1 AND id = ?2");
static struct db_sql candidates = DB_SQL("SELECT id, modseq FROM mailbox WHERE id > ?1 AND keywords >= ?2 AND name IS NOT NULL ORDER BY id LIMIT 1");

/* Which of a mailbox's keywords are in use. */
struct uses {
	struct db_txn *txn;
	int64_t mailbox;
	uint32_t *id; /* ascending */
	bool *used;
	size_t n, unused;
	struct page *page;
	unsigned left; /* pages that may still be looked at */
};

static enum status
uses_load(struct uses *u)
{
	struct db_stmt *s = db_prepare(u->txn, &ids_of);
	enum status st;

	u->id = x_calloc(KEYWORDS_PER_MAILBOX, sizeof(*u->id));
	u->used = x_calloc(KEYWORDS_PER_MAILBOX, sizeof(*u->used));
	u->page = page_new();
	db_bind_int(s, 1, u->mailbox);
	while ((st = db_step(s)) == OK && u->n < KEYWORDS_PER_MAILBOX)
		u->id[u->n++] = (uint32_t)db_int(s, 0);
	db_done(s);
	u->unused = u->n;
	return st == ERR_NOT_FOUND ? OK : st;
}

static void
uses_free(struct uses *u)
{
	free(u->id);
	free(u->used);
	page_free(u->page);
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
mark(struct uses *u, uint32_t id)
{
	uint32_t *at = bsearch(&id, u->id, u->n, sizeof(*u->id), by_number);

	if (at == NULL || u->used[at - u->id])
		return;
	u->used[at - u->id] = true;
	u->unused--;
}

static void
mark_page(struct uses *u)
{
	const uint32_t *last = NULL;

	for (uint32_t i = 0; i < u->page->n; i++) {
		const struct entry *e = &u->page->e[i];

		/* Entries with the same set share its ids. */
		if (e->keywords_n == 0 || e->keywords == last)
			continue;
		last = e->keywords;
		for (uint32_t k = 0; k < e->keywords_n; k++)
			mark(u, e->keywords[k]);
	}
}

/* A packed page, if it is one of the mailbox. What cannot be read may use them all. */
static enum status
see(struct uses *u, struct str blob)
{
	if (page_is_of_other(blob, u->mailbox))
		return OK;
	if (u->left == 0)
		return ERR_LIMIT;
	u->left--;
	if (page_unpack(u->page, blob, 0, 0) == OK)
		mark_page(u);
	else
		u->unused = 0;
	return OK;
}

static enum status
see_rows(struct uses *u, struct db_sql *sql, int64_t first, int64_t last)
{
	struct db_stmt *s = db_prepare(u->txn, sql);
	enum status st = OK;

	db_bind_int(s, 1, first);
	db_bind_int(s, 2, last);
	while (u->unused > 0 && st == OK && (st = db_step(s)) == OK)
		st = see(u, db_blob(s, 0));
	db_done(s);
	return st == ERR_NOT_FOUND ? OK : st;
}

/* Everything but the pages: copies that are staged, and what was expunged since. */
static enum status
see_others(struct uses *u, uint64_t since)
{
	enum status st = see_rows(u, &staged, 0, INT64_MAX);

	return st == OK ? see_rows(u, &reap_of, u->mailbox, (int64_t)since) : st;
}

static enum status
see_all(struct uses *u)
{
	enum status st = see_rows(u, &pages_of, page_id(u->mailbox, 0), page_id(u->mailbox, UINT32_MAX));

	return st == OK ? see_others(u, 0) : st;
}

static enum status
forget_unused(struct uses *u, const struct runs *named, size_t *n_r)
{
	enum status st = OK;

	*n_r = 0;
	for (size_t i = 0; i < u->n && u->unused > 0 && st == OK && *n_r < FORGET_AT_ONCE; i++) {
		if (u->used[i] || (named != NULL && runs_has(named, u->id[i] + 1)))
			continue;
		st = db_exec(u->txn, &forget, "ii", u->mailbox, (int64_t)u->id[i]);
		++*n_r;
	}
	return st;
}

enum status
keyword_forget(struct edit *e)
{
	struct uses u = {.txn = e->txn, .mailbox = e->mailbox, .left = PAGES_IN_EDIT};
	size_t n;
	enum status st;

	if ((st = uses_load(&u)) == OK && (st = see_all(&u)) == OK)
		st = forget_unused(&u, &e->named, &n);
	uses_free(&u);
	/* Too many pages to look at now. */
	return st == ERR_LIMIT ? OK : st;
}

/* ---- the reaper's ---- */

struct sweep {
	struct uses u;
	uint64_t modseq; /* the snapshot's */
	size_t n;        /* how many were forgotten */
};

/* What has changed since the snapshot. */
static enum status
see_changed(struct uses *u, uint64_t modseq)
{
	struct dir *dir = x_malloc(sizeof(*dir));
	uint32_t key = 0;
	enum status st;

	while ((st = dir_next(u->txn, u->mailbox, key, modseq, dir)) == OK) {
		key = dir->key;
		for (uint32_t i = 0; i < dir->n; i++) {
			if (dir->p[i].modseq <= modseq)
				continue;
			if ((st = page_load(u->txn, u->mailbox, dir->p[i].key, u->page)) == OK)
				mark_page(u);
			else
				u->unused = 0;
		}
	}
	free(dir);
	return st == ERR_NOT_FOUND ? see_others(u, modseq) : st;
}

static enum status
sweep_write(struct db_txn *txn, void *arg)
{
	struct sweep *w = arg;
	enum status st;

	w->u.txn = txn;
	st = see_changed(&w->u, w->modseq);
	return st == OK ? forget_unused(&w->u, NULL, &w->n) : st;
}

/* Looks at the next mailbox behind that one. ERR_NOT_FOUND: there is none. */
static enum status
look(struct store *store, struct sweep *w, int64_t after)
{
	struct db_txn *txn;
	int64_t v[2];
	enum status st = db_read_begin(store_db(store), &txn);

	if (st != OK)
		return st;
	if ((st = db_get_ints(txn, &candidates, v, 2, "ii", after, (int64_t)SWEEP_FROM)) == OK) {
		w->u = (struct uses){.txn = txn, .mailbox = v[0], .left = UINT_MAX};
		w->modseq = (uint64_t)v[1];
		st = uses_load(&w->u);
		if (st == OK && w->u.n >= SWEEP_FROM)
			st = see_all(&w->u);
		else
			w->u.unused = 0;
	}
	db_read_end(txn);
	return st;
}

enum status
keywords_sweep(struct store *store)
{
	int64_t after = 0;
	enum status st = OK;

	while (st == OK && !atomic_load(&store->stopping)) {
		struct sweep w = {0};

		if ((st = look(store, &w, after)) == OK && w.u.unused > 0)
			st = db_write(store_db(store), sweep_write, &w);
		/* Again where there may be more. */
		after = w.n < FORGET_AT_ONCE ? w.u.mailbox : after;
		uses_free(&w.u);
	}
	return st == ERR_NOT_FOUND ? OK : st;
}
