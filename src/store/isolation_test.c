/* SPDX-License-Identifier: Apache-2.0 */
/* S9: for every call that names a mailbox or an email, another account's is not there, and nothing of it changes. */
#include "store/check_test.h"

#include "store/copy.h"
#include "store/email.h"

static struct store *s;
static struct actor alice, bob;
static int64_t hers, his, email;

static int
set_up(void **state)
{
	(void)state;
	s = test_store();
	alice = test_account(s, "alice");
	bob = test_account(s, "bob");
	hers = mailbox_id(&alice, "INBOX");
	his = mailbox_id(&bob, "INBOX");
	put(&alice, hers, "secret", 500, FLAG_DELETED, NULL);
	put(&bob, his, "own", 500, 0, NULL);
	email = alice.account << 32 | 1;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	test_close(s);
	return 0;
}

static void
mailboxes(void **state)
{
	struct mailbox mb = {0}, got;
	struct arena arena = {0};
	struct view v;

	(void)state;
	assert_int_equal(READ(s, mailbox_get(&alice, txn, &arena, hers, &mb)), OK);
	assert_int_equal(READ(s, mailbox_get(&bob, txn, &arena, hers, &got)), ERR_NOT_FOUND);
	assert_int_equal(READ(s, view_open(&v, &bob, txn, &mb, true)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, set_special_as(&bob, txn, hers, SPECIAL_ALL)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, set_recent_as(&bob, txn, hers, 1)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, mailbox_move_more(&bob, txn, &(struct mailbox_move){hers, his, 5, true})), ERR_NOT_FOUND);
	arena_free(&arena);
}

static void
messages(void **state)
{
	struct runs all = {0};
	struct flag_change change = {.op = FLAGS_ADD, .flags = FLAG_SEEN};
	struct flag_result fr = {0};
	struct copy_result cr = {0};
	struct runs gone = {0};
	struct mailbox mb;
	struct arena arena = {0};
	struct made d;
	uint64_t modseq;
	uint32_t uid;
	bool more;

	(void)state;
	runs_add(&all, 1, 10);
	made_begin(&d, s, "planted", 300);
	assert_int_equal(WRITE(s, append_as(&bob, txn, hers, &d.m, &uid, &modseq)), ERR_NOT_FOUND);
	made_end(&d);
	assert_int_equal(WRITE(s, flags_as(&bob, txn, hers, &all, &change, &fr)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, copy_as(&bob, txn, hers, &all, his, false, &cr)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, copy_as(&bob, txn, hers, &all, his, true, &cr)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, copy_as(&bob, txn, his, &all, hers, false, &cr)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, copy_as(&bob, txn, his, &all, hers, true, &cr)), ERR_NOT_FOUND);
	assert_int_equal(WRITE(s, expunge_as(&bob, txn, hers, NULL, 10, &gone, &more, &modseq)), ERR_NOT_FOUND);
	assert_int_equal(READ(s, mailbox_get(&alice, txn, &arena, hers, &mb)), OK);
	assert_int_equal(mb.messages, 1);
	assert_int_equal(mb.unseen, 1);
	assert_int_equal(READ(s, mailbox_get(&bob, txn, &arena, his, &mb)), OK);
	assert_int_equal(mb.messages, 1);
	assert_int_equal(faults(s, true), 0);
	arena_free(&arena);
	runs_free(&all);
	runs_free(&cr.from);
	runs_free(&gone);
}

static void
emails(void **state)
{
	struct arena arena = {0};
	struct email e = {0}, got;
	struct email_cursor *c;
	struct db_txn *txn;
	struct buf out = {0};
	struct str structure;

	(void)state;
	assert_int_equal(db_read_begin(store_db(s), &txn), OK);
	assert_int_equal(email_get(GRANT_OF(alice), txn, &arena, email, &e), OK);
	assert_int_equal(email_get(GRANT_OF(bob), txn, &arena, email, &got), ERR_NOT_FOUND);
	assert_int_equal(email_cursor_open(GRANT_OF(bob), txn, &c), OK);
	assert_int_equal(email_cursor_get(c, email, &got), ERR_NOT_FOUND);
	assert_int_equal(email_cursor_structure(c, email, &structure), ERR_NOT_FOUND);
	email_cursor_close(c);
	assert_int_not_equal(email_read(GRANT_OF(bob), txn, &e, 0, 100, &out), OK);
	assert_int_equal(out.n, 0);
	db_read_end(txn);
	arena_free(&arena);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(mailboxes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(messages, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(emails, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
