/* SPDX-License-Identifier: Apache-2.0 */
/* Kept answers: given while nothing was committed, never after, and the same as the statement's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/random.h"
#include "db/answers_priv.h"

static struct db_sql one = DB_SQL_KEPT("SELECT i, t, b, n FROM t WHERE k = ?1");
static struct db_sql from = DB_SQL_KEPT("SELECT k, i FROM t WHERE k >= ?1 ORDER BY k");
static struct db_sql named = DB_SQL_KEPT("SELECT k FROM t WHERE t = ?1 AND b = ?2");
static struct db_sql put = DB_SQL("INSERT OR REPLACE INTO t (k, i, t, b, n) VALUES (?1, ?2, ?3, ?4, NULL)");

struct row {
	int64_t k, i;
	struct str t, b;
};

static enum status
fn_table(struct db_txn *txn, void *arg)
{
	return db_script(txn, "CREATE TABLE t (k INTEGER PRIMARY KEY, i INTEGER, t TEXT, b BLOB, n TEXT)");
}

static enum status
fn_put(struct db_txn *txn, void *arg)
{
	const struct row *r = arg;
	int64_t i = 0;
	enum status st = db_exec(txn, &put, "iitb", r->k, r->i, r->t, r->b);

	/* A write sees its own change each time. */
	assert_int_equal(db_version(txn), 0);
	for (int n = 0; st == OK && n < 3; n++) {
		struct db_stmt *s = db_prepare(txn, &one);

		db_bind_int(s, 1, r->k);
		assert_int_equal(db_step(s), OK);
		assert_null(s->asking);
		i = db_int(s, 0);
		db_done(s);
		assert_int_equal(i, r->i);
	}
	return st;
}

static void
write_row(struct db *db, int64_t k, int64_t i, struct str t, struct str b)
{
	struct row r = {k, i, t, b};

	assert_int_equal(db_write(db, fn_put, &r), OK);
}

static struct db *
fresh(void)
{
	struct db_options o = {0};
	struct db *db = NULL;

	assert_int_equal(db_open(&o, &db), OK);
	assert_int_equal(db_write(db, fn_table, NULL), OK);
	return db;
}

/* Asks for row k within txn: its i, or -1; *kept_r: it was not run for that. */
static int64_t
ask(struct db_txn *txn, int64_t k, bool *kept_r)
{
	struct db_stmt *s = db_prepare(txn, &one);
	enum status st;
	int64_t i;

	db_bind_int(s, 1, k);
	st = db_step(s);
	assert_true(st == OK || st == ERR_NOT_FOUND);
	i = st == OK ? db_int(s, 0) : -1;
	*kept_r = s->asking->state == ASKING_KEPT;
	db_done(s);
	return i;
}

/* The same in a snapshot of its own. */
static int64_t
look(struct db *db, int64_t k, bool *kept_r)
{
	struct db_txn *txn;
	int64_t i;

	assert_int_equal(db_read_begin(db, &txn), OK);
	i = ask(txn, k, kept_r);
	db_read_end(txn);
	return i;
}

static void
test_kept_until_a_commit(void **state)
{
	struct db *db = fresh();
	bool kept;

	for (int64_t v = 1; v < 20; v++) {
		write_row(db, 1, v, STR("a"), STR("b"));
		for (int n = 0; n < 5; n++) {
			assert_int_equal(look(db, 1, &kept), v);
			assert_int_equal(kept, n >= 2); /* the first snapshot of a version keeps nothing, the second notes */
		}
		assert_int_equal(look(db, 7, &kept), -1);
		assert_int_equal(look(db, 7, &kept), -1);
		assert_true(kept);
	}
	db_close(db);
}

/* What was committed while a snapshot is open is not seen in it, and is seen in the next. */
static void
test_snapshot(void **state)
{
	struct db *db = fresh();
	struct db_txn *txn;
	uint64_t version;
	bool kept;

	write_row(db, 1, 1, STR("a"), STR("b"));
	(void)look(db, 1, &kept);
	(void)look(db, 1, &kept);
	assert_int_equal(db_read_begin(db, &txn), OK);
	version = db_version(txn);
	write_row(db, 1, 2, STR("a"), STR("b"));
	assert_int_equal(ask(txn, 1, &kept), 1);
	assert_true(kept);
	assert_int_equal(look(db, 1, &kept), 2); /* a further connection's snapshot */
	assert_false(kept);
	assert_int_equal(ask(txn, 1, &kept), 1);
	db_read_end(txn);
	assert_int_equal(db_read_begin(db, &txn), OK);
	assert_true(db_version(txn) != version);
	assert_int_equal(ask(txn, 1, &kept), 2);
	db_read_end(txn);
	db_close(db);
}

static void
test_values(void **state)
{
	struct db *db = fresh();
	char big[ANSWER_BYTES + 1];

	memset(big, 'x', sizeof(big));
	write_row(db, 1, INT64_MIN, str_of("a\0b", 3), str_of("\0\xff", 2));
	write_row(db, 2, INT64_MAX, STR(""), STR(""));
	write_row(db, 3, 3, STR("c"), str_of(big, sizeof(big)));
	for (int n = 0; n < 4; n++) {
		struct db_txn *txn;

		assert_int_equal(db_read_begin(db, &txn), OK);
		for (int64_t k = 1; k <= 3; k++) {
			struct db_stmt *s = db_prepare(txn, &one);

			db_bind_int(s, 1, k);
			assert_int_equal(db_step(s), OK);
			assert_int_equal(s->asking->state == ASKING_KEPT, n >= 2 && k < 3);
			assert_true(db_int(s, 0) == (k == 1 ? INT64_MIN : k == 2 ? INT64_MAX : 3));
			assert_true(str_eq(db_text(s, 1), k == 1 ? str_of("a\0b", 3) : k == 2 ? STR("") : STR("c")));
			assert_true(k == 3 ? db_blob(s, 2).n == sizeof(big) : str_eq(db_blob(s, 2), k == 1 ? str_of("\0\xff", 2) : STR("")));
			assert_true(db_is_null(s, 3));
			assert_false(db_is_null(s, 0));
			assert_int_equal(db_text(s, 3).n, 0);
			assert_int_equal(db_int(s, 3), 0);
			db_done(s);
		}
		db_read_end(txn);
	}
	db_close(db);
}

/* Parameters that run into each other are different questions. */
static void
test_parameters(void **state)
{
	static const struct { struct str t, b; } q[] = {{STR("ab"), STR("c")}, {STR("a"), STR("bc")}, {STR(""), STR("abc")}, {STR("abc"), STR("")}};
	struct db *db = fresh();

	for (size_t i = 0; i < 4; i++)
		write_row(db, (int64_t)i, 0, q[i].t, q[i].b);
	for (int n = 0; n < 4; n++) {
		struct db_txn *txn;

		assert_int_equal(db_read_begin(db, &txn), OK);
		for (size_t i = 0; i < 4; i++) {
			int64_t k = -1;

			assert_int_equal(db_get_ints(txn, &named, &k, 1, "tb", q[i].t, q[i].b), OK);
			assert_int_equal(k, i);
		}
		db_read_end(txn);
	}
	db_close(db);
}

/* Reads rows from k on, most of them, one use inside the other; asserts that they are all rows there are. */
static void
walk(struct db_txn *txn, int64_t k, int64_t rows, int64_t most, int depth)
{
	struct db_stmt *s = db_prepare(txn, &from);
	enum status st = OK;
	int64_t n = 0;

	db_bind_int(s, 1, k);
	while (n < most && (st = db_step(s)) == OK) {
		assert_int_equal(db_int(s, 0), k + n);
		assert_int_equal(db_int(s, 1), 100 + k + n);
		if (depth > 0)
			walk(txn, k + n % 3, rows, 1 + (most + n) % rows, depth - 1);
		n++;
	}
	assert_int_equal(n, most < rows - k ? most : rows - k);
	if (n < most)
		assert_int_equal(st, ERR_NOT_FOUND);
	db_done(s);
}

/* Walks that end early, go on where an answer ended, lie inside each other and are more than there are places. */
static void
test_walks(void **state)
{
	struct db *db = fresh();
	const int64_t rows = 60; /* two values each: more than one answer holds */

	for (int64_t k = 0; k < rows; k++)
		write_row(db, k, 100 + k, STR("t"), STR("b"));
	for (int n = 0; n < 30; n++) {
		struct db_txn *txn;

		if (n % 10 == 9)
			write_row(db, 5, 105, STR("t"), STR("b"));
		assert_int_equal(db_read_begin(db, &txn), OK);
		for (int i = 0; i < 40; i++)
			walk(txn, (int64_t)(random_u64() % (uint64_t)rows), rows, 1 + (int64_t)(random_u64() % 70), (int)(random_u64() % 3));
		db_read_end(txn);
	}
	db_close(db);
}

/* Against the truth, at random: commits between and within snapshots. */
static void
test_random(void **state)
{
	struct db *db = fresh();
	int64_t now[80] = {0}, then[80];
	struct db_txn *txn;
	bool kept;

	for (int64_t k = 0; k < 80; k++)
		write_row(db, k, 0, STR("t"), STR("b"));
	for (int n = 0; n < 3000; n++) {
		assert_int_equal(db_read_begin(db, &txn), OK);
		memcpy(then, now, sizeof(now));
		for (int i = 0; i < 8; i++) {
			int64_t k = (int64_t)(random_u64() % 80);

			assert_int_equal(ask(txn, k, &kept), then[k]);
			if (random_u64() % 60 == 0) {
				now[k]++;
				write_row(db, k, now[k], STR("t"), STR("b"));
			}
		}
		db_read_end(txn);
	}
	db_close(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_until_a_commit),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_walks),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
