/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite driver: check and backup of the live database. */
#include "db/sqlite_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"

/* Tables are checked one by one, so that no snapshot is held for the whole file. */
#define FAULTS_MAX 1000 /* of one table */

struct check {
	sqlite3 *h;
	void (*found)(void *arg, const char *text);
	void *arg;
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
	if (rc != SQLITE_DONE) {
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
	for (int i = 1; i <= n; i++)
		check_one(ck, names[i]);
	sqlite3_free_table(names);
	return OK;
}

enum status
sq_check(struct db *db, void (*found)(void *arg, const char *text), void *arg)
{
	struct check ck = {.found = found, .arg = arg, .st = OK};
	enum status st = sq_handle(db, false, &ck.h);

	if (st != OK)
		return st;
	st = check_tables(&ck);
	/* The free list and pages that belong to nothing show only in a check of the whole. */
	if (st == OK && ck.st == OK)
		check_one(&ck, NULL);
	sqlite3_close(ck.h);
	return st != OK ? st : ck.st;
}

/* A copy through VACUUM INTO: of one snapshot, without free pages. Nobody else may read it (S10). */
enum status
sq_backup(struct db *db, const char *to)
{
	sqlite3 *h;
	enum status st;
	char *sql;

	if (access(to, F_OK) == 0)
		return ERR_EXISTS;
	if (!sq_engine(db)->memory && (st = sq_make_file(to)) != OK)
		return st;
	if ((st = sq_handle(db, true, &h)) != OK)
		return st;
	sql = sqlite3_mprintf("VACUUM INTO %Q", to);
	st = sq_run(h, sql);
	sqlite3_free(sql);
	sqlite3_close(h);
	return st;
}
