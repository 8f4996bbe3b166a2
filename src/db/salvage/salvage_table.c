/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table is read in the order of its key until a row cannot be read. Then a place behind the damage is sought: leaps of
 * growing size, then bisection, finds the smallest key from which reading works again. The keys in between are tried
 * one by one, since on a damaged page some rows may be whole. Keys are the rowid, or in a table WITHOUT ROWID its
 * primary key if that consists of integers; tables with other keys are read from both ends.
 */
#include "db/salvage/salvage_priv.h"

#include <stdio.h>

#define KEYS_MAX 4
#define COLS_MAX 64
#define ONE_BY_ONE 100000 /* keys tried one by one in a damaged range */
#define AT_THE_END 4096   /* the same, where nothing behind can be read */
#define POINTS_MAX 1000000 /* the same, of a table */
#define DAMAGES_MAX 10000 /* of a table */

struct key {
	int64_t v[KEYS_MAX];
};

struct table {
	const char *name;
	int cols, keys;
	char *col[COLS_MAX];
	char *key[KEYS_MAX]; /* "rowid", or columns */
	bool rowid;          /* column 0 of what is copied is the rowid: no column is its alias */
	bool integer_key;
	int points;          /* keys tried one by one so far */
	char *col_list, *key_list, *key_marks;
	sqlite3_stmt *insert, *scan, *seek, *point;
};

/* ---- the shape of a table ---- */

static bool
source_has(struct salvage *s, const char *table, const char *col)
{
	sqlite3_stmt *st = salvage_prepare(s->from, sqlite3_mprintf("SELECT %Q.\"%w\" FROM \"%w\"", table, col, table));
	bool has = st != NULL;

	/* A name in double quotes that is no column would be a string: with the table's name before it it is an error. */
	sqlite3_finalize(st);
	return has;
}

static bool
is_without_rowid(struct salvage *s, const char *table)
{
	sqlite3_stmt *st = salvage_prepare(s->to, sqlite3_mprintf("SELECT rowid FROM \"%w\"", table));
	bool without = st == NULL;

	sqlite3_finalize(st);
	return without;
}

static char *
join(char **names, int n)
{
	char *list = sqlite3_mprintf("%s", "");

	for (int i = 0; i < n; i++)
		list = sqlite3_mprintf("%z%s\"%w\"", list, i > 0 ? ", " : "", names[i]);
	return list;
}

static char *
marks(int n)
{
	char *list = sqlite3_mprintf("%s", "");

	for (int i = 1; i <= n; i++)
		list = sqlite3_mprintf("%z%s?%d", list, i > 1 ? ", " : "", i);
	return list;
}

static void
table_free(struct table *t)
{
	for (int i = 0; i < t->cols; i++)
		sqlite3_free(t->col[i]);
	for (int i = 0; i < t->keys; i++)
		sqlite3_free(t->key[i]);
	sqlite3_free(t->col_list);
	sqlite3_free(t->key_list);
	sqlite3_free(t->key_marks);
	sqlite3_finalize(t->insert);
	sqlite3_finalize(t->scan);
	sqlite3_finalize(t->seek);
	sqlite3_finalize(t->point);
}

static bool
is_integer_type(const char *type)
{
	return type != NULL && sqlite3_strlike("%INT%", type, 0) == 0;
}

/* Reads names and key of the columns that both databases know. */
static bool
table_columns(struct salvage *s, struct table *t)
{
	sqlite3_stmt *st = salvage_prepare(s->to,
	    sqlite3_mprintf("SELECT name, type, pk FROM pragma_table_info(%Q) ORDER BY cid", t->name));
	bool alias = false, without = is_without_rowid(s, t->name);
	int parts = 0;

	t->integer_key = true;
	while (st != NULL && sqlite3_step(st) == SQLITE_ROW && t->cols < COLS_MAX - 1) {
		const char *name = (const char *)sqlite3_column_text(st, 0);
		const char *type = (const char *)sqlite3_column_text(st, 1);
		int pk = sqlite3_column_int(st, 2);

		if (!source_has(s, t->name, name))
			continue;
		t->col[t->cols++] = sqlite3_mprintf("%s", name);
		if (pk == 0)
			continue;
		parts++;
		alias = type != NULL && sqlite3_stricmp(type, "INTEGER") == 0;
		if (!without)
			continue;
		t->integer_key = t->integer_key && is_integer_type(type) && pk <= KEYS_MAX;
		if (pk <= KEYS_MAX && t->key[pk - 1] == NULL) {
			t->key[pk - 1] = sqlite3_mprintf("%s", name);
			t->keys = pk > t->keys ? pk : t->keys;
		}
	}
	sqlite3_finalize(st);
	if (!without) {
		t->keys = 1;
		t->key[0] = sqlite3_mprintf("rowid");
		t->rowid = !(alias && parts == 1);
	}
	for (int i = 0; i < t->keys; i++) {
		if (t->key[i] == NULL)
			return false;
	}
	return t->cols > 0 && t->keys > 0;
}

static void
table_statements(struct salvage *s, struct table *t)
{
	char *cols = join(t->col, t->cols), *values = marks(t->cols + t->rowid);

	t->key_list = join(t->key, t->keys);
	t->key_marks = marks(t->keys);
	t->col_list = sqlite3_mprintf("%s%s", t->rowid ? "rowid, " : "", cols);
	t->insert = salvage_prepare(s->to,
	    sqlite3_mprintf("INSERT OR IGNORE INTO \"%w\" (%s) VALUES (%s)", t->name, t->col_list, values));
	t->scan = salvage_prepare(s->from,
	    sqlite3_mprintf("SELECT %s, %s FROM \"%w\" NOT INDEXED WHERE (%s) >= (%s) ORDER BY %s", t->key_list,
	        t->col_list, t->name, t->key_list, t->key_marks, t->key_list));
	t->seek = salvage_prepare(s->from,
	    sqlite3_mprintf("SELECT %s FROM \"%w\" NOT INDEXED WHERE (%s) >= (%s) ORDER BY %s LIMIT 1", t->key_list,
	        t->name, t->key_list, t->key_marks, t->key_list));
	t->point = salvage_prepare(s->from,
	    sqlite3_mprintf("SELECT %s, %s FROM \"%w\" NOT INDEXED WHERE (%s) = (%s)", t->key_list, t->col_list,
	        t->name, t->key_list, t->key_marks));
	sqlite3_free(cols);
	sqlite3_free(values);
}

/* ---- copying rows ---- */

/* Copies the row on which from stands; its columns begin at number first. */
static void
copy_row(struct salvage *s, struct table *t, sqlite3_stmt *from, int first)
{
	for (int i = 0; i < t->cols + t->rowid; i++)
		sqlite3_bind_value(t->insert, i + 1, sqlite3_column_value(from, first + i));
	salvage_insert(s, t->insert);
}

static void
bind_key(struct table *t, sqlite3_stmt *st, const struct key *k)
{
	sqlite3_reset(st);
	for (int i = 0; i < t->keys; i++)
		sqlite3_bind_int64(st, i + 1, k->v[i]);
}

static void
read_key(struct table *t, sqlite3_stmt *st, struct key *k_r)
{
	for (int i = 0; i < t->keys; i++)
		k_r->v[i] = sqlite3_column_int64(st, i);
}

/* The next key after k; false: there is none. */
static bool
key_next(struct table *t, struct key *k)
{
	for (int i = t->keys - 1; i >= 0; i--) {
		if (k->v[i] < INT64_MAX) {
			k->v[i]++;
			return true;
		}
		k->v[i] = INT64_MIN;
	}
	return false;
}

enum scan { SCAN_END, SCAN_DAMAGE, SCAN_STOP };

/* Copies from key k on; at a damage k is the first key that was not read. */
static enum scan
scan_from(struct salvage *s, struct table *t, struct key *k)
{
	int rc;

	bind_key(t, t->scan, k);
	while ((rc = sqlite3_step(t->scan)) == SQLITE_ROW) {
		struct key at;
		bool more;

		read_key(t, t->scan, &at);
		/* A damaged interior page can make the order go wrong: never backwards. */
		for (int i = 0; i < t->keys; i++) {
			if (at.v[i] < k->v[i]) {
				sqlite3_reset(t->scan);
				return SCAN_DAMAGE;
			}
			if (at.v[i] > k->v[i])
				break;
		}
		copy_row(s, t, t->scan, t->keys);
		*k = at;
		more = key_next(t, k);
		if (s->st != OK || !more) {
			sqlite3_reset(t->scan);
			return s->st != OK ? SCAN_STOP : SCAN_END;
		}
	}
	sqlite3_reset(t->scan);
	return rc == SQLITE_DONE ? SCAN_END : SCAN_DAMAGE;
}

/* ---- getting behind a damage ---- */

/* Whether reading works from key k on. */
static bool
works(struct table *t, const struct key *k)
{
	int rc;

	bind_key(t, t->seek, k);
	rc = sqlite3_step(t->seek);
	sqlite3_reset(t->seek);
	return rc == SQLITE_ROW || rc == SQLITE_DONE;
}

static struct key
key_leap(struct table *t, const struct key *k, int part, uint64_t leap)
{
	struct key to = *k;

	to.v[part] = (int64_t)((uint64_t)to.v[part] + leap);
	for (int i = part + 1; i < t->keys; i++)
		to.v[i] = INT64_MIN;
	return to;
}

/* The smallest leap in one part of the key behind which reading works; 0: none. Zero does not work. */
static uint64_t
find_leap(struct table *t, const struct key *k, int part)
{
	uint64_t most = (uint64_t)INT64_MAX - (uint64_t)k->v[part], bad = 0, good = 1;
	struct key at;

	for (;; good *= 2) {
		if (good > most)
			return 0;
		at = key_leap(t, k, part, good);
		if (works(t, &at))
			break;
		bad = good;
		if (good > most / 2)
			return 0;
	}
	while (good - bad > 1) {
		uint64_t mid = bad + (good - bad) / 2;

		at = key_leap(t, k, part, mid);
		if (works(t, &at))
			good = mid;
		else
			bad = mid;
	}
	return good;
}

/* Tries each key of a damaged range: whole rows on a page whose other rows are damaged. */
static uint64_t
copy_points(struct salvage *s, struct table *t, struct key k, uint64_t n)
{
	uint64_t found = 0;

	for (uint64_t i = 0; i < n && i < ONE_BY_ONE && t->points < POINTS_MAX && s->st == OK; i++, t->points++) {
		bind_key(t, t->point, &k);
		if (sqlite3_step(t->point) == SQLITE_ROW) {
			copy_row(s, t, t->point, t->keys);
			found++;
		}
		sqlite3_reset(t->point);
		if (!key_next(t, &k))
			break;
	}
	return found;
}

static void
tell_range(struct salvage *s, struct table *t, const struct key *from, const struct key *to)
{
	char a[128] = "", b[128] = "end";
	size_t an = 0, bn = 0;

	s->damages++;
	for (int i = 0; i < t->keys; i++) {
		an += (size_t)snprintf(a + an, sizeof(a) - an, "%s%lld", i > 0 ? "," : "", (long long)from->v[i]);
		if (to != NULL)
			bn += (size_t)snprintf(b + bn, sizeof(b) - bn, "%s%lld", i > 0 ? "," : "",
			    (long long)to->v[i]);
	}
	salvage_tell(s, "table %s: damaged from key %s to before %s", t->name, a, b);
}

/* k was found by a leap in part: the damage may end earlier, among the keys of the value before in that part. */
static struct key
refine(struct table *t, struct key k, int part)
{
	for (; part + 1 < t->keys && k.v[part] > INT64_MIN; part++) {
		struct key before = key_leap(t, &k, part, 0);
		uint64_t leap;

		before.v[part]--;
		for (int i = part + 1; i < t->keys; i++)
			before.v[i] = 0;
		leap = works(t, &before) ? 0 : find_leap(t, &before, part + 1);
		if (leap == 0)
			break;
		k = key_leap(t, &before, part + 1, leap);
	}
	return k;
}

static bool
key_above(struct table *t, const struct key *a, const struct key *b)
{
	for (int i = 0; i < t->keys; i++) {
		if (a->v[i] != b->v[i])
			return a->v[i] > b->v[i];
	}
	return false;
}

/* Moves k behind the damage at k. False: nothing behind it can be read. */
static bool
leap_damage(struct salvage *s, struct table *t, struct key *k)
{
	struct key start = *k, to;

	for (int part = t->keys - 1; part >= 0; part--) {
		uint64_t leap = find_leap(t, k, part);

		if (part == t->keys - 1)
			copy_points(s, t, start, leap > 0 ? leap : AT_THE_END);
		if (leap == 0)
			continue;
		to = key_leap(t, &start, part, leap);
		*k = refine(t, to, part);
		/* Always on, never back to a damage that was passed. */
		if (!key_above(t, k, &start))
			*k = to;
		tell_range(s, t, &start, k);
		return true;
	}
	tell_range(s, t, &start, NULL);
	return false;
}

/* ---- a table ---- */

static void
copy_by_key(struct salvage *s, struct table *t)
{
	struct key k;
	int damages = 0;

	for (int i = 0; i < KEYS_MAX; i++)
		k.v[i] = INT64_MIN;
	/* Leaps from zero: where keys are not negative, as ever here, they end at the first leaf's damage. */
	if (scan_from(s, t, &k) != SCAN_DAMAGE)
		return;
	if (k.v[0] == INT64_MIN)
		k.v[0] = 0;
	for (int i = 1; i < t->keys; i++)
		k.v[i] = k.v[i] == INT64_MIN ? 0 : k.v[i];
	do {
		if (++damages > DAMAGES_MAX || !leap_damage(s, t, &k))
			return;
	} while (scan_from(s, t, &k) == SCAN_DAMAGE && s->st == OK);
}

/* For keys that are not integers: from both ends. OR IGNORE drops what both find. */
static void
copy_both_ends(struct salvage *s, struct table *t)
{
	static const char *const order[] = {"", "DESC"};
	bool damaged = false;

	for (int i = 0; i < 2; i++) {
		sqlite3_stmt *st;
		char *by = sqlite3_mprintf("%s", "");
		int rc;

		for (int j = 0; j < t->keys; j++)
			by = sqlite3_mprintf("%z%s\"%w\" %s", by, j > 0 ? ", " : "", t->key[j], order[i]);
		st = salvage_prepare(s->from, sqlite3_mprintf("SELECT %s FROM \"%w\" NOT INDEXED ORDER BY %s", t->col_list,
		                          t->name, by));
		sqlite3_free(by);
		while ((rc = st != NULL ? sqlite3_step(st) : SQLITE_CORRUPT) == SQLITE_ROW && s->st == OK)
			copy_row(s, t, st, 0);
		sqlite3_finalize(st);
		if (rc == SQLITE_DONE)
			return;
		damaged = true;
	}
	s->damages += damaged;
	if (damaged)
		salvage_tell(s, "table %s: damaged in the middle, read from both ends", t->name);
}

void
salvage_table(struct salvage *s, const char *name)
{
	struct table t = {.name = name};

	if (!table_columns(s, &t)) {
		s->damages++;
		salvage_tell(s, "table %s: cannot be read at all", name);
		goto out;
	}
	table_statements(s, &t);
	if (t.insert == NULL || t.scan == NULL || t.seek == NULL || t.point == NULL)
		salvage_tell(s, "table %s: cannot be read: %s", name, sqlite3_errmsg(s->from));
	else if (t.integer_key)
		copy_by_key(s, &t);
	else
		copy_both_ends(s, &t);
out:
	table_free(&t);
}
