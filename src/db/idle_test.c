/* SPDX-License-Identifier: Apache-2.0 */
/* The log's file is cut when nobody writes: it loses nothing, whatever fails and whenever the power goes, and no change costs more for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/log.h"
#include "db/db.h"
#include "db/fault_test.h"
#include "db/vfs/faultvfs.h"
#include "db/vfs/memvfs.h"

#define PATH "/quiet"
#define IMAGE "/image"
#define KEPT (64 << 10)
#define IDLE_MS 20
#define BEFORE 40 /* rows before the cut, some 8 kB of log each */
#define AFTER 6

static _Atomic int fatal_calls;
static char filler[3000];

static void
on_fatal(void *arg, const char *why)
{
	fatal_calls++;
}

static enum status
fn_schema(struct db_txn *txn, void *arg)
{
	return db_script(txn, "CREATE TABLE log (seq INTEGER PRIMARY KEY, b BLOB)");
}

static enum status
fn_add(struct db_txn *txn, void *arg)
{
	static struct db_sql add = DB_SQL("INSERT INTO log (seq, b) VALUES (?1, ?2)");

	return db_exec(txn, &add, "ib", *(int64_t *)arg, str_of(filler, sizeof(filler)));
}

static enum status
add(struct db *db, int64_t seq)
{
	return db_write(db, fn_add, &seq);
}

static struct db *
open_at(const char *path, const char *vfs)
{
	struct db_options o = {.sqlite.path = path, .sqlite.vfs = vfs, .sqlite.checkpoint_pages = 500, .sqlite.reserve = SQ_NO_RESERVE,
	    .sqlite.idle_bytes = KEPT, .sqlite.idle_ms = IDLE_MS, .fatal = on_fatal};
	struct db *db = NULL;

	assert_int_equal(db_open(&o, &db), OK);
	return db;
}

static size_t
log_size(void)
{
	struct buf b = {0};
	size_t n;

	(void)memvfs_get(PATH "-wal", &b);
	n = b.n;
	buf_free(&b);
	return n;
}

/* Waits until the log is short; false: it is not after some seconds. */
static bool
is_cut(int ms)
{
	for (int i = 0; i < ms; i += 5) {
		if (log_size() <= KEPT)
			return true;
		usleep(5000);
	}
	return false;
}

/* Adds rows up to that one. A snapshot keeps the log from being cut before the last, on a machine that is slow. */
static void
fill(struct db *db, int64_t from, int64_t to)
{
	struct db_txn *txn;

	assert_int_equal(db_read_begin(db, &txn), OK);
	for (int64_t i = from; i <= to; i++)
		assert_int_equal(add(db, i), OK);
	assert_true(log_size() > 2 * KEPT);
	db_read_end(txn);
}

static struct db *
filled(void)
{
	struct db *db;

	memvfs_remove(PATH);
	fatal_calls = 0;
	db = open_at(PATH, FAULTVFS_NAME);
	assert_int_equal(db_write(db, fn_schema, NULL), OK);
	fill(db, 1, BEFORE);
	return db;
}

static void
on_found(void *arg, const char *text)
{
	print_message("check: %s\n", text);
	++*(int *)arg;
}

/* The rows that are there are the first ones; returns how many. */
static int64_t
rows(struct db *db)
{
	static struct db_sql count = DB_SQL("SELECT count(*), total(seq), total(length(b) = 3000) FROM log");
	struct db_txn *txn;
	int64_t n[3] = {0};
	int found = 0;

	assert_int_equal(db_check(db, on_found, NULL, &found), OK);
	assert_int_equal(found, 0);
	assert_int_equal(db_read_begin(db, &txn), OK);
	assert_int_equal(db_get_ints(txn, &count, n, 3, ""), OK);
	db_read_end(txn);
	assert_int_equal(n[1], n[0] * (n[0] + 1) / 2);
	assert_int_equal(n[2], n[0]);
	return n[0];
}

/* The next change costs one sync, as those before the cut did, and goes into blocks that are there; then nobody stirs. */
static void
test_cut(void **state)
{
	struct db *db = filled();
	unsigned syncs, writes;

	assert_true(is_cut(5000));
	usleep(20000);
	faultvfs_plan(NULL);
	assert_int_equal(add(db, BEFORE + 1), OK);
	assert_int_equal(faultvfs_calls(FAULT_SYNC), 1);
	assert_true(log_size() <= KEPT);
	assert_int_equal(rows(db), BEFORE + 1);
	usleep(5000 * IDLE_MS);
	syncs = faultvfs_calls(FAULT_SYNC);
	writes = faultvfs_calls(FAULT_WRITE);
	usleep(5000 * IDLE_MS);
	assert_int_equal(faultvfs_calls(FAULT_SYNC), syncs);
	assert_int_equal(faultvfs_calls(FAULT_WRITE), writes);
	/* And once more: what has grown again is cut again. */
	fill(db, BEFORE + 2, BEFORE + BEFORE);
	assert_true(is_cut(5000));
	assert_int_equal(rows(db), BEFORE + BEFORE);
	db_close(db);
	assert_int_equal(fatal_calls, 0);
}

/* What a snapshot still reads stays, and goes when the snapshot has gone. */
static void
test_reader(void **state)
{
	static struct db_sql count = DB_SQL("SELECT count(*) FROM log");
	struct db *db = filled();
	struct db_txn *txn;
	int64_t n = 0;

	assert_int_equal(db_read_begin(db, &txn), OK);
	assert_int_equal(add(db, BEFORE + 1), OK);
	assert_false(is_cut(5 * IDLE_MS));
	assert_int_equal(db_get_ints(txn, &count, &n, 1, ""), OK);
	assert_int_equal(n, BEFORE);
	db_read_end(txn);
	assert_true(is_cut(5000));
	assert_int_equal(rows(db), BEFORE + 1);
	db_close(db);
}

static void
put_image(void *arg, const char *path, struct str bytes)
{
	char name[128];

	snprintf(name, sizeof(name), IMAGE "%s", path + strlen(PATH));
	memvfs_put(name, bytes);
}

static void
test_power_cuts(void **state)
{
	size_t first, acked[AFTER];
	struct db *db;
	int images = 0;

	faultvfs_plan(NULL);
	faultvfs_record(true);
	db = filled();
	first = faultvfs_events();
	assert_true(is_cut(5000));
	usleep(20000);
	for (int i = 0; i < AFTER; i++) {
		assert_int_equal(add(db, BEFORE + 1 + i), OK);
		acked[i] = faultvfs_events();
	}
	for (size_t cut = first; cut <= acked[AFTER - 1]; cut++) {
		for (int mode = 0; mode < CUT_MODES; mode++) {
			struct db *image;
			int64_t n, least = BEFORE;

			faultvfs_image(cut, (enum cut)mode, (unsigned)cut * 7 + 1, put_image, NULL);
			image = open_at(IMAGE, MEMVFS_NAME);
			n = rows(image);
			for (int i = 0; i < AFTER; i++)
				least += acked[i] <= cut;
			if (n < least)
				fail_msg("cut at %zu of %zu, mode %d: %d rows, %d were acknowledged", cut, acked[AFTER - 1], mode, (int)n, (int)least);
			db_close(image);
			memvfs_remove(IMAGE);
			images++;
		}
	}
	faultvfs_record(false);
	print_message("%d images\n", images);
	assert_true(images > 150);
	db_close(db);
}

/* One call of the cut fails: all that was acknowledged is there, and the database goes on, but for a sync of which nobody knows. */
static void
one_fails(enum fault_op op, enum fault_how how, bool lasting)
{
	int fatals = 0;
	unsigned n = 1;

	for (;; n++) {
		struct fault f = {op, n, how, lasting};
		struct db *db = filled();
		bool hit;

		faultvfs_plan(&f);
		for (int i = 0; i < 1000 && !faultvfs_hit() && log_size() > KEPT; i++)
			usleep(5000);
		usleep(2000 * IDLE_MS);
		hit = faultvfs_hit();
		faultvfs_plan(NULL);
		fatals += fatal_calls > 0;
		if (fatal_calls == 0)
			assert_int_equal(add(db, BEFORE + 1), OK);
		db_close(db);
		db = open_at(PATH, FAULTVFS_NAME);
		assert_int_equal(rows(db), BEFORE + (fatal_calls == 0));
		db_close(db);
		if (!hit)
			break;
		assert_in_range(n, 1, 500);
	}
	print_message("%s %d%s: %u calls, %d fatal\n", fault_op_word(op), how, lasting ? " lasting" : "", n - 1, fatals);
	assert_true(op == FAULT_SYNC ? fatals > 0 : fatals == 0);
}

static void
test_faults(void **state)
{
	one_fails(FAULT_SYNC, FAULT_EIO, false);
	one_fails(FAULT_TRUNCATE, FAULT_EIO, false);
	one_fails(FAULT_WRITE, FAULT_EIO, false);
	one_fails(FAULT_WRITE, FAULT_ENOSPC, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_reader),
	    cmocka_unit_test(test_power_cuts),
	    cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, set_up_faults, NULL);
}
