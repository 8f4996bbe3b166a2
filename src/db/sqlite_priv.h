/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the SQLite driver share. */
#ifndef DB_SQLITE_PRIV_H
#define DB_SQLITE_PRIV_H

#include <sqlite3.h>
#include "db/db_priv.h"

struct sq_stmt {
	struct db_stmt base;
	sqlite3_stmt *s;
};

struct sq_conn {
	struct db_conn base;
	sqlite3 *h;
	sqlite3_stmt *hold; /* a reader's: while it stands on its row the snapshot is open */
	sqlite3_stmt *begin, *commit, *rollback, *savepoint, *release, *rollback_to;
	bool sync; /* PRAGMA synchronous is FULL */
};

struct checkpointer;
struct reserve;

struct sq_engine {
	char *path;      /* as SQLite knows the file */
	const char *vfs;
	bool memory;     /* the file goes with the database */
	bool owned;      /* no other process has it: who meets a lock met one of ours */
	struct checkpointer *checkpointer;
	struct reserve *reserve;
	sqlite3 *writer; /* the committer's handle; others use it with gate, between transactions */
	/* Held by the committer while a transaction is open; see sqlite_checkpoint.c. */
	pthread_mutex_t turn, gate;
	pthread_mutex_t copying; /* held while a checkpoint runs */
	atomic_int wal_frames; /* after the last commit */
	atomic_int wal_copied; /* how many of them the last checkpoint left behind it */
	atomic_bool copy_full; /* a checkpoint found no space */
	int page_size;
	int ahead;             /* a descriptor of the file for hints to read ahead, or -1 */
};

static inline struct sq_engine *
sq_engine(struct db *db)
{
	return db->engine;
}

/* The status of an extended result code. */
enum status sq_status(int rc);
/* The same, logged with what the connection says (once a second of each kind). */
enum status sq_error(sqlite3 *h, int rc, const char *what);
/* Once a process: configures the library and registers our file layers. */
void sq_library(void);
/* The file layer of databases that are written: the system's, or in a test the one over it (db/faultvfs.h). */
const char *sq_files(void);
/* A handle with our settings, not yet in the driver's care. */
enum status sq_handle(struct db *db, bool writer, sqlite3 **h_r);
enum status sq_run(sqlite3 *h, const char *sql);
/* One integer, or none. */
int64_t sq_number(sqlite3 *h, const char *sql, int64_t none);
/* The same of the writer's handle, between transactions. */
int64_t sq_writer_number(struct sq_engine *e, const char *sql, int64_t none);
/* The committer stands still between transactions until it is let go of. */
void sq_hold(struct sq_engine *e);
void sq_let_go(struct sq_engine *e);

/* sqlite_open.c */
/* What the WAL has now. */
void sq_wal_is(struct sq_engine *e, int frames);
enum status sq_open(struct db *db);
enum status sq_make_file(const char *path);
void sq_close(struct db *db);
enum status sq_conn_open(struct db *db, enum conn_kind kind, struct db_conn **conn_r);
void sq_conn_close(struct db_conn *conn);

/* sqlite_upkeep.c */
enum status sq_check(struct db *db, void (*found)(void *arg, const char *text), const struct db_stop *stop, void *arg);
enum status sq_backup(struct db *db, const char *to, const struct db_stop *stop);

/* sqlite_checkpoint.c */
enum status sq_checkpointer_start(struct db *db);
void sq_checkpointer_stop(struct db *db);
/* Called by the committer between transactions: wakes the thread if the WAL is long, waits for it if it is far too long. */
void sq_checkpointer_note(struct sq_engine *e);
/* Copies all of the WAL, with the writer held. */
enum status sq_checkpoint_now(struct db *db);
/* Copies all of the WAL and gives its space back, with the writer held; for a full disk. */
enum status sq_checkpoint_all(struct db *db);

/* sqlite_reserve.c */
void sq_reserve_open(struct db *db);
void sq_reserve_close(struct sq_engine *e);
bool sq_on_full(struct db_conn *conn, bool may_reserve);
bool sq_is_full(struct db_conn *conn);
/* Whether the WAL holds so many new pages that they should be copied while the reserve is larger. */
bool sq_reserve_strained(struct sq_engine *e);

#endif
