/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the command reader. A case is input, a decision per literal (c: collect, s: stream, r:
 * refuse) and the events as text. Each runs whole, byte by byte and in random splits. T07 T08 T09
 * T86 S2 S3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/arena.h"
#include "wire/imap_reader.h"

static const struct imap_limits small = {
    .line = 60, .literal = 20, .literals = 30, .count = 3, .drop = 100};
static const struct imap_limits guest = {
    .line = 60, .literal = 20, .literals = 30, .count = 3, .drop = 100, .before_login = true};
static const struct imap_limits minus = {.line = 1000,
    .literal = 9000,
    .literals = 9000,
    .count = 9,
    .drop = 9000,
    .literal_minus = true};

struct run {
	struct imap_reader r;
	const char *decisions;
	struct buf log;
	size_t chunk_at; /* of the log */
	bool in_chunk, ended;
};

static void
log_text(struct run *t, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == '\0')
			buf_addf(&t->log, "\\%c",
			    s.p[i] == '\r'   ? 'r'
			    : s.p[i] == '\n' ? 'n'
					     : '0');
		else
			buf_addc(&t->log, s.p[i]);
	}
}

static void
on_literal(struct run *t)
{
	char d = *t->decisions;

	if (t->decisions[1] != '\0')
		t->decisions++;
	buf_addf(&t->log, "%s%lu%s ", t->r.literal.binary ? "~" : "",
	    (unsigned long)t->r.literal.size, t->r.literal.sync ? "" : "+");
	if (d == 'c' && imap_reader_collect(&t->r) == OK)
		return;
	if (d == 's') {
		imap_reader_stream(&t->r);
		return;
	}
	buf_adds(&t->log, d == 'c' ? "limit " : "refused ");
	imap_reader_refuse(&t->r);
}

static void
on_chunk(struct run *t)
{
	if (!t->in_chunk) {
		t->chunk_at = t->log.n;
		buf_adds(&t->log, "<");
	}
	t->in_chunk = t->r.literal.left > 0;
	log_text(t, t->r.chunk);
	if (!t->in_chunk)
		buf_adds(&t->log, "> ");
}

/* False when MORE or the end was told. */
static bool
one(struct run *t, struct str *in)
{
	enum imap_read next = imap_reader_read(&t->r, in);

	if (next != IMAP_READ_CHUNK && next != IMAP_READ_MORE && t->in_chunk) {
		t->log.n = t->chunk_at; /* how much came before a BAD depends on the cuts */
		t->in_chunk = false;
	}
	switch (next) {
	case IMAP_READ_MORE: assert_int_equal(in->n, 0); return false;
	case IMAP_READ_COMMAND:
		buf_addc(&t->log, '[');
		log_text(t, t->r.command);
		buf_adds(&t->log, "] ");
		return true;
	case IMAP_READ_LITERAL: on_literal(t); return true;
	case IMAP_READ_CHUNK: on_chunk(t); return true;
	case IMAP_READ_BAD:
		assert_non_null(t->r.why);
		buf_addf(&t->log, "BAD(%.*s) ", STR_FMT(imap_reader_tag(&t->r)));
		return true;
	case IMAP_READ_NOT_IMAP: buf_adds(&t->log, "NOT_IMAP "); break;
	case IMAP_READ_FATAL: buf_adds(&t->log, "FATAL "); break;
	}
	t->ended = true;
	return false;
}

/* Every feed is a malloc of its own, so that a read past its end is seen. */
static void
feed(struct run *t, struct str part)
{
	char *copy = x_malloc(part.n + 1);
	struct str in = str_of(copy, part.n);

	memcpy(copy, part.p, part.n);
	while (!t->ended && one(t, &in))
		;
	free(copy);
}

static void
check(const struct imap_limits *limits, const char *decisions, struct str in, const char *want,
    unsigned seed)
{
	struct run t = {.decisions = decisions};

	imap_reader_init(&t.r, limits);
	for (size_t n; in.n > 0; in = str_from(in, n)) {
		n = seed == 0 ? in.n : seed == 1 ? 1 : 1 + (size_t)rand() % 9;
		feed(&t, str_head(in, n));
	}
	buf_addc(&t.log, '\0');
	assert_string_equal(t.log.p, want);
	buf_free(&t.log);
	imap_reader_free(&t.r);
}

static void
three_ways(const struct imap_limits *limits, const char *decisions, struct str in, const char *want)
{
	for (unsigned seed = 0; seed < 12; seed++)
		check(limits, decisions, in, want, seed);
}

static void
test_commands(void **state)
{
	three_ways(&small, "c", STR("a NOOP\r\n"), "[a NOOP] ");
	three_ways(&small, "c", STR("a NOOP\nb NOOP\r\n"), "[a NOOP] [b NOOP] ");
	three_ways(&small, "c", STR("\r\n\n\r\n\r\na NOOP\r\n\r\n"), "[a NOOP] "); /* T08 */
	three_ways(&small, "c", STR("a NOOP"), "");
	three_ways(&small, "c", STR("a LOGIN {1}\r\nx {3+}\r\ny\r\n\r\nb NOOP\r\n"),
	    "1 3+ [a LOGIN {1}\\r\\nx {3+}\\r\\ny\\r\\n] [b NOOP] ");
	three_ways(&small, "c", STR("a X {0}\n\r\nb X {0+}\r\n {0}\r\n\r\n"),
	    "0 [a X {0}\\r\\n] 0+ 0 [b X {0+}\\r\\n {0}\\r\\n] ");
	three_ways(&small, "c", STR("a X ~{2+}\r\n\0\n\r\n"), "~2+ [a X ~{2+}\\r\\n\\0\\n] ");
	/* Not announcers. */
	three_ways(&small, "c",
	    STR("a {}\r\na {x}\r\na 5}\r\na {5}x\r\na {+}\r\na {111111111111111111111}\r\n"),
	    "[a {}] [a {x}] [a 5}] [a {5}x] [a {+}] [a {111111111111111111111}] ");
	three_ways(&small, "c", STR("a {007+}\r\n1234567\r\n"), "7+ [a {007+}\\r\\n1234567] ");
}

static void
test_stream(void **state)
{
	three_ways(&small, "s", STR("a APPEND x {5}\r\nhello\r\nb NOOP\r\n"),
	    "5 <hello> [a APPEND x {5}\\r\\n] [b NOOP] ");
	three_ways(&small, "cs",
	    STR("a APPEND {1+}\r\nx {50+}\r\n0123456789012345678901234567890123456789012345678\n "
		"{2}\r\nab\r\n"),
	    "1+ 50+ <0123456789012345678901234567890123456789012345678\\n> 2 <ab> [a APPEND "
	    "{1+}\\r\\nx {50+}\\r\\n {2}\\r\\n] ");
	three_ways(&small, "s", STR("a APPEND x {0}\r\n\r\nb APPEND x ~{1+}\r\n\0\r\n"),
	    "0 <> [a APPEND x {0}\\r\\n] ~1+ <\\0> [b APPEND x ~{1+}\\r\\n] ");
	/* NUL in the middle of a stream: the rest is dropped. */
	three_ways(
	    &small, "s", STR("a APPEND x {5}\r\nhe\0lo\r\nb NOOP\r\n"), "5 BAD(a) [b NOOP] ");
}

static void
test_refuse(void **state)
{
	three_ways(&small, "r", STR("a X {9}\r\nb NOOP\r\n"), "9 refused [b NOOP] ");
	three_ways(
	    &small, "r", STR("a X {9+}\r\n12345678\n rest\r\nb NOOP\r\n"), "9+ refused [b NOOP] ");
	/* What is dropped may announce more (T86). */
	three_ways(&small, "r", STR("a X {2+}\r\n12 {3+}\r\n345 ~{1+}\r\n6\r\nb NOOP\r\n"),
	    "2+ refused [b NOOP] ");
	three_ways(&small, "r", STR("a X {2+}\r\n12 {3}\r\nb NOOP\r\n"), "2+ refused [b NOOP] ");
	three_ways(&small, "cr", STR("a X {2+}\r\n12 {3}\r\nb NOOP\r\n"), "2+ 3 refused [b NOOP] ");
	three_ways(&small, "r", STR("a X {200+}\r\n12"), "200+ refused FATAL ");
	three_ways(&small, "r", STR("a X {2+}\r\n12 {18446744073709551615}\r\nb NOOP\r\n"),
	    "2+ refused [b NOOP] ");
	three_ways(&small, "r", STR("a X {2+}\r\n12 {18446744073709551615+}\r\nb NOOP\r\n"),
	    "2+ refused FATAL ");
	/* Never read to its end: dropping has a bound too. */
	three_ways(&small, "r",
	    STR("a X "
		"{90+}\r\n012345678901234567890123456789012345678901234567890123456789012345678901"
		"234567890123456789 and then more\r\n"),
	    "90+ refused FATAL ");
}

static void
refuse_in_stream(unsigned seed)
{
	struct imap_reader r;
	struct str all = STR("a APPEND x {6}\r\nhello!{2+}\r\nab\r\nb NOOP\r\n"), in;
	enum imap_read next = IMAP_READ_MORE;
	bool refused = false;

	imap_reader_init(&r, &small);
	while (all.n > 0 && next != IMAP_READ_COMMAND) {
		in = str_head(all, seed ? 1 + (size_t)rand() % 4 : all.n);
		all = str_from(all, in.n);
		while ((next = imap_reader_read(&r, &in)) != IMAP_READ_MORE &&
		       next != IMAP_READ_COMMAND) {
			if (next == IMAP_READ_LITERAL) {
				assert_false(refused);
				imap_reader_stream(&r);
			} else {
				assert_int_equal(next, IMAP_READ_CHUNK);
				assert_true(str_eq(imap_reader_tag(&r), STR("a")));
				imap_reader_refuse(&r);
				refused = true;
			}
		}
	}
	assert_true(refused && str_eq(r.command, STR("b NOOP")));
	imap_reader_free(&r);
}

static void
test_refuse_in_stream(void **state)
{
	for (unsigned seed = 0; seed < 30; seed++)
		refuse_in_stream(seed);
}

static void
test_limits(void **state)
{
	/* Exactly 60 bytes with the line end fit; one more does not (S2). */
	three_ways(&small, "c",
	    STR("a 3456789012345678901234567890123456789012345678901234567\r\n"),
	    "[a 3456789012345678901234567890123456789012345678901234567] ");
	three_ways(&small, "c",
	    STR("a 34567890123456789012345678901234567890123456789012345678\r\nb NOOP\r\n"),
	    "[a 34567890123456789012345678901234567890123456789012345678] [b NOOP] ");
	three_ways(&small, "c",
	    STR("a 345678901234567890123456789012345678901234567890123456789\r\nb NOOP\r\n"),
	    "BAD(a) [b NOOP] ");
	three_ways(&small, "c",
	    STR("123456789012345678901234567890123456789012345678901234567890\r\nb NOOP\r\n"),
	    "BAD() [b NOOP] ");
	/* A literal announced at the end of an overlong line is dropped too. */
	three_ways(&small, "c",
	    STR("a 345678901234567890123456789012345678901234567890123456 {3+}\r\nX\r\n\r\nb "
		"NOOP\r\n"),
	    "BAD(a) [b NOOP] ");
	three_ways(&small, "c",
	    STR("a 34567890123456789012345678901234567890123456789012345678901 {3}\r\nb NOOP\r\n"),
	    "BAD(a) [b NOOP] ");
	/* Literal bytes: one, all, how many. */
	three_ways(&small, "c", STR("a {20+}\r\n01234567890123456789\r\nb {21}\r\nc NOOP\r\n"),
	    "20+ [a {20+}\\r\\n01234567890123456789] 21 limit [c NOOP] ");
	three_ways(&small, "c",
	    STR("a {20+}\r\n01234567890123456789{10+}\r\n0123456789{1}\r\nb NOOP\r\n"),
	    "20+ 10+ 1 limit [b NOOP] ");
	three_ways(&small, "c",
	    STR("a {1+}\r\n1{1+}\r\n2{1+}\r\n3{1+}\r\n4{1+}\r\n5\r\nb {0}\r\n\r\n"),
	    "1+ 1+ 1+ BAD(a) 0 [b {0}\\r\\n] ");
	three_ways(&small, "c",
	    STR("a X {9223372036854775807}\r\nb {9223372036854775808}\r\nc {2147483648}\r\nd "
		"{4294967296}\r\ne NOOP\r\n"),
	    "9223372036854775807 limit BAD(b) 2147483648 limit 4294967296 limit [e NOOP] ");
	three_ways(&small, "c", STR("a X {9223372036854775808+}\r\nb NOOP\r\n"), "BAD(a) FATAL ");
}

static void
test_many_small_literals(void **state)
{
	static const struct imap_limits wide = {.line = 1 << 20,
	    .literal = 1 << 20,
	    .literals = 100000,
	    .count = 1 << 20,
	    .drop = 1 << 20};
	struct imap_reader r;
	struct str in = STR("a X");
	unsigned n = 0;

	/* The hundred-thousandth byte fits, the next does not: the sum is exact. */
	imap_reader_init(&r, &wide);
	assert_int_equal(imap_reader_read(&r, &in), IMAP_READ_MORE);
	for (;;) {
		in = STR(" {1+}\r\nx");
		assert_int_equal(imap_reader_read(&r, &in), IMAP_READ_LITERAL);
		if (imap_reader_collect(&r) != OK)
			break;
		assert_int_equal(imap_reader_read(&r, &in), IMAP_READ_MORE);
		n++;
	}
	assert_int_equal(n, 100000);
	imap_reader_refuse(&r);
	in = STR("y\r\nb NOOP\r\n");
	assert_int_equal(imap_reader_read(&r, &in), IMAP_READ_COMMAND);
	assert_true(str_eq(r.command, STR("b NOOP")));
	imap_reader_free(&r);
}

static void
test_literal_minus(void **state)
{
	struct imap_reader r;
	struct str in = STR("a X {4096+}\r\n");

	imap_reader_init(&r, &minus);
	assert_int_equal(imap_reader_read(&r, &in), IMAP_READ_LITERAL);
	imap_reader_free(&r);
	imap_reader_init(&r, &minus);
	in = STR("a X {4097}\r\n");
	assert_int_equal(imap_reader_read(&r, &in), IMAP_READ_LITERAL);
	imap_reader_free(&r);
	three_ways(&minus, "c", STR("a X {4097+}\r\n"), "BAD(a) ");
}

static void
test_not_imap(void **state)
{
	static const struct str bad[] = {
	    {"GET / HTTP/1.1\r\nHost: x\r\n", 25},
	    {"POST /x HTTP/1.1\r\n", 18},
	    {"OPTIONS * RTSP/1.0\r\n", 20},
	    {"CONNECT host:443 HTTP/1.1\r\n", 27},
	    {"\x16\x03\x01\x02", 4},
	    {"\0", 1},
	    {"\x80", 1},
	    {"\"x\r\n", 4},
	    {"* OK\r\n", 6},
	    {"+ OK\r\n", 6},
	    {" a NOOP\r\n", 9},
	    {"a\x01 NOOP\r\n", 9},
	    {"ab\0c NOOP\r\n", 11},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		three_ways(&guest, "c", bad[i], "NOT_IMAP ");
	three_ways(&guest, "c", STR("a FOO\r\nb\r\n\r\nc LOGIN {1}\r\nx \"\x01\"\r\n"),
	    "[a FOO] [b] 1 [c LOGIN {1}\\r\\nx \"\x01\"] ");
	three_ways(&guest, "c", STR("a X \0\r\nb NOOP\r\n"), "BAD(a) [b NOOP] ");
}

/* S3: NUL at every position of a command. */
static void
test_nul_everywhere(void **state)
{
	static const char text[] = "a X {2+}\r\nyy \"z\"\r\nb NOOP\r\n";
	char copy[sizeof(text)];

	for (size_t i = 0; i < 17; i++) {
		struct run t = {.decisions = "c"};

		memcpy(copy, text, sizeof(text));
		copy[i] = '\0';
		imap_reader_init(&t.r, &small);
		feed(&t, str_of(copy, sizeof(text) - 1));
		buf_addc(&t.log, '\0');
		assert_non_null(strstr(t.log.p, "BAD("));
		/* Losing the announcer loses the frame of this command, but never that of the
		 * next. */
		if (i != 4 && i != 5 && i != 6 && i != 7 && i != 8 && i != 9)
			assert_non_null(strstr(t.log.p, "[b NOOP]"));
		buf_free(&t.log);
		imap_reader_free(&t.r);
	}
	three_ways(&small, "c", STR("a NO\0OP\r\nb NOOP\r\n"), "BAD(a) [b NOOP] ");
	three_ways(&small, "c", STR("a X {3+}\r\na\0b\r\nb NOOP\r\n"), "3+ BAD(a) [b NOOP] ");
}

static void
test_line(void **state)
{
	static const char text[] =
	    "DONE\r\n\r\n1234567890\r\n12345678901\r\nx\0y\r\nok\na NOOP\r\n";
	static const enum imap_read want[] = {IMAP_READ_COMMAND, IMAP_READ_COMMAND,
	    IMAP_READ_COMMAND, IMAP_READ_BAD, IMAP_READ_BAD, IMAP_READ_COMMAND};
	struct imap_reader r;

	for (int seed = 0; seed < 20; seed++) {
		struct str all = str_of(text, sizeof(text) - 1), in = str_of(text, 0);
		size_t at = 0;

		imap_reader_init(&r, &small);
		while (at < 6) {
			enum imap_read next = imap_reader_line(&r, &in, 10);

			if (next == IMAP_READ_MORE) {
				assert_int_equal(in.n, 0);
				assert_int_not_equal(all.n, 0);
				in = str_head(all, seed == 0   ? all.n
						   : seed == 1 ? 1
							       : 1 + (size_t)rand() % 7);
				all = str_from(all, in.n);
				continue;
			}
			assert_int_equal(next, want[at]);
			if (at == 0)
				assert_true(str_eq(r.command, STR("DONE")));
			at++;
		}
		assert_true(str_eq(r.command, STR("ok")) && imap_reader_idle(&r));
		in = str_of(text + sizeof(text) - 9, 8);
		assert_int_equal(imap_reader_read(&r, &in), IMAP_READ_COMMAND);
		imap_reader_park(&r);
		assert_null(r.buf.p);
		imap_reader_free(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_commands),
	    cmocka_unit_test(test_stream),
	    cmocka_unit_test(test_refuse),
	    cmocka_unit_test(test_refuse_in_stream),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_many_small_literals),
	    cmocka_unit_test(test_literal_minus),
	    cmocka_unit_test(test_not_imap),
	    cmocka_unit_test(test_nul_everywhere),
	    cmocka_unit_test(test_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
