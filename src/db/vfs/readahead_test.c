/* SPDX-License-Identifier: Apache-2.0 */
/* When a walk through the file is noticed, and what is asked for then. */
#include "db/vfs/readahead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { PAGE = 8192, MB = 1 << 20 };

static void
walk_is_noticed(void **state)
{
	struct readahead r = {0};
	int64_t from = 0, n = 0, asked = 0;
	unsigned hints = 0;

	/* Every third page, 64 MB of them. */
	for (int64_t at = 0; at < 64 * MB; at += 3 * PAGE)
		if (readahead_note(&r, at, PAGE, &from, &n)) {
			hints++;
			assert_true(from >= at + PAGE && from >= asked);
			assert_true(hints == 1 || from == asked);
			asked = from + n;
		}
	assert_in_range(hints, 60, 66);
}

static void
strays_do_not_end_it(void **state)
{
	struct readahead r = {0};
	int64_t from, n;
	unsigned hints = 0;

	for (int64_t at = 100 * MB; at < 110 * MB; at += 2 * PAGE) {
		hints += readahead_note(&r, at, PAGE, &from, &n);
		assert_false(readahead_note(&r, at % 7 * PAGE, PAGE, &from, &n));
	}
	assert_in_range(hints, 8, 12);
}

static void
points_are_not_a_walk(void **state)
{
	struct readahead r = {0};
	int64_t from, n;
	uint64_t x = 1;

	for (int i = 0; i < 100000; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		assert_false(readahead_note(&r, (int64_t)(x >> 30) & ~(int64_t)(PAGE - 1), PAGE, &from, &n));
	}
	/* Nor are a few pages in a row. */
	r = (struct readahead){0};
	for (int64_t at = 0; at < 15 * PAGE; at += PAGE)
		assert_false(readahead_note(&r, at, PAGE, &from, &n));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(walk_is_noticed),
	    cmocka_unit_test(strays_do_not_end_it),
	    cmocka_unit_test(points_are_not_a_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
