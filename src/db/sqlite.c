/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite driver: statements and transactions. */
#include "db/sqlite_priv.h"

#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "db/walvfs.h"

static sqlite3_stmt *
handle_of(struct db_stmt *st)
{
	return ((struct sq_stmt *)st)->s;
}

static sqlite3 *
conn_of(struct db_conn *conn)
{
	return ((struct sq_conn *)conn)->h;
}

static struct db_stmt *
sq_prepare(struct db_conn *conn, const char *text)
{
	struct sq_stmt *st = x_new(struct sq_stmt);
	int rc = sqlite3_prepare_v3(conn_of(conn), text, -1, SQLITE_PREPARE_PERSISTENT, &st->s, NULL);

	if (rc != SQLITE_OK)
		st->base.failed = sq_error(conn_of(conn), rc, text);
	return &st->base;
}

static void
sq_finalize(struct db_stmt *st)
{
	sqlite3_finalize(handle_of(st));
	free(st);
}

/* A parameter that the statement does not have is a fault of the program. */
static void
bound(struct db_stmt *st, int rc)
{
	if (rc == SQLITE_OK || st->failed != OK)
		return;
	if (rc == SQLITE_TOOBIG)
		st->failed = ERR_LIMIT;
	else
		ensure(rc == SQLITE_OK);
}

static void
sq_bind_int(struct db_stmt *st, int at, int64_t v)
{
	bound(st, sqlite3_bind_int64(handle_of(st), at, v));
}

static void
sq_bind_text(struct db_stmt *st, int at, struct str s)
{
	bound(st, sqlite3_bind_text64(handle_of(st), at, s.n > 0 ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8));
}

static void
sq_bind_blob(struct db_stmt *st, int at, struct str s)
{
	bound(st, sqlite3_bind_blob64(handle_of(st), at, s.n > 0 ? s.p : "", s.n, SQLITE_STATIC));
}

static void
sq_bind_null(struct db_stmt *st, int at)
{
	bound(st, sqlite3_bind_null(handle_of(st), at));
}

static enum status
sq_step(struct db_stmt *st)
{
	int rc = sqlite3_step(handle_of(st));

	if (rc == SQLITE_ROW)
		return OK;
	if (rc == SQLITE_DONE)
		return ERR_NOT_FOUND;
	return sq_error(conn_of(st->conn), rc, sqlite3_sql(handle_of(st)));
}

static int64_t
sq_col_int(struct db_stmt *st, int col)
{
	return sqlite3_column_int64(handle_of(st), col);
}

static struct str
sq_col_text(struct db_stmt *st, int col)
{
	const void *p = sqlite3_column_text(handle_of(st), col);

	return str_of(p, (size_t)sqlite3_column_bytes(handle_of(st), col));
}

static struct str
sq_col_blob(struct db_stmt *st, int col)
{
	const void *p = sqlite3_column_blob(handle_of(st), col);

	return str_of(p, (size_t)sqlite3_column_bytes(handle_of(st), col));
}

static bool
sq_col_is_null(struct db_stmt *st, int col)
{
	return sqlite3_column_type(handle_of(st), col) == SQLITE_NULL;
}

static int
sq_cols(struct db_stmt *st)
{
	return sqlite3_data_count(handle_of(st));
}

static enum db_kind
sq_col_kind(struct db_stmt *st, int col)
{
	switch (sqlite3_column_type(handle_of(st), col)) {
	case SQLITE_INTEGER: return DB_INT;
	case SQLITE_TEXT: return DB_TEXT;
	case SQLITE_BLOB: return DB_BLOB;
	case SQLITE_NULL: return DB_NULL;
	}
	return DB_OTHER;
}

/* Bindings are cleared: they point into memory of the caller's, which may be gone by the next use. */
static void
sq_reset(struct db_stmt *st)
{
	if (handle_of(st) == NULL)
		return;
	sqlite3_reset(handle_of(st));
	sqlite3_clear_bindings(handle_of(st));
}

static int64_t
sq_changed(struct db_conn *conn)
{
	return sqlite3_changes64(conn_of(conn));
}

static int64_t
sq_last_id(struct db_conn *conn)
{
	return sqlite3_last_insert_rowid(conn_of(conn));
}

static enum status
sq_script(struct db_conn *conn, const char *sql)
{
	return sq_run(conn_of(conn), sql);
}

/*
 * A snapshot without BEGIN and COMMIT: a statement that stays on its only row keeps the read
 * transaction of the connection open, and all others read in it. It is taken at once, not at the first read. The row is PRAGMA
 * data_version, which differs from the last snapshot's when another connection has committed in between.
 */
static enum status
sq_read_begin(struct db_conn *conn, int64_t *state_r)
{
	struct sq_conn *c = (struct sq_conn *)conn;
	int rc = sqlite3_step(c->hold);

	if (rc == SQLITE_ROW) {
		*state_r = sqlite3_column_int64(c->hold, 0);
		return OK;
	}
	sqlite3_reset(c->hold);
	return sq_error(c->h, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, "opening a snapshot");
}

static void
sq_read_end(struct db_conn *conn)
{
	sqlite3_reset(((struct sq_conn *)conn)->hold);
}

/* Runs one of the connection's own statements. */
static int
run_own(struct sq_conn *c, sqlite3_stmt **st, const char *sql)
{
	int rc = SQLITE_OK;

	if (*st == NULL)
		rc = sqlite3_prepare_v3(c->h, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL);
	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(*st);
	sqlite3_reset(*st);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static enum status
own(struct sq_conn *c, sqlite3_stmt **st, const char *sql)
{
	int rc = run_own(c, st, sql);

	return rc == SQLITE_OK ? OK : sq_error(c->h, rc, sql);
}

static enum status
set_sync(struct sq_conn *c, bool sync)
{
	enum status st;

	if (c->sync == sync)
		return OK;
	st = sq_run(c->h, sync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
	if (st == OK)
		c->sync = sync;
	return st;
}

static void
gate_leave(struct sq_engine *e)
{
	pthread_mutex_unlock(&e->gate);
}

static enum status
sq_begin(struct db_conn *conn, bool sync)
{
	struct sq_conn *c = (struct sq_conn *)conn;
	struct sq_engine *e = sq_engine(conn->db);
	enum status st;

	pthread_mutex_lock(&e->turn);
	pthread_mutex_lock(&e->gate);
	pthread_mutex_unlock(&e->turn);
	if ((st = set_sync(c, sync)) == OK)
		st = own(c, &c->begin, "BEGIN IMMEDIATE");
	if (st == OK)
		walvfs_gather(c->h, sync);
	else
		gate_leave(e);
	return st;
}

static void
end_txn(struct sq_conn *c)
{
	if (!sqlite3_get_autocommit(c->h))
		(void)own(c, &c->rollback, "ROLLBACK");
}

static void
sq_rollback(struct db_conn *conn)
{
	end_txn((struct sq_conn *)conn);
	gate_leave(sq_engine(conn->db));
}

/*
 * A commit whose write or read failed has not put its last frame, the one that commits, into the WAL, or not with a
 * checksum that counts: nothing was changed, also not after a crash. After any other failure (a sync above all) nobody
 * knows.
 */
static bool
is_clean(int rc)
{
	/* A damaged page is found before the first frame of the commit is written. */
	if ((rc & 0xff) == SQLITE_CORRUPT)
		return true;
	return (rc & 0xff) == SQLITE_FULL || rc == SQLITE_IOERR_WRITE || rc == SQLITE_IOERR_READ ||
	    rc == SQLITE_IOERR_SHORT_READ;
}

static enum commit_result
sq_commit(struct db_conn *conn, enum status *why_r)
{
	struct sq_conn *c = (struct sq_conn *)conn;
	enum commit_result result = COMMIT_DONE;
	int rc = run_own(c, &c->commit, "COMMIT");

	if (rc != SQLITE_OK) {
		*why_r = sq_error(c->h, rc, "COMMIT");
		result = is_clean(rc) ? COMMIT_FAILED : COMMIT_UNKNOWN;
		end_txn(c);
	}
	gate_leave(sq_engine(conn->db));
	return result;
}

static bool
sq_in_txn(struct db_conn *conn)
{
	return !sqlite3_get_autocommit(conn_of(conn));
}

static int64_t
sq_changes(struct db_conn *conn)
{
	return sqlite3_total_changes64(conn_of(conn));
}

static enum status
sq_savepoint(struct db_conn *conn)
{
	struct sq_conn *c = (struct sq_conn *)conn;

	return own(c, &c->savepoint, "SAVEPOINT w");
}

static enum status
sq_release(struct db_conn *conn)
{
	struct sq_conn *c = (struct sq_conn *)conn;

	return own(c, &c->release, "RELEASE w");
}

static enum status
sq_rollback_to(struct db_conn *conn)
{
	struct sq_conn *c = (struct sq_conn *)conn;
	enum status st = own(c, &c->rollback_to, "ROLLBACK TO w");

	return st == OK ? sq_release(conn) : st;
}

static void
sq_between(struct db_conn *conn)
{
	struct sq_engine *e = sq_engine(conn->db);

	/* A failure shows at the next transaction (sq_is_full). */
	if (sq_reserve_strained(e))
		(void)!sq_checkpoint_now(conn->db);
	sq_checkpointer_note(e);
}

static void
sq_stats(struct db *db, struct db_stats *stats)
{
	struct sq_engine *e = sq_engine(db);

	stats->wal_bytes = (uint64_t)atomic_load(&e->wal_frames) * ((uint64_t)e->page_size + 24);
}

const struct db_driver db_sqlite = {
    .name = "sqlite",
    .open = sq_open,
    .close = sq_close,
    .conn_open = sq_conn_open,
    .conn_close = sq_conn_close,
    .prepare = sq_prepare,
    .finalize = sq_finalize,
    .bind_int = sq_bind_int,
    .bind_text = sq_bind_text,
    .bind_blob = sq_bind_blob,
    .bind_null = sq_bind_null,
    .step = sq_step,
    .col_int = sq_col_int,
    .col_text = sq_col_text,
    .col_blob = sq_col_blob,
    .col_is_null = sq_col_is_null,
    .cols = sq_cols,
    .col_kind = sq_col_kind,
    .reset = sq_reset,
    .changed = sq_changed,
    .last_id = sq_last_id,
    .script = sq_script,
    .read_begin = sq_read_begin,
    .read_end = sq_read_end,
    .begin = sq_begin,
    .commit = sq_commit,
    .rollback = sq_rollback,
    .in_txn = sq_in_txn,
    .changes = sq_changes,
    .savepoint = sq_savepoint,
    .release = sq_release,
    .rollback_to = sq_rollback_to,
    .between = sq_between,
    .on_full = sq_on_full,
    .is_full = sq_is_full,
    .stats = sq_stats,
    .check = sq_check,
    .backup = sq_backup,
};
