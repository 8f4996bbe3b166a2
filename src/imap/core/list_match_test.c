/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of LIST against an obvious matcher, and against patterns that are slow for others (S6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include "base/clock.h"
#include "imap/core/list_match.h"

/* As the RFC says it; exponential, for short strings. */
static bool
obvious(const char *p, const char *s)
{
	if (*p == '\0')
		return *s == '\0';
	if (*p == '*' || *p == '%')
		return obvious(p + 1, s) || (*s != '\0' && !(*p == '%' && *s == '/') && obvious(p, s + 1));
	return *p == *s && obvious(p + 1, s + 1);
}

static bool
match(const char *pattern, const char *name)
{
	struct arena a = {0};
	struct list_match *m;
	bool hit;

	assert_int_equal(list_match_new(&a, str_c(pattern), &m), OK);
	hit = list_match(m, str_c(name));
	/* A second time: nothing is left from the first. */
	assert_int_equal(hit, list_match(m, str_c(name)));
	arena_free(&a);
	return hit;
}

static void
by_hand(void **state)
{
	assert_true(match("*", ""));
	assert_true(match("%", "INBOX"));
	assert_false(match("%", "a/b"));
	assert_true(match("%/%", "a/b"));
	assert_false(match("%/%", "a/b/c"));
	assert_true(match("a/*", "a/b/c"));
	assert_false(match("a/*", "a"));
	assert_true(match("a*", "a"));
	assert_true(match("*%", "a/b"));
	assert_true(match("%*", "a/b"));
	assert_false(match("", "a"));
	assert_true(match("*c", "a/b/c"));
	assert_false(match("%c", "a/b/c"));
}

static void
against_the_obvious(void **state)
{
	static const char letters[] = "ab/%*";

	srandom(7);
	for (int i = 0; i < 200000; i++) {
		char p[8], s[8];
		size_t np = (size_t)random() % sizeof(p), ns = (size_t)random() % sizeof(s);

		for (size_t k = 0; k < np; k++)
			p[k] = letters[random() % 5];
		for (size_t k = 0; k < ns; k++)
			s[k] = letters[random() % 3];
		p[np ? np - 1 : 0] = s[ns ? ns - 1 : 0] = '\0';
		if (match(p, s) != obvious(p, s))
			fail_msg("pattern %s, name %s", p, s);
	}
}

/* Longer than a word of bits. */
static void
long_ones(void **state)
{
	char p[LIST_PATTERN_MAX + 2], s[1001];
	struct arena a = {0};
	struct list_match *m;

	for (size_t n = 60; n < 70; n++) {
		memset(s, 'x', n);
		s[n] = '\0';
		assert_true(match(s, s));
		memcpy(p, s, n);
		memcpy(p + n, "*y", 3);
		assert_false(match(p, s));
		s[n] = 'y';
		s[n + 1] = '\0';
		assert_true(match(p, s));
	}
	memset(p, 'x', sizeof(p));
	assert_int_equal(list_match_new(&a, str_of(p, sizeof(p)), &m), ERR_LIMIT);
	arena_free(&a);
}

/* S6: "%*%*...a" and "*a*a*a...b" in a time that is linear in the name. */
static void
hostile(void **state)
{
	char p[LIST_PATTERN_MAX], s[1000];
	int64_t start = clock_thread_cpu();
	struct arena a = {0};
	struct list_match *m;

	for (size_t i = 0; i + 1 < sizeof(p); i += 2) {
		p[i] = i % 4 ? '%' : '*';
		p[i + 1] = 'a';
	}
	p[sizeof(p) - 1] = 'b';
	memset(s, 'a', sizeof(s));
	assert_int_equal(list_match_new(&a, str_of(p, sizeof(p)), &m), OK);
	for (int i = 0; i < 1000; i++)
		assert_false(list_match(m, str_of(s, sizeof(s))));
	arena_free(&a);
	assert_true(clock_thread_cpu() - start < 20 * 1000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_hand),
		cmocka_unit_test(against_the_obvious),
		cmocka_unit_test(long_ones),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
