/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the SQLite driver share. */
#ifndef DB_SQLITE_PRIV_H
#define DB_SQLITE_PRIV_H

#include <pthread.h>
#include "base/lock.h"
#include "db/driver/driver.h"
#include "db/sqlite/handle.h"
#include "db/sqlite/sqlite.h"

struct sq_stmt {
	struct engine_stmt base;
	sqlite3_stmt *s;
};

struct sq_conn {
	struct engine_conn base;
	sqlite3 *h;
	sqlite3_stmt *hold; /* a reader's: while it stands on its row the snapshot is open */
	sqlite3_stmt *begin, *commit, *rollback;
	bool sync; /* PRAGMA synchronous is FULL */
};

#define WAL_KEPT 33554432 /* bytes of the WAL's file, when it is begun anew under load */

struct checkpointer;
struct reserve;

struct sq_engine {
	struct engine base;
	const struct db_host *host;
	struct sq_options options; /* its strings are gone: see path and vfs */
	char *path;      /* as SQLite knows the file */
	const char *vfs;
	bool memory;     /* the file goes with the database */
	bool owned;      /* no other process has it: who meets a lock met one of ours */
	struct checkpointer *checkpointer;
	struct reserve *reserve;
	sqlite3 *writer; /* the committer's handle; others use it with gate, between transactions */
	/* Held by the committer while a transaction is open; see checkpoint.c. */
	struct lock turn, gate;
	struct lock copying; /* held while a checkpoint runs */
	atomic_int wal_frames; /* after the last commit */
	atomic_int wal_copied; /* how many of them the last checkpoint left behind it */
	atomic_uint commits;   /* so far: whether anybody writes */
	atomic_bool copy_full; /* a checkpoint found no space */
	atomic_bool doubtful;  /* a sync failed: nobody knows what the disk holds, and nothing may be built on it */
	int page_size;
	int ahead;             /* a descriptor of the file for hints to read ahead, or -1 */
};

static inline struct sq_engine *
sq_engine(struct engine *e)
{
	return (struct sq_engine *)e;
}

static inline struct sq_engine *
sq_engine_of(const struct engine_conn *conn)
{
	return sq_engine(conn->engine);
}

/* open.c */

/* A handle with our settings, not yet in the driver's care. */
enum status sq_handle(struct sq_engine *e, bool writer, sqlite3 **h_r);
/* sq_number() of the writer's handle, between transactions. */
int64_t sq_writer_number(struct sq_engine *e, const char *sql, int64_t none);
/* The committer stands still between transactions until it is let go of. */
void sq_hold(struct sq_engine *e);
void sq_let_go(struct sq_engine *e);
/* What the WAL has now. */
void sq_wal_is(struct sq_engine *e, int frames);
enum status sq_open(const void *options, const struct db_host *host, struct engine **e_r);
enum status sq_make_file(const char *path);
void sq_close(struct engine *e);
enum status sq_conn_open(struct engine *e, enum conn_kind kind, struct engine_conn **conn_r);
void sq_conn_close(struct engine_conn *conn);

/* upkeep.c */
enum status sq_check(struct engine *e, void (*found)(void *arg, const char *text), const struct db_stop *stop, void *arg);
enum status sq_backup(struct engine *e, const char *to, const struct db_stop *stop);
enum status sq_backup_into(struct engine *e, int fd, const struct db_stop *stop);

/* checkpoint.c */
enum status sq_checkpointer_start(struct sq_engine *e);
void sq_checkpointer_stop(struct sq_engine *e);
/* Called by the committer between transactions: wakes the thread if the WAL is long, waits for it if it is far too long. */
void sq_checkpointer_note(struct sq_engine *e);
/* Copies all of the WAL, with the writer held. */
enum status sq_checkpoint_now(struct sq_engine *e);
/* One copy by that handle; with the writer held where it is asked for. An error of the engine, SQLITE_OK also where others were in the way;
 * *left_r: frames that are still to be copied. */
int sq_copy(struct sq_engine *e, sqlite3 *h, int mode, int *left_r);
/* A sync failed, and what it came to is unknown: nothing may be built on it. */
void sq_doubt(struct sq_engine *e, const char *why);
/* Copies all of the WAL and gives its space back, with the writer held; for a full disk. */
enum status sq_checkpoint_all(struct sq_engine *e);

/* idle.c */
/* Nobody has committed since there were so many commits: the WAL is copied whole, begun anew and its file cut. False: it is as long as it was,
 * since somebody reads or writes it. The writer is held for what is left to copy, and a commit of a page. */
bool sq_cut(struct sq_engine *e, unsigned commits);
/* Whether the WAL's file, as the connection sees it, is longer than is kept of it while nobody writes. */
bool sq_is_long(const struct sq_engine *e, sqlite3 *h);

/* reserve.c */
void sq_reserve_open(struct sq_engine *e);
void sq_reserve_close(struct sq_engine *e);
/* A write found no space; no transaction is open. True: some was made, it should be tried again. */
bool sq_on_full(struct sq_engine *e, bool may_reserve);
/* Whether writes that may not use the reserve are refused for the time being; no transaction is open. */
bool sq_is_full(struct sq_engine *e);
/* Whether the WAL holds so many new pages that they should be copied while the reserve is larger. */
bool sq_reserve_strained(struct sq_engine *e);

#endif
