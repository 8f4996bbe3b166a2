/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of db share: the driver interface, connections, statements and transactions. The
 * engine-neutral part (db.c, stmt.c, committer.c) calls the driver; the driver calls nothing of it.
 */
#ifndef DB_DB_PRIV_H
#define DB_DB_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include "db/db.h"

#define DB_THREADS_MAX 1024

struct db_conn;
struct committer;

/* What a commit came to. UNKNOWN: the change may or may not be there after a restart. */
enum commit_result { COMMIT_DONE, COMMIT_FAILED, COMMIT_UNKNOWN };

enum conn_kind { CONN_READER, CONN_WRITER };

/* Of a parameter or a value. OTHER: a number with a fraction; none is kept. */
enum db_kind { DB_INT, DB_TEXT, DB_BLOB, DB_NULL, DB_OTHER };

/*
 * A driver. Its connections and statements begin with struct db_conn and struct db_stmt. Each
 * connection is used by one thread at a time. Functions that return a status have mapped and logged the
 * engine's error.
 */
struct db_driver {
	const char *name;
	enum status (*open)(struct db *db);
	/* Checkpoints and lets go of the database; all connections are closed already. */
	void (*close)(struct db *db);
	enum status (*conn_open)(struct db *db, enum conn_kind kind, struct db_conn **conn_r);
	void (*conn_close)(struct db_conn *conn); /* statements are finalized already */

	/* Never NULL: a statement that could not be prepared has failed set. */
	struct db_stmt *(*prepare)(struct db_conn *conn, const char *text);
	void (*finalize)(struct db_stmt *st);
	void (*bind_int)(struct db_stmt *st, int at, int64_t v);
	void (*bind_text)(struct db_stmt *st, int at, struct str s);
	void (*bind_blob)(struct db_stmt *st, int at, struct str s);
	void (*bind_null)(struct db_stmt *st, int at);
	enum status (*step)(struct db_stmt *st);
	int64_t (*col_int)(struct db_stmt *st, int col);
	struct str (*col_text)(struct db_stmt *st, int col);
	struct str (*col_blob)(struct db_stmt *st, int col);
	bool (*col_is_null)(struct db_stmt *st, int col);
	/* Of the row that the statement stands on. */
	int (*cols)(struct db_stmt *st);
	enum db_kind (*col_kind)(struct db_stmt *st, int col);
	void (*reset)(struct db_stmt *st);
	int64_t (*changed)(struct db_conn *conn);
	int64_t (*last_id)(struct db_conn *conn);
	enum status (*script)(struct db_conn *conn, const char *sql);

	/* state_r: a number that is not the same as at the connection's last snapshot when anything was committed since. */
	enum status (*read_begin)(struct db_conn *conn, int64_t *state_r);
	void (*read_end)(struct db_conn *conn);

	/* sync false: only lazy writes will come, and the commit makes no sync. */
	enum status (*begin)(struct db_conn *conn, bool sync);
	/* COMMIT_FAILED: nothing was changed, and the transaction is gone; *why_r tells the reason. */
	enum commit_result (*commit)(struct db_conn *conn, enum status *why_r);
	void (*rollback)(struct db_conn *conn); /* also without a transaction */
	bool (*in_txn)(struct db_conn *conn);   /* false: the engine rolled back by itself */
	/* Grows with each change made on this connection. */
	int64_t (*changes)(struct db_conn *conn);
	enum status (*savepoint)(struct db_conn *conn);
	enum status (*release)(struct db_conn *conn);
	enum status (*rollback_to)(struct db_conn *conn); /* undoes and ends the savepoint */

	/* Called by the committer between groups, with no transaction open: upkeep that must not meet a commit. */
	void (*between)(struct db_conn *conn);
	/* A write found no space; no transaction is open. True: some was made, it should be tried again. */
	bool (*on_full)(struct db_conn *conn, bool may_reserve);
	/* Whether writes that may not use the reserve are refused for the time being; no transaction is open. */
	bool (*is_full)(struct db_conn *conn);

	void (*stats)(struct db *db, struct db_stats *stats);
	enum status (*check)(struct db *db, void (*found)(void *arg, const char *text), const struct db_stop *stop, void *arg);
	enum status (*backup)(struct db *db, const char *to, const struct db_stop *stop);
};

extern const struct db_driver db_sqlite;

struct db_stmt {
	struct db_conn *conn;
	struct db_sql *sql;
	struct asking *asking; /* of a kept statement of a reader, else NULL: see answers_priv.h */
	struct db_stmt *more; /* further copies of the same text, for recursion */
	enum status failed;   /* it could not be prepared: what db_step answers */
	bool busy;
};

struct db_txn {
	struct db_conn *conn;
	struct committer *committer; /* NULL: a read */
	int64_t scripts;             /* db_script calls that may have changed something */
};

struct db_conn {
	const struct db_driver *drv;
	struct db *db;
	struct db_txn txn;
	struct db_stmt **stmts; /* by slot */
	int stmts_n;
	enum conn_kind kind;
	bool open;              /* a snapshot is open */
	bool steady;            /* the snapshot before had the same version */
	int64_t state;          /* as the driver tells it */
	uint64_t version;       /* of the database in the running or the last snapshot; of no other state and no other connection's. 0: none */
	struct answers *answers;
	enum status last_error; /* of the engine, since the transaction began */
	struct db_conn *next;   /* among the spares */
};

struct db {
	const struct db_driver *drv;
	void *engine; /* the driver's own */
	struct db_options options;
	char *path, *vfs;
	struct committer *committer;
	pthread_mutex_t lock; /* spares */
	struct db_conn *spares;
	/* Read connections by the thread's number; only the thread itself and db_close touch its place. */
	_Atomic(struct db_conn *) readers[DB_THREADS_MAX];
	/* Set once: no answer can be trusted any more. */
	atomic_bool dead;
	atomic_bool was_full; /* a write ended with ERR_FULL */
	atomic_uint_fast64_t commits, writes, syncs, failed;
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
void thread_start(pthread_t *thread_r, void *(*fn)(void *), void *arg);

#endif
