/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Salvage: copies what can be read of a damaged database into another one, table by table, and knows nothing of what the
 * rows mean. Only the tables themselves are read, never an index (salvage_table.c). Rows below a damaged page that only leads to
 * others are found in the end by looking at all pages (salvage_leaves.c). Even the schema may be lost (salvage_graft.c).
 */
#include "db/salvage/salvage.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "db/salvage/salvage_priv.h"
#include "db/sqlite/handle.h"
#include "db/vfs/walvfs.h"

#define BATCH 5000 /* rows a commit */

void
salvage_tell(struct salvage *s, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->lost(s->arg, text);
}

sqlite3_stmt *
salvage_prepare(sqlite3 *h, char *sql)
{
	sqlite3_stmt *st = NULL;

	if (sql != NULL)
		sqlite3_prepare_v2(h, sql, -1, &st, NULL);
	sqlite3_free(sql);
	return st;
}

static void
batch_end(struct salvage *s)
{
	int rc = sqlite3_exec(s->to, "COMMIT; BEGIN", NULL, NULL, NULL);

	if (rc != SQLITE_OK && s->st == OK)
		s->st = sq_error(s->to, sqlite3_extended_errcode(s->to), "salvage");
	s->batch = 0;
}

void
salvage_insert(struct salvage *s, sqlite3_stmt *insert)
{
	int rc = sqlite3_step(insert);

	sqlite3_reset(insert);
	if (rc != SQLITE_DONE && (rc & 0xff) != SQLITE_CONSTRAINT && (rc & 0xff) != SQLITE_MISMATCH && s->st == OK)
		s->st = sq_error(s->to, sqlite3_extended_errcode(s->to), "salvage");
	if (++s->batch >= BATCH)
		batch_end(s);
}

static const char TABLES[] =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite_%'";

static void
copy_tables(struct salvage *s)
{
	char **names = NULL;
	int n = 0;

	if (sqlite3_get_table(s->to, TABLES, &names, &n, NULL, NULL) != SQLITE_OK) {
		s->st = sq_error(s->to, sqlite3_extended_errcode(s->to), "salvage");
		return;
	}
	for (int i = 1; i <= n && s->st == OK; i++)
		salvage_table(s, names[i]);
	sqlite3_free_table(names);
}

static int
open_handle(const char *path, int flags, sqlite3 **h_r)
{
	sqlite3 *h = NULL;
	int rc = sqlite3_open_v2(path, &h, flags | SQLITE_OPEN_NOMUTEX, walvfs_over(sq_files()));

	if (rc != SQLITE_OK) {
		sqlite3_close(h);
		return rc;
	}
	sqlite3_extended_result_codes(h, 1);
	sqlite3_busy_timeout(h, 1000);
	sqlite3_wal_autocheckpoint(h, 0);
	sqlite3_db_config(h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	*h_r = h;
	return SQLITE_OK;
}

/* The damaged one is not written: its WAL is read, not folded in. */
static bool
open_source(const char *path, sqlite3 **h_r)
{
	sqlite3 *h = NULL;
	int64_t n;

	if (open_handle(path, SQLITE_OPEN_READWRITE, &h) != SQLITE_OK)
		return false;
	sqlite3_db_config(h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_exec(h, "PRAGMA query_only = ON; PRAGMA writable_schema = ON; PRAGMA cell_size_check = ON", NULL, NULL,
	    NULL);
	n = sq_number(h, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'", 0);
	if (n == 0) {
		sqlite3_close(h);
		return false;
	}
	*h_r = h;
	return true;
}

/* Makes the tables of the old database in the new one, if that has none but db's own. */
static void
copy_schema(struct salvage *s)
{
	sqlite3_stmt *st;

	if (sq_number(s->to, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name <> 'db_op'", 0) > 0)
		return;
	st = salvage_prepare(s->from, sqlite3_mprintf("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"
	                          " AND name NOT LIKE 'sqlite_%%' ORDER BY type = 'table' DESC"));
	while (st != NULL && sqlite3_step(st) == SQLITE_ROW)
		sqlite3_exec(s->to, (const char *)sqlite3_column_text(st, 0), NULL, NULL, NULL);
	sqlite3_finalize(st);
}

static void
remove_all(const char *path)
{
	static const char *const tails[] = {"", "-wal", "-shm", "-journal"};

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		char *name = sqlite3_mprintf("%s%s", path, tails[i]);

		unlink(name);
		sqlite3_free(name);
	}
}

static bool
source_or_graft(struct salvage *s, const char *from, const char *to, const char *copy)
{
	s->file = from;
	if (open_source(from, &s->from))
		return true;
	salvage_tell(s, "the schema is damaged: taking the new database's");
	s->file = copy;
	s->grafted = true;
	return salvage_graft(s, from, to, copy) && open_source(copy, &s->from);
}

enum status
salvage_copy(const char *from, const char *to, void (*lost)(void *arg, const char *text), void *arg)
{
	struct salvage s = {.lost = lost, .arg = arg};
	char *copy = sqlite3_mprintf("%s-graft", to);
	int rc;

	sq_library();
	if (access(from, R_OK) != 0) {
		s.st = ERR_NOT_FOUND;
		goto out;
	}
	if ((rc = open_handle(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &s.to)) != SQLITE_OK) {
		s.st = sq_error(NULL, rc, to);
		goto out;
	}
	if (!source_or_graft(&s, from, to, copy)) {
		s.st = ERR_CORRUPT;
		goto out;
	}
	copy_schema(&s);
	/* Synced once, at the end. */
	sqlite3_exec(s.to, "PRAGMA synchronous = OFF; BEGIN", NULL, NULL, NULL);
	copy_tables(&s);
	if (s.damages > 0 && s.st == OK)
		salvage_leaves(&s);
	batch_end(&s);
	if (sqlite3_exec(s.to, "COMMIT; PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL,
		NULL) != SQLITE_OK && s.st == OK)
		s.st = sq_error(s.to, sqlite3_extended_errcode(s.to), "salvage");
out:
	sqlite3_close(s.from);
	sqlite3_close(s.to);
	remove_all(copy);
	sqlite3_free(copy);
	return s.st;
}
