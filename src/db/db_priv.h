/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of db share: connections, statements and transactions, as all drivers have them in common. They call the driver
 * (db/driver/driver.h); the driver calls nothing of them, but for db_fatal(), which it is given.
 */
#ifndef DB_DB_PRIV_H
#define DB_DB_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include "base/lock.h"
#include "db/clocks_priv.h"
#include "db/db.h"
#include "db/driver/driver.h"

#define DB_THREADS_MAX 1024
#define CONN_SEEN 64u

struct db_conn;
struct committer;

struct db_stmt {
	struct db_conn *conn;
	struct db_sql *sql;
	struct engine_stmt *e;
	struct asking *asking; /* of a kept statement of a reader, else NULL: see answers_priv.h */
	struct db_stmt *more; /* further copies of the same text, for recursion */
	bool busy;
};

struct db_txn {
	struct db_conn *conn;
	struct committer *committer; /* NULL: a read */
	int64_t scripts;             /* db_script calls that may have changed something */
};

struct db_conn {
	enum magic magic;
	const struct db_driver *drv;
	struct engine_conn *e;
	struct db *db;
	struct db_txn txn;
	struct db_stmt **stmts; /* by slot */
	int stmts_n;
	enum conn_kind kind;
	bool open;              /* a snapshot is open */
	uint64_t visible;       /* of the clocks, before the snapshot was opened */
	uint64_t version;       /* of the account that is read, in the running snapshot; 0: none */
	bool steady;            /* the snapshot of the account before had the same version */
	struct seen {
		int64_t account;
		uint64_t version;
	} seen[CONN_SEEN];      /* of the last snapshots, by account */
	struct answers *answers;
	enum status last_error; /* of the engine, since the transaction began */
	struct db_conn *next;   /* among the spares */
};

struct db {
	const struct db_driver *drv;
	struct engine *engine;
	struct db_host host;
	struct db_options options; /* without the drivers', whose strings are gone */
	struct clocks clocks;
	struct committer *committer;
	struct lock lock; /* spares */
	struct db_conn *spares;
	/* Read connections by the thread's number; only the thread itself and db_close touch its place. */
	_Atomic(struct db_conn *) readers[DB_THREADS_MAX];
	/* Set once: no answer can be trusted any more. */
	atomic_bool dead;
	atomic_bool was_full; /* a write ended with ERR_FULL */
	atomic_uint_fast64_t commits, writes, syncs, failed;
	struct histogram sync_times; /* of commits with a sync, until it was over */
};

/* stmt.c */
void stmt_free(struct db_stmt *st);

enum status conn_open(struct db *db, enum conn_kind kind, struct db_conn **conn_r);
void conn_close(struct db_conn *conn);

/* Calls options.fatal, once. */
void db_fatal(struct db *db, const char *why);

enum status committer_start(struct db *db);
/* Runs what was submitted and ends the thread. */
void committer_stop(struct db *db);
void committer_submit(struct committer *c, struct db_write *w);
void committer_commits(bool on);
void committer_come(struct committer *c);
bool committer_idle(struct committer *c); /* db_idle() */
/* Within a group: what waits for a write here waits for ever. */
bool committer_is_self(const struct committer *c);

#endif
