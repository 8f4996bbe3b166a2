/* SPDX-License-Identifier: Apache-2.0 */
/* STORE: the condition of UNCHANGEDSINCE (RFC 7162 3.1.3, 3.1.12), and how many keywords there may be. */
#include "store/message_test.h"

/* Only changes of the flags in question count (RFC 7162 3.1.12): the third got \Flagged with `before`, the others \Flagged and \Seen after it. */
static void
other_flags(uint64_t before)
{
	static const struct {
		enum flag_op op;
		uint8_t flags;
		const char *keyword;
		uint64_t since; /* 0: before; 1: one less */
		unsigned failed;
	} c[] = {
	    {FLAGS_ADD, FLAG_DRAFT, NULL, 0, 0},
	    {FLAGS_REMOVE, FLAG_DRAFT, NULL, 0, 5},
	    {FLAGS_REMOVE, FLAG_ANSWERED, NULL, 1, 0},
	    {FLAGS_ADD, FLAG_SEEN, NULL, 0, 4},
	    {FLAGS_ADD, FLAG_FLAGGED | FLAG_ANSWERED, NULL, 1, 5},
	    {FLAGS_ADD, 0, "a", 0, 0},
	    {FLAGS_REMOVE, 0, "a", 0, 5},
	    {FLAGS_ADD, 0, "b", 0, 0},
	    {FLAGS_ADD, 0, "a", 1, 5},
	    {FLAGS_SET, FLAG_ANSWERED, NULL, 0, 5},
	};
	struct runs all = set(1, 5);

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct str keyword = str_c(c[i].keyword);
		struct flag_change change = {.op = c[i].op, .flags = c[i].flags, .keywords = &keyword, .keywords_n = keyword.p != NULL,
		    .conditional = true, .unchanged_since = before - c[i].since};
		struct flag_result r = {0};

		assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &all, &change, &r)), OK);
		if (runs_count(&r.failed) != c[i].failed)
			fail_msg("%zu: %u failed", i, (unsigned)runs_count(&r.failed));
		runs_free(&r.changed);
		runs_free(&r.failed);
	}
	runs_free(&all);
}

static void
conditional(void **state)
{
	struct runs all = set(1, 10), one = set(3, 3);
	struct flag_result r = {0};
	struct flag_change c = {.op = FLAGS_ADD, .flags = FLAG_FLAGGED};
	uint64_t before;

	(void)state;
	append_many(inbox, 5);
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &one, &c, &r)), OK);
	assert_int_equal(runs_count(&r.changed), 1);
	before = r.modseq;
	/* UNCHANGEDSINCE: the one whose flag changed last fails (RFC 7162 3.1.3). */
	runs_clear(&r.changed);
	c = (struct flag_change){.op = FLAGS_ADD, .flags = FLAG_SEEN | FLAG_FLAGGED, .conditional = true, .unchanged_since = before - 1};
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &all, &c, &r)), OK);
	assert_int_equal(runs_count(&r.changed), 4);
	assert_int_equal(runs_count(&r.failed), 1);
	assert_true(runs_has(&r.failed, 3));
	assert_int_equal(r.modseq, before + 1);
	/* UNCHANGEDSINCE 0 never holds. */
	runs_clear(&r.failed);
	c.unchanged_since = 0;
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &all, &c, &r)), OK);
	assert_int_equal(runs_count(&r.failed), 5);
	assert_int_equal(r.modseq, 0);
	runs_clear(&r.failed);
	other_flags(before);
	/* No change, no mod-sequence. */
	c = (struct flag_change){.op = FLAGS_REMOVE, .flags = FLAG_DELETED};
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &all, &c, &r)), OK);
	assert_int_equal(r.modseq, 0);
	/* \Recent is nobody's to set. */
	c = (struct flag_change){.op = FLAGS_ADD, .flags = FLAG_RECENT};
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &all, &c, &r)), OK);
	assert_int_equal(r.modseq, 0);
	runs_free(&r.changed);
	runs_free(&r.failed);
	runs_free(&all);
	runs_free(&one);
}

/* A message may not gather keywords without end, nor a mailbox. */
static void
keyword_limits(void **state)
{
	struct runs one = set(1, 1);
	struct flag_result r = {0};
	enum status st = OK;
	int n;

	(void)state;
	append_many(inbox, 1);
	for (n = 0; st == OK && n < 1000; n++) {
		char name[16];
		struct str keyword;
		struct flag_change c = {.op = FLAGS_ADD, .keywords = &keyword, .keywords_n = 1};

		snprintf(name, sizeof(name), "k%d", n);
		keyword = str_c(name);
		st = WRITE(store, flags_as(&alice, txn, inbox, &one, &c, &r));
	}
	assert_int_equal(st, ERR_LIMIT);
	assert_int_equal(n, 257);
	runs_free(&one);
	runs_free(&r.changed);
}

/* Which messages the commit found, changed or not (S24). */
static void
found(void **state)
{
	struct runs all = set(1, 9), there = {0}, gone = {0};
	struct flag_change c = {.op = FLAGS_ADD, .flags = FLAG_DELETED};
	struct flag_result r = {.there = &there};
	struct runs one = set(2, 2);
	uint64_t modseq;
	bool more;

	(void)state;
	append_many(inbox, 3);
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &one, &c, &r)), OK);
	assert_true(runs_count(&there) == 1 && runs_has(&there, 2));
	assert_int_equal(WRITE(store, expunge_as(&alice, txn, inbox, &one, 9, &gone, &more, &modseq)), OK);
	runs_clear(&there);
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &one, &c, &r)), OK);
	assert_int_equal(runs_count(&there), 0);
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &all, &c, &r)), OK);
	assert_true(runs_count(&there) == 2 && !runs_has(&there, 2));
	runs_free(&there);
	runs_free(&gone);
	runs_free(&all);
	runs_free(&one);
	runs_free(&r.changed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(conditional),
	    TEST(keyword_limits),
	    TEST(found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
