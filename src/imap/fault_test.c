/* SPDX-License-Identifier: Apache-2.0 */
/* IMAP while the store fails: who may not be in any more is shut out though nothing can be read, idle or not, and nothing is said whose outcome is unknown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "imap/imap_test.h"
#include "store/account.h"

static struct test_door t;

static struct test_client
begun(const char *lines, const char *heard)
{
	struct test_client c;

	test_client_open(&t, &c);
	test_client_send(&t, &c, STR("a LOGIN alice secret\r\n"));
	test_client_send(&t, &c, str_c(lines));
	test_client_run(&t, &c);
	if (str_find(buf_str(&c.got), str_c(heard), 0) == SIZE_MAX)
		fail_msg("no \"%s\" in %.*s", heard, STR_FMT(buf_str(&c.got)));
	buf_clear(&c.got);
	return c;
}

static enum status
disable(struct db_txn *txn, void *arg)
{
	return account_set_disabled(t.store, txn, 1, *(bool *)arg);
}

static enum status
new_password(struct db_txn *txn, void *arg)
{
	return account_set_credential(t.store, txn, 1, STR("plain"), STR("{PLAIN}secret"));
}

static void
ends_unread(enum status (*fn)(struct db_txn *, void *), void *arg)
{
	static const char *const lines[][2] = {{"b NOOP\r\n", "b OK"}, {"b SELECT INBOX\r\n", "b OK"}, {"b SELECT INBOX\r\nc IDLE\r\n", "+ "},
	    {"b NOTIFY SET (personal (MailboxName))\r\n", "b OK"}, {"b AUTHENTICATE", "a OK"}};
	struct fault unreadable = {FAULT_READ, 1, FAULT_EIO, true};
	struct test_client c[5];
	struct db_txn *txn;
	struct arena arena = {0};
	struct account account;
	enum status st;

	for (size_t i = 0; i < 5; i++)
		c[i] = begun(lines[i][0], lines[i][1]);
	assert_int_equal(test_write_planned(&t, fn, arg, &unreadable), OK);
	if ((st = db_read_begin(store_db(t.store), &txn)) == OK) {
		st = account_find(txn, &arena, STR("alice"), &account);
		db_read_end(txn);
	}
	assert_int_not_equal(st, OK);
	assert_true(faultvfs_hit());
	for (size_t i = 0; i < 5; i++) {
		for (int k = 0; k < 10 && c[i].fd >= 0; k++)
			test_client_run(&t, &c[i]);
		if (c[i].fd >= 0)
			fail_msg("%s does not end: %.*s", lines[i][0], STR_FMT(buf_str(&c[i].got)));
		assert_true(str_find(buf_str(&c[i].got), STR("* BYE "), 0) != SIZE_MAX);
		buf_free(&c[i].got);
	}
	faultvfs_plan(NULL);
	arena_free(&arena);
}

static void
account_disabled(void **state)
{
	bool yes = true, no = false;

	ends_unread(disable, &yes);
	assert_int_equal(db_write(store_db(t.store), disable, &no), OK);
}

static void
password_changed(void **state)
{
	t.door.end_sessions = true;
	ends_unread(new_password, NULL);
}

static void
append_unknown(void **state)
{
	/* What is reserved for several messages is there after the first. */
	struct test_client c = begun("b APPEND INBOX {12+}\r\nSubject: x\r\n\r\n", "b OK");

	faultvfs_plan(&(struct fault){FAULT_SYNC, 1, FAULT_EIO, false});
	test_client_send(&t, &c, STR("c APPEND INBOX {12+}\r\nSubject: x\r\n\r\n"));
	test_client_run(&t, &c);
	assert_true(faultvfs_hit() && t.fatal);
	assert_true(c.got.n == 0 && c.fd < 0);
	assert_true(test_client_end(&t, &c));
	buf_free(&c.got);
}

int
main(void)
{
	/* The last one is the store's end. */
	const struct CMUnitTest tests[] = {cmocka_unit_test(account_disabled), cmocka_unit_test(password_changed), cmocka_unit_test(append_unknown)};
	int failed;

	test_door_cheap();
	test_imap_open_faulty(&t);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_door_close(&t);
	return failed;
}
