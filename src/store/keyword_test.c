/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords: 5,000 at a time and not in a mailbox's life; what is in use stays; copies go without what finds no room. */
#include "store/message_test.h"

#include "store/copy.h"
#include "store/reap_priv.h"
#include "store/view.h"

#define EACH 250 /* keywords of a message; twenty such messages fill a mailbox */
#define FULL (KEYWORDS_PER_MAILBOX / EACH)

static struct str
name_of(unsigned n)
{
	static char text[EACH][16];
	char *at = text[n % EACH];

	snprintf(at, sizeof(text[0]), "key%u", n);
	return str_c(at);
}

/* Messages with keywords of their own, from number first on. */
static void
fill(int64_t mailbox, unsigned first, unsigned messages)
{
	for (unsigned i = 0; i < messages; i++) {
		struct str names[EACH];
		struct message_new m = plain();

		for (unsigned k = 0; k < EACH; k++)
			names[k] = name_of(first + i * EACH + k);
		m.keywords = names;
		m.keywords_n = EACH;
		(void)append(mailbox, &m);
	}
}

static enum status
store_flags(int64_t mailbox, uint32_t first, uint32_t last, enum flag_op op, const char *keyword)
{
	struct runs uids = set(first, last);
	struct str name = str_c(keyword);
	struct flag_change c = {.op = op, .keywords = &name, .keywords_n = keyword != NULL};
	struct flag_result r = {0};
	enum status st = WRITE(store, flags_as(&alice, txn, mailbox, &uids, &c, &r));

	runs_free(&r.changed);
	runs_free(&r.failed);
	runs_free(&uids);
	return st;
}

/* The keywords of a mailbox; which of them a name is: -1: none. */
static size_t
names_in(int64_t mailbox, const char *name, int64_t *id_r)
{
	struct arena arena = {0};
	struct keywords kw;
	size_t n;

	assert_int_equal(READ(store, keywords_get(txn, &arena, mailbox, &kw)), OK);
	n = kw.n;
	*id_r = keywords_find(&kw, str_c(name));
	if (*id_r >= 0)
		assert_true(str_caseeq(keywords_name(&kw, (uint32_t)*id_r), str_c(name)));
	for (size_t i = 0; i < kw.n; i++) {
		assert_true(i == 0 || kw.id[i] > kw.id[i - 1]);
		assert_int_equal(keywords_index(&kw, kw.id[i]), i);
	}
	arena_free(&arena);
	return n;
}

static void
forgotten(void **state)
{
	int64_t id;

	(void)state;
	fill(inbox, 0, FULL);
	assert_int_equal(names_in(inbox, "key4999", &id), KEYWORDS_PER_MAILBOX);
	assert_int_equal(id, 4999);
	/* All in use. */
	assert_int_equal(store_flags(inbox, 1, 1, FLAGS_ADD, "fresh"), ERR_LIMIT);
	/* Two messages lose theirs: room for so many, under ids that nobody had. */
	assert_int_equal(store_flags(inbox, 2, 3, FLAGS_SET, NULL), OK);
	assert_int_equal(store_flags(inbox, 2, 2, FLAGS_ADD, "fresh"), OK);
	assert_int_equal(names_in(inbox, "fresh", &id), KEYWORDS_PER_MAILBOX - 2 * EACH + 1);
	assert_int_equal(id, 5000);
	(void)names_in(inbox, "key249", &id);
	assert_int_equal(id, 249);
	(void)names_in(inbox, "key250", &id);
	assert_int_equal(id, -1);
	(void)names_in(inbox, "key4999", &id);
	assert_int_equal(id, 4999);
	/* Again and again. */
	for (unsigned i = 0; i < 20; i++) {
		fill(inbox, 10000 + i * EACH, 1);
		assert_int_equal(store_flags(inbox, FULL + 1 + i, FULL + 1 + i, FLAGS_SET, NULL), OK);
	}
}

/* What an edit has named before it needs room is not taken from it. */
static void
named(void **state)
{
	struct str names[EACH];
	struct message_new m = plain();
	int64_t id;

	(void)state;
	fill(inbox, 0, FULL);
	assert_int_equal(store_flags(inbox, 1, FULL, FLAGS_SET, NULL), OK);
	for (unsigned k = 0; k < EACH; k++)
		names[k] = name_of(k < 200 ? k : 20000 + k); /* 200 old ones that nothing uses now, then new ones */
	m.keywords = names;
	m.keywords_n = EACH;
	(void)append(inbox, &m);
	(void)names_in(inbox, "key0", &id);
	assert_int_equal(id, 0);
	(void)names_in(inbox, "key199", &id);
	assert_int_equal(id, 199);
	(void)names_in(inbox, "key200", &id);
	assert_int_equal(id, -1);
	(void)names_in(inbox, "key20200", &id);
	assert_int_equal(id, 5000);
}

/* COPY and MOVE into a mailbox that is full: without the keyword that finds no room, with those that are there. */
static void
copied(void **state)
{
	struct str names[] = {STR("key7"), STR("nowhere"), STR("key8")};
	struct message_new m = plain();
	struct copy_result r = {0};
	struct runs one = set(1, 1);

	(void)state;
	fill(other, 0, FULL);
	m.keywords = names;
	m.keywords_n = 3;
	for (int move = 0; move < 2; move++) {
		struct view v;
		struct mailbox mb;
		const struct entry *e;
		struct runs uids = set(FULL + 1 + (uint32_t)move, FULL + 1 + (uint32_t)move);
		struct arena arena = {0};
		struct db_txn *snap;

		if (move == 0)
			(void)append(inbox, &m);
		assert_int_equal(WRITE(store, copy_as(&alice, txn, inbox, &one, other, move, &r)), OK);
		assert_int_equal(r.to_n, 1);
		runs_free(&r.from);
		assert_int_equal(db_read_begin(store_db(store), &snap), OK);
		assert_int_equal(mailbox_get(&alice, snap, &arena, other, &mb), OK);
		assert_int_equal(view_open(&v, &alice, snap, &mb, true), OK);
		struct view_iter it = VIEW_ITER(&v, &uids);

		assert_int_equal(view_iter_begin(&it, snap), OK);
		assert_non_null(e = view_iter_next(&it));
		assert_int_equal(e->keywords_n, 2);
		assert_int_equal(e->keywords[0], 7);
		assert_int_equal(e->keywords[1], 8);
		assert_int_equal(view_iter_end(&it), OK);
		view_close(&v);
		db_read_end(snap);
		arena_free(&arena);
		runs_free(&uids);
	}
	runs_free(&one);
}

/* Messages that were expunged and have their grace still name theirs. */
static void
expunged(void **state)
{
	struct runs gone = {0};
	struct runs uids = set(1, 1);
	struct flag_change c = {.op = FLAGS_ADD, .flags = FLAG_DELETED};
	struct flag_result r = {0};
	uint64_t modseq;
	int64_t id;
	bool more;

	(void)state;
	fill(inbox, 0, FULL);
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &uids, &c, &r)), OK);
	assert_int_equal(WRITE(store, expunge_as(&alice, txn, inbox, &uids, 1, &gone, &more, &modseq)), OK);
	assert_int_equal(store_flags(inbox, 2, 2, FLAGS_ADD, "fresh"), ERR_LIMIT);
	assert_int_equal(store_reap(store, clock_seconds() + 100 * 86400), OK);
	assert_int_equal(store_flags(inbox, 2, 2, FLAGS_ADD, "fresh"), OK);
	(void)names_in(inbox, "key0", &id);
	assert_int_equal(id, -1);
	runs_free(&gone);
	runs_free(&uids);
	runs_free(&r.changed);
	runs_free(&r.failed);
}

/* The reaper forgets by itself, whatever the size, once a mailbox is nearly full. */
static void
swept(void **state)
{
	int64_t id;

	(void)state;
	fill(inbox, 0, FULL - 5);
	assert_int_equal(store_flags(inbox, 2, 3, FLAGS_SET, NULL), OK);
	assert_int_equal(keywords_sweep(store), OK);
	assert_int_equal(names_in(inbox, "key250", &id), KEYWORDS_PER_MAILBOX - 5 * EACH); /* not yet worth it */
	fill(inbox, 6000, 5);
	assert_int_equal(store_flags(inbox, 4, 12, FLAGS_SET, NULL), OK);
	assert_int_equal(keywords_sweep(store), OK);
	/* A thousand at once, and only as long as it is nearly full. */
	assert_in_range(names_in(inbox, "key0", &id), KEYWORDS_PER_MAILBOX - 11 * EACH, KEYWORDS_PER_MAILBOX - 4 * EACH);
	assert_int_equal(id, 0);
	(void)names_in(inbox, "key250", &id);
	assert_int_equal(id, -1);
	(void)names_in(inbox, "key7249", &id);
	assert_true(id >= 0);
}

/* What only a staged copy names stays, whoever forgets: an edit that needs room, or the reaper. */
static void
copy_staged(void **state)
{
	struct str name = STR("key7");
	struct message_new m = plain();
	struct runs one = set(1, 1);
	int64_t id;

	(void)state;
	m.keywords = &name;
	m.keywords_n = 1;
	(void)append(inbox, &m);
	fill(other, 0, FULL);
	for (int sweep = 0; sweep < 2; sweep++) {
		struct copy_job *job = copy_begin_as(&alice, inbox, &one, other);
		struct copy_result r = {0};

		assert_int_equal(WRITE(store, copy_step(txn, job)), OK);
		copy_stepped(job);
		assert_false(copy_more(job));
		/* The first time the message of UID 1 names it, the second time what was copied before. */
		assert_int_equal(store_flags(other, sweep ? FULL + 1 : 1, sweep ? FULL + 1 : 1, FLAGS_SET, NULL), OK);
		assert_int_equal(store_flags(other, 2, 2, sweep ? FLAGS_SET : FLAGS_ADD, sweep ? NULL : "fresh"), OK);
		if (sweep)
			assert_int_equal(keywords_sweep(store), OK);
		(void)names_in(other, sweep ? "fresh" : "key8", &id);
		assert_int_equal(id, -1);
		(void)names_in(other, "key7", &id);
		assert_int_equal(id, 7);
		assert_int_equal(WRITE(store, copy_publish(txn, job, &r)), OK);
		assert_int_equal(r.to_n, 1);
		runs_free(&r.from);
		for (bool done = false; !done;)
			assert_int_equal(WRITE(store, copy_sweep_step(txn, job, &done)), OK);
		copy_free(job);
	}
	runs_free(&one);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(forgotten), TEST(named), TEST(copied), TEST(expunged), TEST(swept), TEST(copy_staged)};

	return cmocka_run_group_tests_name("keyword", tests, NULL, NULL);
}
