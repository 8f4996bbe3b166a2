/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db: a thin interface over an SQL engine. Prepared statements, snapshot reads, and one way to
 * write: run this function in a transaction.
 *
 * Reads: db_read_begin() opens a snapshot on a connection that belongs to the calling thread;
 * db_read_end() lets go of it. A snapshot is held for a step of a few milliseconds, never while a
 * client is waited for. Readers never wait for the writer.
 *
 * Writes: db_submit() hands a function to the committer, a thread of its own. It runs all waiting
 * functions in one transaction, makes one sync, and only then calls their done callbacks with their
 * outcomes. The function is pure: it may run twice, its failure undoes it alone (by running the others
 * again, then each in a savepoint of its own: see group.c), and it sees what the earlier functions of
 * its group did. It holds the writer for a few milliseconds at most: larger work is split by the caller.
 *
 * The outcome of a write: OK, durable (or, for a lazy write, visible); the function's own failure;
 * ERR_FULL, ERR_IO or ERR_READ_ONLY, and nothing was changed; ERR_UNKNOWN after a failed sync:
 * db_options.fatal has been called, the process must stop answering (what is submitted after that is not run:
 * ERR_UNAVAILABLE).
 *
 * "The committer's thread" is the one that runs the group: its own, or one that commits its own lone change (db_thread_commits).
 *
 * Threads: everything here is for any thread, but a transaction and its statements belong to the
 * thread that began it.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include <sys/queue.h>
#include "base/magic.h"
#include "base/metrics.h"
#include "base/status.h"
#include "base/str.h"
#include "db/driver/stop.h"
#include "db/sqlite/sqlite.h"

struct db;
struct db_txn;
struct db_stmt;

enum db_engine { DB_SQLITE };
#define DB_NO_ACCOUNT UINT64_MAX /* the lane of a write that changes nobody's rows which answers are kept of: bodies, what is derived */

struct db_options {
	enum db_engine engine;
	struct sq_options sqlite; /* of DB_SQLITE */
	bool read_only;        /* nothing is written, there is no committer */
	unsigned group_max;    /* most writes in one commit; 0: the default (500) */
	unsigned group_ms;     /* longest time a group gathers functions, ms; 0: the default (5) */
	/* Called once, from the committer, after a failed sync: the outcome of a group is unknown. It
	 * must end the process or at least its answers. NULL: abort(). */
	void (*fatal)(void *arg, const char *why);
	void *fatal_arg;
};

/* Opens or makes the database. ERR_IO, ERR_NO_PERM, ERR_CORRUPT, ERR_READ_ONLY, ERR_UNAVAILABLE
 * (another process holds it), ERR_BAD_INPUT (it is another program's). */
must_check enum status db_open(const struct db_options *options, struct db **db_r);
/* Runs what was submitted, checkpoints and closes. No transaction may be open. */
void db_close(struct db *db);

/* ---- statements ---- */

/*
 * A statement is a static object, prepared once a connection and found again by its slot:
 *
 *	static struct db_sql find = DB_SQL("SELECT id FROM account WHERE name = ?1");
 *
 * The text is in the SQL common to the drivers.
 */
struct db_sql {
	const char *text;
	bool kept;        /* see DB_SQL_KEPT */
	_Atomic int slot; /* 0 until its first use */
};
#define DB_SQL(sql) {.text = sql}
/* A question that is asked often with the same parameters (at most four, bound in order): while the account (db_read_account()) has not changed the
 * calling thread's reads get the answer that they had before. In a write it is run as any other. */
#define DB_SQL_KEPT(sql) {.text = sql, .kept = true}

/* Gives the statement ready for binding. A statement of a static db_sql may be used again while an
 * outer use still steps it (recursion gets a copy of its own). Errors show at db_step. */
struct db_stmt *db_prepare(struct db_txn *txn, struct db_sql *sql);
/* Parameters count from 1. Text and blobs are borrowed until db_done. */
void db_bind_int(struct db_stmt *st, int at, int64_t v);
void db_bind_text(struct db_stmt *st, int at, struct str s);
void db_bind_blob(struct db_stmt *st, int at, struct str s);
void db_bind_null(struct db_stmt *st, int at);
/* OK: a row is there. ERR_NOT_FOUND: no (more) row. Others: the engine failed (ERR_EXISTS for a broken
 * uniqueness constraint). */
must_check enum status db_step(struct db_stmt *st);
/* Columns of the current row count from 0; text and blobs live until the next db_step or db_done. */
int64_t db_int(struct db_stmt *st, int col);
struct str db_text(struct db_stmt *st, int col);
struct str db_blob(struct db_stmt *st, int col);
bool db_is_null(struct db_stmt *st, int col);
/* Ends the use of the statement; required after each db_prepare. NULL is allowed. */
void db_done(struct db_stmt *st);

/* Bind, step once, done, for a statement without rows: db_exec(txn, &sql, "ibt", int64, str, str)
 * with i int64_t, b blob and t text as struct str, n null (takes no argument). OK also when nothing matched. */
must_check enum status db_exec(struct db_txn *txn, struct db_sql *sql, const char *types, ...);
/* The same for a statement that gives one row of integers: fills cols values. ERR_NOT_FOUND. */
must_check enum status db_get_ints(struct db_txn *txn, struct db_sql *sql, int64_t *v_r, int cols,
    const char *types, ...);
/* Rows changed by the last statement of the transaction. */
int64_t db_changed(struct db_txn *txn);
/* Key of the last inserted row. */
int64_t db_last_id(struct db_txn *txn);
/* Several statements of fixed text, for the schema: each ends with a semicolon, and has none in it but in quotes. */
must_check enum status db_script(struct db_txn *txn, const char *sql);

/* ---- reads ---- */

must_check enum status db_read_begin(struct db *db, struct db_txn **txn_r);
void db_read_end(struct db_txn *txn);
/* What is read in the snapshot from here on is of that account alone: it is kept until the account changes, not until anybody does. 0: of any, as at the
 * beginning. Nothing in a write. */
void db_read_account(struct db_txn *txn, int64_t account);
/* What a thread worked out in one snapshot holds in another of the same version, of rows of the same account: no two different states of them share
 * one, and no two databases do. 0: it is kept for nobody; in a write, as its own changes move nothing, and in the moment of a commit. */
uint64_t db_version(const struct db_txn *txn);
/* Frees the calling thread's connection; a thread that read calls it before it ends. */
void db_thread_end(struct db *db);

/* ---- writes ---- */

typedef enum status (*db_write_fn)(struct db_txn *txn, void *arg);

struct db_write {
	db_write_fn fn;
	void *arg;
	const char *what; /* for the watchdog: a static text, a command's name; NULL: "-" */
	uint64_t lane; /* the account that it changes; 0: any. The committer goes round the lanes */
	const int64_t *accounts; /* where it changes several: they, ascending, lane among them; they live until done */
	size_t accounts_n;
	bool lazy;     /* visible soon, durable with the next durable commit: the \Recent mark */
	/* With lazy: does not wait for a durable one, but makes no sync of its own either (staged parts of large
	 * bodies: the commit that publishes them syncs them too). */
	bool soon;
	/* May use the space kept in reserve when the disk is full: for changes that lead to less (flags, EXPUNGE,
	 * deleting, the reaper), never for those that add mail. */
	bool reserve;
	/* Called on the committer's thread after the outcome is known; must not block. NULL is allowed. */
	void (*done)(struct db_write *w, enum status st);
	/* the committer's own */
	enum magic magic; /* MAGIC_WRITE from db_submit() until its outcome is told */
	uint64_t op_id;
	enum status outcome;
	void *hooks;
	STAILQ_ENTRY(db_write) link;
};

/* Queues w, which must live until done was called. Writes of one lane run in the order submitted. */
void db_submit(struct db *db, struct db_write *w);
/* Within done(): fn is called on the same thread when the outcomes of the whole group have been told, once, however often it is asked for (by one
 * caller: whoever collects what it is to do). It must not block. */
void db_when_told(void (*fn)(void));
/*
 * For threads that run one task after the other. With db_thread_commits() the calling thread says that it will call db_commit_own() after
 * each task: soon after its submits, without a snapshot or a lock, and without having waited for anybody in between. A change that came
 * alone it then commits there itself, callbacks included, which saves waking the committer and being woken by it.
 */
void db_thread_commits(bool on);
void db_commit_own(struct db *db);
/* Submits and waits: for tools, tests and start-up, never for the pool's threads. */
must_check enum status db_write(struct db *db, db_write_fn fn, void *arg);
/* The same with db_write.reserve set. */
must_check enum status db_write_reserve(struct db *db, db_write_fn fn, void *arg);
/* The same with a write's lane, lazy and reserve; w is only read, its done is not called. */
must_check enum status db_write_and_wait(struct db *db, const struct db_write *w);

/* The file was changed by others than this process's writes (a test that brings an image back): nothing that is kept holds any more. */
void db_forget(struct db *db);
/* Nothing waits to be written and no group runs: every outcome was told. For tests, which wait for what was submitted. */
bool db_idle(struct db *db);

/* Within a write function: calls fn(arg) on the committer's thread after the group is durable and before any
 * done callback of the group; not called if this write fails. fn must not block and frees arg. drop(arg) is called instead
 * when the write is undone. For the change feed. */
void db_after_commit(struct db_txn *txn, void (*fn)(void *arg), void (*drop)(void *arg), void *arg);
/* Whether the running write function said that it changes the account. True in a read. */
bool db_declared(const struct db_txn *txn, int64_t account);
/* The operation id of the running write function. It is stored with the group because it was asked for, so that the
 * outcome can be asked for later. A run of the function that is undone leaves an id that was never committed. */
uint64_t db_op_id(struct db_txn *txn);
/* Whether the operation was committed: OK, ERR_NOT_FOUND. Ids are kept for a day. */
must_check enum status db_op_outcome(struct db_txn *txn, uint64_t op_id);

/* ---- upkeep ---- */

struct db_stats {
	uint64_t commits, writes, syncs, failed;
	uint64_t wal_bytes; /* committed, and not yet copied to where it belongs */
	const struct histogram *sync_times; /* how long commits took whose end is a sync; lives as long as db */
};
void db_stats(struct db *db, struct db_stats *stats_r);
/* Whether a write found no space on the disk; forget: since the last call that said so. */
bool db_was_full(struct db *db, bool forget);
/* The engine's own check of the whole file, in bounded steps: calls found(arg, text) for each fault. An engine that has none finds none. */
must_check enum status db_check(struct db *db, void (*found)(void *arg, const char *text), const struct db_stop *stop, void *arg);
/* A consistent copy of the live database as it is at the end, durable, in a new file of mode 0600; ERR_EXISTS. It goes on in
 * small steps between commits. One thread at a time, and not while the database is closed. What was stopped leaves nothing behind.
 * ERR_BAD_INPUT: this engine is backed up by its own means. */
must_check enum status db_backup(struct db *db, const char *to, const struct db_stop *stop);
/* The same into an empty file that the caller has opened for reading and writing, for who may open none. What was stopped or failed leaves a part in it. */
must_check enum status db_backup_into(struct db *db, int fd, const struct db_stop *stop);

#endif
