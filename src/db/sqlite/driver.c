/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite driver: statements and transactions. */
#include "db/sqlite/sqlite_priv.h"

#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "db/vfs/walvfs.h"

static sqlite3_stmt *
handle_of(struct engine_stmt *st)
{
	return ((struct sq_stmt *)st)->s;
}

static sqlite3 *
conn_of(struct engine_conn *conn)
{
	return ((struct sq_conn *)conn)->h;
}

static struct engine_stmt *
sq_prepare(struct engine_conn *conn, struct str text)
{
	struct sq_stmt *st = x_new(struct sq_stmt);
	int rc = sqlite3_prepare_v3(conn_of(conn), text.p, (int)text.n, SQLITE_PREPARE_PERSISTENT, &st->s, NULL);

	st->base.conn = conn;
	if (rc != SQLITE_OK) {
		st->base.failed = sq_error(conn_of(conn), rc, text.p);
		return &st->base;
	}
	st->base.cols = sqlite3_column_count(st->s);
	st->base.params_n = sqlite3_bind_parameter_count(st->s);
	if (st->base.params_n > 0)
		st->base.params = x_calloc((size_t)st->base.params_n, sizeof(*st->base.params));
	return &st->base;
}

static void
sq_finalize(struct engine_stmt *st)
{
	sqlite3_finalize(handle_of(st));
	free(st);
}

/* What is not bound is NULL. */
static int
bind_one(sqlite3_stmt *s, int at, const struct db_value *v)
{
	const char *p = v->s.n > 0 ? v->s.p : "";

	switch (v->kind) {
	case DB_NULL: return SQLITE_OK;
	case DB_INT: return sqlite3_bind_int64(s, at, v->n);
	case DB_TEXT: return sqlite3_bind_text64(s, at, p, v->s.n, SQLITE_STATIC, SQLITE_UTF8);
	case DB_BLOB: return sqlite3_bind_blob64(s, at, p, v->s.n, SQLITE_STATIC);
	case DB_OTHER: break;
	}
	die("a parameter of no kind");
}

static void
bind_all(struct engine_stmt *st)
{
	int rc = SQLITE_OK;

	st->begun = true;
	for (int i = 0; i < st->params_n && rc == SQLITE_OK; i++)
		rc = bind_one(handle_of(st), i + 1, &st->params[i]);
	ensure(rc == SQLITE_OK || rc == SQLITE_TOOBIG);
	if (rc == SQLITE_TOOBIG)
		st->failed = ERR_LIMIT;
}

static enum status
sq_step(struct engine_stmt *st)
{
	int rc;

	if (!st->begun)
		bind_all(st);
	if (st->failed != OK)
		return st->failed;
	rc = sqlite3_step(handle_of(st));
	if (rc == SQLITE_ROW)
		return OK;
	if (rc == SQLITE_DONE)
		return ERR_NOT_FOUND;
	return sq_error(conn_of(st->conn), rc, sqlite3_sql(handle_of(st)));
}

static enum db_kind
kind_of(sqlite3_stmt *s, int col)
{
	switch (sqlite3_column_type(s, col)) {
	case SQLITE_INTEGER: return DB_INT;
	case SQLITE_TEXT: return DB_TEXT;
	case SQLITE_BLOB: return DB_BLOB;
	case SQLITE_NULL: return DB_NULL;
	}
	return DB_OTHER;
}

static struct db_value
sq_column(struct engine_stmt *st, int col, enum db_kind as)
{
	sqlite3_stmt *s = handle_of(st);
	struct db_value v = {.kind = as};
	const void *p;

	switch (as) {
	case DB_INT:
		v.n = sqlite3_column_int64(s, col);
		return v;
	case DB_TEXT: p = sqlite3_column_text(s, col); break;
	case DB_BLOB: p = sqlite3_column_blob(s, col); break;
	default:
		v.kind = kind_of(s, col);
		return v;
	}
	v.s = str_of(p, (size_t)sqlite3_column_bytes(s, col));
	return v;
}

/* Bindings are cleared: they point into memory of the caller's, which may be gone by the next use. */
static void
sq_reset(struct engine_stmt *st)
{
	st->begun = false;
	if (handle_of(st) == NULL)
		return;
	sqlite3_reset(handle_of(st));
	sqlite3_clear_bindings(handle_of(st));
}

static struct db_effect
sq_effect(struct engine_conn *conn)
{
	sqlite3 *h = conn_of(conn);

	return (struct db_effect){.changed = sqlite3_changes64(h), .last_id = sqlite3_last_insert_rowid(h),
	    .total = sqlite3_total_changes64(h), .open = !sqlite3_get_autocommit(h)};
}

/*
 * A snapshot without BEGIN and COMMIT: a statement that stays on its only row keeps the read
 * transaction of the connection open, and all others read in it. It is taken at once, not at the first read.
 */
static enum status
read_begin(struct sq_conn *c)
{
	int rc;

	ensure(c->base.kind == CONN_READER && !sqlite3_stmt_busy(c->hold));
	rc = sqlite3_step(c->hold);
	if (rc == SQLITE_ROW)
		return OK;
	sqlite3_reset(c->hold);
	return sq_error(c->h, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc, "opening a snapshot");
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
	lock_give(&e->gate);
}

static enum status
write_begin(struct sq_conn *c, bool sync)
{
	struct sq_engine *e = sq_engine_of(&c->base);
	enum status st;

	ensure(c->base.kind == CONN_WRITER && sqlite3_get_autocommit(c->h));
	lock_take(&e->turn);
	lock_take(&e->gate);
	lock_give(&e->turn);
	if ((st = set_sync(c, sync)) == OK)
		st = own(c, &c->begin, "BEGIN IMMEDIATE");
	if (st == OK)
		walvfs_gather(c->h, sync);
	else
		gate_leave(e);
	return st;
}

static enum status
sq_begin(struct engine_conn *conn, enum txn_kind kind)
{
	struct sq_conn *c = (struct sq_conn *)conn;

	return kind == TXN_READ ? read_begin(c) : write_begin(c, kind == TXN_WRITE);
}

static void
end_txn(struct sq_conn *c)
{
	if (!sqlite3_get_autocommit(c->h))
		(void)own(c, &c->rollback, "ROLLBACK");
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
commit(struct sq_conn *c, enum status *why_r)
{
	int rc = run_own(c, &c->commit, "COMMIT");

	if (rc == SQLITE_OK)
		return COMMIT_DONE;
	*why_r = sq_error(c->h, rc, "COMMIT");
	end_txn(c);
	if (is_clean(rc))
		return COMMIT_FAILED;
	atomic_store(&sq_engine_of(&c->base)->doubtful, true);
	return COMMIT_UNKNOWN;
}

static enum commit_result
sq_end(struct engine_conn *conn, enum txn_end how, enum status *why_r)
{
	struct sq_conn *c = (struct sq_conn *)conn;
	enum commit_result result = COMMIT_DONE;

	if (how == END_READ) {
		sqlite3_reset(c->hold);
		return result;
	}
	if (how == END_COMMIT)
		result = commit(c, why_r);
	else
		end_txn(c);
	gate_leave(sq_engine_of(conn));
	return result;
}

static void
between(struct sq_engine *e)
{
	/* A failure shows at the next transaction (sq_is_full). */
	if (sq_reserve_strained(e))
		(void)!sq_checkpoint_now(e);
	sq_checkpointer_note(e);
}

static enum status
sq_upkeep(struct engine_conn *conn, enum upkeep when)
{
	struct sq_engine *e = sq_engine_of(conn);

	switch (when) {
	case UPKEEP_BEFORE: return sq_is_full(e) ? ERR_FULL : OK;
	case UPKEEP_AFTER: between(e); return OK;
	case UPKEEP_FULL:
	case UPKEEP_FULL_RESERVE: break;
	}
	return sq_on_full(e, when == UPKEEP_FULL_RESERVE) ? OK : ERR_FULL;
}

const struct db_driver sq_driver = {
    .name = "sqlite",
    .open = sq_open,
    .close = sq_close,
    .conn_open = sq_conn_open,
    .conn_close = sq_conn_close,
    .prepare = sq_prepare,
    .finalize = sq_finalize,
    .step = sq_step,
    .column = sq_column,
    .reset = sq_reset,
    .effect = sq_effect,
    .begin = sq_begin,
    .end = sq_end,
    .upkeep = sq_upkeep,
    .check = sq_check,
    .backup = sq_backup,
    .backup_into = sq_backup_into,
};
