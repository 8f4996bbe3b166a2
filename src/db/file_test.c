/* SPDX-License-Identifier: Apache-2.0 */
/* Databases as files: who owns them, what they may be, check and backup. */
#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "db/db.h"
#include "db/db_test.h"
#include "db/vfs/memvfs.h"

static enum status
fn_schema(struct db_txn *txn, void *arg)
{
	return db_script(txn, "CREATE TABLE t (k INTEGER PRIMARY KEY)");
}

static enum status
fn_put(struct db_txn *txn, void *arg)
{
	static struct db_sql put = DB_SQL("INSERT INTO t (k) VALUES (?1)");

	return db_exec(txn, &put, "i", *(int64_t *)arg);
}

static enum status
put_row(struct db *db, int64_t key)
{
	return db_write(db, fn_put, &key);
}

static int64_t
count(struct db *db)
{
	static struct db_sql all = DB_SQL("SELECT count(*) FROM t");
	struct db_txn *txn;
	int64_t n = -1;

	assert_int_equal(db_read_begin(db, &txn), OK);
	assert_int_equal(db_get_ints(txn, &all, &n, 1, ""), OK);
	db_read_end(txn);
	return n;
}

static int
other_process(const char *path)
{
	struct db_options o = {.sqlite.path = path};
	struct db *db;

	if (db_open(&o, &db) != ERR_UNAVAILABLE)
		return 1;
	o.read_only = true;
	return db_open(&o, &db) == ERR_UNAVAILABLE ? 0 : 1;
}

/* The file belongs to one process. */
static void
test_ownership(void **state)
{
	const char *path = in_dir("owner");
	struct db *db = open_db(path);
	struct stat sb;
	pid_t pid;
	int status;

	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	/* A process of its own: a mere fork would share the engine's notion of who holds the lock. */
	pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "db_test", "owner", path, (char *)NULL);
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	db_close(db);
}

static void
test_bad_files(void **state)
{
	struct db_options o = {.sqlite.path = in_dir("bad")};
	struct db *db;
	sqlite3 *h;
	FILE *f = fopen(o.sqlite.path, "w");

	for (int i = 0; i < 2000; i++)
		fputs("this is not a database ", f);
	fclose(f);
	assert_int_equal(db_open(&o, &db), ERR_CORRUPT);
	/* Another program's, whether it says so or not. */
	for (int i = 0; i < 2; i++) {
		unlink(o.sqlite.path);
		assert_int_equal(sqlite3_open(o.sqlite.path, &h), SQLITE_OK);
		assert_int_equal(sqlite3_exec(h, i == 0 ? "CREATE TABLE x (a)" : "PRAGMA application_id = 7", NULL, NULL, NULL),
		    SQLITE_OK);
		assert_int_equal(sqlite3_close(h), SQLITE_OK);
		assert_int_equal(db_open(&o, &db), ERR_BAD_INPUT);
	}
	o.sqlite.path = "/nonexistent/file";
	assert_int_equal(db_open(&o, &db), ERR_IO);
}

static void
test_read_only(void **state)
{
	const char *path = in_dir("ro");
	struct db *db = open_db(path);
	struct db_options o = {.sqlite.path = path, .read_only = true};

	assert_int_equal(db_write(db, fn_schema, NULL), OK);
	assert_int_equal(put_row(db, 5), OK);
	db_close(db);
	assert_int_equal(db_open(&o, &db), OK);
	assert_int_equal(count(db), 1);
	assert_int_equal(put_row(db, 6), ERR_READ_ONLY);
	db_close(db);
}

static void
count_found(void *arg, const char *text)
{
	++*(int *)arg;
}

static enum status
fn_big(struct db_txn *txn, void *arg)
{
	(void)arg;
	return db_script(txn, "CREATE TABLE big (x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
	    " INSERT INTO big SELECT randomblob(1000) FROM n");
}

static bool
stop_later(void *arg)
{
	return --*(int *)arg < 0;
}

/* Somebody stops what takes long: it ends at once, and half a backup is none. */
static void
test_stopped(void **state)
{
	struct db *db = open_db(in_dir("stopped"));
	int left = 0, found = 0;
	struct db_stop stop = {stop_later, &left};
	char to[128];

	assert_int_equal(db_write(db, fn_big, NULL), OK);
	snprintf(to, sizeof(to), "%s", in_dir("stopped-copy"));
	assert_int_equal(db_backup(db, to, &stop), ERR_UNAVAILABLE);
	assert_int_not_equal(access(to, F_OK), 0);
	assert_int_equal(left, -1);
	assert_int_equal(db_check(db, count_found, &stop, &found), ERR_UNAVAILABLE);
	assert_int_equal(found, 0);
	left = 1 << 30;
	assert_int_equal(db_check(db, count_found, &stop, &found), OK);
	assert_int_equal(db_backup(db, to, &stop), OK);
	db_close(db);
}

static void
test_check_backup(void **state)
{
	struct db *db = open_db(in_dir("live"));
	char to[128];
	struct stat sb;
	int found = 0;

	assert_int_equal(db_write(db, fn_schema, NULL), OK);
	for (int i = 0; i < 100; i++)
		assert_int_equal(put_row(db, i), OK);
	assert_int_equal(db_check(db, count_found, NULL, &found), OK);
	assert_int_equal(found, 0);
	snprintf(to, sizeof(to), "%s", in_dir("copy"));
	assert_int_equal(db_backup(db, to, NULL), OK);
	assert_int_equal(stat(to, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	assert_int_equal(db_backup(db, to, NULL), ERR_EXISTS);
	db_close(db);
	db = open_db(to);
	assert_int_equal(count(db), 100);
	db_close(db);
}

#define FILL 3000

static atomic_bool stop_writing;
static atomic_int written;

/* Row 0 holds how many rows there are. */
static enum status
fn_counted(struct db_txn *txn, void *arg)
{
	static struct db_sql add = DB_SQL("INSERT INTO c (k, n, b) SELECT max(k) + 1, 0, zeroblob(9000) FROM c");
	static struct db_sql note = DB_SQL("UPDATE c SET n = (SELECT max(k) FROM c) WHERE k = 0");
	enum status st = OK;

	for (int i = *(int *)arg; i > 0 && st == OK; i--)
		st = db_exec(txn, &add, "");
	return st == OK ? db_exec(txn, &note, "") : st;
}

static enum status
fn_counted_schema(struct db_txn *txn, void *arg)
{
	return db_script(txn, "CREATE TABLE c (k INTEGER PRIMARY KEY, n INTEGER, b BLOB); INSERT INTO c VALUES (0, 0, NULL)");
}

static void *
write_on(void *db)
{
	int one = 1;

	while (!atomic_load(&stop_writing)) {
		assert_int_equal(db_write(db, fn_counted, &one), OK);
		atomic_fetch_add(&written, 1);
	}
	return NULL;
}

static int64_t
rows_of_copy(const char *path)
{
	static struct db_sql n = DB_SQL("SELECT n, (SELECT count(*) - 1 FROM c) FROM c WHERE k = 0");
	struct db *db = open_db(path);
	struct db_txn *txn;
	int64_t v[2];
	int found = 0;

	assert_int_equal(db_check(db, count_found, NULL, &found), OK);
	assert_int_equal(found, 0);
	assert_int_equal(db_read_begin(db, &txn), OK);
	assert_int_equal(db_get_ints(txn, &n, v, 2, ""), OK);
	db_read_end(txn);
	db_close(db);
	assert_int_equal(v[0], v[1]);
	return v[0];
}

/* While others write, the copy is of one moment between its begin and its end, and the log stays short. */
static void
test_backup_under_load(void **state)
{
	struct db_options o = {.sqlite.path = in_dir("busy"), .sqlite.checkpoint_pages = 50, .sqlite.reserve = SQ_NO_RESERVE};
	int fill = 50, before;
	char to[128], wal[160];
	struct db *db;
	struct stat sb;
	pthread_t writer;
	int64_t n;

	snprintf(wal, sizeof(wal), "%s-wal", o.sqlite.path);
	assert_int_equal(db_open(&o, &db), OK);
	assert_int_equal(db_write(db, fn_counted_schema, NULL), OK);
	for (int i = 0; i < FILL / fill; i++)
		assert_int_equal(db_write(db, fn_counted, &fill), OK);
	assert_int_equal(pthread_create(&writer, NULL, write_on, db), 0);
	for (int i = 0; i < 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "busy-copy%d", i);
		snprintf(to, sizeof(to), "%s", in_dir(name));
		before = atomic_load(&written);
		assert_int_equal(db_backup(db, to, NULL), OK);
		n = rows_of_copy(to);
		assert_in_range(n, FILL + before, FILL + atomic_load(&written) + 1);
	}
	atomic_store(&stop_writing, true);
	pthread_join(writer, NULL);
	print_message("%d written meanwhile\n", atomic_load(&written));
	assert_int_equal(stat(wal, &sb), 0);
	print_message("the log is %lld bytes long\n", (long long)sb.st_size);
	assert_in_range(sb.st_size, 0, 16 << 20);
	db_close(db);
}

/*
 * A client that makes one change after the other leaves no pause in which a checkpoint could end with nothing behind it. The log is begun
 * anew all the same before it outgrows the blocks that its file has, and checkpoints do not follow each other without end.
 */
static void
test_log_stays_short(void **state)
{
	struct db_options o = {.sqlite.path = in_dir("lone"), .sqlite.checkpoint_pages = 50, .sqlite.reserve = SQ_NO_RESERVE};
	struct db_stats stats;
	struct db *db;
	int one = 1, n = 1500, longer = 0;

	assert_int_equal(db_open(&o, &db), OK);
	assert_int_equal(db_write(db, fn_counted_schema, NULL), OK);
	for (int i = 0; i < n; i++) {
		assert_int_equal(db_write(db, fn_counted, &one), OK);
		db_stats(db, &stats);
		longer += stats.wal_bytes > UINT64_C(10) * 50 * 8216;
	}
	print_message("after %d of %d writes the log was long\n", longer, n);
	/* It is held at FORCE, 3; a thread that gets no time may be late. At HOLD, 24, it would be more than half of them. */
	assert_in_range(longer, 0, n / 4);
	db_close(db);
}

/* The way back to an image: what was written, grew or was cut since then is as it was, under open connections. */
static void
test_image(void **state)
{
	static const char *const others[] = {"abcdXf", "abc", "", "a longer one", "Xbcdef"};
	struct memimage *image;
	struct buf got = {0};
	struct db *db;

	memvfs_put("beside", STR("abcdef"));
	assert_int_equal(db_open(&(struct db_options){0}, &db), OK);
	assert_int_equal(db_write(db, fn_schema, NULL), OK);
	assert_int_equal(put_row(db, 1), OK);
	assert_int_equal(count(db), 1);
	while (!db_idle(db))
		sched_yield();
	image = memvfs_image();
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		for (int64_t key = 2; key < 5; key++)
			assert_int_equal(put_row(db, key), OK);
		assert_int_equal(count(db), 4);
		memvfs_put("beside", str_c(others[i]));
		while (!db_idle(db))
			sched_yield();
		memvfs_image_back(image);
		assert_int_equal(count(db), 1);
		assert_true(memvfs_get("beside", &got));
		assert_true(str_eq(buf_str(&got), STR("abcdef")));
		got.n = 0;
	}
	memvfs_image_free(image);
	memvfs_remove("beside");
	buf_free(&got);
	db_close(db);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ownership),
	    cmocka_unit_test(test_bad_files),
	    cmocka_unit_test(test_read_only),
	    cmocka_unit_test(test_check_backup), cmocka_unit_test(test_stopped),
	    cmocka_unit_test(test_backup_under_load),
	    cmocka_unit_test(test_log_stays_short),
	    cmocka_unit_test(test_image),
	};

	if (argc == 3 && strcmp(argv[1], "owner") == 0)
		return other_process(argv[2]);
	return cmocka_run_group_tests(tests, setup, teardown);
}
