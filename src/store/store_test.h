/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the store: a write transaction as straight-line code. write_begin() submits a write function that lends its transaction
 * to the test and waits until write_end() says how it ends.
 */
#ifndef STORE_STORE_TEST_H
#define STORE_STORE_TEST_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "blob/blob.h"
#include "store/account.h"
#include "store/mailbox.h"
#include "store/store.h"

struct lent {
	struct db_write w;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct db_txn *txn;
	int state; /* 0 waiting, 1 lent, 2 given back, 3 done */
	enum status st;
};
static struct lent lent = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static inline void
lent_state(int state)
{
	lent.state = state;
	pthread_cond_broadcast(&lent.cond);
}

static inline void
lent_wait(int state)
{
	while (lent.state != state)
		pthread_cond_wait(&lent.cond, &lent.lock);
}

static inline enum status
lent_fn(struct db_txn *txn, __attribute__((unused)) void *arg)
{
	enum status st;

	pthread_mutex_lock(&lent.lock);
	lent.txn = txn;
	lent_state(1);
	lent_wait(2);
	st = lent.st;
	pthread_mutex_unlock(&lent.lock);
	return st;
}

static inline void
lent_done(__attribute__((unused)) struct db_write *w, enum status st)
{
	pthread_mutex_lock(&lent.lock);
	lent.st = st;
	lent_state(3);
	pthread_mutex_unlock(&lent.lock);
}

static inline struct db_txn *
write_begin(struct store *s)
{
	pthread_mutex_lock(&lent.lock);
	lent.state = 0;
	lent.w = (struct db_write){.fn = lent_fn, .done = lent_done};
	db_submit(store_db(s), &lent.w);
	lent_wait(1);
	pthread_mutex_unlock(&lent.lock);
	return lent.txn;
}

/* st is what the write function returns; gives the outcome. */
static inline enum status
write_end(enum status st)
{
	pthread_mutex_lock(&lent.lock);
	lent.st = st;
	lent_state(2);
	lent_wait(3);
	st = lent.st;
	pthread_mutex_unlock(&lent.lock);
	return st;
}

/* One call in a write of its own: WRITE(store, mailbox_create(&actor, txn, ...)). */
#define WRITE(store, call)                                                                                             \
	({                                                                                                             \
		struct db_txn *txn = write_begin(store);                                                               \
		write_end(call);                                                                                       \
	})
/* One call in a snapshot. */
#define READ(store, call)                                                                                              \
	({                                                                                                             \
		struct db_txn *txn;                                                                                    \
		assert_int_equal(db_read_begin(store_db(store), &txn), OK);                                            \
		enum status st_ = (call);                                                                              \
		db_read_end(txn);                                                                                      \
		st_;                                                                                                   \
	})

/* The one number that a query gives. */
static inline int64_t
test_number(struct store *s, const char *sql)
{
	struct db_sql q = DB_SQL(sql);
	int64_t n = -1;

	assert_int_equal(READ(s, db_get_ints(txn, &q, &n, 1, "")), OK);
	return n;
}

/* Makes the schema what it was at first. */
#define TO_VERSION_1                                                                                                   \
	"DROP TABLE digest; ALTER TABLE thread_ref DROP COLUMN idle; DROP TABLE thread_sweep; DROP TABLE account_setting; DROP TABLE uidl;"                         \
	" ALTER TABLE mailbox DROP COLUMN acl; DROP INDEX account_domain; ALTER TABLE account DROP COLUMN domain;"      \
	" DROP TABLE email_object; ALTER TABLE staged DROP COLUMN made_for;"                                           \
	" DROP TABLE address; DROP TABLE address_target; DROP TABLE domain; DROP TABLE quota_due;"                     \
	" ALTER TABLE account DROP COLUMN used_messages; ALTER TABLE account DROP COLUMN used_bytes;"                  \
	" ALTER TABLE account DROP COLUMN quota_told; ALTER TABLE account DROP COLUMN quota_bytes;"                    \
	" ALTER TABLE account DROP COLUMN quota_messages; ALTER TABLE account DROP COLUMN quota_mailboxes;"            \
	" CREATE TABLE quota (account INTEGER NOT NULL, root TEXT NOT NULL, resource INTEGER NOT NULL, used INTEGER NOT NULL," \
	" most INTEGER, PRIMARY KEY (account, root, resource)) WITHOUT ROWID;"                                         \
	" UPDATE meta SET value = 1 WHERE key = 'version'"

static inline struct store *
test_store(void)
{
	struct store *s = NULL;

	assert_int_equal(store_open(&(struct store_options){.no_reaper = true}, &s), OK);
	return s;
}

static inline void
test_close(struct store *s)
{
	db_thread_end(store_db(s));
	store_close(s);
}

static inline struct actor
test_account(struct store *s, const char *name)
{
	int64_t id = 0;

	assert_int_equal(WRITE(s, account_create(s, txn, str_c(name), &id)), OK);
	return (struct actor){.store = s, .account = id};
}

/* A body that messages may share. */
static inline int64_t
test_body(struct store *s, struct str text)
{
	struct blob_stage *stage = blob_stage_new(store_blobs(s), 1);
	int64_t body;

	assert_int_equal(blob_stage_add(stage, text), OK);
	assert_int_equal(blob_stage_finish(stage), OK);
	assert_int_equal(WRITE(s, blob_publish(stage, txn, &body)), OK);
	blob_stage_free(stage);
	return body;
}

#endif
