/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the argument readers: tables. T09 T10 T11 T22 T23 T24 T29 T59 S2 S3 S6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "wire/imap_args.h"

static struct arena arena;

/* The command lies in a malloc of its exact size, so that a read past its end is seen. */
static struct args
args_of(struct str s, bool utf8)
{
	static char *copy;
	struct args a;

	free(copy);
	copy = s.n ? x_malloc(s.n) : NULL;
	if (s.n)
		memcpy(copy, s.p, s.n);
	args_init(&a, str_of(copy, s.n), &arena, utf8);
	return a;
}

static int
teardown(void **state)
{
	(void)args_of(STR(""), false);
	arena_free(&arena);
	return 0;
}

struct string_case {
	struct str in;
	const char *want; /* NULL: an error */
	struct str left;  /* behind it */
	enum status st;
	bool no_mailbox;  /* the error: well formed, and no name */
};

static void
strings(enum status (*read)(struct args *, struct str *), bool utf8, const struct string_case *c,
    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct args a = args_of(c[i].in, utf8);
		struct str s = STR("untouched");
		enum status st = read(&a, &s);

		if (c[i].want == NULL) {
			assert_int_equal(st, c[i].st ? c[i].st : ERR_BAD_INPUT);
			assert_int_equal(a.no_mailbox, c[i].no_mailbox);
			assert_true(a.at == 0 && str_eq(s, STR("untouched")));
			continue;
		}
		if (st != OK || !str_eq(s, str_c(c[i].want)))
			fail_msg(
			    "%.*s: %s \"%.*s\"", STR_FMT(c[i].in), status_word(st), STR_FMT(s));
		assert_true(str_eq(str_from(a.all, a.at), c[i].left));
	}
}
#define STRINGS(read, utf8, c) strings(read, utf8, c, sizeof(c) / sizeof((c)[0]))

static void
test_atoms(void **state)
{
	static const struct string_case atoms[] = {
	    {STR("abc def"), "abc", STR(" def")},
	    {STR("a]"), "a", STR("]")},
	    {STR("a[1]"), "a[1", STR("]")},
	    {STR("a\x80"), "a", STR("\x80")},
	    {STR("a\0"), "a", STR("\0")},
	    {STR("")},
	    {STR(" a")},
	    {STR("(")},
	    {STR("\"a\"")},
	    {STR("\x7f")},
	};
	static const struct string_case tags[] = {
	    {STR("A001 x"), "A001", STR(" x")},
	    {STR("]a.b x"), "]a.b", STR(" x")},
	    {STR("+a")},
	    {STR("*")},
	    {STR("")},
	};
	static const struct string_case commands[] = {
	    {STR("noop"), "NOOP", STR("")},
	    {STR("uid fetch 1"), "UID FETCH", STR(" 1")},
	    {STR("Uid  mOve"), "UID MOVE", STR("")},
	    {STR("UID")},
	    {STR("UID ")},
	    {STR("UIDx y"), "UIDX", STR(" y")},
	};
	static const struct string_case items[] = {
	    {STR("body.peek[]"), "BODY.PEEK", STR("[]")},
	    {STR("BODY<"), "BODY", STR("<")},
	    {STR("rfc822.size)"), "RFC822.SIZE", STR(")")},
	};

	STRINGS(arg_atom, false, atoms);
	STRINGS(arg_tag, false, tags);
	STRINGS(arg_command, false, commands);
	STRINGS(arg_item, false, items);
}

static void
test_strings(void **state)
{
	static const struct string_case astrings[] = {
	    {STR("a]b c"), "a]b", STR(" c")},
	    {STR("NIL"), "NIL", STR("")},
	    {STR("\"\""), "", STR("")},
	    {STR("\"a b\" c"), "a b", STR(" c")},
	    {STR("\"a\\\"b\\\\\"c"), "a\"b\\", STR("c")},
	    {STR("\"\\\\\""), "\\", STR("")},
	    {STR("\"a\\b\"")},
	    {STR("\"a\\")},
	    {STR("\"a\\\"")},
	    {STR("\"")},
	    {STR("\"a\rb\"")},
	    {STR("\"a\nb\"")},
	    {STR("\"a\0b\"")},
	    {STR("\"\xff\""), "\xff", STR("")},
	    {STR("{3}\r\na b c"), "a b", STR(" c")},
	    {STR("{3+}\r\na\r\n c"), "a\r\n", STR(" c")},
	    {STR("{0}\r\n"), "", STR("")},
	    {STR("{3}\r\n"), NULL, STR(""), ERR_AGAIN},
	    {STR("{3}\r\nab"), NULL, STR(""), ERR_AGAIN},
	    {STR("{9223372036854775807}\r\nab"), NULL, STR(""), ERR_AGAIN},
	    {STR("{9223372036854775808}\r\nab")},
	    {STR("{18446744073709551617}\r\nab")},
	    {STR("{3}\nabc")},
	    {STR("{3")},
	    {STR("{-1}\r\n")},
	    {STR("~{1}\r\na"), "~", STR("{1}\r\na")}, /* no literal8 here */
	    {STR("(a)")},
	};
	static const struct string_case utf8s[] = {
	    {STR("\"\xc3\xa9\""), "\xc3\xa9", STR("")},
	    {STR("\"\xe9\"")},
	    {STR("\"\xc3\"")},
	};
	struct args a;
	struct str s;
	bool binary;
	uint64_t size;

	STRINGS(arg_astring, false, astrings);
	STRINGS(arg_string, true, utf8s);
	a = args_of(STR("nil x"), false);
	assert_true(arg_nstring(&a, &s) == OK && s.p == NULL && a.at == 3);
	a = args_of(STR("NILx"), false);
	assert_int_equal(arg_nstring(&a, &s), ERR_BAD_INPUT);
	a = args_of(STR("~{2+}\r\n\0\n"), false);
	assert_true(arg_nstring8(&a, &s, &binary) == OK && binary && str_eq(s, STR("\0\n")));
	a = args_of(STR("{1}\r\nx"), false);
	assert_true(arg_nstring8(&a, &s, &binary) == OK && !binary && str_eq(s, STR("x")));
	a = args_of(STR("~{20}\r\n)"), false);
	assert_true(
	    arg_literal_streamed(&a, &size, &binary) == OK && size == 20 && binary && a.at == 7);
}

static void
test_mailboxes(void **state)
{
	static const struct string_case names[] = {
	    {STR("inbox"), "INBOX", STR("")},
	    {STR("\"iNBOX/x\""), "INBOX/x", STR("")},
	    {STR("inboxes"), "inboxes", STR("")},
	    {STR("x/inbox"), "x/inbox", STR("")},
	    {STR("Work/"), "Work", STR("")},
	    {STR("Inbox/"), "INBOX", STR("")},
	    {STR("\"a b\\\\c\""), "a b\\c", STR("")},
	    {STR("&AOk-t&AOk-"), "\xc3\xa9t\xc3\xa9", STR("")},
	    {STR("&2D3eAA-"), "\xf0\x9f\x98\x80", STR("")},
	    {STR("a&-b"), "a&b", STR("")},
	    {STR("e&AwE-"), "\xc3\xa9", STR("")},       /* NFC */
	    {STR("\"\xc3\xa9\""), "\xc3\xa9", STR("")}, /* sent unasked by many */
	    {.in = STR("a&b"), .no_mailbox = true}, /* well formed, and no modified UTF-7 (T105) */
	    {.in = STR("&AOk"), .no_mailbox = true},
	    {.in = STR("\"\xe9\""), .no_mailbox = true},
	    {.in = STR("\"a\tb\""), .no_mailbox = true},
	    {.in = STR("{4}\r\na\0&-"), .no_mailbox = true},
	    {STR("(")},
	    {STR("\"a")},
	    {STR("a%"), "a", STR("%")},
	};
	static const struct string_case utf8_names[] = {
	    {STR("\"a&b\""), "a&b", STR("")},
	    {STR("\"e\xcc\x81\""), "\xc3\xa9", STR("")},
	    {STR("&AOk-"), "&AOk-", STR("")},
	    {STR("{2}\r\n\xc3\xa9"), "\xc3\xa9", STR("")},
	    {STR("{1}\r\n\xc3")},
	};
	static const struct string_case patterns[] = {
	    {STR("% x"), "%", STR(" x")},
	    {STR("*"), "*", STR("")},
	    {STR("inbox/%"), "INBOX/%", STR("")},
	    {STR("a]%*"), "a]%*", STR("")},
	    {STR("\"a %\""), "a %", STR("")},
	    {STR("\"\""), "", STR("")},
	    {STR("Work/"), "Work", STR("")},
	    {STR("&AOk-%"), "\xc3\xa9%", STR("")},
	    {STR("(")},
	};
	static const struct string_case references[] = {
	    {STR("\"Work/\""), "Work/", STR("")}, {STR("\"\""), "", STR("")}};
	struct args a;
	struct str s;
	char *big = x_malloc(9000);

	STRINGS(arg_mailbox, false, names);
	STRINGS(arg_mailbox, true, utf8_names);
	STRINGS(arg_list_pattern, false, patterns);
	STRINGS(arg_reference, false, references);
	a = args_of(STR("a/"), false);
	assert_true(arg_mailbox(&a, &s) == OK && a.trailing_sep);
	a = args_of(STR("a"), false);
	assert_true(arg_mailbox(&a, &s) == OK && !a.trailing_sep);
	memset(big, 'x', 9000);
	a = args_of(str_of(big, 9000), false);
	assert_int_equal(arg_mailbox(&a, &s), ERR_LIMIT);
	a = args_of(str_of(big, 1025), false);
	assert_int_equal(arg_tag(&a, &s), ERR_LIMIT);
	free(big);
}

/* What can be no name is matched by nothing, and reading goes on behind it (T105). */
static void
test_no_names(void **state)
{
	struct args a = args_of(STR("R&D \"a\tb%\" x"), false);
	struct str s = STR("x");

	assert_true(arg_reference(&a, &s) == OK && s.p == NULL && arg_space(&a) == OK);
	assert_true(arg_list_pattern(&a, &s) == OK && s.p == NULL && arg_space(&a) == OK);
	assert_true(arg_atom(&a, &s) == OK && str_eq(s, STR("x")));
}

/* The farthest place and what was tried there last; a space and the end give way. */
static void
test_expected(void **state)
{
	struct args a = args_of(STR("t SEARCH (SEEN) SINCE foo"), false);
	struct str s;
	int32_t day;

	assert_null(args_expected(&a));
	assert_true(arg_tag(&a, &s) == OK && arg_space(&a) == OK && arg_atom(&a, &s) == OK);
	assert_int_equal(arg_end(&a), ERR_BAD_INPUT);
	assert_string_equal(args_expected(&a), "the end of the command");
	assert_true(str_eq(args_before_fault(&a), STR("SEARCH")));
	assert_int_equal(arg_open(&a), ERR_BAD_INPUT);
	assert_string_equal(args_expected(&a), "an opening parenthesis");
	assert_int_equal(arg_end(&a), ERR_BAD_INPUT);
	assert_string_equal(args_expected(&a), "an opening parenthesis");
	assert_true(arg_space(&a) == OK && arg_open(&a) == OK && arg_atom(&a, &s) == OK && arg_close(&a) == OK);
	/* What was read since was right. */
	assert_null(args_expected(&a));
	assert_int_equal(arg_atom(&a, &s), ERR_BAD_INPUT);
	assert_true(str_eq(args_before_fault(&a), STR(")")));
	assert_true(arg_space(&a) == OK && arg_keyword(&a, "SINCE") && arg_space(&a) == OK);
	assert_int_equal(arg_date(&a, &day), ERR_BAD_INPUT);
	assert_string_equal(args_expected(&a), "a date such as 1-Feb-2026");
	assert_true(str_eq(args_before_fault(&a), STR("SINCE")));
	/* A handler finds that a word it has read is none. */
	assert_true(arg_atom(&a, &s) == OK && arg_end(&a) == OK);
	assert_int_equal(arg_expect_at(&a, a.at - 3, EXPECT_SEARCH_KEY), ERR_BAD_INPUT);
	assert_string_equal(args_expected(&a), "a search key such as UNSEEN");
	/* Taking over another reader's note moves nothing. */
	{
		struct args b;

		args_init(&b, a.all, a.arena, false);
		b.at = 9;
		args_take_fault(&b, &a);
		assert_true(b.at == 9 && b.expected == EXPECT_SEARCH_KEY && b.fault_at == a.fault_at);
		a.at = 0;
		args_take_fault(&b, &a);
		assert_int_equal(b.at, 9);
	}
	/* At the end it is not the space that is missing. */
	a = args_of(STR("t SEARCH SINCE"), false);
	a.at = a.all.n;
	assert_int_equal(arg_space(&a), OK);
	assert_int_equal(arg_date(&a, &day), ERR_BAD_INPUT);
	assert_string_equal(args_expected(&a), "a date such as 1-Feb-2026");
}

static void
test_numbers(void **state)
{
	static const struct {
		const char *in;
		bool n, nz, n64;
		uint64_t v;
	} c[] = {
	    {"0", true, false, true, 0},
	    {"1", true, true, true, 1},
	    {"007", true, true, true, 7},
	    {"2147483647", true, true, true, 2147483647},
	    {"2147483648", true, true, true, 2147483648},
	    {"4294967295", true, true, true, 4294967295},
	    {"4294967296", false, false, true, 4294967296},
	    {"4294967297", false, false, true, 4294967297},
	    {"9223372036854775807", false, false, true, INT64_MAX},
	    {"9223372036854775808", false, false, false, 0},
	    {"18446744073709551615", false, false, false, 0},
	    {"18446744073709551616", false, false, false, 0},
	    {"18446744073709551617", false, false, false, 0},
	    {"", false, false, false, 0},
	    {"-1", false, false, false, 0},
	    {"x", false, false, false, 0},
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct args a = args_of(str_c(c[i].in), false);
		struct args b = a, d = a;
		uint32_t n, nz;
		uint64_t n64;

		assert_int_equal(arg_number(&a, &n) == OK, c[i].n);
		assert_int_equal(arg_nz_number(&b, &nz) == OK, c[i].nz);
		assert_int_equal(arg_number64(&d, &n64) == OK, c[i].n64);
		assert_true((!c[i].n || n == c[i].v) && (!c[i].nz || nz == c[i].v) &&
			    (!c[i].n64 || n64 == c[i].v));
	}
}

/* Parses, resolves with last and prints. */
static void
set_is(const char *in, uint32_t last, const char *want)
{
	struct args a = args_of(str_c(in), false);
	struct arg_set set;
	struct buf out = {0};

	if (want == NULL) {
		assert_int_equal(arg_set(&a, &set), ERR_BAD_INPUT);
		assert_int_equal(a.at, 0);
		return;
	}
	assert_int_equal(arg_set(&a, &set), OK);
	arg_set_resolve(&set, last);
	runs_print(&out, &set.runs);
	buf_addc(&out, '\0');
	assert_string_equal(out.p, want);
	buf_free(&out);
	arg_set_free(&set);
}

static void
test_sets(void **state)
{
	struct args a;
	struct arg_set set = {0};

	set_is("1", 9, "1");
	set_is("1,2,3", 9, "1:3");
	set_is("3,2,1,2", 9, "1:3");
	set_is("1593:1580,1578", 9, "1578,1580:1593"); /* T10 */
	set_is("5:2", 9, "2:5");
	set_is("10,1:20,15:30,40", 99, "1:30,40");
	set_is("*", 9, "9");
	set_is("*", 0, "");
	set_is("*:5", 9, "5:9");
	set_is("5:*", 3, "3"); /* T107 */
	set_is("5:*", 0, "");
	set_is("12:*,3:*", 7, "3:7");
	set_is("*:*", 7, "7");
	set_is("1,*,4:*", 2, "1:2");
	set_is("4294967295", 9, "4294967295");
	set_is("4294967295,4294967294,1:4294967295", 9, "1:4294967295");
	set_is("4294967295:*", 4294967295, "4294967295");
	set_is("4294967296", 9, NULL);
	set_is("0", 9, NULL);
	set_is("1:0", 9, NULL);
	set_is("", 9, NULL);
	set_is(",", 9, NULL);
	set_is("1,", 9, NULL);
	set_is(",1", 9, NULL);
	set_is("1:", 9, NULL);
	set_is(":1", 9, NULL);
	set_is("1::2", 9, NULL);
	set_is("1:2:3", 9, NULL);
	set_is("**", 9, NULL);
	set_is("1*", 9, NULL);
	set_is("x", 9, NULL);
	a = args_of(STR("$ x"), false);
	assert_true(arg_set(&a, &set) == OK && set.saved && a.at == 1);
	arg_set_free(&set);
	assert_int_equal(arg_set_parse(STR("$"), &set), ERR_BAD_INPUT);
	assert_int_equal(arg_set_parse(STR("1 "), &set), ERR_BAD_INPUT);
}

/* 100k members in the worst orders, in time that is near linear (T09, S6). */
static void
test_large_sets(void **state)
{
	struct buf in = {0};
	clock_t begin = clock();

	for (int order = 0; order < 4; order++) {
		struct arg_set set;
		uint32_t x = 1;

		buf_clear(&in);
		for (uint32_t i = 0; i < 100000; i++) {
			x = x * 1664525 + 1013904223;
			if (i > 0)
				buf_addc(&in, ',');
			buf_addu(&in, order == 0   ? 2 * i + 1
				      : order == 1 ? 200001 - 2 * i
				      : order == 2 ? x | 1
						   : 7);
		}
		assert_int_equal(arg_set_parse(buf_str(&in), &set), OK);
		assert_true(order < 2    ? set.runs.n == 100000
			    : order == 3 ? set.runs.n == 1
					 : set.runs.n > 1000);
		arg_set_free(&set);
	}
	buf_clear(&in);
	for (int i = 0; i < 10000; i++)
		buf_adds(&in, i ? ",1:*" : "1:*");
	{
		struct arg_set set;

		assert_int_equal(arg_set_parse(buf_str(&in), &set), OK);
		assert_int_equal(set.runs.n, 0);
		arg_set_resolve(&set, 5);
		assert_int_equal(set.runs.n, 1);
		arg_set_free(&set);
	}
	buf_free(&in);
	assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
}

static void
flags_are(const char *in, enum status want_st, unsigned system, const char *want)
{
	struct args a = args_of(str_c(in), false);
	struct arg_flags f = {0};
	struct buf out = {0};
	enum status st = arg_flags(&a, &f);

	if (st != want_st)
		fail_msg("%s: %s", in, status_word(st));
	if (st == OK) {
		for (size_t i = 0; i < f.n; i++) {
			buf_add(&out, f.keywords[i]);
			buf_addc(&out, ' ');
		}
		buf_addc(&out, '\0');
		assert_string_equal(out.p, want);
		assert_int_equal(f.system, system);
	} else {
		assert_true(a.at == 0 && a.depth == 0);
	}
	buf_free(&out);
}

static void
test_flags(void **state)
{
	struct buf in = {0};

	flags_are("()", OK, 0, "");
	flags_are("( )", OK, 0, "");
	flags_are("(\\Seen $Junk foo)", OK, FLAG_SEEN, "$Junk foo ");
	flags_are("\\seen \\DELETED kw", OK, FLAG_SEEN | FLAG_DELETED, "kw ");
	flags_are("(\\Answered \\Flagged \\Draft  x )", OK,
	    FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DRAFT, "x ");
	flags_are("(a A b a)", OK, 0, "a b ");
	flags_are("(\\Recent)", OK, 0, "");
	flags_are("\\Foo", ERR_BAD_INPUT, 0, NULL);
	flags_are("(\\*)", ERR_BAD_INPUT, 0, NULL);
	flags_are("(\\ Seen)", ERR_BAD_INPUT, 0, NULL);
	flags_are("(a", ERR_BAD_INPUT, 0, NULL);
	flags_are("(a(b))", ERR_BAD_INPUT, 0, NULL);
	flags_are("(\"a\")", ERR_BAD_INPUT, 0, NULL);
	flags_are("", ERR_BAD_INPUT, 0, NULL);
	buf_addc(&in, '(');
	for (int i = 0; i < 5000; i++)
		buf_addf(&in, "k%d ", i);
	buf_addf(&in, "x)%c", 0);
	flags_are(in.p, ERR_LIMIT, 0, NULL);
	in.n = 0;
	for (int i = 0; i < 300; i++)
		buf_addc(&in, 'x');
	buf_addc(&in, '\0');
	flags_are(in.p, ERR_LIMIT, 0, NULL);
	buf_free(&in);
}

static void
section_is(const char *in, bool binary, enum status want_st, const char *want)
{
	struct args a = args_of(str_c(in), false);
	struct section s;
	struct buf out = {0};
	enum status st = arg_section(&a, binary, &s);

	if (st != want_st)
		fail_msg("%s: %s", in, status_word(st));
	if (st == OK) {
		buf_addf(&out, "%d ", (int)s.kind);
		for (size_t i = 0; i < s.parts; i++)
			buf_addf(&out, "%u.", s.part[i]);
		for (size_t i = 0; i < s.fields; i++)
			buf_addf(&out, "%.*s,", STR_FMT(s.field[i]));
		if (s.partial)
			buf_addf(&out, "<%lu.%lu>", (unsigned long)s.first, (unsigned long)s.count);
		buf_addc(&out, '\0');
		assert_string_equal(out.p, want);
	} else {
		assert_int_equal(a.at, 0);
	}
	buf_free(&out);
}

static void
test_sections(void **state)
{
	section_is("[]", false, OK, "0 ");
	section_is("[1]", false, OK, "0 1.");
	section_is("[1.2.33]<0.5>", false, OK, "0 1.2.33.<0.5>");
	section_is("[HEADER]", false, OK, "1 ");
	section_is("[2.header]", false, OK, "1 2.");
	section_is("[TEXT]<9223372036854775807.9223372036854775807>", false, OK,
	    "4 <9223372036854775807.9223372036854775807>");
	section_is("[1.MIME]", false, OK, "5 1.");
	section_is("[HEADER.FIELDS (From \"To\" {2}\r\nCc)]", false, OK, "2 From,To,Cc,");
	section_is("[1.HEADER.FIELDS.NOT ( a )]", false, OK, "3 1.a,");
	section_is("[4294967295]", false, OK, "0 4294967295.");
	section_is("[4294967296]", false, ERR_BAD_INPUT, NULL);
	section_is("[0]", false, ERR_BAD_INPUT, NULL);
	section_is("[MIME]", false, ERR_BAD_INPUT, NULL);
	section_is("[1.]", false, ERR_BAD_INPUT, NULL);
	section_is("[.1]", false, ERR_BAD_INPUT, NULL);
	section_is("[1..2]", false, ERR_BAD_INPUT, NULL);
	section_is("[1 .2]", false, ERR_BAD_INPUT, NULL);
	section_is("[1TEXT]", false, ERR_BAD_INPUT, NULL);
	section_is("[HEADER.FIELDS ()]", false, ERR_BAD_INPUT, NULL);
	section_is("[HEADER.FIELDS]", false, ERR_BAD_INPUT, NULL);
	section_is("[HEADER.FIELDS (a]", false, ERR_BAD_INPUT, NULL);
	section_is("[HEADER.FIELDS (\"\")]", false, ERR_BAD_INPUT, NULL);
	section_is("[]<0.0>", false, ERR_BAD_INPUT, NULL);
	section_is("[]<0>", false, ERR_BAD_INPUT, NULL);
	section_is("[]<9223372036854775808.1>", false, ERR_BAD_INPUT, NULL);
	section_is("[", false, ERR_BAD_INPUT, NULL);
	section_is("[1.2]<1.2>", true, OK, "0 1.2.<1.2>");
	section_is("[]", true, OK, "0 ");
	section_is("[TEXT]", true, ERR_BAD_INPUT, NULL);
	section_is("[1.TEXT]", true, ERR_BAD_INPUT, NULL);
}

static void
test_deep_section(void **state)
{
	struct buf in = {0};

	buf_addc(&in, '[');
	for (int i = 0; i < 100; i++)
		buf_adds(&in, i ? ".1" : "1");
	buf_adds(&in, ".2]");
	buf_addc(&in, '\0');
	section_is(in.p, false, ERR_LIMIT, NULL);
	buf_free(&in);
}

static void
test_dates(void **state)
{
	struct args a = args_of(STR("1-Feb-1994 x"), false);
	int32_t days;
	struct date_time d;

	assert_true(arg_date(&a, &days) == OK && days == date_days(1994, 2, 1) && a.at == 10);
	a = args_of(STR("\"01-Feb-1994\")"), false);
	assert_true(arg_date(&a, &days) == OK && days == date_days(1994, 2, 1) && a.at == 13);
	a = args_of(STR("\"1-Feb-1994"), false);
	assert_int_equal(arg_date(&a, &days), ERR_BAD_INPUT);
	a = args_of(STR("1-Fev-1994"), false);
	assert_int_equal(arg_date(&a, &days), ERR_BAD_INPUT);
	a = args_of(STR("\" 4-Aug-2018 09:51:03 +0200\" {3}"), false);
	assert_true(
	    arg_date_time(&a, &d) == OK && d.zone == 120 && d.seconds == 1533369063 && a.at == 28);
	a = args_of(STR("4-Aug-2018 09:51:03 +0200"), false);
	assert_int_equal(arg_date_time(&a, &d), ERR_BAD_INPUT);
}

static void
test_lists(void **state)
{
	struct args a = args_of(STR("( a  b (c) )  "), false);
	struct str s;
	struct buf deep = {0};

	assert_true(arg_open(&a) == OK && arg_more(&a) && arg_atom(&a, &s) == OK);
	assert_true(arg_more(&a) && arg_atom(&a, &s) == OK && str_eq(s, STR("b")));
	assert_true(arg_more(&a) && arg_open(&a) == OK && arg_more(&a) && arg_atom(&a, &s) == OK);
	assert_true(!arg_more(&a) && arg_close(&a) == OK && a.depth == 1);
	assert_true(!arg_more(&a) && arg_close(&a) == OK && a.depth == 0);
	assert_int_equal(arg_close(&a), ERR_BAD_INPUT);
	assert_int_equal(arg_end(&a), OK);
	a = args_of(STR("X-Y[z"), false);
	assert_false(arg_keyword(&a, "X"));
	assert_true(arg_keyword(&a, "x-y"));
	/* S2: many "(", no recursion. */
	for (int i = 0; i < 100000; i++)
		buf_addc(&deep, '(');
	a = args_of(buf_str(&deep), false);
	for (int i = 0; i < ARGS_DEPTH; i++)
		assert_int_equal(arg_open(&a), OK);
	assert_int_equal(arg_open(&a), ERR_LIMIT);
	a = args_of(buf_str(&deep), false);
	assert_int_equal(arg_skip_value(&a), ERR_LIMIT);
	assert_true(a.at == 0 && a.depth == 0);
	buf_free(&deep);
	a = args_of(STR("(a (\"b)\" {1}\r\n( ~{1}\r\n\0) 1:* \\x ()) next"), false);
	assert_int_equal(arg_skip_value(&a), OK);
	assert_true(str_eq(str_from(a.all, a.at), STR(" next")));
	a = args_of(STR("a b"), false);
	assert_true(arg_skip_value(&a) == OK && a.at == 1);
	a = args_of(STR(")"), false);
	assert_int_equal(arg_skip_value(&a), ERR_BAD_INPUT);
}

/* A command cut at every byte, read by everything: nothing reads past its end (S3). */
static void
test_cut_everywhere(void **state)
{
	static const char text[] = "(\"a\\\"\" ~{3}\r\nxyz [1.HEADER.FIELDS (a)]<1.2> 1:*,5 \\Seen "
				   "&AOk- \"01-Jan-2020 00:00:00 +0000\")";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		for (size_t j = i; j < sizeof(text); j++) {
			struct args a = args_of(str_of(text + i, j - i), i & 1);
			struct str s;
			struct arg_set set;
			struct arg_flags f;
			struct section sec;
			struct date_time d;
			int32_t days;
			bool b;

			(void)!arg_astring(&a, &s), a.at = 0;
			(void)!arg_nstring8(&a, &s, &b), a.at = 0;
			(void)!arg_mailbox(&a, &s), a.at = 0;
			(void)!arg_list_pattern(&a, &s), a.at = 0;
			if (arg_set(&a, &set) == OK)
				arg_set_free(&set);
			a.at = 0;
			(void)!arg_flags(&a, &f), a.at = 0, a.depth = 0;
			(void)!arg_section(&a, false, &sec), a.at = 0, a.depth = 0;
			(void)!arg_date(&a, &days), a.at = 0;
			(void)!arg_date_time(&a, &d), a.at = 0;
			(void)!arg_skip_value(&a);
		}
		arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_atoms),
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_mailboxes),
	    cmocka_unit_test(test_no_names),
	    cmocka_unit_test(test_expected),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_sets),
	    cmocka_unit_test(test_large_sets),
	    cmocka_unit_test(test_flags),
	    cmocka_unit_test(test_sections),
	    cmocka_unit_test(test_deep_section),
	    cmocka_unit_test(test_dates),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_cut_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
