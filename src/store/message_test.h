/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of messages: a store with one account, two mailboxes and one body that all messages share. */
#ifndef STORE_MESSAGE_TEST_H
#define STORE_MESSAGE_TEST_H

#include "store/grant_test.h"
#include "store/store_test.h"

#include "base/log.h"
#include "store/message.h"

static struct store *store;
static struct actor alice;
static int64_t inbox, other, body;

static inline int
set_up(void **state)
{
	(void)state;
	store = test_store();
	alice = test_account(store, "alice");
	assert_int_equal(WRITE(store, mailbox_create(&alice, txn, STR("In"), 0, &inbox)), OK);
	assert_int_equal(WRITE(store, mailbox_create(&alice, txn, STR("Other"), 0, &other)), OK);
	body = test_body(store, STR("Subject: x\r\n\r\nbody\r\n"));
	log_set_level(LOG_LEVEL_ERROR);
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	test_close(store);
	return 0;
}

static inline struct message_new
plain(void)
{
	return (struct message_new){.body = body, .shared_body = true, .size = 20, .summary = STR("s"), .structure = STR("t")};
}

static inline uint32_t
append(int64_t mailbox, const struct message_new *m)
{
	uint32_t uid = 0;
	uint64_t modseq;

	assert_int_equal(WRITE(store, append_as(&alice, txn, mailbox, m, &uid, &modseq)), OK);
	return uid;
}

static inline void
append_many(int64_t mailbox, uint32_t n)
{
	struct db_txn *txn = write_begin(store);
	struct message_new m = plain();
	uint32_t uid;
	uint64_t modseq;

	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(append_as(&alice, txn, mailbox, &m, &uid, &modseq), OK);
	assert_int_equal(write_end(OK), OK);
}

static inline struct runs
set(uint32_t first, uint32_t last)
{
	struct runs r = {0};

	runs_add(&r, first, last);
	return r;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
