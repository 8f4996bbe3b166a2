/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed tombstones: what was expunged since any mod-sequence is the same before packing and after it; merged ones tell more and never
 * less; damage and an older schema. Built with small rows and a small bound (meson.build).
 */
#include "store/grant_test.h"
#include "store/store_test.h"

#include "base/log.h"
#include "base/random_test.h"
#include "store/changes_priv.h"
#include "store/mend/check.h"
#include "store/copy.h"
#include "store/message.h"
#include "store/schema.h"
#include "store/store_priv.h"
#include "store/view.h"

#include <fcntl.h>

#define STEPS 1500

static struct store *store;
static struct actor alice;
static int64_t inbox, other, body;
/* What the model knows: the mod-sequence at which each UID went, 0 while it is there. */
static struct {
	uint64_t gone[8 * STEPS];
	uint32_t next;
	uint64_t modseq;
} model;

static void
append(struct db_txn *txn)
{
	struct message_new m = {.body = body, .shared_body = true, .size = 10, .flags = FLAG_DELETED};
	uint32_t uid;

	for (uint32_t n = 1 + rnd(4); n > 0; n--) {
		assert_int_equal(append_as(&alice, txn, inbox, &m, &uid, &model.modseq), OK);
		model.next = uid + 1;
	}
}

static void
note(const struct runs *gone, uint64_t modseq)
{
	for (uint32_t uid = runs_next(gone, 1); uid != 0; uid = runs_next(gone, uid + 1)) {
		assert_int_equal(model.gone[uid], 0);
		model.gone[uid] = modseq;
	}
	if (gone->n > 0)
		model.modseq = modseq;
}

/* EXPUNGE or MOVE of one or some. */
static void
leave(struct db_txn *txn)
{
	struct runs uids = {0}, gone = {0};
	struct copy_result r = {0};
	struct arena arena = {0};
	struct mailbox mb;
	uint64_t modseq;
	bool more;

	for (uint32_t n = rnd(3) ? 1 : 1 + rnd(5); n > 0; n--) {
		uint32_t uid = 1 + rnd(model.next);
		runs_add(&uids, uid, uid + (rnd(4) ? 0 : rnd(6)));
	}
	if (rnd(4)) {
		assert_int_equal(expunge_as(&alice, txn, inbox, &uids, 1000, &gone, &more, &modseq), OK);
		note(&gone, modseq);
	} else {
		assert_int_equal(copy_as(&alice, txn, inbox, &uids, other, true, &r), OK);
		assert_int_equal(mailbox_get(&alice, txn, &arena, inbox, &mb), OK);
		note(&r.from, mb.modseq);
	}
	runs_free(&uids);
	runs_free(&gone);
	runs_free(&r.from);
	arena_free(&arena);
}

static void
flags(struct db_txn *txn)
{
	struct flag_change c = {.op = (enum flag_op)(1 + rnd(2)), .flags = FLAG_SEEN};
	struct flag_result r = {0};
	struct runs uids = {0};

	runs_add(&uids, 1 + rnd(model.next), model.next);
	assert_int_equal(flags_as(&alice, txn, inbox, &uids, &c, &r), OK);
	if (r.modseq != 0)
		model.modseq = r.modseq;
	runs_free(&uids);
	runs_free(&r.changed);
	runs_free(&r.failed);
}

static void
live(struct db_txn *txn, int steps)
{
	for (int i = 0; i < steps; i++) {
		uint32_t what = rnd(10);

		if (what < 3)
			append(txn);
		else if (what < 9)
			leave(txn);
		else
			flags(txn);
	}
}

static int
set_up(void **state)
{
	(void)state;
	rng = 88172645463325252u;
	memset(&model, 0, sizeof(model));
	store = test_store();
	alice = test_account(store, "alice");
	assert_int_equal(WRITE(store, mailbox_create(&alice, txn, STR("A"), 0, &inbox)), OK);
	assert_int_equal(WRITE(store, mailbox_create(&alice, txn, STR("B"), 0, &other)), OK);
	body = test_body(store, STR("a body"));
	for (int i = 0; i < 40; i++)
		assert_int_equal(WRITE(store, (append(txn), OK)), OK);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	test_close(store);
	return 0;
}

/* ---- comparing ---- */

static struct db_sql merged_row = DB_SQL("SELECT uids FROM change WHERE mailbox = ?1 AND kind = 5 ORDER BY modseq LIMIT 1");
static struct db_sql rows_of_kind = DB_SQL("SELECT count(*), coalesce(sum(length(uids)), 0) FROM change WHERE mailbox = ?1 AND kind = ?2");

/* Up to where tombstones are merged; *size_r: what the row takes. */
static uint64_t
merged_until(struct db_txn *txn, size_t *size_r)
{
	struct db_stmt *s = db_prepare(txn, &merged_row);
	struct tombstone_reader t;
	uint64_t until = 0;

	*size_r = 0;
	db_bind_int(s, 1, inbox);
	if (db_step(s) == OK && tombstone_reader_init(&t, db_blob(s, 0)) && t.merged) {
		until = t.modseq;
		*size_r = db_blob(s, 0).n;
	}
	db_done(s);
	return until;
}

/* Every mod-sequence that a client may name. */
static uint64_t
compare_all(struct db_txn *txn)
{
	size_t size;
	uint64_t merged = merged_until(txn, &size);

	for (uint64_t since = 0; since <= model.modseq + 1; since++) {
		struct changes c;

		assert_int_equal(changes_as(&alice, txn, inbox, since, NULL, 0, &c), OK);
		assert_int_equal(c.modseq, model.modseq);
		for (uint32_t uid = 1; uid < model.next; uid++) {
			uint64_t gone = model.gone[uid];
			bool told = gone > since || (since < merged && gone != 0 && gone <= merged);

			if (runs_has(&c.gone, uid) != told)
				fail_msg("since %llu uid %u gone at %llu: %stold", (unsigned long long)since, uid,
				    (unsigned long long)gone, told ? "not " : "");
		}
		assert_int_equal(runs_next(&c.gone, model.next), 0);
		changes_free(&c);
	}
	return merged;
}

static void
count(struct db_txn *txn, enum change_kind kind, int64_t *n_r, int64_t *bytes_r)
{
	int64_t v[2];

	assert_int_equal(db_get_ints(txn, &rows_of_kind, v, 2, "ii", inbox, (int64_t)kind), OK);
	*n_r = v[0];
	*bytes_r = v[1];
}

static void
found(void *arg, const char *text)
{
	/* The messages of this test have no real contents. */
	if (strstr(text, "its summary is") || strstr(text, "its structure is") || strstr(text, "its prefix and body"))
		return;
	++*(int *)arg;
	if (*(int *)arg < 3)
		print_message("%s\n", text);
}

static int
faults(void)
{
	int n = 0;
	struct check_report r = {.found = found, .arg = &n};

	assert_int_equal(store_check(store, false, &r), OK);
	return n;
}

/* ---- tests ---- */

static struct db_sql set_oldest = DB_SQL("UPDATE mailbox SET oldest_change = ?2 WHERE id = ?1");

/* Packed up to there, as trimming does. */
static enum status
pack_to(struct db_txn *txn, uint64_t oldest, uint64_t until)
{
	enum status st = tombstones_pack(txn, inbox, oldest, until);

	return st == OK ? db_exec(txn, &set_oldest, "ii", inbox, (int64_t)until) : st;
}

/* By hand, in steps of any size. */
static void
exact(void **state)
{
	uint64_t oldest = 0;
	int64_t n, bytes, was, was_bytes;

	(void)state;
	assert_int_equal(WRITE(store, (live(txn, 60), OK)), OK);
	assert_int_equal(READ(store, (compare_all(txn), OK)), OK);
	assert_int_equal(READ(store, (count(txn, CHANGE_GONE, &was, &was_bytes), OK)), OK);
	while (oldest < model.modseq) {
		uint64_t until = oldest + 1 + rnd(12);

		until = until < model.modseq ? until : model.modseq;
		assert_int_equal(WRITE(store, pack_to(txn, oldest, until)), OK);
		oldest = until;
		assert_int_equal(READ(store, (compare_all(txn), OK)), OK);
		assert_int_equal(faults(), 0);
	}
	assert_int_equal(READ(store, (count(txn, CHANGE_GONE, &n, &bytes), OK)), OK);
	assert_int_equal(n, 0);
	assert_int_equal(READ(store, (count(txn, CHANGE_PACKED, &n, &bytes), OK)), OK);
	assert_true(n > 0 && n < was / 4 && bytes < was_bytes / 2);
}

/* As it happens: trimming packs, the bound merges. */
static void
bounded(void **state)
{
	int64_t n, bytes;
	uint64_t merged = 0;
	size_t size = 0;

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(WRITE(store, (live(txn, STEPS / 10), OK)), OK);
		assert_int_equal(READ(store, (merged = compare_all(txn), OK)), OK);
		assert_int_equal(faults(), 0);
		assert_int_equal(READ(store, (count(txn, CHANGE_PACKED, &n, &bytes), merged_until(txn, &size), OK)), OK);
		assert_true(bytes - (int64_t)size <= TOMBSTONES_MAX + 4 * TOMBSTONES_ROW);
		assert_int_equal(READ(store, (count(txn, CHANGE_GONE, &n, &bytes), OK)), OK);
		assert_true(n <= CHANGES_KEPT + CHANGES_TRIM);
	}
	assert_true(merged > 0 && merged < model.modseq);
}

/* A session that slept since before cannot know what it was told: it is lost, and is not told wrong numbers. */
static void
sleeper(void **state)
{
	struct arena arena = {0};
	struct mailbox mb;
	struct view v;
	struct view_update u;
	size_t size;

	(void)state;
	assert_int_equal(READ(store, (mailbox_get(&alice, txn, &arena, inbox, &mb))), OK);
	assert_int_equal(READ(store, view_open(&v, &alice, txn, &mb, false)), OK);
	while (READ(store, (merged_until(txn, &size) > v.seen_modseq ? OK : ERR_NOT_FOUND)) != OK)
		assert_int_equal(WRITE(store, (live(txn, 10), OK)), OK);
	assert_int_equal(READ(store, view_sync(&v, txn, true, &u)), ERR_CORRUPT);
	view_close(&v);
	arena_free(&arena);
}

static struct db_sql spoil = DB_SQL("UPDATE change SET uids = zeroblob(length(uids)) WHERE mailbox = ?1 AND modseq ="
    " (SELECT max(modseq) FROM change WHERE mailbox = ?1 AND kind = 5)");

/* Damage is told, packing stops before it loses something, and clients hear of too much, not of too little. */
static void
damaged(void **state)
{
	struct changes c;
	uint64_t until;

	(void)state;
	assert_int_equal(WRITE(store, (live(txn, 100), OK)), OK);
	until = model.modseq - 1;
	assert_int_equal(WRITE(store, pack_to(txn, 0, until)), OK);
	assert_int_equal(WRITE(store, db_exec(txn, &spoil, "i", inbox)), OK);
	log_set_fd(open("/dev/null", O_WRONLY));
	assert_true(faults() > 0);
	assert_int_equal(READ(store, changes_as(&alice, txn, inbox, until - 1, NULL, 0, &c)), OK);
	for (uint32_t uid = 1; uid < model.next; uid++)
		assert_int_equal(runs_has(&c.gone, uid), model.gone[uid] != 0);
	changes_free(&c);
	assert_int_equal(WRITE(store, (live(txn, 200), OK)), OK);
	log_set_fd(2);
}

static struct db_sql drop_packed = DB_SQL("DELETE FROM change WHERE mailbox = ?1 AND kind = 5");

/* Writes the rows of version 1 in the place of packed ones. */
static enum status
unpack_all(struct db_txn *txn)
{
	struct {
		uint64_t modseq;
		struct runs uids;
	} *list = x_calloc(2000, sizeof(*list));
	struct change_walk w;
	size_t n = 0;
	enum status st;

	change_walk_begin(&w, txn, inbox, 0, true);
	while ((st = change_walk_next(&w)) == OK)
		if (w.row.packed) {
			list[n].modseq = w.row.modseq;
			runs_add_all(&list[n++].uids, &w.row.uids);
		}
	change_walk_end(&w);
	assert_int_equal(st, ERR_NOT_FOUND);
	st = db_exec(txn, &drop_packed, "i", inbox);
	for (size_t i = 0; i < n; i++) {
		if (st == OK)
			st = change_write(txn, inbox, list[i].modseq, CHANGE_GONE, &list[i].uids, 0);
		runs_free(&list[i].uids);
	}
	free(list);
	return st;
}

static struct db_sql get_version = DB_SQL("SELECT value FROM meta WHERE key = 'version'");

static enum status
bring_up(struct db_txn *txn)
{
	enum status st = unpack_all(txn);

	if (st == OK)
		st = db_script(txn, TO_VERSION_1);
	return st == OK ? schema_bring_up(store, txn) : st;
}

static void
older_schema(void **state)
{
	int64_t n, bytes, version;

	(void)state;
	assert_int_equal(WRITE(store, (live(txn, 60), OK)), OK);
	assert_int_equal(WRITE(store, pack_to(txn, 0, model.modseq)), OK);
	assert_int_equal(WRITE(store, unpack_all(txn)), OK);
	assert_int_equal(READ(store, (count(txn, CHANGE_GONE, &n, &bytes), OK)), OK);
	assert_true(n > 20);
	log_set_fd(open("/dev/null", O_WRONLY));
	assert_int_equal(WRITE(store, bring_up(txn)), OK);
	log_set_fd(2);
	assert_int_equal(READ(store, db_get_ints(txn, &get_version, &version, 1, "")), OK);
	assert_int_equal(version, SCHEMA_VERSION);
	assert_int_equal(READ(store, (count(txn, CHANGE_GONE, &n, &bytes), OK)), OK);
	assert_int_equal(n, 0);
	assert_int_equal(READ(store, (compare_all(txn), OK)), OK);
	assert_int_equal(faults(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(exact),
	    TEST(bounded),
	    TEST(sleeper),
	    TEST(damaged),
	    TEST(older_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
