/* SPDX-License-Identifier: Apache-2.0 */
/* What a table's rows look like, so that rows can be told whose they are. */
#include "db/salvage/salvage_leaves_priv.h"

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

struct shape *
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

bool
shape_fits(const struct shape *sh, const struct value *v, int n)
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

void
shape_row(struct walk *w, struct shape *sh, const struct value *v, int64_t rowid)
{
	sqlite3_clear_bindings(sh->insert);
	for (int i = 0; i < sh->cols; i++)
		bind_value(sh->insert, sh->order[i] + 1, &v[i]);
	if (sh->rowid)
		sqlite3_bind_int64(sh->insert, sh->alias >= 0 ? sh->alias + 1 : sh->cols + 1, rowid);
	salvage_insert(w->s, sh->insert);
	sh->found++;
}
