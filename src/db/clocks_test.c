/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks of accounts: what is kept of one lives through the commits of others, and never through one of its own, whenever a reader comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "db/answers_priv.h"
#include "db/committer_priv.h"

#define ACCOUNTS 5

static struct db_sql value = DB_SQL_KEPT("SELECT v FROM t WHERE account = ?1");
static struct db_sql add = DB_SQL("UPDATE t SET v = v + 1 WHERE account = ?1");
static struct db_sql make = DB_SQL("INSERT INTO t (account, v) VALUES (?1, 0)");

static enum status
fn_table(struct db_txn *txn, void *arg)
{
	enum status st = db_script(txn, "CREATE TABLE t (account INTEGER PRIMARY KEY, v INTEGER)");

	(void)arg;
	for (int64_t a = 1; a <= ACCOUNTS && st == OK; a++)
		st = db_exec(txn, &make, "i", a);
	return st;
}

struct change {
	int64_t account[2];
	size_t n;
	enum status st;
};

static enum status
fn_add(struct db_txn *txn, void *arg)
{
	struct change *c = arg;
	enum status st = OK;

	for (size_t i = 0; i < c->n && st == OK; i++) {
		ensure(db_declared(txn, c->account[i]));
		st = db_exec(txn, &add, "i", c->account[i]);
	}
	return st != OK ? st : c->st;
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

static void
change(struct db *db, uint64_t lane, struct change c)
{
	struct db_write w = {.fn = fn_add, .arg = &c, .lane = lane};

	if (c.n > 1) {
		w.accounts = c.account;
		w.accounts_n = c.n;
	}
	assert_int_equal(db_write_and_wait(db, &w), c.st);
}

static int64_t
ask(struct db_txn *txn, int64_t account, bool *kept_r)
{
	struct db_stmt *s = db_prepare(txn, &value);
	int64_t v;

	db_bind_int(s, 1, account);
	assert_int_equal(db_step(s), OK);
	v = db_int(s, 0);
	*kept_r = s->asking->state == ASKING_KEPT;
	db_done(s);
	return v;
}

static int64_t
look(struct db *db, int64_t account, bool *kept_r)
{
	struct db_txn *txn;
	int64_t v;

	assert_int_equal(db_read_begin(db, &txn), OK);
	db_read_account(txn, account);
	v = ask(txn, account, kept_r);
	db_read_end(txn);
	return v;
}

static void
warm(struct db *db, int64_t account)
{
	bool kept = false;

	for (int i = 0; i < 3; i++)
		(void)look(db, account, &kept);
	assert_true(kept);
}

static void
test_others_commit(void **state)
{
	struct db *db = fresh();
	bool kept;

	(void)state;
	warm(db, 1);
	for (int i = 1; i < 50; i++) {
		change(db, 2, (struct change){{2}, 1, OK});
		assert_int_equal(look(db, 1, &kept), 0);
		assert_true(kept);
	}
	change(db, 1, (struct change){{1}, 1, OK});
	assert_int_equal(look(db, 1, &kept), 1);
	assert_false(kept);
	db_close(db);
}

/* A write of several accounts moves the clocks of all; one that says nothing, of everybody. */
static void
test_declared(void **state)
{
	struct db *db = fresh();
	bool kept;

	(void)state;
	for (int64_t a = 1; a <= 4; a++)
		warm(db, a);
	change(db, 1, (struct change){{1, 3}, 2, OK});
	assert_int_equal(look(db, 1, &kept), 1);
	assert_false(kept);
	assert_int_equal(look(db, 3, &kept), 1);
	assert_false(kept);
	assert_int_equal(look(db, 2, &kept), 0);
	assert_true(kept);
	change(db, 0, (struct change){{4}, 1, OK});
	assert_int_equal(look(db, 4, &kept), 1);
	assert_false(kept);
	(void)look(db, 2, &kept);
	assert_false(kept);
	db_close(db);
}

/* What was undone moves nothing. */
static void
test_failed(void **state)
{
	struct db *db = fresh();
	bool kept;

	(void)state;
	warm(db, 1);
	change(db, 1, (struct change){{1}, 1, ERR_CONFLICT});
	assert_int_equal(look(db, 1, &kept), 0);
	assert_true(kept);
	db_close(db);
}

/* ---- the moments around a commit ---- */

static const struct db_driver *under;
static struct db *watched;
static int rounds;

/* Readers come right before the commit and right after it, before the clocks tell. */
static enum commit_result
commit_watched(struct engine_conn *conn, enum txn_end how, enum status *why_r)
{
	enum commit_result result;
	struct db_txn *txn;
	bool kept;
	int64_t before, after;

	if (how != END_COMMIT || watched == NULL)
		return under->end(conn, how, why_r);
	ensure(db_read_begin(watched, &txn) == OK);
	db_read_account(txn, 1);
	ensure(db_version(txn) == 0);
	before = ask(txn, 1, &kept);
	ensure(!kept);
	result = under->end(conn, how, why_r);
	/* It is open still and shows what it showed; another one shows the change: neither is kept or told from what is. */
	ensure(ask(txn, 1, &kept) == before);
	ensure(!kept);
	after = look(watched, 1, &kept);
	ensure(after == before + 1);
	ensure(!kept);
	/* Others are not touched. */
	ensure(look(watched, 2, &kept) == 0);
	ensure(kept == (rounds++ >= 2));
	db_read_end(txn);
	return result;
}

/* By whoever runs groups: its own. */
static enum status
fn_watch(struct db_txn *txn, void *arg)
{
	txn->committer->drv = *(const struct db_driver **)arg;
	return OK;
}

static void
test_moments(void **state)
{
	struct db *db = fresh();
	struct db_driver drv;
	const struct db_driver *watching = &drv;
	bool kept;

	(void)state;
	warm(db, 1);
	under = db->committer->drv;
	drv = *under;
	drv.end = commit_watched;
	assert_int_equal(db_write(db, fn_watch, &watching), OK);
	warm(db, 1);
	watched = db;
	for (int64_t i = 1; i < 20; i++) {
		/* The thread that commits reads, too: its connection keeps answers of account 2. */
		change(db, 1, (struct change){{1}, 1, OK});
		assert_int_equal(look(db, 1, &kept), i);
		assert_false(kept);
	}
	watched = NULL;
	assert_int_equal(db_write(db, fn_watch, &under), OK);
	db_close(db);
}

/* ---- many readers beside the committer ---- */

static atomic_bool over;
static atomic_llong done[ACCOUNTS + 1];

static void *
reader(void *arg)
{
	struct db *db = arg;
	int64_t last[ACCOUNTS + 1] = {0};
	size_t kept_n = 0;
	bool kept;

	while (!atomic_load(&over)) {
		for (int64_t a = 1; a <= ACCOUNTS; a++) {
			int64_t acknowledged = atomic_load(&done[a]), v = look(db, a, &kept);

			/* What was acknowledged before the snapshot is in it, and nothing goes back. */
			ensure(v >= acknowledged && v >= last[a]);
			last[a] = v;
			kept_n += kept;
		}
	}
	db_thread_end(db);
	return (void *)kept_n;
}

static void
test_threads(void **state)
{
	struct db *db = fresh();
	pthread_t t[3];
	void *kept_n;

	(void)state;
	atomic_store(&over, false);
	for (int i = 0; i < 3; i++)
		ensure(pthread_create(&t[i], NULL, reader, db) == 0);
	for (int i = 0; i < 3000; i++) {
		int64_t a = 1 + i % (ACCOUNTS - 1); /* the last one stays as it is */

		change(db, (uint64_t)a, (struct change){{a}, 1, OK});
		atomic_fetch_add(&done[a], 1);
	}
	atomic_store(&over, true);
	for (int i = 0; i < 3; i++) {
		pthread_join(t[i], &kept_n);
		assert_true((size_t)kept_n > 0);
	}
	db_close(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_others_commit),
		cmocka_unit_test(test_declared),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_moments),
		cmocka_unit_test(test_threads),
	};

	setenv("MANSIO_DISTRUST", "1", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
