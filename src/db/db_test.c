/* SPDX-License-Identifier: Apache-2.0 */
/* The engine interface: values, statements, snapshots. The committer's tests: committer_test.c; of files on disk: file_test.c. */
#include "db/put_test.h"

static void
test_roundtrip(void **state)
{
	struct db *db = fresh();
	struct put p = {.key = 7, .value = 70};
	int64_t v = 0;

	assert_int_equal(db_write(db, fn_put, &p), OK);
	assert_int_equal(get(db, 7, &v), OK);
	assert_int_equal(v, 70);
	assert_int_equal(get(db, 8, &v), ERR_NOT_FOUND);
	assert_int_equal(v, 70); /* untouched on failure */
	assert_int_equal(db_write(db, fn_put, &p), ERR_EXISTS);
	db_close(db);
}

/* Values of every kind, empty ones and such with NUL among them, come back as they went in. */
static enum status
fn_values(struct db_txn *txn, void *arg)
{
	static struct db_sql put = DB_SQL("INSERT INTO v (i, t, b, n) VALUES (?1, ?2, ?3, ?4)");

	ensure(db_script(txn, "CREATE TABLE v (i INTEGER, t TEXT, b BLOB, n TEXT)") == OK);
	ensure(db_exec(txn, &put, "itbn", INT64_MIN, str_of("a\0b", 3), str_of("\0\xff", 2)) == OK);
	ensure(db_exec(txn, &put, "itbn", INT64_MAX, STR_NONE, STR("")) == OK);
	return OK;
}

static void
test_values(void **state)
{
	static struct db_sql all = DB_SQL("SELECT i, t, b, n FROM v ORDER BY i");
	struct db *db = fresh();
	struct db_txn *txn;
	struct db_stmt *st;

	assert_int_equal(db_write(db, fn_values, NULL), OK);
	assert_int_equal(db_read_begin(db, &txn), OK);
	st = db_prepare(txn, &all);
	assert_int_equal(db_step(st), OK);
	assert_true(db_int(st, 0) == INT64_MIN);
	assert_true(str_eq(db_text(st, 1), str_of("a\0b", 3)));
	assert_true(str_eq(db_blob(st, 2), str_of("\0\xff", 2)));
	assert_true(db_is_null(st, 3));
	assert_int_equal(db_step(st), OK);
	assert_true(db_int(st, 0) == INT64_MAX);
	assert_false(db_is_null(st, 1));
	assert_int_equal(db_text(st, 1).n, 0);
	assert_false(db_is_null(st, 2));
	assert_int_equal(db_blob(st, 2).n, 0);
	assert_int_equal(db_step(st), ERR_NOT_FOUND);
	db_done(st);
	db_read_end(txn);
	db_close(db);
}

/* A statement may be used while an outer use still steps it. */
static void
test_recursion(void **state)
{
	static struct db_sql above = DB_SQL("SELECT k FROM t WHERE k > ?1 ORDER BY k");
	struct db *db = fresh();
	struct db_txn *txn;
	int pairs = 0;

	for (int i = 1; i <= 5; i++)
		assert_int_equal(db_write(db, fn_put, &(struct put){.key = i}), OK);
	assert_int_equal(db_read_begin(db, &txn), OK);
	for (int round = 0; round < 3; round++) {
		struct db_stmt *a = db_prepare(txn, &above);

		pairs = 0;
		db_bind_int(a, 1, 0);
		while (db_step(a) == OK) {
			struct db_stmt *b = db_prepare(txn, &above);

			assert_ptr_not_equal(a, b);
			db_bind_int(b, 1, db_int(a, 0));
			while (db_step(b) == OK)
				pairs++;
			db_done(b);
		}
		db_done(a);
	}
	assert_int_equal(pairs, 10);
	db_read_end(txn);
	db_close(db);
}

/* A snapshot is taken at once and does not move; an inner one is newer. */
static void
test_snapshot(void **state)
{
	static struct db_sql n = DB_SQL("SELECT count(*) FROM t");
	struct db *db = fresh();
	struct db_txn *outer, *inner;
	int64_t a, b;

	assert_int_equal(db_read_begin(db, &outer), OK);
	assert_int_equal(db_write(db, fn_put, &(struct put){.key = 1}), OK);
	assert_int_equal(db_read_begin(db, &inner), OK);
	assert_int_equal(db_get_ints(outer, &n, &a, 1, ""), OK);
	assert_int_equal(db_get_ints(inner, &n, &b, 1, ""), OK);
	assert_int_equal(a, 0);
	assert_int_equal(b, 1);
	db_read_end(outer);
	db_read_end(inner);
	assert_int_equal(count(db, "t"), 1);
	db_thread_end(db);
	assert_int_equal(count(db, "t"), 1);
	db_close(db);
}

/* A reader cannot write. */
static void
test_reader_reads(void **state)
{
	static struct db_sql put = DB_SQL("INSERT INTO t (k) VALUES (1)");
	struct db *db = fresh();
	struct db_txn *txn;

	assert_int_equal(db_read_begin(db, &txn), OK);
	assert_int_equal(db_exec(txn, &put, ""), ERR_READ_ONLY);
	db_read_end(txn);
	db_close(db);
}

/* Statements one after the other; a semicolon in quotes ends none, what fails ends the script. */
static enum status
fn_script(struct db_txn *txn, void *arg)
{
	return db_script(txn, *(const char **)arg);
}

static enum status
script(struct db *db, const char *sql)
{
	return db_write(db, fn_script, &sql);
}

static void
test_script(void **state)
{
	static struct db_sql sum = DB_SQL("SELECT count(*), coalesce(sum(v), 0) FROM t WHERE b IS NULL OR b = 'a;''b\";'");
	struct db *db = fresh();
	struct db_txn *txn;
	int64_t v[2];

	assert_int_equal(script(db, ""), OK);
	assert_int_equal(script(db, " ;;\n\t"), OK);
	assert_int_equal(script(db, "INSERT INTO t (k, v, b) VALUES (1, 10, 'a;''b\";');\nINSERT INTO t (k, v) VALUES (2, 20) ;"
	    "SELECT * FROM t; CREATE TABLE \";\" (x); INSERT INTO \";\" VALUES (1); DELETE FROM t WHERE k = 2"), OK);
	assert_int_equal(script(db, "INSERT INTO t (k, v) VALUES (3, 30); INSERT INTO t (k, v) VALUES (1, 0); DELETE FROM t"), ERR_EXISTS);
	assert_int_equal(script(db, "INSERT INTO t (k, v) VALUES (4, 40); INSERT INTO nowhere VALUES (1)"), ERR_CORRUPT);
	assert_int_equal(db_read_begin(db, &txn), OK);
	assert_int_equal(db_get_ints(txn, &sum, v, 2, ""), OK);
	assert_int_equal(v[0], 1);
	assert_int_equal(v[1], 10);
	db_read_end(txn);
	db_close(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_roundtrip),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_recursion),
	    cmocka_unit_test(test_snapshot),
	    cmocka_unit_test(test_reader_reads),
	    cmocka_unit_test(test_script),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
