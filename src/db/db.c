/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing, connections by thread, snapshots. */
#include "db/answers_priv.h"
#include "db/db_priv.h"

#include <stddef.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/lock.h"
#include "base/log.h"

/*
 * Threads are numbered, lowest free number first; a number is given back when its thread ends. A read
 * connection is kept under its thread's number: a thread that forgets db_thread_end() leaves it to the next of that number.
 */
static struct lock numbers_lock = LOCK_INIT(db_numbers);
static bool numbers[DB_THREADS_MAX];
static pthread_key_t number_key;
static pthread_once_t number_once = PTHREAD_ONCE_INIT;
static _Thread_local int thread_number = -1;

static void
number_free(void *value)
{
	int n = (int)(intptr_t)value - 1;

	lock_take(&numbers_lock);
	numbers[n] = false;
	lock_give(&numbers_lock);
}

static void
number_key_make(void)
{
	ensure(pthread_key_create(&number_key, number_free) == 0);
}

static int
number_take(void)
{
	int n = 0;

	pthread_once(&number_once, number_key_make);
	lock_take(&numbers_lock);
	while (n < DB_THREADS_MAX && numbers[n])
		n++;
	ensure(n < DB_THREADS_MAX);
	numbers[n] = true;
	lock_give(&numbers_lock);
	pthread_setspecific(number_key, (void *)(intptr_t)(n + 1));
	return n;
}

static int
number_self(void)
{
	if (thread_number < 0)
		thread_number = number_take();
	return thread_number;
}

enum status
conn_open(struct db *db, enum conn_kind kind, struct db_conn **conn_r)
{
	struct engine_conn *e;
	enum status st = db->drv->conn_open(db->engine, kind, &e);
	struct db_conn *conn;

	if (st != OK)
		return st;
	conn = x_new(struct db_conn);
	conn->magic = MAGIC_DB_CONN;
	conn->e = e;
	conn->drv = db->drv;
	conn->db = db;
	conn->kind = kind;
	conn->txn.conn = conn;
	*conn_r = conn;
	return OK;
}

void
conn_close(struct db_conn *conn)
{
	if (conn == NULL)
		return;
	ensure(conn->magic == MAGIC_DB_CONN && !conn->open);
	conn->magic = MAGIC_DEAD;
	answers_free(conn->answers);
	for (int i = 0; i < conn->stmts_n; i++) {
		struct db_stmt *more;

		for (struct db_stmt *st = conn->stmts[i]; st != NULL; st = more) {
			more = st->more;
			stmt_free(st);
		}
	}
	free(conn->stmts);
	conn->drv->conn_close(conn->e);
	free(conn);
}

/* The drivers, and where their options lie. Another engine is one more line. */
static const struct {
	const struct db_driver *driver;
	size_t options;
} drivers[] = {
    [DB_SQLITE] = {&sq_driver, offsetof(struct db_options, sqlite)},
};

static void
on_fatal(void *arg, const char *why)
{
	db_fatal(arg, why);
}

enum status
db_open(const struct db_options *options, struct db **db_r)
{
	struct db *db = x_new(struct db);
	enum status st;

	ensure((size_t)options->engine < sizeof(drivers) / sizeof(drivers[0]));
	db->drv = drivers[options->engine].driver;
	db->options = *options;
	db->host = (struct db_host){.read_only = options->read_only, .fatal = on_fatal, .arg = db};
	lock_init(&db->lock, LOCK_db_spares);
	clocks_init(&db->clocks);
	st = db->drv->open((const char *)options + drivers[options->engine].options, &db->host, &db->engine);
	if (st != OK)
		goto out;
	if (!options->read_only && (st = committer_start(db)) != OK)
		db->drv->close(db->engine);
out:
	if (st != OK) {
		lock_fini(&db->lock);
		free(db);
		return st;
	}
	*db_r = db;
	return OK;
}

void
db_close(struct db *db)
{
	struct db_conn *conn;

	if (db == NULL)
		return;
	committer_stop(db);
	for (int i = 0; i < DB_THREADS_MAX; i++)
		conn_close(atomic_load(&db->readers[i]));
	while ((conn = db->spares) != NULL) {
		db->spares = conn->next;
		conn_close(conn);
	}
	db->drv->close(db->engine);
	lock_fini(&db->lock);
	free(db);
}

void
db_fatal(struct db *db, const char *why)
{
	if (atomic_exchange(&db->dead, true))
		return;
	log_event(EV_io_error, "the outcome of a write is unknown, the process must end: %s", why);
	if (db->options.fatal == NULL)
		abort();
	db->options.fatal(db->options.fatal_arg, why);
}

/* A further connection for a thread whose own has a snapshot open. */
static enum status
spare_take(struct db *db, struct db_conn **conn_r)
{
	struct db_conn *conn;

	lock_take(&db->lock);
	if ((conn = db->spares) != NULL)
		db->spares = conn->next;
	lock_give(&db->lock);
	if (conn == NULL)
		return conn_open(db, CONN_READER, conn_r);
	*conn_r = conn;
	return OK;
}

static void
spare_give(struct db *db, struct db_conn *conn)
{
	ensure(conn->magic == MAGIC_DB_CONN && !conn->open);
	lock_take(&db->lock);
	conn->next = db->spares;
	db->spares = conn;
	lock_give(&db->lock);
}

static enum status
reader_take(struct db *db, struct db_conn **conn_r)
{
	_Atomic(struct db_conn *) *place = &db->readers[number_self()];
	struct db_conn *conn = atomic_load_explicit(place, memory_order_acquire);
	enum status st;

	if (conn == NULL) {
		if ((st = conn_open(db, CONN_READER, &conn)) != OK)
			return st;
		atomic_store(place, conn);
	}
	if (conn->open)
		return spare_take(db, conn_r);
	*conn_r = conn;
	return OK;
}

static bool
is_own(struct db *db, struct db_conn *conn)
{
	return atomic_load_explicit(&db->readers[number_self()], memory_order_acquire) == conn;
}

void
db_read_account(struct db_txn *txn, int64_t account)
{
	struct db_conn *conn = txn->conn;
	struct seen *seen = &conn->seen[(uint64_t)account % CONN_SEEN];

	/* In a write nothing is kept. */
	if (txn->committer != NULL)
		return;
	ensure(conn->open);
	conn->version = clocks_version(&conn->db->clocks, (uint64_t)account, conn->visible);
	conn->steady = conn->version != 0 && seen->version == conn->version && seen->account == account;
	*seen = (struct seen){.account = account, .version = conn->version};
}

uint64_t
db_version(const struct db_txn *txn)
{
	return txn->committer == NULL ? txn->conn->version : 0;
}

enum status
db_read_begin(struct db *db, struct db_txn **txn_r)
{
	struct db_conn *conn;
	enum status st = reader_take(db, &conn);

	if (st != OK)
		return st;
	conn->visible = clocks_visible(&db->clocks);
	if ((st = db->drv->begin(conn->e, TXN_READ)) != OK) {
		if (!is_own(db, conn))
			spare_give(db, conn);
		return st;
	}
	ensure(conn->magic == MAGIC_DB_CONN && !conn->open);
	conn->open = true;
	db_read_account(&conn->txn, 0);
	*txn_r = &conn->txn;
	return OK;
}

void
db_read_end(struct db_txn *txn)
{
	struct db_conn *conn;

	if (txn == NULL)
		return;
	conn = txn->conn;
	ensure(conn->magic == MAGIC_DB_CONN && txn->committer == NULL && conn->open);
	(void)conn->drv->end(conn->e, END_READ, NULL);
	conn->open = false;
	if (!is_own(conn->db, conn))
		spare_give(conn->db, conn);
}

void
db_thread_end(struct db *db)
{
	struct db_conn *conn = atomic_exchange(&db->readers[number_self()], NULL);

	ensure(conn == NULL || !conn->open);
	conn_close(conn);
}

void
db_submit(struct db *db, struct db_write *w)
{
	ensure(db->committer != NULL);
	committer_submit(db->committer, w);
}

void
db_thread_commits(bool on)
{
	committer_commits(on);
}

void
db_commit_own(struct db *db)
{
	if (db->committer != NULL)
		committer_come(db->committer);
}

void
db_forget(struct db *db)
{
	uint64_t commit = clocks_commit_begin(&db->clocks);

	clocks_move(&db->clocks, 0, commit);
	clocks_commit_end(&db->clocks, commit);
}

bool
db_idle(struct db *db)
{
	return db->committer == NULL || committer_idle(db->committer);
}

struct waiter {
	struct db_write write;
	struct lock lock;
	pthread_cond_t wake;
	bool done;
	enum status st;
};

static void
waiter_done(struct db_write *w, enum status st)
{
	struct waiter *waiter = (struct waiter *)w;

	lock_take(&waiter->lock);
	waiter->st = st;
	waiter->done = true;
	pthread_cond_signal(&waiter->wake);
	lock_give(&waiter->lock);
}

enum status
db_write_and_wait(struct db *db, const struct db_write *w)
{
	struct waiter waiter = {.lock = LOCK_INIT(db_waiter), .wake = PTHREAD_COND_INITIALIZER};

	if (db->options.read_only)
		return ERR_READ_ONLY;
	ensure(!committer_is_self(db->committer));
	lock_none();
	waiter.write = *w;
	waiter.write.done = waiter_done;
	db_submit(db, &waiter.write);
	db_commit_own(db);
	lock_take(&waiter.lock);
	while (!waiter.done)
		lock_wait(&waiter.lock, &waiter.wake);
	lock_give(&waiter.lock);
	lock_fini(&waiter.lock);
	pthread_cond_destroy(&waiter.wake);
	return waiter.st;
}

enum status
db_write(struct db *db, db_write_fn fn, void *arg)
{
	struct db_write w = {.fn = fn, .arg = arg};

	return db_write_and_wait(db, &w);
}

enum status
db_write_reserve(struct db *db, db_write_fn fn, void *arg)
{
	struct db_write w = {.fn = fn, .arg = arg, .reserve = true};

	return db_write_and_wait(db, &w);
}

bool
db_was_full(struct db *db, bool forget)
{
	return forget ? atomic_exchange(&db->was_full, false) : atomic_load(&db->was_full);
}

void
db_stats(struct db *db, struct db_stats *stats_r)
{
	memset(stats_r, 0, sizeof(*stats_r));
	stats_r->commits = atomic_load(&db->commits);
	stats_r->writes = atomic_load(&db->writes);
	stats_r->syncs = atomic_load(&db->syncs);
	stats_r->failed = atomic_load(&db->failed);
	stats_r->wal_bytes = atomic_load(&db->engine->log_bytes);
	stats_r->sync_times = &db->sync_times;
}

enum status
db_check(struct db *db, void (*found)(void *arg, const char *text), const struct db_stop *stop, void *arg)
{
	return db->drv->check != NULL ? db->drv->check(db->engine, found, stop, arg) : OK;
}

enum status
db_backup(struct db *db, const char *to, const struct db_stop *stop)
{
	return db->drv->backup != NULL ? db->drv->backup(db->engine, to, stop) : ERR_BAD_INPUT;
}

enum status
db_backup_into(struct db *db, int fd, const struct db_stop *stop)
{
	return db->drv->backup_into != NULL ? db->drv->backup_into(db->engine, fd, stop) : ERR_BAD_INPUT;
}
