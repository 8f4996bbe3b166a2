/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzy finding of words (RFC 6203): scores, typing errors against the obvious computation, pieces, long words, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include "base/clock.h"
#include "search/fuzzy.h"

static unsigned
score(struct str query, struct str text, unsigned weight, size_t step)
{
	struct fuzzy_query q;
	struct fuzzy_scan s;

	fuzzy_query_init(&q, query);
	fuzzy_scan_init(&s, &q);
	fuzzy_begin(&s, weight);
	while (text.n > 0) {
		size_t n = text.n < step ? text.n : step;

		while (n < text.n && (text.p[n] & 0xc0) == 0x80)
			n++;
		fuzzy_add(&s, str_head(text, n));
		text = str_from(text, n);
	}
	fuzzy_end(&s);
	return fuzzy_score(&s);
}

static void
scores(void **state)
{
	static const struct {
		const char *query, *text;
		unsigned score;
	} t[] = {
		{"hello", "Hello, world", 100},
		{"Helo", "hello", 50}, {"Helo", "help", 50}, {"Helo", "hells", 0}, /* RFC 6203 4 */
		{"work", "working", 85}, {"work", "homework", 65}, {"wo", "work", 60}, {"wo", "two", 10},
		{"messages", "message", 70}, {"cats", "cat", 50},
		{"recieve", "receive", 50}, {"definately", "definitely", 50}, {"acommodation", "accomodation", 20},
		{"cafe", "Café", 100}, {"CAFÉ", "cafe\xcc\x81s", 85}, {"Åse", "ase", 100}, {"Lodz", "Łódź", 100}, {"strasse", "Straße", 100},
		{"oeuvre", "œuvre", 100}, {"İstanbul", "istanbul", 100}, {"ПРИВЕТ", "привет", 100}, {"привед", "привет", 50}, {"ﬁle", "FILE", 100},
		{"東京", "新東京都庁", 100}, {"東京", "京東", 0}, {"iPhone", "新iPhoneを", 100}, {"ไทย", "ภาษาไทยครับ", 100},
		{"quick fox", "the quick fox runs", 100}, {"quick fox", "the fox is quick", 90}, {"quick fox", "the quick dog", 0},
		{"quick fox", "a quikc fox", 75}, {"IMAP break", "IMAP breaks often", 92},
		{"one two three four", "four, three and one", 67}, {"one two three four", "four and one", 0},
		{"a.b@c", "a b c", 100}, {"r2d2", "R2D2", 100}, {"x", "x", 100}, {"x", "exit", 10},
		{"tea", "tea tea tea", 100}, {"!?", "!?", 0}, {"", "x", 0},
		{"\xff" "bad", "bad \xff", 100},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		for (size_t step = 1; step < 40; step += 13) {
			unsigned got = score(str_c(t[i].query), str_c(t[i].text), 100, step);

			if (got != t[i].score)
				fail_msg("\"%s\" in \"%s\" gives %u, not %u", t[i].query, t[i].text, got, t[i].score);
		}
	/* The place weighs; meeting a word again adds a little, and never more than 20. */
	assert_int_equal(score(STR("tea"), STR("tea"), 60, 99), 60);
	assert_int_equal(score(STR("tea"), STR("tea teas tea"), 60, 99), 62);
	assert_int_equal(score(STR("t"), STR("t t t t t t t t t t t t t t t t t t t t t t t t t t t t t t t t"), 60, 99), 80);
	assert_int_equal(score(STR("ab"), STR("xabx"), 1, 99), 0);
}

/* Words longer than the window are found in all the same, wherever they stand. */
static void
long_words(void **state)
{
	char text[300];

	(void)state;
	for (size_t at = 0; at + 6 <= sizeof(text); at++) {
		memset(text, 'x', sizeof(text));
		memcpy(text + at, "needle", 6);
		assert_int_equal(score(STR("needle"), str_of(text, sizeof(text)), 100, 1000), at == 0 ? 85 : 65);
	}
	assert_int_equal(score(STR("abcdefghijklmnopqrstuvwxyzabcdefghijklmnop"), STR("abcdefghijklmnopqrstuvwxyzabcdefghijklmnop"), 100, 7), 85);
}

/* The whole table, as a textbook has it. */
static unsigned
obvious(const uint32_t *a, unsigned n, const uint32_t *b, unsigned m)
{
	unsigned d[20][20];

	for (unsigned i = 0; i <= n; i++)
		for (unsigned j = 0; j <= m; j++) {
			unsigned best = i == 0 ? j : i;

			if (i > 0 && j > 0) {
				best = d[i - 1][j] + 1;
				if (d[i][j - 1] + 1 < best)
					best = d[i][j - 1] + 1;
				if (d[i - 1][j - 1] + (a[i - 1] != b[j - 1]) < best)
					best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
				if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
					best = d[i - 2][j - 2] + 1;
			}
			d[i][j] = best;
		}
	return d[n][m];
}

static void
distances(void **state)
{
	(void)state;
	srandom(3);
	for (int round = 0; round < 50000; round++) {
		uint32_t a[12], b[12];
		unsigned n = (unsigned)random() % 12, m = (unsigned)random() % 12, want;

		for (unsigned i = 0; i < 12; i++) {
			a[i] = (uint32_t)random() % 3;
			b[i] = random() % 4 ? a[i] : (uint32_t)random() % 3;
		}
		want = obvious(a, n, b, m);
		for (unsigned limit = 1; limit <= 2; limit++)
			assert_int_equal(fuzzy_distance(a, n, b, m, limit), want < limit + 1 ? want : limit + 1);
	}
}

/* Text made to be slow to look through (S6): a megabyte of nearly the words asked for. */
static void
bounded(void **state)
{
	size_t n = 1 << 20;
	char *text = malloc(n), query[600] = "";
	int64_t start;

	(void)state;
	for (int i = 0; i < FUZZY_WORDS; i++)
		strcat(query, i % 2 ? "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab " : "abababababababababababababababac ");
	for (size_t i = 0; i < n; i++)
		text[i] = i % 33 == 32 ? ' ' : i / 33 % 2 ? "ab"[i % 33 % 2] : 'a';
	start = clock_thread_cpu();
	(void)score(str_c(query), str_of(text, n), 100, n);
	memset(text, 'a', n);
	(void)score(str_c(query), str_of(text, n), 100, n);
	assert_true(clock_thread_cpu() - start < 5000000);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(scores),
	    cmocka_unit_test(long_words),
	    cmocka_unit_test(distances),
	    cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
