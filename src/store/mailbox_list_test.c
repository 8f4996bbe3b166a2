/* SPDX-License-Identifier: Apache-2.0 */
/* A list in steps is one state of the account, whatever happens between them, and comes to its end. */
#include "store/store_test.h"

#include "store/mailbox.h"

#define NAMES 700

static void
make_names(const struct actor *a)
{
	struct db_txn *w = write_begin(a->store);
	char name[32];
	int64_t id;

	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "n%03d%s", i / 3, i % 3 == 0 ? "" : i % 3 == 1 ? "/a" : "/b");
		assert_int_equal(mailbox_create(a, w, str_c(name), 0, &id), OK);
	}
	assert_int_equal(write_end(OK), OK);
}

/* One step of the walk, in a snapshot of its own. */
static enum status
walk(const struct actor *a, struct arena *arena, struct mailbox_walk *w)
{
	struct db_txn *txn;
	enum status st;

	assert_int_equal(db_read_begin(store_db(a->store), &txn), OK);
	db_read_account(txn, a->account);
	st = mailbox_walk(a, txn, arena, w);
	db_read_end(txn);
	return st;
}

static void
same_as_list(const struct actor *a, const struct mailbox_walk *w)
{
	struct arena arena = {0};
	struct mailbox *list;
	size_t n;

	assert_int_equal(READ(a->store, mailbox_list(a, txn, &arena, &list, &n)), OK);
	assert_int_equal(n, w->n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(list[i].id, w->list[i].id);
		assert_true(str_eq(list[i].name, w->list[i].name));
		assert_true(list[i].subscribed == w->list[i].subscribed && list[i].children == w->list[i].children);
		assert_true(list[i].messages == w->list[i].messages && list[i].modseq == w->list[i].modseq);
	}
	arena_free(&arena);
}

/* Changes that a list must not mix: a name that jumps from the end to the beginning and back, subscriptions, others' changes. */
static void
change(const struct actor *a, unsigned what)
{
	static bool ahead;
	struct mailbox_move move = {0};

	if (what == 0) {
		assert_int_equal(WRITE(a->store, mailbox_rename(a, txn, ahead ? STR("a") : STR("n200"), ahead ? STR("n200") : STR("a"), &move)), OK);
		ahead = !ahead;
	} else {
		assert_int_equal(WRITE(a->store, mailbox_subscribe(a, txn, STR("n150/b"), what == 1)), OK);
	}
}

static void
test_walk(void **state)
{
	struct store *s = test_store();
	struct actor alice = test_account(s, "alice");

	make_names(&alice);
	for (unsigned every = 0; every < 30; every++) {
		struct mailbox_walk w = {0};
		struct arena arena = {0};
		unsigned steps = 0;
		enum status st;

		/* every 0: nothing happens; 1: something before each step, for ever. */
		while ((st = walk(&alice, &arena, &w)) == ERR_AGAIN) {
			if (every != 0 && ++steps % every == 0)
				change(&alice, steps % 3);
			assert_true(steps < 1000);
		}
		assert_int_equal(st, OK);
		same_as_list(&alice, &w);
		mailbox_walk_free(&w);
		arena_free(&arena);
	}
	test_close(s);
}

struct make {
	struct actor actor;
	char name[16];
};

static enum status
fn_make(struct db_txn *txn, void *arg)
{
	struct make *m = arg;
	int64_t id;

	return mailbox_create(&m->actor, txn, str_c(m->name), 0, &id);
}

/* What others do does not begin it anew. */
static void
test_others(void **state)
{
	struct store *s = test_store();
	struct actor alice = test_account(s, "alice"), bob = test_account(s, "bob");
	struct mailbox_walk w = {0};
	struct arena arena = {0};
	struct make m = {.actor = bob};
	struct db_write write = {.fn = fn_make, .arg = &m, .lane = (uint64_t)bob.account};
	int i = 0;

	make_names(&alice);
	while (walk(&alice, &arena, &w) == ERR_AGAIN) {
		snprintf(m.name, sizeof(m.name), "b%d", i++);
		assert_int_equal(db_write_and_wait(store_db(s), &write), OK);
	}
	assert_true(i > 10);
	assert_int_equal(w.anew, 0);
	same_as_list(&alice, &w);
	mailbox_walk_free(&w);
	arena_free(&arena);
	test_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
