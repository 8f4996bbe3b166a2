/* SPDX-License-Identifier: Apache-2.0 */
/* Databases as files: who owns them, what they may be, check and backup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "db/db.h"

static char dir[64];

static const char *
in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int
setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/mansio-db-test-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

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

static struct db *
open_db(const char *path)
{
	struct db_options o = {.path = path};
	struct db *db = NULL;

	assert_int_equal(db_open(&o, &db), OK);
	return db;
}

static int
other_process(const char *path)
{
	struct db_options o = {.path = path};
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
	struct db_options o = {.path = in_dir("bad")};
	struct db *db;
	FILE *f = fopen(o.path, "w");

	for (int i = 0; i < 2000; i++)
		fputs("this is not a database ", f);
	fclose(f);
	assert_int_equal(db_open(&o, &db), ERR_CORRUPT);
	o.path = "/nonexistent/file";
	assert_int_equal(db_open(&o, &db), ERR_IO);
}

static void
test_read_only(void **state)
{
	const char *path = in_dir("ro");
	struct db *db = open_db(path);
	struct db_options o = {.path = path, .read_only = true};

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
	assert_int_equal(db_check(db, count_found, &found), OK);
	assert_int_equal(found, 0);
	snprintf(to, sizeof(to), "%s", in_dir("copy"));
	assert_int_equal(db_backup(db, to), OK);
	assert_int_equal(stat(to, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	assert_int_equal(db_backup(db, to), ERR_EXISTS);
	db_close(db);
	db = open_db(to);
	assert_int_equal(count(db), 100);
	db_close(db);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ownership),
	    cmocka_unit_test(test_bad_files),
	    cmocka_unit_test(test_read_only),
	    cmocka_unit_test(test_check_backup),
	};

	if (argc == 3 && strcmp(argv[1], "owner") == 0)
		return other_process(argv[2]);
	return cmocka_run_group_tests(tests, setup, teardown);
}
