/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite driver: check and backup of the live database. */
#include "db/sqlite/sqlite_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/file.h"
#include "base/log.h"
#include "db/vfs/givenvfs.h"

/* Tables are checked one by one, so that no snapshot is held for the whole file. */
#define FAULTS_MAX 1000 /* of one table */

/* A step of a backup, during which the committer stands still, and the time until the next. */
#define BACKUP_PAGES 128
#define BACKUP_PAUSE_NS 1000000
#define STOP_STEPS 1000 /* of the engine's machine, until it is asked whether to stop */

static bool
stopped(const struct db_stop *stop)
{
	return stop != NULL && stop->fn(stop->arg);
}

static int
ask_to_stop(void *arg)
{
	return stopped(arg);
}

struct check {
	sqlite3 *h;
	void (*found)(void *arg, const char *text);
	void *arg;
	const struct db_stop *stop;
	enum status st;
};

static void
check_one(struct check *ck, const char *table)
{
	char *sql = table != NULL ? sqlite3_mprintf("PRAGMA integrity_check(%Q)", table) :
	                            sqlite3_mprintf("PRAGMA integrity_check(%d)", FAULTS_MAX);
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(ck->h, sql, -1, &st, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(st, 0);

		if (text != NULL && strcmp(text, "ok") != 0) {
			ck->st = ERR_CORRUPT;
			ck->found(ck->arg, text);
		}
		rc = SQLITE_OK;
	}
	if (rc == SQLITE_INTERRUPT || (rc != SQLITE_DONE && stopped(ck->stop))) {
		ck->st = ERR_UNAVAILABLE;
	} else if (rc != SQLITE_DONE) {
		enum status st_rc = sq_error(ck->h, rc, table != NULL ? table : "integrity_check");

		ck->st = ck->st == OK ? st_rc : ck->st;
		ck->found(ck->arg, sqlite3_errmsg(ck->h));
	}
	sqlite3_finalize(st);
	sqlite3_free(sql);
}

static enum status
check_tables(struct check *ck)
{
	char **names = NULL;
	int n = 0;
	int rc = sqlite3_get_table(ck->h,
	    "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0", &names, &n, NULL, NULL);

	if (rc != SQLITE_OK) {
		ck->found(ck->arg, sqlite3_errmsg(ck->h));
		return sq_error(ck->h, rc, "reading the schema");
	}
	for (int i = 1; i <= n && ck->st != ERR_UNAVAILABLE; i++)
		check_one(ck, names[i]);
	sqlite3_free_table(names);
	return OK;
}

enum status
sq_check(struct engine *e, void (*found)(void *arg, const char *text), const struct db_stop *stop, void *arg)
{
	struct check ck = {.found = found, .arg = arg, .stop = stop, .st = OK};
	enum status st = sq_handle(sq_engine(e), false, &ck.h);

	if (st != OK)
		return st;
	if (stop != NULL)
		sqlite3_progress_handler(ck.h, STOP_STEPS, ask_to_stop, (void *)(uintptr_t)stop);
	st = check_tables(&ck);
	/* The free list and pages that belong to nothing show only in a check of the whole. */
	if (st == OK && ck.st == OK)
		check_one(&ck, NULL);
	sqlite3_close(ck.h);
	return st != OK ? st : ck.st;
}

/*
 * A backup in steps, through the writer's handle while the committer stands still for a moment: what is committed between
 * two steps the engine puts into the copy as well, because it goes through the same handle. So no snapshot is held from
 * beginning to end, and the log can be cut meanwhile.
 */
static int
copy_steps(struct sq_engine *e, sqlite3 *to, const struct db_stop *stop)
{
	bool end = false;
	sqlite3_backup *b;
	int rc;

	sq_hold(e);
	b = sqlite3_backup_init(to, "main", e->writer, "main");
	sq_let_go(e);
	if (b == NULL)
		return sqlite3_errcode(to);
	do {
		sq_hold(e);
		rc = sqlite3_backup_step(b, BACKUP_PAGES);
		sq_let_go(e);
		nanosleep(&(struct timespec){0, BACKUP_PAUSE_NS}, NULL);
		if (stop != NULL && stop->progress != NULL)
			stop->progress(stop->arg, (uint64_t)(sqlite3_backup_pagecount(b) - sqlite3_backup_remaining(b)), (uint64_t)sqlite3_backup_pagecount(b));
		end = rc == SQLITE_OK && stopped(stop);
	} while (rc == SQLITE_OK && !end);
	sq_hold(e);
	rc = sqlite3_backup_finish(b);
	sq_let_go(e);
	return end ? SQLITE_INTERRUPT : rc;
}

/* Without a writer: in one go. */
static int
copy_at_once(struct sq_engine *e, const char *path, const struct db_stop *stop)
{
	sqlite3 *h;
	enum status st = sq_handle(e, true, &h);
	char *sql;
	int rc;

	if (st != OK)
		return SQLITE_CANTOPEN;
	if (stop != NULL)
		sqlite3_progress_handler(h, STOP_STEPS, ask_to_stop, (void *)(uintptr_t)stop);
	sql = sqlite3_mprintf("VACUUM INTO %Q", path);
	rc = sqlite3_exec(h, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	sqlite3_close(h);
	return rc;
}

static int
copy_to(struct sq_engine *e, const char *path, const char *vfs, const struct db_stop *stop)
{
	sqlite3 *to = NULL;
	int rc;

	rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, vfs);
	/* Synced as a whole at the end: a copy that is not finished is none. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = copy_steps(e, to, stop);
	sqlite3_close(to);
	return rc;
}

/* Nobody else may read it (S10). */
enum status
sq_backup(struct engine *e, const char *to, const struct db_stop *stop)
{
	bool file = !sq_engine(e)->memory;
	enum status st;
	int rc;

	if (access(to, F_OK) == 0)
		return ERR_EXISTS;
	if (file && (st = sq_make_file(to)) != OK)
		return st;
	rc = sq_engine(e)->writer == NULL ? copy_at_once(sq_engine(e), to, stop) : copy_to(sq_engine(e), to, sq_engine(e)->vfs, stop);
	st = rc == SQLITE_OK ? OK : rc == SQLITE_INTERRUPT ? ERR_UNAVAILABLE : sq_error(NULL, rc, "backup");
	if (file && st == OK && (st = file_sync(to)) == OK)
		st = file_sync_names(to);
	if (file && st != OK)
		(void)!file_remove(to);
	return st;
}

enum status
sq_backup_into(struct engine *e, int fd, const struct db_stop *stop)
{
	char name[GIVENVFS_NAME_MAX];
	int rc;

	if (sq_engine(e)->writer == NULL)
		return ERR_BAD_INPUT;
	givenvfs_register();
	givenvfs_name(fd, name);
	rc = copy_to(sq_engine(e), name, GIVENVFS, stop);
	if (rc != SQLITE_OK)
		return rc == SQLITE_INTERRUPT ? ERR_UNAVAILABLE : sq_error(NULL, rc, "backup");
	return fsync(fd) == 0 ? OK : file_status(errno);
}
