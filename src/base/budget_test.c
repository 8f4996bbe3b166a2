/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets: limits of an account and of the process, charges, what several threads take at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>
#include "base/budget.h"

#define MB ((size_t)1 << 20)

static void
test_limits(void **state)
{
	struct budgets *all = budgets_new(10 * MB, 4 * MB);
	struct budget *one = budget_take(all, 1), *two = budget_take(all, 2), *again = budget_take(all, 1);
	struct charge a = {one, 0}, b = {again, 0}, c = {two, 0};

	assert_ptr_equal(one, again);
	/* An account's limit holds for all its sessions together. */
	assert_int_equal(charge_more(&a, 3 * MB), OK);
	assert_int_equal(charge_more(&b, 2 * MB), ERR_MEMORY);
	assert_int_equal(b.n, 0);
	assert_int_equal(charge_more(&b, MB), OK);
	assert_int_equal(budget_used(one), 4 * MB);
	assert_int_equal(charge_more(&c, 4 * MB), OK);
	assert_int_equal(budgets_used(all), 8 * MB);
	/* What the process refuses is not counted for the account. */
	struct budget *three = budget_take(all, 3);
	struct charge d = {three, 0};

	assert_int_equal(charge_more(&d, 3 * MB), ERR_MEMORY);
	assert_int_equal(budget_used(three), 0);
	assert_int_equal(budgets_used(all), 8 * MB);
	assert_int_equal(charge_need(&c, MB), OK);
	assert_int_equal(charge_more(&d, 3 * MB), OK);
	charge_is(&a, 0);
	charge_is(&b, 0);
	charge_is(&c, 0);
	charge_less(&d, 3 * MB);
	assert_int_equal(budgets_used(all), 0);
	budget_drop(one);
	budget_drop(again);
	budget_drop(two);
	budget_drop(three);
	budgets_free(all);
}

/* What is small is counted and never refused; the part of a charge that passes CHARGE_FREE may be. */
static void
test_small(void **state)
{
	struct budgets *all = budgets_new(4 * MB, 2 * MB);
	struct budget *one = budget_take(all, 1);
	struct charge full = {one, 0}, small = {one, 0};

	charge_is(&full, 5 * MB);
	assert_int_equal(budget_used(one), 5 * MB);
	assert_true(budget_full(one));
	assert_int_equal(charge_more(&full, 1), ERR_MEMORY);
	assert_int_equal(charge_more(&small, CHARGE_FREE), OK);
	assert_int_equal(charge_more(&small, 1), ERR_MEMORY);
	assert_int_equal(charge_need(&small, 10), OK);
	assert_int_equal(budget_used(one), 5 * MB + 10);
	charge_is(&full, 0);
	charge_is(&small, 0);
	assert_false(budget_full(one));
	assert_false(budget_full(NULL));
	assert_int_equal(budget_used(one), 0);
	budget_drop(one);
	budgets_free(all);
}

/* Holders that share a charge. */
static void
test_parts(void **state)
{
	struct budgets *all = budgets_new(4 * MB, 2 * MB);
	struct budget *one = budget_take(all, 1);
	struct charge c = {one, 0};
	size_t a = 0, b = 0, nobody = 0;

	assert_int_equal(charge_part(&c, &a, MB), OK);
	assert_int_equal(charge_part(&c, &b, 2 * MB), ERR_MEMORY);
	assert_int_equal(b, 0);
	assert_int_equal(charge_part(&c, &b, MB), OK);
	assert_int_equal(charge_part(&c, &a, 5), OK);
	assert_int_equal(budget_used(one), MB + 5);
	assert_int_equal(charge_part(NULL, &nobody, MB), OK);
	assert_int_equal(nobody, 0);
	assert_int_equal(charge_part(&c, &a, 0), OK);
	assert_int_equal(charge_part(&c, &b, 0), OK);
	assert_int_equal(c.n, 0);
	budget_drop(one);
	budgets_free(all);
}

static void
test_none(void **state)
{
	struct budgets *all = budgets_new(0, 0), *low = budgets_new(8 * MB, 100 * MB);
	struct budget *b = budget_take(all, 7), *lmtp = budget_take(low, 0);
	struct charge c = {b, 0}, without = {0}, d = {lmtp, 0};

	assert_int_equal(charge_more(&c, (size_t)1 << 40), OK);
	charge_is(&c, 0);
	assert_int_equal(charge_more(&without, (size_t)1 << 40), OK);
	assert_null(budget_take(NULL, 1));
	budget_drop(NULL);
	assert_int_equal(budgets_limit(low, true), 4 * MB);
	/* What has no account leaves half of the process to those that have one. */
	assert_int_equal(charge_more(&d, 5 * MB), ERR_MEMORY);
	assert_int_equal(charge_more(&d, 4 * MB), OK);
	charge_is(&d, 0);
	budget_drop(b);
	budget_drop(lmtp);
	budgets_free(all);
	budgets_free(low);
	assert_true(memory_granted() > 16 * MB);
}

static void
test_trim(void **state)
{
	struct budgets *all = budgets_new(0, 0);
	struct budget *b = budget_take(all, 7);
	struct charge c = {b, 0};

	for (int i = 0; i < 2; i++) {
		assert_int_equal(charge_more(&c, 40 * MB), OK);
		assert_false(budgets_trim_due(all));
		charge_is(&c, 30 * MB);
		assert_false(budgets_trim_due(all));
		charge_is(&c, 0);
		assert_true(budgets_trim_due(all));
		assert_false(budgets_trim_due(all));
	}
	assert_false(budgets_trim_due(NULL));
	budget_drop(b);
	budgets_free(all);
}

struct taker {
	struct budgets *all;
	int64_t account;
	size_t most;
};

static void *
takes(void *arg)
{
	struct taker *t = arg;

	for (int i = 0; i < 20000; i++) {
		struct budget *b = budget_take(t->all, t->account + i % 3);
		struct charge c = {b, 0};

		if (charge_more(&c, MB + (size_t)i) == OK && budgets_used(t->all) > t->most)
			t->most = budgets_used(t->all);
		charge_is(&c, 0);
		budget_drop(b);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct budgets *all = budgets_new(6 * MB, 2 * MB);
	struct taker t[4];
	pthread_t thread[4];

	for (int i = 0; i < 4; i++) {
		t[i] = (struct taker){all, 1 + i % 2, 0};
		assert_int_equal(pthread_create(&thread[i], NULL, takes, &t[i]), 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(budgets_used(all), 0);
	budgets_free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
