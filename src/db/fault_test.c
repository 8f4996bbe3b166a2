/* SPDX-License-Identifier: Apache-2.0 */
/* The Nth call fails, for N = 1, 2, 3 ...; and power cuts at each sync (S12). In memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/log.h"
#include "db/db.h"
#include "db/fault_test.h"
#include "db/vfs/faultvfs.h"
#include "db/vfs/memvfs.h"

#define PATH "/faulty"
#define IMAGE "/image"
#define JOBS_MAX 400

/* A write: adds row seq to log, and row seq % 16 of t becomes seq. */
struct job {
	struct db_write write;
	int64_t seq;
	bool done, durable;
	enum status st, answer;
	size_t acked; /* events when its outcome was told */
};

static struct job jobs[JOBS_MAX];
static _Atomic int fatal_calls;
static char filler[30000];

static void
on_fatal(void *arg, const char *why)
{
	fatal_calls++;
}

static enum status
fn_schema(struct db_txn *txn, void *arg)
{
	return db_script(txn, "CREATE TABLE log (seq INTEGER PRIMARY KEY, b BLOB);"
	    "CREATE TABLE t (k INTEGER PRIMARY KEY, v INTEGER, b BLOB)");
}

static enum status
fn_job(struct db_txn *txn, void *arg)
{
	static struct db_sql log = DB_SQL("INSERT INTO log (seq, b) VALUES (?1, ?2)");
	static struct db_sql put = DB_SQL("REPLACE INTO t (k, v, b) VALUES (?1, ?2, ?3)");
	struct job *job = arg;
	struct str b = str_of(filler, job->seq % 13 == 12 ? sizeof(filler) : (size_t)(job->seq * 37 % 900));
	enum status st = db_exec(txn, &log, "ib", job->seq, b);

	if (st == OK)
		st = db_exec(txn, &put, "iib", job->seq % 16, job->seq, b);
	return st != OK ? st : job->answer;
}

static void
job_done(struct db_write *w, enum status st)
{
	struct job *job = (struct job *)w;

	job->acked = faultvfs_events();
	job->st = st;
	job->done = true;
}

static enum status
open_at(const char *path, const char *vfs, struct db **db_r)
{
	/* Small caches, so that transactions spill; frequent checkpoints. */
	struct db_options o = {.sqlite.path = path, .sqlite.vfs = vfs, .sqlite.page_cache = 64 << 10, .sqlite.checkpoint_pages = 20,
	    .sqlite.reserve = strcmp(path, IMAGE) == 0 ? SQ_NO_RESERVE : 65536, .fatal = on_fatal};

	return db_open(&o, db_r);
}

/* Submits jobs from..to-1, some alone, some in groups, some lazy, some that fail by themselves; waits. */
static void
run_jobs(struct db *db, int from, int to)
{
	for (int i = from; i < to; i++) {
		struct job *job = &jobs[i];

		*job = (struct job){.seq = i + 1, .durable = i % 7 != 6, .answer = i % 11 == 10 ? ERR_QUOTA : OK};
		job->write = (struct db_write){.fn = fn_job, .arg = job, .done = job_done, .lazy = !job->durable,
		    .soon = true};
		db_submit(db, &job->write);
		if (i % 5 == 4)
			continue;
		/* A durable one behind it, in the same lane: when it is done, so are those before. */
		(void)!db_write(db, fn_job, &(struct job){.seq = -1, .answer = ERR_CONFLICT});
	}
	(void)!db_write(db, fn_job, &(struct job){.seq = -1, .answer = ERR_CONFLICT});
}

static int64_t
number(struct db *db, struct db_sql *sql, enum status *st_r)
{
	struct db_txn *txn;
	int64_t n = -1;

	if ((*st_r = db_read_begin(db, &txn)) != OK)
		return -1;
	*st_r = db_get_ints(txn, sql, &n, 1, "");
	db_read_end(txn);
	return n;
}

static void
on_found(void *arg, const char *text)
{
	print_message("check: %s\n", text);
	++*(int *)arg;
}

/* Reads which jobs are in the log; checks the file and t. */
static void
read_state(struct db *db, bool *there, int n)
{
	static struct db_sql log = DB_SQL("SELECT seq FROM log ORDER BY seq");
	static struct db_sql t = DB_SQL("SELECT count(*) FROM t WHERE v <> (SELECT max(seq) FROM log WHERE seq % 16 = k)"
	    " OR length(b) <> (SELECT length(b) FROM log WHERE seq = v)");
	struct db_txn *txn;
	struct db_stmt *q;
	enum status st;
	int found = 0;

	memset(there, 0, (size_t)n * sizeof(*there));
	assert_int_equal(db_check(db, on_found, NULL, &found), OK);
	assert_int_equal(found, 0);
	assert_int_equal(db_read_begin(db, &txn), OK);
	q = db_prepare(txn, &log);
	while (db_step(q) == OK) {
		assert_in_range(db_int(q, 0), 1, n);
		there[db_int(q, 0) - 1] = true;
	}
	db_done(q);
	db_read_end(txn);
	assert_int_equal(number(db, &t, &st), 0);
	assert_int_equal(st, OK);
}

/* ---- the Nth call fails ---- */

#define FAULT_JOBS 26

static bool
may_be_there(const struct job *job)
{
	return job->st == OK || job->st == ERR_UNKNOWN;
}

/* No acknowledged change is lost, none that failed is there; the fault is gone now. */
static void
expect_outcomes(void)
{
	bool there[JOBS_MAX];
	struct db *db;

	assert_int_equal(open_at(PATH, FAULTVFS_NAME, &db), OK);
	read_state(db, there, JOBS_MAX);
	for (int i = 0; i < FAULT_JOBS; i++) {
		if (!jobs[i].done)
			continue;
		if (jobs[i].st == OK && !there[i])
			fail_msg("job %d was acknowledged and is lost", i);
		if (there[i] && !may_be_there(&jobs[i]))
			fail_msg("job %d failed (%s) and is there", i, status_word(jobs[i].st));
	}
	db_close(db);
}

static bool
run_with_fault(const struct fault *fault)
{
	struct db *db = NULL;
	enum status st;
	bool hit;

	memvfs_remove(PATH);
	memset(jobs, 0, sizeof(jobs));
	fatal_calls = 0;
	faultvfs_plan(fault);
	st = open_at(PATH, FAULTVFS_NAME, &db);
	if (st == OK) {
		static struct db_sql n = DB_SQL("SELECT count(*) FROM log");

		st = db_write(db, fn_schema, NULL);
		if (st == OK) {
			run_jobs(db, 0, FAULT_JOBS / 2);
			(void)number(db, &n, &st);
			run_jobs(db, FAULT_JOBS / 2, FAULT_JOBS);
		}
		hit = faultvfs_hit();
		if (fatal_calls == 0 && st == OK) {
			struct job last = {.seq = JOBS_MAX};
			/* The reserve, if it was used, is made again after a second only. */
			struct db_write w = {.fn = fn_job, .arg = &last, .reserve = true};

			/* Whatever failed has passed: the engine goes on. */
			faultvfs_plan(NULL);
			st = db_write_and_wait(db, &w);
			assert_int_equal(st, OK);
			faultvfs_plan(fault);
		}
		db_close(db);
	} else {
		hit = faultvfs_hit();
		assert_true(hit);
	}
	faultvfs_plan(NULL);
	if (st == OK)
		expect_outcomes();
	return hit;
}

static void
nth_call(enum fault_op op, enum fault_how how, bool lasting)
{
	unsigned n = 1, fatals = 0;

	for (;; n++) {
		struct fault f = {op, n, how, lasting};

		if (!run_with_fault(&f))
			break;
		fatals += fatal_calls > 0;
		assert_in_range(n, 1, 5000);
	}
	print_message("%s %s: %u calls, %u fatal\n", fault_op_word(op), lasting ? "lasting" : "once", n - 1, fatals);
	/* Only a sync can leave an outcome unknown. */
	if (op != FAULT_SYNC)
		assert_int_equal(fatals, 0);
	else
		assert_true(fatals > 0);
}

static void
test_write_faults(void **state)
{
	nth_call(FAULT_WRITE, FAULT_EIO, false);
	nth_call(FAULT_WRITE, FAULT_ENOSPC, false);
	nth_call(FAULT_WRITE, FAULT_SHORT, false);
	nth_call(FAULT_WRITE, FAULT_ENOSPC, true);
}

static void
test_other_faults(void **state)
{
	nth_call(FAULT_READ, FAULT_EIO, false);
	nth_call(FAULT_SYNC, FAULT_EIO, false);
	nth_call(FAULT_OPEN, FAULT_EIO, false);
	nth_call(FAULT_TRUNCATE, FAULT_EIO, false);
	nth_call(FAULT_DELETE, FAULT_EIO, false);
}

/* ---- power cuts ---- */

static void
put_image(void *arg, const char *path, struct str bytes)
{
	char name[128];

	snprintf(name, sizeof(name), IMAGE "%s", path + strlen(PATH));
	memvfs_put(name, bytes);
}

/* What is there is a prefix of what was submitted, and no shorter than what was acknowledged. */
static void
expect_prefix(size_t cut, int n)
{
	bool there[JOBS_MAX], ended = false;
	struct db *db;

	assert_int_equal(open_at(IMAGE, MEMVFS_NAME, &db), OK);
	read_state(db, there, JOBS_MAX);
	for (int i = 0; i < n; i++) {
		if (jobs[i].st != OK) {
			assert_false(there[i]);
			continue;
		}
		if (there[i] && ended)
			fail_msg("cut at %zu: job %d is there, one before it is not", cut, i);
		ended = ended || !there[i];
		if (!there[i] && jobs[i].durable && jobs[i].acked <= cut)
			fail_msg("cut at %zu: job %d was acknowledged at %zu and is lost", cut, i, jobs[i].acked);
	}
	db_close(db);
	memvfs_remove(IMAGE);
}

static void
test_power_cuts(void **state)
{
	const int n = 120;
	struct db *db;
	size_t first, last;
	int images = 0;

	memvfs_remove(PATH);
	faultvfs_plan(NULL);
	faultvfs_record(true);
	assert_int_equal(open_at(PATH, FAULTVFS_NAME, &db), OK);
	assert_int_equal(db_write(db, fn_schema, NULL), OK);
	first = faultvfs_events();
	run_jobs(db, 0, n);
	last = faultvfs_events();
	db_close(db);
	for (size_t cut = first; cut <= faultvfs_events(); cut++) {
		/* Right before and after each sync, and now and then in between. */
		if (!faultvfs_is_sync(cut) && (cut == 0 || !faultvfs_is_sync(cut - 1)) && cut % 9 != 0)
			continue;
		for (int mode = 0; mode < CUT_MODES; mode++) {
			if (getenv("MANSIO_TEST_LOG") != NULL)
				print_message("cut %zu of %zu..%zu mode %d\n", cut, first, last, mode);
			faultvfs_image(cut, (enum cut)mode, (unsigned)cut * 7 + 1, put_image, NULL);
			expect_prefix(cut, n);
			images++;
		}
	}
	print_message("%d images of %zu events\n", images, last);
	assert_true(images > 400);
	faultvfs_record(false);
}

/* ---- a full disk ---- */

struct bulk {
	int64_t from, to; /* rows of big */
	bool add;
};

static enum status
fn_bulk_schema(struct db_txn *txn, void *arg)
{
	return db_script(txn, "CREATE TABLE big (k INTEGER PRIMARY KEY, b BLOB)");
}

static enum status
fn_bulk(struct db_txn *txn, void *arg)
{
	static struct db_sql add = DB_SQL("INSERT INTO big (k, b) VALUES (?1, ?2)");
	static struct db_sql drop = DB_SQL("DELETE FROM big WHERE k = ?1");
	struct bulk *b = arg;
	enum status st = OK;

	for (int64_t k = b->from; k < b->to && st == OK; k++)
		st = b->add ? db_exec(txn, &add, "ib", k, str_of(filler, 20000)) : db_exec(txn, &drop, "i", k);
	return st;
}

static enum status
bulk(struct db *db, bool add, int64_t from, int64_t n)
{
	struct bulk b = {from, from + n, add};
	struct db_write w = {.fn = fn_bulk, .arg = &b, .reserve = !add};

	return db_write_and_wait(db, &w);
}

static struct db *
open_small_disk(void)
{
	struct db_options o = {.sqlite.path = PATH, .sqlite.vfs = MEMVFS_NAME, .sqlite.checkpoint_pages = 50, .sqlite.reserve = 1 << 20};
	struct db *db;

	assert_int_equal(db_open(&o, &db), OK);
	return db;
}

/* On a full disk everything that is there is served, deleting works, and makes room for more; again and again. */
static void
test_full_disk(void **state)
{
	static struct db_sql n = DB_SQL("SELECT count(*) FROM big");
	struct db *db;
	enum status st;
	int64_t key = 0, low = 0;

	memvfs_remove(PATH);
	db = open_small_disk();
	assert_int_equal(db_write(db, fn_bulk_schema, NULL), OK);
	memvfs_capacity(memvfs_used() + (8 << 20));
	for (int round = 0; round < 5; round++) {
		int64_t added = 0;

		while ((st = bulk(db, true, key, 1)) == OK) {
			key++;
			added++;
		}
		print_message("round %d: %d rows added, %d there, %zu bytes on disk\n", round, (int)added, (int)(key - low),
		    memvfs_used());
		assert_int_equal(st, ERR_FULL);
		assert_in_range(added, round == 0 ? 200 : 20, 500);
		assert_int_equal(number(db, &n, &st), key - low);
		/* A large one does not fit either, and takes nobody along. */
		assert_int_equal(bulk(db, true, key, 100), ERR_FULL);
		if (round == 2) {
			/* Nor does a new start need space. */
			db_close(db);
			db = open_small_disk();
			assert_int_equal(number(db, &n, &st), key - low);
		}
		/* One by one, as users do; then many. */
		for (int i = 0; i < 20; i++)
			assert_int_equal(bulk(db, false, low++, 1), OK);
		for (int i = 0; i < 5; i++, low += 20)
			assert_int_equal(bulk(db, false, low, 20), OK);
		assert_int_equal(number(db, &n, &st), key - low);
	}
	/* The administrator makes room. */
	memvfs_capacity(0);
	usleep(1100000);
	assert_int_equal(bulk(db, true, key, 100), OK);
	db_close(db);
	memvfs_remove(PATH);
}

static int
large_disk(void **state)
{
	memvfs_capacity(0);
	return 0;
}

static void
test_parse(void **state)
{
	struct fault f;

	assert_true(faultvfs_parse(STR("sync:5:eio"), &f));
	assert_true(f.op == FAULT_SYNC && f.nth == 5 && f.how == FAULT_EIO && !f.lasting);
	assert_true(faultvfs_parse(STR("write:1:enospc:lasting"), &f));
	assert_true(f.op == FAULT_WRITE && f.nth == 1 && f.how == FAULT_ENOSPC && f.lasting);
	assert_false(faultvfs_parse(STR("write:0:eio"), &f));
	assert_false(faultvfs_parse(STR("write:1"), &f));
	assert_false(faultvfs_parse(STR(""), &f));
	assert_false(faultvfs_parse(STR("write:1:eio:twice"), &f));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test_teardown(test_full_disk, large_disk),
	    cmocka_unit_test(test_power_cuts),
	    cmocka_unit_test(test_write_faults),
	    cmocka_unit_test(test_other_faults),
	};

	return cmocka_run_group_tests(tests, set_up_faults, NULL);
}
