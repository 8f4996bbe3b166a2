/* SPDX-License-Identifier: Apache-2.0 */
/* The sessions of an account share their pictures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/assert.h"
#include "imap/imap_test.h"
#include "imap/news/notify_pictures.h"
#include "store/account.h"

static struct pictures *ps;
static struct test_door t;
static struct actor actor;

static enum status
step(const struct picture_for *who, struct picture_taking **taking, struct notify_picture **p_r)
{
	struct db_txn *txn;
	enum status st;

	assert_int_equal(db_read_begin(store_db(t.store), &txn), OK);
	db_read_account(txn, actor.account);
	st = pictures_get(ps, &actor, txn, who, taking, p_r);
	db_read_end(txn);
	return st;
}

static struct notify_picture *
get(uint64_t now, uint64_t told, bool newer)
{
	struct picture_taking *taking = NULL;
	struct notify_picture *p;
	enum status st = ERR_AGAIN;

	while (st == ERR_AGAIN)
		st = step(&(struct picture_for){now, told, newer}, &taking, &p);
	assert_int_equal(st, OK);
	assert_null(taking);
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

static enum status
make_mailbox(struct db_txn *txn, void *arg)
{
	int64_t id;
	enum status st = mailbox_create(&actor, txn, str_c(arg), 0, &id);

	return st == OK ? mailbox_subscribe(&actor, txn, str_c(arg), true) : st;
}

static void
make_some(unsigned from, unsigned to)
{
	char name[32];

	for (; from < to; from++) {
		snprintf(name, sizeof(name), "many/%u", from);
		assert_int_equal(db_write(store_db(t.store), make_mailbox, name), OK);
	}
}

/* A picture of many mailboxes takes steps; who comes meanwhile takes the next one; what is made between them is in it or in the next; who goes does not
 * end it for the others. */
static void
test_steps(void **state)
{
	struct picture_taking *one = NULL, *two = NULL, *gone = NULL;
	struct picture_for who = {20, 10, true};
	struct notify_picture *a = NULL, *b = NULL, *c;
	enum status st = ERR_AGAIN;
	unsigned steps = 1;

	make_some(0, 300);
	assert_int_equal(step(&who, &one, &a), ERR_AGAIN);
	assert_int_equal(step(&who, &gone, &a), ERR_AGAIN);
	assert_ptr_equal(one, gone);
	picture_taking_release(gone);
	make_some(300, 310);
	for (; st == ERR_AGAIN; steps++)
		st = step(&who, steps % 2 ? &two : &one, steps % 2 ? &b : &a);
	assert_int_equal(st, OK);
	assert_true(steps > 10);
	assert_int_equal(step(&who, a == NULL ? &one : &two, a == NULL ? &a : &b), OK);
	assert_ptr_equal(a, b);
	assert_true(a->n > 310 && picture_find(a, STR("many/309")) != NULL && picture_subscribed(a, STR("many/309")));
	assert_false(picture_subscribed(a, STR("many/310")));
	picture_release(b);
	/* One that is given up in the middle, and another that is not joined: it is to be later. */
	who = (struct picture_for){30, 20, true};
	one = two = NULL;
	assert_int_equal(step(&who, &one, &b), ERR_AGAIN);
	assert_int_equal(step(&(struct picture_for){31, 30, false}, &two, &b), ERR_AGAIN);
	assert_ptr_not_equal(one, two);
	assert_true(picture_taking_memory(one) > 0);
	picture_taking_release(one);
	picture_taking_release(two);
	c = get(32, 20, true);
	assert_int_equal(c->seen, 32);
	picture_release(c);
	picture_release(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared), cmocka_unit_test(test_few_looks), cmocka_unit_test(test_steps)};
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
