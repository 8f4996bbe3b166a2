/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies, with both drivers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/random.h"
#include "blob/blob.h"

static const char *driver;
static struct db *db;
static struct blob_store *bs;

static enum status
fn_schema(struct db_txn *txn, void *arg)
{
	return blob_schema(arg, txn);
}

static void
open_all(const char *path, const char *drv, size_t stage_memory)
{
	struct db_options o = {.sqlite.path = path};
	struct blob_options bo = {.driver = drv, .stage_memory = stage_memory};

	driver = drv;
	assert_int_equal(db_open(&o, &db), OK);
	assert_int_equal(blob_open(db, &bo, &bs), OK);
}

static void
open_new(const char *drv, size_t stage_memory)
{
	open_all(NULL, drv, stage_memory);
	assert_int_equal(db_write(db, fn_schema, bs), OK);
	assert_int_equal(blob_sweep(bs), OK);
}

static void
close_all(void)
{
	/* The driver's late writes (unspill) are the database's: first it, then the store. */
	db_close(db);
	blob_close(bs);
}

/* Text that compresses, or bytes that do not. */
static char *
make(size_t n, bool random)
{
	char *p = x_malloc(n + 64);

	if (random)
		random_bytes(p, n);
	for (size_t i = 0; i < n && !random; i += 16)
		snprintf(p + i, 64, "%06u words ok\r\n", (unsigned)(i % 999983));
	return p;
}

struct publish {
	struct blob_stage *stage;
	int64_t body;
	enum status answer;
};

static enum status
fn_publish(struct db_txn *txn, void *arg)
{
	struct publish *p = arg;
	enum status st = blob_publish(p->stage, txn, &p->body);

	return st != OK ? st : p->answer;
}

static struct blob_stage *
stage_of(struct str s, size_t step)
{
	struct blob_stage *stage = blob_stage_new(bs, 1);

	for (size_t i = 0; i < s.n; i += step)
		assert_int_equal(blob_stage_add(stage, str_head(str_from(s, i), step)), OK);
	assert_int_equal(blob_stage_finish(stage), OK);
	assert_int_equal(blob_stage_size(stage), s.n);
	return stage;
}

static int64_t
put(struct str s, size_t step)
{
	struct publish p = {.stage = stage_of(s, step)};

	assert_int_equal(db_write(db, fn_publish, &p), OK);
	blob_stage_free(p.stage);
	return p.body;
}

static enum status
read_range(int64_t body, uint64_t at, size_t n, struct buf *out)
{
	struct db_txn *txn;
	enum status st;

	assert_int_equal(db_read_begin(db, &txn), OK);
	st = blob_read(bs, txn, NULL, body, at, n, out);
	db_read_end(txn);
	return st;
}

static void
expect_range(int64_t body, struct str s, uint64_t at, size_t n)
{
	struct buf out = {0};

	assert_int_equal(read_range(body, at, n, &out), OK);
	assert_true(str_eq(buf_str(&out), str_head(str_from(s, (size_t)at), n)));
	buf_free(&out);
}

static void
expect_body(int64_t body, struct str s)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct blob_info info;
	struct db_txn *txn;

	SHA256((const unsigned char *)(s.n > 0 ? s.p : ""), s.n, hash);
	assert_int_equal(db_read_begin(db, &txn), OK);
	assert_int_equal(blob_stat(bs, txn, body, &info), OK);
	assert_int_equal(info.size, s.n);
	assert_memory_equal(info.hash, hash, sizeof(hash));
	assert_int_equal(blob_verify(bs, txn, body), OK);
	db_read_end(txn);
	expect_range(body, s, 0, s.n + 10);
}

static const size_t sizes[] = {0, 1, 63, 64, 1000, 5000, 20000, BLOB_CHUNK - 1, BLOB_CHUNK, BLOB_CHUNK + 1,
    2 * BLOB_CHUNK, 3 * BLOB_CHUNK + 77, 12 * BLOB_CHUNK};

/* All sizes around the edges, in large and odd steps, held or spilled. */
static void
roundtrip(const char *drv, size_t stage_memory)
{
	open_new(drv, stage_memory);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int random = 0; random < 2; random++) {
			char *p = make(sizes[i], random);
			struct str s = str_of(p, sizes[i]);
			int64_t body = put(s, i % 2 ? 70001 : SIZE_MAX / 2);

			expect_body(body, s);
			for (uint64_t at = 0; at < s.n; at += 1 + s.n / 7)
				expect_range(body, s, at, 1 + s.n / 3);
			/* In order, as FETCH does it. */
			for (uint64_t at = 0; at < s.n && s.n < 1000000; at += 4096)
				expect_range(body, s, at, 4096);
			expect_range(body, s, s.n, 5);
			expect_range(body, s, s.n + 999999999, 5);
			free(p);
		}
	}
	close_all();
}

static void
test_roundtrip(void **state)
{
	roundtrip("db", 0);
	roundtrip("db", 1);
	roundtrip("db", 8 * BLOB_CHUNK);
	roundtrip("mem", 0);
	roundtrip("mem", 1);
}

static void
test_stage_read(void **state)
{
	char *p = make(5 * BLOB_CHUNK + 5, true);
	struct str s = str_of(p, 5 * BLOB_CHUNK + 5);

	for (size_t memory = 1; memory < 4 * BLOB_CHUNK; memory += 2 * BLOB_CHUNK) {
		struct blob_stage *stage;
		struct buf out = {0};

		open_new("db", memory);
		stage = blob_stage_new(bs, 1);
		assert_int_equal(blob_stage_add(stage, str_head(s, 100)), OK);
		assert_int_equal(blob_stage_read(stage, 10, 1000, &out), OK);
		assert_true(str_eq(buf_str(&out), str_of(p + 10, 90)));
		assert_int_equal(blob_stage_add(stage, str_from(s, 100)), OK);
		for (int finished = 0; finished < 2; finished++) {
			buf_clear(&out);
			assert_int_equal(blob_stage_read(stage, 0, s.n + 1, &out), OK);
			assert_true(str_eq(buf_str(&out), s));
			buf_clear(&out);
			assert_int_equal(blob_stage_read(stage, BLOB_CHUNK - 1, 2, &out), OK);
			assert_true(str_eq(buf_str(&out), str_of(p + BLOB_CHUNK - 1, 2)));
			assert_int_equal(blob_stage_finish(stage), OK);
		}
		buf_free(&out);
		blob_stage_free(stage);
		close_all();
	}
	free(p);
}

struct removal {
	int64_t body;
	bool done;
	enum status answer;
};

static enum status
fn_delete(struct db_txn *txn, void *arg)
{
	struct removal *r = arg;
	enum status st = blob_delete(bs, txn, r->body, &r->done);

	return st != OK ? st : r->answer;
}

/* In any order, what is missing among them, small and large: the walk gives what reading one by one gives. */
static void
walk(const char *drv)
{
	static const int order[] = {0, 1, 2, 3, 3, 4, 2, 3, 9, 5, 6, 99, 7, 8, 9, 10, 0, -1, 1};
	static const size_t lengths[] = {10, 5000, 300000, 0, 70000, 20, 20000, 5, 6, 7};
	char *p = make(300000, false);
	struct removal r = {0};
	struct blob_walk w = {0};
	struct buf out = {0};
	struct db_txn *txn;
	int64_t first = 0;

	open_new(drv, 0);
	for (size_t i = 0; i < 10; i++) {
		int64_t id = put(str_of(p, lengths[i]), SIZE_MAX / 2);

		first = i == 0 ? id : first;
	}
	r.body = first + 6;
	while (!r.done)
		assert_int_equal(db_write(db, fn_delete, &r), OK);
	assert_int_equal(db_read_begin(db, &txn), OK);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		bool there = order[i] >= 0 && order[i] < 10 && order[i] != 6;

		buf_clear(&out);
		assert_int_equal(blob_read(bs, txn, &w, first + order[i], 0, SIZE_MAX / 2, &out), there ? OK : ERR_NOT_FOUND);
		assert_true(str_eq(buf_str(&out), str_of(p, there ? lengths[order[i]] : 0)));
	}
	blob_walk_end(&w);
	db_read_end(txn);
	buf_free(&out);
	free(p);
	close_all();
}

static void
test_walk(void **state)
{
	walk("db");
	walk("mem");
}

static int64_t
rows(const char *table)
{
	static struct db_sql chunks = DB_SQL("SELECT count(*) FROM blob_chunk");
	static struct db_sql staged = DB_SQL("SELECT count(*) FROM blob_staged");
	static struct db_sql bodies = DB_SQL("SELECT count(*) FROM blob");
	struct db_sql *sql = strcmp(table, "chunks") == 0 ? &chunks :
	    strcmp(table, "staged") == 0                  ? &staged :
	                                                    &bodies;
	struct db_txn *txn;
	int64_t n = -1;

	assert_int_equal(db_read_begin(db, &txn), OK);
	assert_int_equal(db_get_ints(txn, sql, &n, 1, ""), OK);
	db_read_end(txn);
	return n;
}

static enum status
fn_nothing(struct db_txn *txn, void *arg)
{
	return OK;
}

/* Stages that were not published, or whose transaction failed, leave nothing behind. */
static void
test_unpublished(void **state)
{
	char *p = make(20 * BLOB_CHUNK, true);
	struct publish pub = {.answer = ERR_QUOTA};
	struct blob_stage *stage;
	int64_t body;

	open_new("db", 0);
	pub.stage = stage_of(str_of(p, 20 * BLOB_CHUNK), 100000);
	assert_int_equal(db_write(db, fn_publish, &pub), ERR_QUOTA);
	assert_in_range(rows("chunks"), 18, 20);
	assert_int_equal(rows("staged"), 1);
	assert_int_equal(rows("bodies"), 0);
	blob_stage_free(pub.stage);
	/* One that stays, which the sweeping of the other must not touch. */
	body = put(str_of(p, 10 * BLOB_CHUNK), 100000);
	stage = blob_stage_new(bs, 1);
	assert_int_equal(blob_stage_add(stage, str_of(p, 7 * BLOB_CHUNK + 3)), OK);
	blob_stage_free(stage);
	while (rows("staged") != 0)
		assert_int_equal(db_write(db, fn_nothing, NULL), OK);
	assert_int_equal(rows("chunks"), 10);
	expect_body(body, str_of(p, 10 * BLOB_CHUNK));
	free(p);
	close_all();
}

/* After a crash blob_sweep removes what stages left, and no id is given out twice. */
static void
test_sweep(void **state)
{
	char dir[] = "/tmp/mansio-blob-test-XXXXXX", path[64], copy[64], cmd[400];
	char *p = make(10 * BLOB_CHUNK, true);
	struct blob_stage *stage;
	int64_t body, newer;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a", dir);
	snprintf(copy, sizeof(copy), "%s/b", dir);
	open_all(path, "db", 0);
	assert_int_equal(db_write(db, fn_schema, bs), OK);
	body = put(STR("hello"), 1);
	stage = stage_of(str_of(p, 10 * BLOB_CHUNK), 65536);
	/* The files as a crash would leave them. */
	snprintf(cmd, sizeof(cmd), "cp %s %s && cp %s-wal %s-wal", path, copy, path, copy);
	assert_int_equal(system(cmd), 0);
	blob_stage_free(stage);
	close_all();

	open_all(copy, "db", 0);
	assert_in_range(rows("chunks"), 8, 10);
	assert_int_equal(blob_sweep(bs), OK);
	assert_int_equal(rows("chunks"), 0);
	assert_int_equal(rows("staged"), 0);
	expect_body(body, STR("hello"));
	newer = put(STR("more"), 1);
	assert_true(newer > body + 1);
	close_all();
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
	free(p);
}

static void
test_delete(void **state)
{
	static const char *const drivers[] = {"db", "mem"};
	char *p = make(30 * BLOB_CHUNK, true);

	for (int i = 0; i < 2; i++) {
		struct removal r = {.answer = ERR_CONFLICT};
		struct blob_info info;
		struct buf out = {0};
		struct db_txn *txn;
		int64_t small, next;
		int steps = 0;

		open_new(drivers[i], 0);
		r.body = put(str_of(p, 30 * BLOB_CHUNK), SIZE_MAX / 2);
		small = put(STR("small"), 10);
		expect_range(r.body, str_of(p, 30 * BLOB_CHUNK), 5, 5);
		assert_int_equal(db_write(db, fn_delete, &r), ERR_CONFLICT);
		expect_body(r.body, str_of(p, 30 * BLOB_CHUNK));
		assert_int_equal(db_read_begin(db, &txn), OK);
		assert_int_equal(blob_next(bs, txn, 0, &next), OK);
		assert_int_equal(next, r.body);
		assert_int_equal(blob_next(bs, txn, next, &next), OK);
		assert_int_equal(next, small);
		assert_int_equal(blob_next(bs, txn, next, &next), ERR_NOT_FOUND);
		db_read_end(txn);
		r.answer = OK;
		for (r.done = false; !r.done; steps++)
			assert_int_equal(db_write(db, fn_delete, &r), OK);
		assert_int_equal(steps, i == 0 ? 4 : 1);
		assert_int_equal(read_range(r.body, 5, 5, &out), ERR_NOT_FOUND);
		assert_int_equal(db_write(db, fn_delete, &r), ERR_NOT_FOUND);
		assert_int_equal(db_read_begin(db, &txn), OK);
		assert_int_equal(blob_stat(bs, txn, r.body, &info), ERR_NOT_FOUND);
		db_read_end(txn);
		expect_body(small, STR("small"));
		buf_free(&out);
		close_all();
	}
	free(p);
}

/* ---- damage (S11) ---- */

struct tamper {
	int64_t body;
	const char *sql;
};

static enum status
fn_tamper(struct db_txn *txn, void *arg)
{
	struct tamper *t = arg;
	char sql[256];

	const char *mark = strstr(t->sql, "$B");

	snprintf(sql, sizeof(sql), "%.*s%lld%s", (int)(mark - t->sql), t->sql, (long long)t->body, mark + 2);
	return db_script(txn, sql);
}

/* Every kind of damage costs that body, and is never served. */
static void
test_damage(void **state)
{
	static const struct {
		size_t size;
		const char *sql;
		bool reads; /* only verify sees it */
	} cases[] = {
	    {5000, "UPDATE blob SET data = x'' WHERE id = $B", false},
	    {5000, "UPDATE blob SET data = zeroblob(length(data)) WHERE id = $B", false},
	    {5000, "UPDATE blob SET data = substr(data, 1, length(data) - 1) WHERE id = $B", false},
	    {5000, "UPDATE blob SET data = data || x'00' WHERE id = $B", false},
	    {5000, "UPDATE blob SET size = size + 1 WHERE id = $B", false},
	    {5000, "UPDATE blob SET size = 1 << 60 WHERE id = $B", false},
	    {5000, "UPDATE blob SET size = -1 WHERE id = $B", false},
	    {5000, "UPDATE blob SET data = NULL WHERE id = $B", false},
	    {5000, "UPDATE blob SET data = (SELECT data FROM blob WHERE id <> $B LIMIT 1)", false},
	    {5000, "UPDATE blob SET hash = zeroblob(32) WHERE id = $B", true},
	    {5000, "UPDATE blob SET hash = x'00' WHERE id = $B", true},
	    {600000, "DELETE FROM blob_chunk WHERE id = ($B << 16) + 1", false},
	    {600000, "UPDATE blob_chunk SET data = x'0000000000' WHERE id = ($B << 16) + 2", false},
	    {600000, "UPDATE blob_chunk SET data = (SELECT data FROM blob_chunk WHERE id = ($B << 16) + 1)", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *p = make(cases[i].size, false);
		struct buf out = {0};
		struct tamper t = {.sql = cases[i].sql};
		struct db_txn *txn;

		open_new("db", 1);
		put(STR("another"), 100);
		t.body = put(str_of(p, cases[i].size), 100000);
		assert_int_equal(db_write(db, fn_tamper, &t), OK);
		assert_int_equal(read_range(t.body, 0, cases[i].size, &out), cases[i].reads ? OK : ERR_CORRUPT);
		assert_int_equal(db_read_begin(db, &txn), OK);
		assert_int_equal(blob_verify(bs, txn, t.body), ERR_CORRUPT);
		db_read_end(txn);
		buf_free(&out);
		free(p);
		close_all();
	}
}

/* ---- threads ---- */

static void *
crowd_run(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (int i = 0; i < 30; i++) {
		size_t n = (size_t)rand_r(&seed) % (i % 5 == 0 ? 900000 : 9000);
		char *p = make(n, i % 2);
		struct publish pub = {.stage = blob_stage_new(bs, seed)};
		struct buf out = {0};
		struct db_txn *txn;

		ensure(blob_stage_add(pub.stage, str_of(p, n)) == OK);
		ensure(blob_stage_finish(pub.stage) == OK);
		ensure(i % 7 == 6 || db_write(db, fn_publish, &pub) == OK);
		blob_stage_free(pub.stage);
		if (i % 7 != 6) {
			ensure(db_read_begin(db, &txn) == OK);
			ensure(blob_read(bs, txn, NULL, pub.body, 0, n, &out) == OK);
			db_read_end(txn);
			ensure(str_eq(buf_str(&out), str_of(p, n)));
		}
		buf_free(&out);
		free(p);
	}
	db_thread_end(db);
	return NULL;
}

static void
test_threads(void **state)
{
	pthread_t threads[6];

	open_new("db", 100000);
	for (int i = 0; i < 6; i++)
		pthread_create(&threads[i], NULL, crowd_run, (void *)(intptr_t)(i + 1));
	for (int i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	while (rows("staged") != 0)
		assert_int_equal(db_write(db, fn_nothing, NULL), OK);
	assert_int_equal(rows("bodies"), 6 * 26);
	close_all();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_roundtrip),
	    cmocka_unit_test(test_stage_read),
	    cmocka_unit_test(test_unpublished),
	    cmocka_unit_test(test_sweep),
	    cmocka_unit_test(test_delete),
	    cmocka_unit_test(test_walk),
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
