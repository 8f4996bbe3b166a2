/* SPDX-License-Identifier: Apache-2.0 */
/* Damage to each page of a file, and what can be copied out of it (S11). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/log.h"
#include "db/db_test.h"
#include "db/salvage/salvage.h"

#define ROWS 300
#define PAGE 8192

static const char SCHEMA[] =
    "CREATE TABLE mail (id INTEGER PRIMARY KEY, n INTEGER, b BLOB);"
    "CREATE INDEX mail_n ON mail (n);"
    "CREATE TABLE page (mailbox INTEGER, no INTEGER, b BLOB, PRIMARY KEY (mailbox, no)) WITHOUT ROWID;"
    "CREATE TABLE name (name TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID;"
    "CREATE TABLE plain (n INTEGER, b BLOB)";

static enum status
fn_schema(struct db_txn *txn, void *arg)
{
	return db_script(txn, SCHEMA);
}

/* Every row says in its blob who it is. */
static enum status
fn_fill(struct db_txn *txn, void *arg)
{
	static struct db_sql mail = DB_SQL("INSERT INTO mail (id, n, b) VALUES (?1, ?2, ?3)");
	static struct db_sql page = DB_SQL("INSERT INTO page (mailbox, no, b) VALUES (?1, ?2, ?3)");
	static struct db_sql name = DB_SQL("INSERT INTO name (name, n) VALUES (?1, ?2)");
	static struct db_sql plain = DB_SQL("INSERT INTO plain (n, b) VALUES (?1, ?2)");
	char b[6000], z[64];

	for (int64_t i = 1; i <= ROWS; i++) {
		/* Every tenth has overflow pages; ids have gaps. */
		size_t n = i % 10 == 0 ? 5500 : 400;

		memset(b, (int)('a' + i % 26), sizeof(b));
		snprintf(z, sizeof(z), "%-48s%lld", "a name of some length, as mailboxes have", (long long)i);
		ensure(db_exec(txn, &mail, "iib", i * 3, i, str_of(b, n)) == OK);
		ensure(db_exec(txn, &page, "iib", i / 50, i, str_of(b, 400)) == OK);
		ensure(db_exec(txn, &name, "ti", str_c(z), i) == OK);
		ensure(db_exec(txn, &plain, "ib", i, str_of(b, 100)) == OK);
	}
	return OK;
}

static void
make_original(const char *path)
{
	struct db *db = open_db(path);

	assert_int_equal(db_write(db, fn_schema, NULL), OK);
	assert_int_equal(db_write(db, fn_fill, NULL), OK);
	db_close(db);
}

static char *
load(const char *path, size_t *n_r)
{
	struct stat sb;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *p;

	assert_true(fd >= 0 && fstat(fd, &sb) == 0);
	p = x_malloc((size_t)sb.st_size + 1);
	assert_int_equal(read(fd, p, (size_t)sb.st_size), sb.st_size);
	close(fd);
	*n_r = (size_t)sb.st_size;
	return p;
}

static void
save(const char *path, const char *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	close(fd);
}

static void
on_lost(void *arg, const char *text)
{
	++*(int *)arg;
}

struct counts {
	int64_t mail, page, name, plain, wrong;
};

static struct counts
count_rows(struct db *db)
{
	static struct db_sql all = DB_SQL("SELECT (SELECT count(*) FROM mail), (SELECT count(*) FROM page),"
	    " (SELECT count(*) FROM name), (SELECT count(*) FROM plain),"
	    " (SELECT count(*) FROM mail WHERE id <> n * 3 OR substr(b, 1, 1) <> CAST(char(97 + n % 26) AS BLOB)"
	    "  OR length(b) <> iif(n % 10 = 0, 5500, 400)) +"
	    " (SELECT count(*) FROM page WHERE mailbox <> no / 50 OR substr(b, 400, 1) <> CAST(char(97 + no % 26) AS BLOB))");
	struct db_txn *txn;
	int64_t v[5];

	assert_int_equal(db_read_begin(db, &txn), OK);
	assert_int_equal(db_get_ints(txn, &all, v, 5, ""), OK);
	db_read_end(txn);
	return (struct counts){v[0], v[1], v[2], v[3], v[4]};
}

static enum status
salvage_to(const char *from, const char *to, bool with_schema, struct counts *c_r, int *lost_r)
{
	char cmd[400];
	enum status st;
	struct db *db;

	snprintf(cmd, sizeof(cmd), "rm -f %s %s-wal", to, to);
	assert_int_equal(system(cmd), 0);
	if (with_schema) {
		db = open_db(to);
		assert_int_equal(db_write(db, fn_schema, NULL), OK);
		db_close(db);
	}
	*lost_r = 0;
	st = salvage_copy(from, to, on_lost, lost_r);
	if (st != OK)
		return st;
	db = open_db(to);
	*c_r = count_rows(db);
	db_close(db);
	return OK;
}

static void
test_whole(void **state)
{
	struct counts c;
	int lost;

	make_original(in_dir("original"));
	for (int with_schema = 0; with_schema < 2; with_schema++) {
		assert_int_equal(salvage_to(in_dir("original"), in_dir("new"), with_schema, &c, &lost), OK);
		assert_int_equal(lost, 0);
		assert_int_equal(c.mail, ROWS);
		assert_int_equal(c.page, ROWS);
		assert_int_equal(c.name, ROWS);
		assert_int_equal(c.plain, ROWS);
		assert_int_equal(c.wrong, 0);
	}
}

/* What is only in the WAL, the process having died, is copied too; the damaged database stays as it was. */
static void
test_wal(void **state)
{
	struct db *db = open_db(in_dir("live"));
	char cmd[400], *before, *after;
	struct counts c;
	size_t n, m;
	int lost;

	assert_int_equal(db_write(db, fn_schema, NULL), OK);
	assert_int_equal(db_write(db, fn_fill, NULL), OK);
	snprintf(cmd, sizeof(cmd), "cp %s %s && cp %s-wal %s-wal", in_dir("live"), in_dir("dead"), in_dir("live"),
	    in_dir("dead"));
	assert_int_equal(system(cmd), 0);
	db_close(db);
	before = load(in_dir("dead"), &n);
	assert_int_equal(salvage_to(in_dir("dead"), in_dir("new"), true, &c, &lost), OK);
	after = load(in_dir("dead"), &m);
	assert_int_equal(c.mail, ROWS);
	assert_int_equal(c.name, ROWS);
	assert_int_equal(lost, 0);
	assert_int_equal(n, m);
	assert_memory_equal(before, after, n);
	free(before);
	free(after);
}

/* A page of the table of contents of an index costs nothing; a leaf costs its rows; every page may be the one. */
static void
test_each_page(void **state)
{
	size_t n, pages;
	char *whole = load(in_dir("original"), &n), *bad = x_malloc(n);
	int without_loss = 0;

	pages = n / PAGE;
	assert_in_range(pages, 60, 1000);
	for (size_t p = 0; p < pages; p += p < 10 ? 1 : 4) {
		struct counts c = {0};
		int lost;

		memcpy(bad, whole, n);
		memset(bad + p * PAGE, p % 2 ? 0 : 0xff, PAGE);
		save(in_dir("bad"), bad, n);
		assert_int_equal(salvage_to(in_dir("bad"), in_dir("new"), true, &c, &lost), OK);
		assert_int_equal(c.wrong, 0);
		if (getenv("MANSIO_TEST_LOG") != NULL)
			print_message("page %zu: mail %d page %d name %d plain %d, %d ranges\n", p + 1, (int)c.mail,
			    (int)c.page, (int)c.name, (int)c.plain, lost);
		if (c.mail + c.page + c.name + c.plain == 4 * ROWS) {
			without_loss++;
			continue;
		}
		assert_true(lost > 0);
		/* One leaf's rows at most. */
		assert_true(c.mail + c.page + c.name + c.plain >= 4 * ROWS - 150);
	}
	/* Pages of the index, and the first, for which the schema of the new database stands in. */
	assert_true(without_loss >= 2);
	free(bad);
	free(whole);
}

/* Flipped bytes anywhere, cut files: never a crash, never a loop. */
static void
test_random_damage(void **state)
{
	size_t n;
	char *whole = load(in_dir("original"), &n), *bad = x_malloc(n);
	const char *more = getenv("MANSIO_TEST_ROUNDS");
	int rounds = more != NULL ? atoi(more) : 40;
	unsigned seed = 7;

	for (int round = 0; round < rounds; round++) {
		struct counts c;
		int lost, flips = 1 << (round % 10);
		size_t size = round % 8 == 7 ? (size_t)rand_r(&seed) % n : n;

		memcpy(bad, whole, n);
		for (int i = 0; i < flips; i++)
			bad[(size_t)rand_r(&seed) % n] = (char)rand_r(&seed);
		save(in_dir("bad"), bad, size);
		(void)!salvage_to(in_dir("bad"), in_dir("new"), true, &c, &lost);
	}
	free(bad);
	free(whole);
}

static void
count_found(void *arg, const char *text)
{
	++*(int *)arg;
}

/* db_check names damage, and the rest is served. */
static void
test_check(void **state)
{
	static struct db_sql one = DB_SQL("SELECT n FROM name WHERE n = 7");
	size_t n;
	char *p = load(in_dir("original"), &n);
	struct db_options o = {.sqlite.path = in_dir("bad")};
	struct db_txn *txn;
	struct db *db;
	int64_t v = 0;
	int found = 0;

	/* A leaf of mail: the only pages that hold so many of one letter. */
	for (size_t at = 20 * PAGE; at < n; at += PAGE) {
		if (p[at] == 13 && memcmp(p + at + PAGE - 50, p + at + PAGE - 49, 40) == 0) {
			memset(p + at, 0, 200);
			break;
		}
	}
	save(o.sqlite.path, p, n);
	assert_int_equal(db_open(&o, &db), OK);
	assert_int_equal(db_check(db, count_found, NULL, &found), ERR_CORRUPT);
	assert_true(found > 0);
	assert_int_equal(db_read_begin(db, &txn), OK);
	assert_int_equal(db_get_ints(txn, &one, &v, 1, ""), OK);
	assert_int_equal(v, 7);
	db_read_end(txn);
	db_close(db);
	free(p);
}

static int
set_up(void **state)
{
	/* Hundreds of small files: in memory where there is such a folder. */
	snprintf(dir, sizeof(dir), "%s/mansio-salvage-test-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (getenv("MANSIO_TEST_LOG") == NULL)
		log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
	return mkdtemp(dir) == NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_wal),
	    cmocka_unit_test(test_each_page),
	    cmocka_unit_test(test_random_damage),
	    cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, set_up, teardown);
}
