/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a page that only leads to others is damaged, the rows below it are whole but cannot be reached. All trees are
 * walked from their roots; what is then neither reached nor free is such an orphan. It belongs to one of the tables whose
 * walk met damage: the one into whose columns all its rows fit. Rows that fit several tables are left, and told.
 * The file format is SQLite's: https://www.sqlite.org/fileformat2.html
 */
#include "db/salvage_priv.h"

#include <stdlib.h>
#include "base/arena.h"
#include "base/buf.h"

#define COLS_MAX 64
#define TABLES_MAX 256
#define PAYLOAD_MAX (64 << 20)

enum page_type { INDEX_INTERIOR = 2, TABLE_INTERIOR = 5, INDEX_LEAF = 10, TABLE_LEAF = 13 };
enum affinity { ANY, IS_INT, IS_TEXT, IS_BLOB };

struct shape {
	char *name;
	bool rowid;
	bool damaged;
	int cols, alias;         /* alias: the column that is the rowid, or -1 */
	int order[COLS_MAX];     /* place in the record -> column */
	enum affinity type[COLS_MAX];
	sqlite3_stmt *insert;    /* columns, then rowid if there is no alias */
	int64_t found;
};

struct walk {
	struct salvage *s;
	struct pages *pages;
	size_t size, usable;
	unsigned char *seen; /* by page number */
	struct shape *shapes;
	int shapes_n;
};

/* ---- the shapes of tables ---- */

static enum affinity
affinity_of(const char *type)
{
	if (type == NULL)
		return ANY;
	if (sqlite3_strlike("%INT%", type, 0) == 0)
		return IS_INT;
	if (sqlite3_strlike("%TEXT%", type, 0) == 0)
		return IS_TEXT;
	return sqlite3_strlike("%BLOB%", type, 0) == 0 ? IS_BLOB : ANY;
}

static void
shape_columns(struct walk *w, struct shape *sh)
{
	sqlite3_stmt *st = salvage_prepare(w->s->to,
	    sqlite3_mprintf("SELECT type, pk FROM pragma_table_info(%Q) ORDER BY cid", sh->name));
	int pk[COLS_MAX] = {0}, parts = 0, at = 0;

	sh->alias = -1;
	while (st != NULL && sqlite3_step(st) == SQLITE_ROW && sh->cols < COLS_MAX) {
		const char *type = (const char *)sqlite3_column_text(st, 0);

		pk[sh->cols] = sqlite3_column_int(st, 1);
		parts += pk[sh->cols] > 0;
		if (sh->rowid && pk[sh->cols] == 1 && type != NULL && sqlite3_stricmp(type, "INTEGER") == 0)
			sh->alias = sh->cols;
		sh->type[sh->cols++] = affinity_of(type);
	}
	sqlite3_finalize(st);
	if (parts > 1)
		sh->alias = -1;
	/* Without rowid the key's columns come first, in its order. */
	for (int part = 1; !sh->rowid && part <= parts; part++) {
		for (int i = 0; i < sh->cols; i++) {
			if (pk[i] == part)
				sh->order[at++] = i;
		}
	}
	for (int i = 0; i < sh->cols; i++) {
		if (sh->rowid || pk[i] == 0)
			sh->order[at++] = i;
	}
}

static void
shape_insert(struct walk *w, struct shape *sh)
{
	char *cols = NULL, *marks = NULL;
	sqlite3_stmt *st = salvage_prepare(w->s->to,
	    sqlite3_mprintf("SELECT name FROM pragma_table_info(%Q) ORDER BY cid", sh->name));
	int n = 0;

	while (st != NULL && sqlite3_step(st) == SQLITE_ROW && n < sh->cols) {
		cols = sqlite3_mprintf("%z%s\"%w\"", cols, n > 0 ? ", " : "", sqlite3_column_text(st, 0));
		marks = sqlite3_mprintf("%z%s?%d", marks, n > 0 ? ", " : "", n + 1);
		n++;
	}
	sqlite3_finalize(st);
	if (sh->rowid && sh->alias < 0) {
		cols = sqlite3_mprintf("%z, rowid", cols);
		marks = sqlite3_mprintf("%z, ?%d", marks, n + 1);
	}
	sh->insert = salvage_prepare(w->s->to,
	    sqlite3_mprintf("INSERT OR IGNORE INTO \"%w\" (%s) VALUES (%s)", sh->name, cols, marks));
	sqlite3_free(cols);
	sqlite3_free(marks);
}

static bool
has_rowid(sqlite3 *h, const char *table)
{
	sqlite3_stmt *st = salvage_prepare(h, sqlite3_mprintf("SELECT rowid FROM \"%w\"", table));
	bool has = st != NULL;

	sqlite3_finalize(st);
	return has;
}

static struct shape *
shape_add(struct walk *w, const char *name)
{
	struct shape *sh = &w->shapes[w->shapes_n];

	if (w->shapes_n == TABLES_MAX)
		return NULL;
	sh->name = sqlite3_mprintf("%s", name);
	sh->rowid = has_rowid(w->s->to, name);
	shape_columns(w, sh);
	shape_insert(w, sh);
	if (sh->insert == NULL) { /* the new database has no such table */
		sqlite3_free(sh->name);
		memset(sh, 0, sizeof(*sh));
		return NULL;
	}
	w->shapes_n++;
	return sh;
}

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

/* ---- rows ---- */

/* A varint of the file format; 0 bytes read: it runs past the end. */
static size_t
get_varint(const unsigned char *p, size_t n, uint64_t *v_r)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n && i < 9; i++) {
		if (i == 8) {
			*v_r = v << 8 | p[i];
			return 9;
		}
		v = v << 7 | (p[i] & 0x7f);
		if (!(p[i] & 0x80)) {
			*v_r = v;
			return i + 1;
		}
	}
	return 0;
}

/* Bytes of a payload that lie on the page itself. */
static size_t
local_size(const struct walk *w, int type, size_t payload)
{
	size_t u = w->usable, most = type == TABLE_LEAF ? u - 35 : (u - 12) * 64 / 255 - 23;
	size_t least = (u - 12) * 32 / 255 - 23, k;

	if (payload <= most)
		return payload;
	k = least + (payload - least) % (u - 4);
	return k <= most ? k : least;
}

/* Puts the payload of the cell at p (n bytes to the page's end) together. */
static bool
get_payload(struct walk *w, int type, const unsigned char *p, size_t n, struct buf *out, int64_t *rowid_r)
{
	unsigned char *page;
	uint64_t len, rowid = 0;
	size_t used = 0, step, local;
	uint32_t next;

	buf_clear(out);
	if (type == INDEX_INTERIOR)
		used = 4;
	if (used > n || (step = get_varint(p + used, n - used, &len)) == 0 || len > PAYLOAD_MAX)
		return false;
	used += step;
	if (type == TABLE_LEAF) {
		if ((step = get_varint(p + used, n - used, &rowid)) == 0)
			return false;
		used += step;
	}
	local = local_size(w, type, (size_t)len);
	if (local > n - used)
		return false;
	buf_add(out, str_of(p + used, local));
	*rowid_r = (int64_t)rowid;
	if (local == len)
		return true;
	if (local + 4 > n - used)
		return false;
	next = be32(p + used + local);
	page = x_malloc(w->size);
	/* Each turn adds bytes, so that a loop in the chain comes to an end. */
	while (out->n < len && pages_read(w->pages, next, page)) {
		size_t left = (size_t)len - out->n, part = left < w->usable - 4 ? left : w->usable - 4;

		buf_add(out, str_of(page + 4, part));
		next = be32(page);
	}
	free(page);
	return out->n == len;
}

struct value {
	uint64_t type;
	const unsigned char *p;
	size_t n;
};

static size_t
value_size(uint64_t type)
{
	static const size_t small[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};

	return type < 12 ? small[type] : (size_t)((type - 12) / 2);
}

/* The values of a record; -1: it is none. */
static int
get_record(const struct buf *payload, struct value *v, int max)
{
	const unsigned char *p = (const unsigned char *)payload->p;
	uint64_t head, type;
	size_t at = payload->n > 0 ? get_varint(p, payload->n, &head) : 0, body;
	int n = 0;

	if (at == 0 || head > payload->n)
		return -1;
	body = (size_t)head;
	while (at < head) {
		size_t step = get_varint(p + at, (size_t)head - at, &type);

		if (step == 0 || n == max || type == 10 || type == 11 || value_size(type) > payload->n - body)
			return -1;
		v[n++] = (struct value){type, p + body, value_size(type)};
		body += value_size(type);
		at += step;
	}
	return body == payload->n ? n : -1;
}

static bool
fits_type(enum affinity want, uint64_t type)
{
	switch (want) {
	case IS_INT: return type <= 6 || type == 8 || type == 9;
	case IS_TEXT: return type == 0 || (type >= 13 && type % 2 == 1);
	case IS_BLOB: return type == 0 || (type >= 12 && type % 2 == 0);
	case ANY: break;
	}
	return true;
}

static bool
fits(const struct shape *sh, const struct value *v, int n)
{
	if (n != sh->cols)
		return false;
	for (int i = 0; i < n; i++) {
		int col = sh->order[i];

		/* The rowid's alias is stored as NULL. */
		if (col == sh->alias ? v[i].type != 0 : !fits_type(sh->type[col], v[i].type))
			return false;
	}
	return true;
}

static void
bind_value(sqlite3_stmt *st, int at, const struct value *v)
{
	int64_t i = 0;

	if (v->type == 0) {
		sqlite3_bind_null(st, at);
	} else if (v->type == 8 || v->type == 9) {
		sqlite3_bind_int64(st, at, (int64_t)v->type - 8);
	} else if (v->type < 8) {
		i = v->n > 0 && (v->p[0] & 0x80) ? -1 : 0;
		for (size_t k = 0; k < v->n; k++)
			i = (int64_t)((uint64_t)i << 8 | v->p[k]);
		if (v->type == 7) {
			double d;

			memcpy(&d, &i, sizeof(d));
			sqlite3_bind_double(st, at, d);
		} else {
			sqlite3_bind_int64(st, at, i);
		}
	} else if (v->type % 2 == 0) {
		sqlite3_bind_blob64(st, at, v->n > 0 ? (const char *)v->p : "", v->n, SQLITE_STATIC);
	} else {
		sqlite3_bind_text64(st, at, v->n > 0 ? (const char *)v->p : "", v->n, SQLITE_STATIC, SQLITE_UTF8);
	}
}

static void
insert_row(struct walk *w, struct shape *sh, const struct value *v, int64_t rowid)
{
	sqlite3_clear_bindings(sh->insert);
	for (int i = 0; i < sh->cols; i++)
		bind_value(sh->insert, sh->order[i] + 1, &v[i]);
	if (sh->rowid)
		sqlite3_bind_int64(sh->insert, sh->alias >= 0 ? sh->alias + 1 : sh->cols + 1, rowid);
	salvage_insert(w->s, sh->insert);
	sh->found++;
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

		if (cell >= w->size || !get_payload(w, type, page + cell, w->size - cell, &payload, &rowid))
			continue;
		if ((n = get_record(&payload, v, COLS_MAX)) < 0)
			continue;
		rows++;
		for (int k = 0; sh == NULL && k < w->shapes_n; k++)
			fit[k] = fit[k] && fits(&w->shapes[k], v, n);
		if (sh != NULL && fits(sh, v, n))
			insert_row(w, sh, v, rowid);
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
