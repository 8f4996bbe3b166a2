/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite driver: opening, settings, errors. */
#include "db/sqlite/sqlite_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "db/vfs/faultvfs.h"
#include "db/vfs/memvfs.h"
#include "db/vfs/stillvfs.h"
#include "db/vfs/walvfs.h"

#define PAGE_SIZE_WANTED 8192
#define APPLICATION_ID 0x4d6e736f /* "Mnso" */
#define WAL_FRAME_HEAD 24
#define BUSY_MS 10000             /* connections of our own may meet for a moment */

/* ---- errors ---- */

enum status
sq_status(int rc)
{
	switch (rc) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID: return ERR_EXISTS;
	case SQLITE_IOERR_CORRUPTFS: return ERR_CORRUPT;
	}
	switch (rc & 0xff) {
	case SQLITE_OK: return OK;
	case SQLITE_FULL: return ERR_FULL;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN: return ERR_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* also: a table is missing */
	case SQLITE_FORMAT: return ERR_CORRUPT;
	case SQLITE_READONLY: return ERR_READ_ONLY;
	case SQLITE_PERM:
	case SQLITE_AUTH: return ERR_NO_PERM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
	case SQLITE_INTERRUPT: return ERR_AGAIN;
	case SQLITE_TOOBIG: return ERR_LIMIT;
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH: return ERR_CONFLICT;
	case SQLITE_NOMEM: die("out of memory in the database engine");
	}
	return ERR_IO;
}

/* A failing disk fails at every turn: one line a second of each kind is enough. */
static bool
log_now(enum log_event ev)
{
	static _Atomic int64_t last[EV_COUNT];
	int64_t now = clock_mono(), before = atomic_load(&last[ev]);

	if (before != 0 && now - before < 1000000)
		return false;
	return atomic_compare_exchange_strong(&last[ev], &before, now);
}

enum status
sq_error(sqlite3 *h, int rc, const char *what)
{
	enum status st = sq_status(rc);
	enum log_event ev = st == ERR_CORRUPT ? EV_damage : EV_io_error;

	if ((rc & 0xff) == SQLITE_MISUSE)
		die("the database engine was misused");
	/* That somebody else has the file is for the caller to tell. */
	if (st != ERR_EXISTS && st != ERR_CONFLICT && st != ERR_AGAIN && log_now(ev))
		log_event(ev, "database: %s (%d): %.200s", h != NULL ? sqlite3_errmsg(h) : sqlite3_errstr(rc),
		    rc, what);
	return st;
}

/* ---- the library ---- */

/* What the engine has to say beyond its result codes: the system's error and the file. */
static void
library_log(void *arg, int rc, const char *text)
{
	static _Atomic int64_t last;
	int64_t now = clock_mono();

	if ((rc & 0xff) != SQLITE_IOERR && (rc & 0xff) != SQLITE_FULL && (rc & 0xff) != SQLITE_CANTOPEN)
		return;
	if (now - atomic_exchange(&last, now) > 1000000)
		log_event(EV_io_error, "database engine: %s (%d)", text, rc);
}

static void
library_init(void)
{
	/* No statistics: they cost a lock an allocation. Undo records of savepoints stay in memory:
	 * write functions are small, and a temporary file would be one more thing to fail. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
	sqlite3_config(SQLITE_CONFIG_LOG, library_log, NULL);
	ensure(sqlite3_initialize() == SQLITE_OK);
	memvfs_register();
	stillvfs_register();
}

void
sq_library(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, library_init);
}

enum status
sq_run(sqlite3 *h, const char *sql)
{
	int rc = sqlite3_exec(h, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? OK : sq_error(h, sqlite3_extended_errcode(h), sql);
}

int64_t
sq_number(sqlite3 *h, const char *sql, int64_t none)
{
	sqlite3_stmt *st = NULL;
	int64_t n = none;

	if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

void
sq_hold(struct sq_engine *e)
{
	lock_take(&e->turn);
	lock_take(&e->gate);
}

void
sq_let_go(struct sq_engine *e)
{
	lock_give(&e->gate);
	lock_give(&e->turn);
}

int64_t
sq_writer_number(struct sq_engine *e, const char *sql, int64_t none)
{
	int64_t n;

	sq_hold(e);
	n = sq_number(e->writer, sql, none);
	sq_let_go(e);
	return n;
}

/* ---- connections ---- */

/* Settings that every connection needs. */
static enum status
settle(struct sq_engine *e, sqlite3 *h, bool writer)
{
	char cache[128];
	enum status st;

	sqlite3_extended_result_codes(h, 1);
	sqlite3_busy_timeout(h, e->owned ? BUSY_MS : 0);
	sqlite3_db_config(h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_wal_autocheckpoint(h, 0);
	/* secure_delete: a connection's own setting, on by default in Debian's build. It would write each page that is freed into
	 * the log: a full disk could not be emptied. */
	st = sq_run(h, "PRAGMA synchronous = FULL; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = OFF;"
	    "PRAGMA foreign_keys = OFF; PRAGMA cell_size_check = ON; PRAGMA recursive_triggers = OFF");
	if (st != OK)
		return st;
	/* After a burst the WAL is cut to a little more than what it may grow to before the writer is held (FORCE). */
	snprintf(cache, sizeof(cache), "PRAGMA cache_size = -%zu; PRAGMA journal_size_limit = %d",
	    e->options.page_cache / 1024, WAL_KEPT);
	if ((st = sq_run(h, cache)) != OK)
		return st;
	return writer || e->host->read_only ? OK : sq_run(h, "PRAGMA query_only = ON");
}

enum status
sq_handle(struct sq_engine *e, bool writer, sqlite3 **h_r)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	sqlite3 *h = NULL;
	enum status st;
	int rc;

	flags |= e->host->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	rc = sqlite3_open_v2(e->path, &h, flags, e->vfs);
	st = rc == SQLITE_OK ? settle(e, h, writer) : sq_error(h, rc, e->path);
	if (st != OK) {
		sqlite3_close(h);
		return st;
	}
	*h_r = h;
	return OK;
}

void
sq_wal_is(struct sq_engine *e, int frames)
{
	/* It was begun anew. */
	if (frames < atomic_load_explicit(&e->wal_frames, memory_order_relaxed))
		atomic_store_explicit(&e->wal_copied, 0, memory_order_relaxed);
	atomic_store_explicit(&e->wal_frames, frames, memory_order_relaxed);
	atomic_store_explicit(&e->base.log_bytes, (uint64_t)frames * ((uint64_t)e->page_size + WAL_FRAME_HEAD), memory_order_relaxed);
}

static int
on_wal(void *arg, sqlite3 *h, const char *name, int frames)
{
	struct sq_engine *e = arg;

	sq_wal_is(e, frames);
	atomic_fetch_add(&e->commits, 1);
	return SQLITE_OK;
}

enum status
sq_conn_open(struct engine *engine, enum conn_kind kind, struct engine_conn **conn_r)
{
	struct sq_engine *e = sq_engine(engine);
	struct sq_conn *c = x_new(struct sq_conn);
	enum status st = sq_handle(e, kind == CONN_WRITER, &c->h);
	int rc;

	if (st != OK)
		goto out;
	c->sync = true;
	if (kind == CONN_WRITER) {
		e->writer = c->h;
		sqlite3_wal_hook(c->h, on_wal, e);
	} else {
		walvfs_ahead(c->h, e->ahead);
		rc = sqlite3_prepare_v3(c->h, "PRAGMA data_version", -1, SQLITE_PREPARE_PERSISTENT, &c->hold,
		    NULL);
		if (rc != SQLITE_OK)
			st = sq_error(c->h, rc, "opening a connection");
	}
out:
	if (st != OK) {
		sqlite3_close(c->h);
		free(c);
		return st;
	}
	c->base.engine = engine;
	c->base.kind = kind;
	*conn_r = &c->base;
	return OK;
}

void
sq_conn_close(struct engine_conn *conn)
{
	struct sq_conn *c = (struct sq_conn *)conn;
	sqlite3_stmt *own[] = {c->hold, c->begin, c->commit, c->rollback};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sqlite3_finalize(own[i]);
	if (conn->kind == CONN_WRITER) {
		struct sq_engine *e = sq_engine_of(conn);

		/* The checkpointer, which lives longer, may be using it. */
		sq_hold(e);
		e->writer = NULL;
		sq_let_go(e);
	}
	ensure(sqlite3_close(c->h) == SQLITE_OK);
	free(c);
}

/* ---- the database ---- */

/* Makes the file ours alone before the engine sees it: 0600, and never through a symbolic link (S10). */
enum status
sq_make_file(const char *path)
{
	enum status st = file_create(path, 0600);

	if (st == ERR_NO_PERM && access(path, R_OK) == 0)
		return ERR_READ_ONLY;
	return st == ERR_EXISTS ? OK : st == ERR_NOT_FOUND ? ERR_IO : st;
}

/* Format, tables of our own, and the proof that nobody else has the file. */
static enum status
set_up(sqlite3 *h)
{
	char sql[256];
	enum status st;
	int64_t id;

	if ((st = sq_run(h, "PRAGMA locking_mode = NORMAL; SELECT 1 FROM sqlite_schema")) != OK)
		return st;
	id = sq_number(h, "PRAGMA application_id", 0);
	/* Without an id: new, or salvaged into a file of its own; else another program's. */
	if (id != APPLICATION_ID &&
	    (id != 0 || sq_number(h, "SELECT count(*) > 0 AND total(name = 'db_op') = 0 FROM sqlite_schema", 0)))
		return ERR_BAD_INPUT;
	if (id == 0) {
		snprintf(sql, sizeof(sql), "PRAGMA page_size = %d; PRAGMA auto_vacuum = NONE;", PAGE_SIZE_WANTED);
		if ((st = sq_run(h, sql)) != OK)
			return st;
	}
	if ((st = sq_run(h, "PRAGMA journal_mode = WAL")) != OK)
		return st;
	snprintf(sql, sizeof(sql),
	    "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS db_op (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);"
	    "PRAGMA application_id = %d; COMMIT", APPLICATION_ID);
	if (id == 0 && (st = sq_run(h, sql)) != OK)
		return st;
	return OK;
}

/* A closed database has no WAL, and can be copied as one file. */
static void
fold_wal(struct sq_engine *e)
{
	sqlite3 *h = NULL;

	if (e->host->read_only || e->memory || sq_handle(e, true, &h) != OK)
		return;
	if (!atomic_load(&e->doubtful))
		sqlite3_db_config(h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	(void)sq_number(h, "PRAGMA schema_version", 0);
	sqlite3_close(h);
}

static enum status
begin_use(struct sq_engine *e)
{
	sqlite3 *h = NULL;
	enum status st = sq_handle(e, true, &h);

	if (st == OK && !e->host->read_only)
		st = set_up(h);
	else if (st == OK)
		st = sq_run(h, "SELECT 1 FROM sqlite_schema");
	if (st == OK)
		e->page_size = (int)sq_number(h, "PRAGMA page_size", PAGE_SIZE_WANTED);
	e->owned = st == OK;
	/* Closed last, so that the lock on the file is not let go of in between. */
	if (st == OK && !e->host->read_only)
		st = sq_checkpointer_start(e);
	sqlite3_close(h);
	return st == ERR_AGAIN ? ERR_UNAVAILABLE : st;
}

const char *
sq_files(void)
{
	if (!faultvfs_wanted())
		return "unix-excl";
	faultvfs_register("unix-excl");
	return FAULTVFS_NAME;
}

static const char *
system_vfs(const struct sq_options *options, bool read_only)
{
	if (options->vfs != NULL)
		return options->vfs;
	return read_only ? STILLVFS_NAME : sq_files();
}

enum status
sq_open(const void *options, const struct db_host *host, struct engine **e_r)
{
	struct sq_engine *e = x_new(struct sq_engine);
	const struct sq_options *o = options;
	enum status st = OK;
	char name[64];

	sq_library();
	e->host = host;
	e->options = *o;
	e->options.path = e->options.vfs = NULL;
	if (o->page_cache == 0)
		e->options.page_cache = 4 << 20;
	lock_init(&e->turn, LOCK_sqlite_turn);
	lock_init(&e->gate, LOCK_sqlite_gate);
	lock_init(&e->copying, LOCK_sqlite_copying);
	e->memory = o->path == NULL;
	e->ahead = -1;
	snprintf(name, sizeof(name), "/memory-%016llx", (unsigned long long)random_u64());
	e->path = x_strdup(e->memory ? name : o->path);
	/* unix-excl: the first connection locks the file against all other processes until the last is
	 * closed; the index of the WAL lies in our memory, and a snapshot needs no system call. */
	e->vfs = walvfs_over(e->memory ? MEMVFS_NAME : system_vfs(o, host->read_only));
	if (!e->memory && o->vfs == NULL && !host->read_only)
		st = sq_make_file(e->path);
	if (st == OK)
		st = begin_use(e);
	if (st == OK)
		sq_reserve_open(e);
	if (st == OK && !e->memory && o->vfs == NULL)
		e->ahead = open(e->path, O_RDONLY | O_CLOEXEC);
	if (st == OK)
		*e_r = &e->base;
	else
		sq_close(&e->base);
	return st;
}

void
sq_close(struct engine *engine)
{
	struct sq_engine *e = sq_engine(engine);

	sq_checkpointer_stop(e);
	fold_wal(e);
	sq_reserve_close(e);
	/* After the last connection: see walvfs_ahead(). */
	if (e->ahead >= 0)
		close(e->ahead);
	if (e->memory)
		memvfs_remove(e->path);
	lock_fini(&e->turn);
	lock_fini(&e->gate);
	lock_fini(&e->copying);
	free(e->path);
	free(e);
}
