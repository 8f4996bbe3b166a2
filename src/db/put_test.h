/* SPDX-License-Identifier: Apache-2.0 */
/* Small write functions for tests of databases, over a table t (k, v, b) and a table log (seq, lane, n). */
#ifndef DB_PUT_TEST_H
#define DB_PUT_TEST_H

#include "base/assert.h"
#include "db/db.h"
#include "db/db_test.h"

/* A row; the write function is fn_put(). */
struct put {
	int64_t key, value;
	enum status answer; /* returned after the change */
	bool no_change;
	int runs;
};

static inline enum status
fn_schema(struct db_txn *txn, void *arg)
{
	return db_script(txn, "CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER, b BLOB);"
	    "CREATE TABLE log (seq INTEGER PRIMARY KEY, lane INTEGER, n INTEGER)");
}

static inline enum status
fn_put(struct db_txn *txn, void *arg)
{
	static struct db_sql put = DB_SQL("INSERT INTO t (k, v) VALUES (?1, ?2)");
	struct put *p = arg;
	enum status st;

	p->runs++;
	if (p->no_change)
		return p->answer;
	st = db_exec(txn, &put, "ii", p->key, p->value);
	return st != OK ? st : p->answer;
}

static inline enum status
get(struct db *db, int64_t key, int64_t *v_r)
{
	static struct db_sql find = DB_SQL("SELECT v FROM t WHERE k = ?1");
	struct db_txn *txn;
	enum status st;

	assert_int_equal(db_read_begin(db, &txn), OK);
	st = db_get_ints(txn, &find, v_r, 1, "i", key);
	db_read_end(txn);
	return st;
}

static inline int64_t
count(struct db *db, const char *table)
{
	static struct db_sql t = DB_SQL("SELECT count(*) FROM t"), log = DB_SQL("SELECT count(*) FROM log");
	struct db_txn *txn;
	int64_t n = -1;

	ensure(db_read_begin(db, &txn) == OK);
	ensure(db_get_ints(txn, strcmp(table, "t") == 0 ? &t : &log, &n, 1, "") == OK);
	db_read_end(txn);
	return n;
}

/* A database in memory with the tables. */
static inline struct db *
fresh(void)
{
	struct db *db = open_db(NULL);

	assert_int_equal(db_write(db, fn_schema, NULL), OK);
	return db;
}

#endif
