/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver interface: what an SQL engine is to db. db (statements, snapshots, the committer) calls a driver; a driver calls nothing of
 * db, but for the one function that it is given (struct db_host). It stands on a floor below it, and is named in the table of drivers
 * in db/db.c.
 *
 * What an engine has to offer: statements that are prepared once and run often; snapshots that do not wait for the writer; one transaction
 * at a time that a commit makes durable, with savepoints by the SQL words for them; and the honest word on what a failed commit came to.
 *
 * A driver's own structs begin with the three below (struct engine, engine_conn, engine_stmt). Of an engine any thread may
 * use the functions, but open and close; a connection and its statements are used by one thread at a time. Functions that return a status
 * have mapped and logged the engine's error.
 */
#ifndef DB_DRIVER_DRIVER_H
#define DB_DRIVER_DRIVER_H

#include <stdatomic.h>
#include "base/status.h"
#include "base/str.h"
#include "db/driver/stop.h"

/* Of a parameter or a value. OTHER: a number with a fraction; none is kept. */
enum db_kind { DB_NULL, DB_INT, DB_TEXT, DB_BLOB, DB_OTHER };

struct db_value {
	enum db_kind kind;
	int64_t n;    /* DB_INT */
	struct str s; /* DB_TEXT, DB_BLOB; borrowed */
};

enum conn_kind { CONN_READER, CONN_WRITER };

/* TXN_LAZY: only lazy writes will come, and the commit makes no sync. */
enum txn_kind { TXN_READ, TXN_WRITE, TXN_LAZY };
enum txn_end { END_READ, END_COMMIT, END_ROLLBACK };

/* What a commit came to. UNKNOWN: the change may or may not be there after a restart. */
enum commit_result { COMMIT_DONE, COMMIT_FAILED, COMMIT_UNKNOWN };

/* The moments of upkeep, by who writes, with no transaction open. */
enum upkeep {
	UPKEEP_BEFORE,       /* a group begins. ERR_FULL: writes that may not use the reserve are refused for the time being */
	UPKEEP_AFTER,        /* a group has ended: what must not meet a commit */
	UPKEEP_FULL,         /* a write found no space. OK: some was made, it should be tried again; ERR_FULL: there is none */
	UPKEEP_FULL_RESERVE, /* the same, of a write that may use the reserve */
};

/* Who opened the database. */
struct db_host {
	bool read_only;
	/* The outcome of a write is unknown, and not by a commit that says so: no answer can be trusted any more. Returns, or ends the process. */
	void (*fatal)(void *arg, const char *why);
	void *arg;
};

/* An open database. */
struct engine {
	atomic_uint_fast64_t log_bytes; /* what is committed and not yet where it belongs; kept up by the driver */
};

struct engine_conn {
	struct engine *engine;
	enum conn_kind kind;
};

struct engine_stmt {
	struct engine_conn *conn;
	struct db_value *params; /* params_n of them, db's: NULL, or filled before the first step after a reset; NULL if there are none */
	int params_n, cols;      /* told by prepare */
	enum status failed;      /* it could not be prepared, or its parameters not taken: what step answers */
	bool begun;              /* it was stepped since the reset */
};

/* What the statements of a connection have done. */
struct db_effect {
	int64_t changed, last_id; /* rows changed by the last one, key of the last row inserted */
	int64_t total;            /* grows with each change made on this connection */
	bool open;                /* a transaction is open; false after a begin: the engine rolled back by itself */
};

struct db_driver {
	const char *name;
	/* options: the driver's own, a member of struct db_options; host lives as long as the engine. */
	enum status (*open)(const void *options, const struct db_host *host, struct engine **e_r);
	/* Lets go of the database, and leaves its files in good order; all connections are closed already. */
	void (*close)(struct engine *e);
	enum status (*conn_open)(struct engine *e, enum conn_kind kind, struct engine_conn **conn_r);
	void (*conn_close)(struct engine_conn *conn); /* statements are finalized already */

	/* Never NULL: a statement that could not be prepared has failed set. One statement, a piece of a text that ends with NUL. */
	struct engine_stmt *(*prepare)(struct engine_conn *conn, struct str text);
	void (*finalize)(struct engine_stmt *st);
	/* The first step takes the parameters: text and blobs stay where they are until the reset. OK: a row; ERR_NOT_FOUND: no more. */
	enum status (*step)(struct engine_stmt *st);
	/* A value of the row that st stands on, as a number, text or blob; as DB_NULL: only of which kind it is. */
	struct db_value (*column)(struct engine_stmt *st, int col, enum db_kind as);
	/* Ready for the next use; the memory of parameters is not looked at again. */
	void (*reset)(struct engine_stmt *st);
	struct db_effect (*effect)(struct engine_conn *conn);

	/* TXN_READ: takes a snapshot now. */
	enum status (*begin)(struct engine_conn *conn, enum txn_kind kind);
	/* COMMIT_FAILED: nothing was changed, and the transaction is gone; *why_r tells the reason. COMMIT_DONE for the other ends, which
	 * take NULL; END_ROLLBACK also where the engine has rolled back by itself. */
	enum commit_result (*end)(struct engine_conn *conn, enum txn_end how, enum status *why_r);
	enum status (*upkeep)(struct engine_conn *conn, enum upkeep when);

	/* For the operator: db_check() and db_backup(). NULL: the engine has its own means. */
	enum status (*check)(struct engine *e, void (*found)(void *arg, const char *text), const struct db_stop *stop, void *arg);
	enum status (*backup)(struct engine *e, const char *to, const struct db_stop *stop);
	enum status (*backup_into)(struct engine *e, int fd, const struct db_stop *stop);
};

#endif
