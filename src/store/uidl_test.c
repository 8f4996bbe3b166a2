/* SPDX-License-Identifier: Apache-2.0 */
/* UIDLs that an import brings: one message each, whatever is copied; they go with their emails. */
#include "store/message_test.h"

#include "base/clock.h"
#include "store/uidl.h"

static uint32_t
append_called(int64_t mailbox, const char *uidl)
{
	struct message_new m = plain();

	m.uidl = str_c(uidl);
	return append(mailbox, &m);
}

/* What the message is called; email ids count from 1. */
static void
called(int64_t mailbox, uint32_t uid, int64_t email, const char *want)
{
	struct uidl_reader r = {0};
	struct buf got = {0};

	assert_int_equal(READ(store, uidl_get(&r, txn, mailbox, uid, alice.account << 32 | email, &got)), OK);
	if (!str_eq(buf_str(&got), str_c(want)))
		fail_msg("uid %u, email %d: \"%.*s\", not \"%s\"", uid, (int)email, STR_FMT(buf_str(&got)), want);
	buf_free(&got);
}

static void
one_message_each(void **state)
{
	struct copy_result copied = {0};
	struct runs one = set(1, 1);

	append_called(inbox, "a");
	append_called(inbox, "b");
	append_called(inbox, "a");       /* another has it */
	append_called(inbox, "two words");
	append_called(inbox, "");
	append_called(other, "a");       /* of another mailbox */
	called(inbox, 1, 1, "a");
	called(inbox, 2, 2, "b");
	called(inbox, 3, 3, "");
	called(inbox, 4, 4, "");
	called(inbox, 5, 5, "");
	called(other, 1, 6, "a");
	/* A copy has the same email id: its UID tells them apart. */
	assert_int_equal(WRITE(store, copy_as(&alice, txn, inbox, &one, inbox, false, &copied)), OK);
	called(inbox, copied.to_first, 1, "");
	called(inbox, 1, 1, "a");
	called(other, 1, 1, "");
	runs_free(&copied.from);
	runs_free(&one);
}

static void
readers_go_on(void **state)
{
	struct uidl_reader r = {0};
	struct buf got = {0};
	struct db_txn *txn;

	for (int i = 1; i <= 30; i++)
		append_called(inbox, i % 10 == 0 ? (const char *[]){"x", "y", "z"}[i / 10 - 1] : "");
	assert_int_equal(db_read_begin(store_db(store), &txn), OK);
	for (uint32_t uid = 1; uid <= 30; uid++)
		assert_int_equal(uidl_get(&r, txn, inbox, uid, alice.account << 32 | uid, &got), OK);
	for (uint32_t uid = 30; uid >= 1; uid--)
		assert_int_equal(uidl_get(&r, txn, inbox, uid, alice.account << 32 | uid, &got), OK);
	db_read_end(txn);
	assert_true(str_eq(buf_str(&got), STR("xyzzyx")));
	buf_free(&got);
}

static void
rows_go_with_emails(void **state)
{
	struct flag_change deleted = {.op = FLAGS_ADD, .flags = FLAG_DELETED};
	struct flag_result result = {0};
	struct runs gone = {0}, one = set(1, 1);
	uint64_t modseq;
	bool more;

	append_called(inbox, "a");
	append_called(inbox, "b");
	assert_int_equal(WRITE(store, flags_as(&alice, txn, inbox, &one, &deleted, &result)), OK);
	assert_int_equal(WRITE(store, expunge_as(&alice, txn, inbox, &one, MESSAGE_BATCH, &gone, &more, &modseq)), OK);
	assert_int_equal(test_number(store, "SELECT count(*) FROM uidl"), 2);
	assert_int_equal(store_reap(store, clock_seconds() + 1000000), OK);
	assert_int_equal(test_number(store, "SELECT count(*) FROM uidl"), 1);
	/* The next that comes with it may have it. */
	append_called(inbox, "a");
	called(inbox, 3, 3, "a");
	assert_int_equal(WRITE(store, mailbox_delete(&alice, txn, STR("In"))), OK);
	assert_int_equal(store_reap(store, clock_seconds() + 1000000), OK);
	assert_int_equal(test_number(store, "SELECT count(*) FROM uidl"), 0);
	runs_free(&result.changed);
	runs_free(&result.failed);
	runs_free(&gone);
	runs_free(&one);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(one_message_each), TEST(readers_go_on), TEST(rows_go_with_emails)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
