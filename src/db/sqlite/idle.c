/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WAL's file when nobody writes. Under load it is kept long (WAL_KEPT), since a sync of a file that grows costs twice that of blocks that
 * are there. When nobody has committed for a while all of it is copied, it is begun anew, and its file is cut to what the changes of a quiet day
 * go into without making it grow (IDLE_BYTES).
 *
 * The engine begins the WAL anew with a commit, which syncs its header first, and cuts the file then. So that nobody's change pays for that, a
 * commit that changes nothing is made here: the next change costs one sync, as ever. Nothing is cut that is not copied and synced: a
 * power cut at any moment leaves the old frames, or a WAL that begins anew, or none, over a database that has all.
 */
#include "db/sqlite/sqlite_priv.h"

#include <stdio.h>
#include "db/vfs/walvfs.h"

#define IDLE_BYTES (4u << 20)

static unsigned
kept(const struct sq_engine *e)
{
	return e->options.idle_bytes > 0 ? e->options.idle_bytes : IDLE_BYTES;
}

bool
sq_is_long(const struct sq_engine *e, sqlite3 *h)
{
	sqlite3_file *file = NULL;
	sqlite3_int64 n = 0;

	sqlite3_file_control(h, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
	return file != NULL && file->pMethods != NULL && file->pMethods->xFileSize(file, &n) == SQLITE_OK && n > (sqlite3_int64)kept(e);
}

static int
set_limit(struct sq_engine *e, unsigned bytes)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA journal_size_limit = %u", bytes);
	return sqlite3_exec(e->writer, sql, NULL, NULL, NULL);
}

/* A commit of page 1 as it is, by the writer's handle, with the limit to which the engine cuts the file. */
static int
begin_anew(struct sq_engine *e)
{
	char sql[64];
	int rc = set_limit(e, kept(e));

	if (rc != SQLITE_OK)
		return rc;
	walvfs_gather(e->writer, false);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %lld", (long long)sq_number(e->writer, "PRAGMA application_id", 0));
	rc = sqlite3_exec(e->writer, sql, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		sq_error(e->writer, rc, "beginning the log anew");
	if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC)
		sq_doubt(e, "a sync of the log failed");
	(void)set_limit(e, WAL_KEPT);
	return rc;
}

bool
sq_cut(struct sq_engine *e, unsigned commits)
{
	sqlite3 *h;
	int left, rc;

	if (sq_handle(e, true, &h) != OK)
		return false;
	rc = sq_copy(e, h, SQLITE_CHECKPOINT_PASSIVE, &left);
	sq_hold(e);
	/* Who has committed meanwhile is not idle; what is left is read by somebody. */
	if (rc == SQLITE_OK && left == 0 && e->writer != NULL && atomic_load(&e->commits) == commits)
		rc = begin_anew(e);
	else
		rc = SQLITE_BUSY;
	sq_let_go(e);
	rc = rc == SQLITE_OK && sq_is_long(e, h) ? SQLITE_BUSY : rc;
	sqlite3_close(h);
	return rc == SQLITE_OK;
}
