/* SPDX-License-Identifier: Apache-2.0 */
/* Binding to a processor and letting go. On a machine with one processor nothing is ever bound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <time.h>
#include "session/near.h"

static int where;

static int
told(void)
{
	return where;
}

static int
processors(void)
{
	cpu_set_t set;

	assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
	return CPU_COUNT(&set);
}

/* The first processor of the set, or the second. */
static int
nth(const cpu_set_t *set, int n)
{
	int cpu = 0;

	while (!CPU_ISSET(cpu, set) || n-- > 0)
		cpu++;
	return cpu;
}

static void
windows(struct near *n, unsigned count)
{
	for (unsigned i = 0; i < count * NEAR_WINDOW; i++)
		near_ran(n, true, told);
}

static int64_t
worked(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* On a processor, not waiting for one. */
static void
work(int64_t ns)
{
	int64_t end = worked() + ns;

	while (worked() < end)
		;
}

/* A machine under load makes the thread wait, and then it does not bind itself: tried until a quiet moment comes. */
static void
bind(struct near *n)
{
	for (int i = 0; i < 10000 && n->bound < 0; i++)
		windows(n, 1);
	assert_int_equal(n->bound, where);
	assert_int_equal(processors(), 1);
}

static void
test_near(void **state)
{
	int all = processors();
	struct near n;

	near_init(&n);
	if (n.stat < 0)
		skip();
	where = nth(&n.all, 1);
	windows(&n, 1); /* nothing is known yet */
	assert_int_equal(processors(), all);
	bind(&n);

	/* Another thread is at work. */
	near_ran(&n, false, told);
	assert_int_equal(n.bound, -1);
	assert_int_equal(processors(), all);

	/* What costs much. */
	bind(&n);
	for (unsigned i = 0; i < NEAR_WINDOW; i++) {
		work(2 * NEAR_WORK_NS);
		near_ran(&n, true, told);
	}
	assert_int_equal(processors(), all);

	/* Bytes come in elsewhere: once is not enough to follow. */
	n.shy = 0;
	bind(&n);
	where = nth(&n.all, 0);
	windows(&n, 1);
	assert_int_equal(n.bound, -1);
	assert_int_equal(processors(), all);
	bind(&n);

	/* Nobody knows where. */
	where = -1;
	windows(&n, 1);
	assert_int_equal(processors(), all);
	where = CPU_SETSIZE;
	windows(&n, 4);
	assert_int_equal(processors(), all);
	near_end(&n);
}

/* Having waited where it was bound it stays free for long. */
static void
test_shy(void **state)
{
	int all = processors();
	struct near n;

	near_init(&n);
	if (n.stat < 0)
		skip();
	where = nth(&n.all, 0);
	bind(&n);
	n.wait_ns -= (uint64_t)NEAR_WINDOW * 2 * NEAR_WAIT_NS;
	windows(&n, 1);
	assert_int_equal(processors(), all);
	windows(&n, NEAR_SHY - 2);
	assert_int_equal(processors(), all);
	bind(&n);
	near_ran(&n, false, told);
	near_end(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_shy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
