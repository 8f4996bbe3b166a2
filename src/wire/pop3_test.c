/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the POP3 grammar: lines in pieces, commands by tables, dots and ends of lines, TOP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "wire/pop3.h"

/* Plays a client whose bytes come step by step; what was read, in brackets. */
static void
lines_are(struct str all, size_t piece, const char *want)
{
	struct buf log = {0};
	size_t from = 0;
	bool skip = false;

	for (size_t to = piece < all.n ? piece : all.n;; to = all.n - to < piece ? all.n : to + piece) {
		struct str in = str_of(all.p + from, to - from), line = STR_NONE;
		size_t had = in.n;
		enum pop3_read next;

		while ((next = pop3_line(&in, &skip, &line)) != POP3_READ_MORE) {
			if (next == POP3_READ_LINE)
				buf_addf(&log, "[%.*s]", line.n > 20 ? 20 : (int)line.n, line.p);
			else
				buf_adds(&log, "LONG ");
		}
		from += had - in.n;
		assert_true(in.n <= POP3_LINE_MAX + 1);
		if (to == all.n)
			break;
	}
	buf_addc(&log, '\0');
	assert_string_equal(log.p, want);
	buf_free(&log);
}

static void
test_lines(void **state)
{
	struct buf b = {0};

	for (size_t piece = 1; piece < 40; piece++) {
		lines_are(STR("USER a\r\nPASS  b \r\nQUIT\n\r\nNOOP"), piece, "[USER a][PASS  b ][QUIT][]");
		lines_are(STR("\r\r\n"), piece, "[\r]");
	}
	for (size_t n = POP3_LINE_MAX - 2; n < POP3_LINE_MAX + 5; n++)
		for (size_t piece = 1; piece < 20000; piece += 4999) {
			buf_clear(&b);
			for (size_t i = 0; i < n; i++)
				buf_addc(&b, 'x');
			buf_adds(&b, "\r\nNOOP\r\n");
			lines_are(buf_str(&b), piece, n <= POP3_LINE_MAX ? "[xxxxxxxxxxxxxxxxxxxx][NOOP]" : "LONG [NOOP]");
		}
	buf_clear(&b);
	for (size_t i = 0; i < 100000; i++)
		buf_addc(&b, 'x');
	lines_are(buf_str(&b), 700, "");
	buf_adds(&b, "\nQUIT\n");
	lines_are(buf_str(&b), 700, "LONG [QUIT]");
	buf_free(&b);
}

static void
test_commands(void **state)
{
	static const struct {
		const char *line;
		bool fine;
		enum pop3_verb verb;
		const char *text, *initial;
		bool given;
		uint32_t message, lines;
	} table[] = {
	    {"STAT", true, POP3_STAT, "", NULL, false, 0, 0},
	    {"stat ", true, POP3_STAT, "", NULL, false, 0, 0},
	    {"STAT 1", false, POP3_STAT, "", NULL, false, 0, 0},
	    {"STATS", false, POP3_UNKNOWN, "", NULL, false, 0, 0},
	    {"", false, POP3_UNKNOWN, "", NULL, false, 0, 0},
	    {"APOP mrose c4c9334bac560ecc979e58001b3e22fb", false, POP3_UNKNOWN, "", NULL, false, 0, 0},
	    {"LIST", true, POP3_LIST, "", NULL, false, 0, 0},
	    {"list 2", true, POP3_LIST, "", NULL, true, 2, 0},
	    {"LIST 0", true, POP3_LIST, "", NULL, true, 0, 0},
	    {"LIST -1", false, POP3_LIST, "", NULL, true, 0, 0},
	    {"LIST 1 2", false, POP3_LIST, "", NULL, true, 1, 0},
	    {"RETR 4294967295", true, POP3_RETR, "", NULL, true, UINT32_MAX, 0},
	    {"RETR 4294967297", true, POP3_RETR, "", NULL, true, 0, 0},
	    {"RETR 99999999999999999999999999", true, POP3_RETR, "", NULL, true, 0, 0},
	    {"RETR", false, POP3_RETR, "", NULL, true, 0, 0},
	    {"RETR 1x", false, POP3_RETR, "", NULL, true, 0, 0},
	    {"TOP 1 10", true, POP3_TOP, "", NULL, true, 1, 10},
	    {"TOP 1 0", true, POP3_TOP, "", NULL, true, 1, 0},
	    {"TOP 1 99999999999", true, POP3_TOP, "", NULL, true, 1, UINT32_MAX},
	    {"TOP 1", false, POP3_TOP, "", NULL, true, 1, 0},
	    {"TOP 1 -1", false, POP3_TOP, "", NULL, true, 1, 0},
	    {"LANG", true, POP3_LANG, "", NULL, false, 0, 0},
	    {"lang de-CH ", true, POP3_LANG, "de-CH", NULL, false, 0, 0},
	    {"LANG *", true, POP3_LANG, "*", NULL, false, 0, 0},
	    {"LANG a b", false, POP3_LANG, "a b", NULL, false, 0, 0},
	    {"UTF8", true, POP3_UTF8, "", NULL, false, 0, 0},
	    {"UTF8 x", false, POP3_UTF8, "", NULL, false, 0, 0},
	    {"USER mrose", true, POP3_USER, "mrose", NULL, false, 0, 0},
	    {"USER", false, POP3_USER, "", NULL, false, 0, 0},
	    {"PASS  two words ", true, POP3_PASS, " two words ", NULL, false, 0, 0},
	    {"PASS ", false, POP3_PASS, "", NULL, false, 0, 0},
	    {"AUTH", true, POP3_AUTH, "", NULL, false, 0, 0},
	    {"AUTH PLAIN", true, POP3_AUTH, "PLAIN", NULL, false, 0, 0},
	    {"AUTH PLAIN dGVzdAB0ZXN0AHRlc3Q=", true, POP3_AUTH, "PLAIN", "dGVzdAB0ZXN0AHRlc3Q=", false, 0, 0},
	    {"AUTH PLAIN =", true, POP3_AUTH, "PLAIN", "=", false, 0, 0},
	    {"AUTH PLAIN a b", false, POP3_AUTH, "PLAIN", "a b", false, 0, 0},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct pop3_command c;

		assert_int_equal(pop3_parse(str_c(table[i].line), &c), table[i].fine);
		assert_int_equal(c.verb, table[i].verb);
		if (!table[i].fine)
			continue;
		assert_true(str_eq(c.text, str_c(table[i].text)));
		assert_int_equal(c.initial.p != NULL, table[i].initial != NULL);
		assert_true(str_eq(c.initial, str_c(table[i].initial)));
		assert_int_equal(c.given, table[i].given);
		assert_int_equal(c.message, table[i].message);
		assert_int_equal(c.lines, table[i].lines);
	}
}

static void
sent_is(struct str in, const char *want)
{
	for (size_t piece = 1; piece <= in.n + 1; piece++) {
		struct pop3_stuffing s = POP3_STUFFING;
		struct buf out = {0};

		for (size_t at = 0; at < in.n; at += piece)
			pop3_stuff(&s, str_head(str_from(in, at), piece), &out);
		pop3_stuff_end(&s, &out);
		buf_addc(&out, '\0');
		assert_string_equal(out.p, want);
		buf_free(&out);
	}
}

static void
test_stuffing(void **state)
{
	sent_is(STR(""), ".\r\n");
	sent_is(STR("a\r\n"), "a\r\n.\r\n");
	sent_is(STR("a"), "a\r\n.\r\n");
	sent_is(STR("a\r"), "a\r\n.\r\n");
	sent_is(STR(".\r\n..\r\n.a\r\n"), "..\r\n...\r\n..a\r\n.\r\n");
	sent_is(STR("a.b\r\n.\r\nc"), "a.b\r\n..\r\nc\r\n.\r\n");
	/* What a client takes for the end of a line is one here. */
	sent_is(STR("a\n.\n-ERR\n"), "a\r\n..\r\n-ERR\r\n.\r\n");
	sent_is(STR("\n\n.\n"), "\r\n\r\n..\r\n.\r\n");
}

static void
top_is(struct str in, uint32_t lines, struct str want)
{
	for (size_t piece = 1; piece <= in.n; piece++) {
		struct pop3_top t = {.left = lines};
		size_t n = 0;

		for (size_t at = 0; at < in.n && !t.over; at += piece)
			n += pop3_top(&t, str_head(str_from(in, at), piece));
		assert_int_equal(n, want.n);
	}
}

static void
test_top(void **state)
{
	top_is(STR("A: b\r\nC: d\r\n\r\none\r\ntwo\r\n"), 0, STR("A: b\r\nC: d\r\n\r\n"));
	top_is(STR("A: b\r\nC: d\r\n\r\none\r\ntwo\r\n"), 1, STR("A: b\r\nC: d\r\n\r\none\r\n"));
	top_is(STR("A: b\r\nC: d\r\n\r\none\r\ntwo\r\n"), 9, STR("A: b\r\nC: d\r\n\r\none\r\ntwo\r\n"));
	top_is(STR("A: b\n\n\n\nx\n"), 2, STR("A: b\n\n\n\n"));
	top_is(STR("\r\nx\r\ny\r\n"), 1, STR("\r\nx\r\n"));
	top_is(STR("A: b"), 5, STR("A: b"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_commands),
	    cmocka_unit_test(test_stuffing),
	    cmocka_unit_test(test_top),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
