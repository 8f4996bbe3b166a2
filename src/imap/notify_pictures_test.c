/* SPDX-License-Identifier: Apache-2.0 */
/* The sessions of an account share their pictures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/assert.h"
#include "imap/imap_test.h"
#include "imap/news/notify_pictures.h"
#include "store/account.h"

static struct pictures *ps;
static struct test_door t;
static struct actor actor;

static struct notify_picture *
get(uint64_t now, uint64_t told, bool newer)
{
	struct notify_picture *p;
	struct db_txn *txn;

	assert_int_equal(db_read_begin(store_db(t.store), &txn), OK);
	assert_int_equal(pictures_get(ps, &actor, txn, &(struct picture_for){now, told, newer}, &p), OK);
	db_read_end(txn);
	assert_int_equal(p->account, actor.account);
	return p;
}

static void
test_shared(void **state)
{
	struct notify_picture *a = get(5, 0, false), *b = get(5, 0, false), *c, *d, *e;

	assert_ptr_equal(a, b);
	assert_true(a->n > 0);
	/* What came since is not in it. */
	c = get(6, 5, true);
	assert_ptr_not_equal(a, c);
	assert_int_equal(c->seen, 6);
	/* Who has an older one goes on with the newest, unless it is to know what it did itself. */
	d = get(9, 5, true);
	assert_ptr_equal(c, d);
	picture_release(d);
	d = get(9, 5, false);
	assert_ptr_not_equal(c, d);
	e = get(10, 9, true);
	assert_ptr_not_equal(d, e);
	/* Given back in whatever order. */
	picture_release(e);
	picture_release(a);
	picture_release(c);
	picture_release(d);
	a = get(10, 5, true);
	assert_int_equal(a->seen, 10);
	picture_release(a);
	picture_release(b);
}

/* Many sessions that are told of a row of changes. */
static void
test_few_looks(void **state)
{
	struct notify_picture *held[50];
	uint64_t now = 1;
	unsigned looks = 0;

	for (int i = 0; i < 50; i++)
		held[i] = get(now, 0, false);
	for (int round = 0; round < 10; round++)
		for (int i = 0; i < 50; i++) {
			struct notify_picture *p = get(++now, held[i]->seen, true);

			looks += p->seen == now;
			picture_release(held[i]);
			held[i] = p;
		}
	assert_in_range(looks, 1, 20);
	for (int i = 0; i < 50; i++)
		picture_release(held[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared), cmocka_unit_test(test_few_looks)};
	struct arena arena = {0};
	struct account account;
	struct db_txn *txn;
	int failed;

	test_imap_open(&t);
	ps = pictures_new();
	actor.store = t.store;
	ensure(db_read_begin(store_db(t.store), &txn) == OK);
	ensure(account_find(txn, &arena, STR("alice"), &account) == OK);
	db_read_end(txn);
	actor.account = account.id;
	arena_free(&arena);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pictures_free(ps);
	test_door_close(&t);
	return failed;
}
