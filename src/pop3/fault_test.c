/* SPDX-License-Identifier: Apache-2.0 */
/* POP3 while the store fails: who may not be in any more is shut out though nothing can be read, and QUIT says nothing whose outcome is unknown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "pop3/pop3.h"
#include "session/play_test.h"
#include "store/account.h"
#include "store/mailbox.h"
#include "store/message.h"

static struct test_door t;
static struct pop3_service service = {.login_seconds = 60};

static void *
open_pop3(const struct door *door)
{
	service.door = door;
	return &service;
}

static const struct test_service kind = {.handler = &pop3_handler, .open = open_pop3, .faulty = true};

static struct test_client
logged_in(void)
{
	struct test_client c;

	test_client_open(&t, &c);
	test_client_send(&t, &c, STR("USER alice\r\nPASS secret\r\n"));
	test_client_run(&t, &c);
	assert_true(str_ends(buf_str(&c.got), STR(" octets\r\n")));
	buf_clear(&c.got);
	return c;
}

static enum status
disable(struct db_txn *txn, void *arg)
{
	return account_set_disabled(t.store, txn, 1, true);
}

static enum status
enable(struct db_txn *txn, void *arg)
{
	return account_set_disabled(t.store, txn, 1, false);
}

static enum status
new_password(struct db_txn *txn, void *arg)
{
	return account_set_credential(t.store, txn, 1, STR("plain"), STR("{PLAIN}secret"));
}

/* From the commit on nothing can be read: the sessions end all the same. */
static void
ends_unread(enum status (*fn)(struct db_txn *, void *), bool ends)
{
	struct fault unreadable = {FAULT_READ, 1, FAULT_EIO, true};
	struct test_client c = logged_in(), other = logged_in();
	struct arena arena = {0};
	struct account account;
	struct db_txn *txn;
	enum status st;

	assert_int_equal(test_write_planned(&t, fn, NULL, &unreadable), OK);
	if ((st = db_read_begin(store_db(t.store), &txn)) == OK) {
		st = account_find(txn, &arena, STR("alice"), &account);
		db_read_end(txn);
	}
	assert_int_not_equal(st, OK);
	assert_true(faultvfs_hit());
	for (int k = 0; k < 10; k++) {
		test_client_run(&t, &c);
		test_client_run(&t, &other);
	}
	assert_int_equal(c.fd < 0, ends);
	assert_int_equal(other.fd < 0, ends);
	faultvfs_plan(NULL);
	arena_free(&arena);
	test_client_shut(&c);
	assert_true(test_client_end(&t, &other));
	(void)test_client_end(&t, &c);
	buf_free(&c.got);
	buf_free(&other.got);
}

static void
account_disabled(void **state)
{
	ends_unread(disable, true);
	assert_int_equal(db_write(store_db(t.store), enable, NULL), OK);
}

/* As auth.end_sessions says. */
static void
password_changed(void **state)
{
	t.door.end_sessions = true;
	ends_unread(new_password, true);
	t.door.end_sessions = false;
	ends_unread(new_password, false);
}

static enum status
add_mail(struct db_txn *txn, void *arg)
{
	struct actor actor = {.store = t.store, .account = 1};
	struct message_new m = {.size = 20, .summary = STR("s"), .structure = STR("t")};
	struct arena arena = {0};
	struct mailbox mb;
	struct grant grant;
	uint64_t modseq;
	uint32_t uid;
	enum status st = mailbox_find(&actor, txn, &arena, STR("INBOX"), &mb);

	if (st == OK && (st = grant_make(&actor, txn, &mb, &grant)) == OK) {
		m.stage = arg;
		st = message_append(&grant, txn, &m, &uid, &modseq);
	}
	arena_free(&arena);
	return st;
}

/* RFC 1939 6: -ERR where something was not removed, nothing where nobody knows. */
static void
quit_fails(void **state)
{
	struct blob_stage *stage = blob_stage_new(store_blobs(t.store), 1);
	struct test_client c;

	assert_int_equal(blob_stage_add(stage, STR("Subject: x\r\n\r\nbody\r\n")), OK);
	assert_int_equal(blob_stage_finish(stage), OK);
	assert_int_equal(db_write(store_db(t.store), add_mail, stage), OK);
	blob_stage_free(stage);
	c = logged_in();
	test_client_send(&t, &c, STR("DELE 1\r\n"));
	test_client_run(&t, &c);
	buf_clear(&c.got);
	faultvfs_plan(&(struct fault){FAULT_WRITE, 1, FAULT_EIO, true});
	test_client_send(&t, &c, STR("QUIT\r\n"));
	test_client_run(&t, &c);
	assert_true(faultvfs_hit());
	assert_true(str_starts(buf_str(&c.got), STR("-ERR [SYS/TEMP] ")) && c.fd < 0);
	faultvfs_plan(NULL);
	assert_true(test_client_end(&t, &c));
	buf_free(&c.got);
}

static void
quit_unknown(void **state)
{
	struct test_client c = logged_in();

	test_client_send(&t, &c, STR("DELE 1\r\n"));
	test_client_run(&t, &c);
	assert_true(str_starts(buf_str(&c.got), STR("+OK ")));
	buf_clear(&c.got);
	faultvfs_plan(&(struct fault){FAULT_SYNC, 1, FAULT_EIO, false});
	test_client_send(&t, &c, STR("QUIT\r\n"));
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(account_disabled), cmocka_unit_test(password_changed), cmocka_unit_test(quit_fails),
	    cmocka_unit_test(quit_unknown)};
	int failed;

	test_door_cheap();
	test_door_open(&t, &kind);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	test_door_close(&t);
	return failed;
}
