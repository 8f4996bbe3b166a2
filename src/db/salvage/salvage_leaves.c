/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a page that only leads to others is damaged, the rows below it are whole but cannot be reached. All trees are
 * walked from their roots; what is then neither reached nor free is such an orphan. It belongs to one of the tables whose
 * walk met damage: the one into whose columns all its rows fit. Rows that fit several tables are left, and told.
 * The file format is SQLite's: https://www.sqlite.org/fileformat2.html
 */
#include "db/salvage/salvage_leaves_priv.h"

#include <stdlib.h>
#include "base/arena.h"

/* ---- walking the trees ---- */

static bool
see(struct walk *w, uint32_t number)
{
	if (number == 0 || number > pages_count(w->pages) || w->seen[number])
		return false;
	w->seen[number] = 1;
	return true;
}

struct stack {
	uint32_t *p;
	size_t n, cap;
};

static void
push(struct stack *st, uint32_t number)
{
	if (st->n == st->cap) {
		st->cap = st->cap * 2 + 64;
		st->p = x_realloc(st->p, st->cap * sizeof(*st->p));
	}
	st->p[st->n++] = number;
}

static bool
is_tree_page(int type)
{
	return type == INDEX_INTERIOR || type == TABLE_INTERIOR || type == INDEX_LEAF || type == TABLE_LEAF;
}

/* Marks the pages of one tree as seen; false: one of them is damaged. */
static bool
walk_tree(struct walk *w, uint32_t root)
{
	unsigned char *page = x_malloc(w->size);
	struct stack st = {0};
	bool whole = true;

	push(&st, root);
	while (st.n > 0) {
		uint32_t number = st.p[--st.n];
		const unsigned char *h = page + (number == 1 ? 100 : 0);
		unsigned cells;

		if (!see(w, number) || !pages_read(w->pages, number, page) || !is_tree_page(h[0])) {
			whole = false;
			continue;
		}
		if (h[0] != INDEX_INTERIOR && h[0] != TABLE_INTERIOR)
			continue;
		cells = be16(h + 3);
		push(&st, be32(h + 8));
		for (unsigned i = 0; i < cells; i++) {
			const unsigned char *at = h + 12 + 2 * i;
			size_t cell;

			if (at + 2 > page + w->size || (cell = be16(at)) + 4 > w->size) {
				whole = false;
				break;
			}
			push(&st, be32(page + cell));
		}
	}
	free(st.p);
	free(page);
	return whole;
}

static void
walk_trees(struct walk *w)
{
	sqlite3_stmt *st = salvage_prepare(w->s->from,
	    sqlite3_mprintf("SELECT type, name, rootpage FROM sqlite_schema WHERE rootpage > 0"));

	(void)walk_tree(w, 1);
	while (st != NULL && sqlite3_step(st) == SQLITE_ROW) {
		const char *type = (const char *)sqlite3_column_text(st, 0);
		const char *name = (const char *)sqlite3_column_text(st, 1);
		int64_t root = sqlite3_column_int64(st, 2);
		bool whole = root > 0 && root <= UINT32_MAX && walk_tree(w, (uint32_t)root);
		struct shape *sh;

		if (whole || type == NULL || name == NULL || strcmp(type, "table") != 0)
			continue;
		if ((sh = shape_add(w, name)) != NULL)
			sh->damaged = true;
	}
	sqlite3_finalize(st);
}

/* Free pages hold old rows: those are gone on purpose. */
static void
walk_free(struct walk *w)
{
	unsigned char *page = x_malloc(w->size);
	uint32_t trunk;

	if (!pages_read(w->pages, 1, page))
		goto out;
	trunk = be32(page + 32);
	while (trunk != 0 && see(w, trunk) && pages_read(w->pages, trunk, page)) {
		uint32_t n = be32(page + 4);

		for (uint32_t i = 0; i < n && 8 + 4 * (size_t)i + 4 <= w->size; i++)
			(void)see(w, be32(page + 8 + 4 * (size_t)i));
		trunk = be32(page);
	}
out:
	free(page);
}

/* ---- orphans ---- */

/* Calls for each row of the page that can be decoded; with sh NULL only marks in fit whom all rows fit. */
static int
page_rows(struct walk *w, const unsigned char *page, struct shape *sh, bool *fit)
{
	int type = page[0], rows = 0;
	unsigned cells = be16(page + 3);
	size_t head = type == INDEX_INTERIOR ? 12 : 8;
	struct value v[COLS_MAX];
	struct buf payload = {0};
	int64_t rowid;

	for (unsigned i = 0; i < cells && head + 2 * (size_t)i + 2 <= w->size; i++) {
		size_t cell = be16(page + head + 2 * (size_t)i);
		int n;

		if (cell >= w->size || !record_payload(w, type, page + cell, w->size - cell, &payload, &rowid))
			continue;
		if ((n = record_values(&payload, v, COLS_MAX)) < 0)
			continue;
		rows++;
		for (int k = 0; sh == NULL && k < w->shapes_n; k++)
			fit[k] = fit[k] && shape_fits(&w->shapes[k], v, n);
		if (sh != NULL && shape_fits(sh, v, n))
			shape_row(w, sh, v, rowid);
	}
	buf_free(&payload);
	return rows;
}

static void
adopt(struct walk *w, uint32_t number, const unsigned char *page)
{
	bool fit[TABLES_MAX] = {0};
	int candidates = 0, which = 0;

	for (int k = 0; k < w->shapes_n; k++)
		fit[k] = w->shapes[k].rowid == (page[0] == TABLE_LEAF);
	if (page_rows(w, page, NULL, fit) == 0)
		return;
	for (int k = 0; k < w->shapes_n; k++) {
		if (fit[k]) {
			which = k;
			candidates++;
		}
	}
	if (candidates == 1)
		(void)page_rows(w, page, &w->shapes[which], NULL);
	else if (candidates > 1)
		salvage_tell(w->s, "page %u: its rows fit %d tables and are left", (unsigned)number, candidates);
}

static void
walk_orphans(struct walk *w)
{
	unsigned char *page = x_malloc(w->size);

	for (uint32_t i = 2; i <= pages_count(w->pages) && w->s->st == OK; i++) {
		if (w->seen[i] || !pages_read(w->pages, i, page))
			continue;
		if (page[0] == TABLE_LEAF || page[0] == INDEX_LEAF || page[0] == INDEX_INTERIOR)
			adopt(w, i, page);
	}
	free(page);
	for (int k = 0; k < w->shapes_n; k++) {
		if (w->shapes[k].found > 0)
			salvage_tell(w->s, "table %s: %lld rows found below damaged pages%s", w->shapes[k].name,
			    (long long)w->shapes[k].found,
			    w->s->grafted ? "; deleted ones may be among them" : "");
	}
}

void
salvage_leaves(struct salvage *s)
{
	struct walk w = {.s = s};
	unsigned char first[100];
	sqlite3_stmt *st = salvage_prepare(s->from, sqlite3_mprintf("PRAGMA page_size"));

	if (st != NULL && sqlite3_step(st) == SQLITE_ROW)
		w.size = (size_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	if (w.size < 512 || w.size > 65536 || (w.pages = pages_open(s->file, w.size)) == NULL)
		return;
	w.usable = w.size;
	if (pages_count(w.pages) > 0) {
		unsigned char *page = x_malloc(w.size);

		if (pages_read(w.pages, 1, page)) {
			memcpy(first, page, sizeof(first));
			w.usable -= first[20] < w.size - 480 ? first[20] : 0;
		}
		free(page);
	}
	w.seen = x_calloc((size_t)pages_count(w.pages) + 1, 1);
	w.shapes = x_calloc(TABLES_MAX, sizeof(*w.shapes));
	walk_trees(&w);
	walk_free(&w);
	if (w.shapes_n > 0)
		walk_orphans(&w);
	for (int k = 0; k < w.shapes_n; k++) {
		sqlite3_free(w.shapes[k].name);
		sqlite3_finalize(w.shapes[k].insert);
	}
	free(w.shapes);
	free(w.seen);
	pages_close(w.pages);
}
