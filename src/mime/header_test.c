/* SPDX-License-Identifier: Apache-2.0 */
/* Fields, selection (T51), encoded words, message ids, dates, base subjects, collation keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/utf8.h"
#include "mime/date.h"
#include "mime/fields.h"
#include "mime/header.h"
#include "mime/subject.h"

static void
test_fields(void **state)
{
	struct str rest = STR("From bob Mon 10:20\r\nA: 1\r\n 2\r\nB :x\nno colon\n\tmore\n: empty\nC:\r\n\r\nD: body\r\n");
	static const char *const want[][2] = {{"", "From bob Mon 10:20"}, {"A", " 1\r\n 2"}, {"B", "x"}, {"", "no colon\n\tmore"},
		{"", " empty"}, {"C", ""}};
	struct mime_field f;
	size_t n = 0;

	(void)state;
	assert_int_equal(mime_header_size(rest), rest.n - strlen("D: body\r\n"));
	for (; mime_field_next(&rest, &f); n++) {
		assert_true(str_eq(f.name, str_c(want[n][0])));
		assert_true(str_eq(f.value, str_c(want[n][1])));
	}
	assert_int_equal(n, 6);
	assert_true(str_starts(rest, STR("\r\nD:")));
	assert_int_equal(mime_header_size(STR("A: b")), 4);
	assert_int_equal(mime_header_size(STR("")), 0);
	assert_true(mime_header_get(STR("a: 1\nB: 2\nb: 3\n"), STR("b"), &f) && str_eq(f.value, STR(" 2")));
	assert_false(mime_header_get(STR("a: 1\n\nB: 2\n"), STR("b"), &f));
}

static void
test_select(void **state)
{
	static const struct {
		const char *header, *want, *want_not;
	} rows[] = {
		{"From: a\r\nX: y\r\n z\r\nTo: b\r\n\r\n", "From: a\r\nTo: b\r\n\r\n", "X: y\r\n z\r\n\r\n"},
		{"X: y\r\n\r\n", "\r\n", "X: y\r\n\r\n"},
		{"", "\r\n", "\r\n"},
		{"TO: 1\r\nfrom: 2\r\nto: 3\r\n\r\n", "TO: 1\r\nfrom: 2\r\nto: 3\r\n\r\n", "\r\n"},
		{"From: a", "From: a\r\n\r\n", "\r\n"},
		{"junk\r\nFromm: a\r\nFro: b\r\n", "\r\n", "junk\r\nFromm: a\r\nFro: b\r\n\r\n"},
	};
	const struct str names[] = {STR("from"), STR("TO"), STR("")};
	struct mime_names set;

	(void)state;
	mime_names_init(&set, names, 3);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf got = {0}, other = {0};

		mime_header_select(&got, str_c(rows[i].header), &set, false);
		mime_header_select(&other, str_c(rows[i].header), &set, true);
		assert_true(str_eq(buf_str(&got), str_c(rows[i].want)));
		assert_true(str_eq(buf_str(&other), str_c(rows[i].want_not)));
		buf_free(&got);
		buf_free(&other);
	}
}

static void
test_words(void **state)
{
	static const struct {
		const char *raw, *want, *charset;
	} rows[] = {
		{"plain", "plain", ""},
		{" fol\r\n ded \r\n", "fol ded", ""},
		/* RFC 2047 8. */
		{"(=?ISO-8859-1?Q?a?=)", "(a)", ""},
		{"(=?ISO-8859-1?Q?a?= b)", "(a b)", ""},
		{"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)", ""},
		{"(=?ISO-8859-1?Q?a?=  \r\n  =?ISO-8859-1?Q?b?=)", "(ab)", ""},
		{"(=?ISO-8859-1?Q?a_b?=)", "(a b)", ""},
		{"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)", ""},
		{"=?iso-8859-1?q?=E9?=", "\xc3\xa9", ""},
		{"=?utf-8?B?w6k=?=", "\xc3\xa9", ""},
		{"=?UTF-8*en?b?w6k?=", "\xc3\xa9", ""},
		{"=?koi8-r?B?7c/T?=", "\xd0\x9c\xd0\xbe\xd1\x81", ""},
		{"=?gb2312?B?1tA=?=", "\xe4\xb8\xad", ""},
		{"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac", ""},
		/* A character split between words. */
		{"=?utf-8?B?ww==?= =?utf-8?B?qQ==?=", "\xc3\xa9", ""},
		{"=?utf-8?Q?=C3?= =?UTF-8?B?qQ==?=", "\xc3\xa9", ""},
		/* Inside other text; blanks inside; unknown; broken. */
		{"a=?utf-8?q?b?=c", "abc", ""},
		{"=?utf-8?q?a b?=", "a b", ""},
		{"=?x-nothing?q?a?= b", "=?x-nothing?q?a?= b", ""},
		{"=?x-nothing?q?\xe9?=", "=?x-nothing?q?\xc3\xa9?=", ""},
		{"=?utf-8?q?a", "=?utf-8?q?a", ""},
		{"=?utf-8?z?a?=", "=?utf-8?z?a?=", ""},
		{"=?", "=?", ""}, {"=?\?=", "=?\?=", ""}, {"=??\?=", "=??\?=", ""}, {"=??q?\?=", "=??q?\?=", ""},
		{"=?utf-8?q?\?=", "", ""},
		{"=?utf-8?q?=?=", "=", ""}, {"=?utf-8?q?=4?=", "=4", ""}, {"=?utf-8?q?=zz?=", "=zz", ""},
		{"=?utf-8?b?!!!!?=", "", ""},
		{"=?utf-8?q?=FF?=", "\xef\xbf\xbd", ""},
		{"=?utf-8?q?a=00b=0Dc=0Ad?=", "a b c d", ""},
		/* Raw bytes. */
		{"\xc3\xa9", "\xc3\xa9", "koi8-r"},
		{"\xe9", "\xc3\xa9", ""},
		{"\xcd", "\xd0\xbc", "koi8-r"},
		{"\xe9 =?utf-8?q?x?=", "\xc3\xa9 x", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf got = {0};

		mime_header_text(&got, str_c(rows[i].raw), str_c(rows[i].charset));
		if (!str_eq(buf_str(&got), str_c(rows[i].want)))
			fail_msg("%s gives %.*s not %s", rows[i].raw, STR_FMT(buf_str(&got)), rows[i].want);
		assert_true(utf8_valid(buf_str(&got)));
		buf_free(&got);
	}
}

/* What is encoded decodes to the same; every word is short enough and ASCII. */
static void
test_encode(void **state)
{
	struct buf text = {0}, words = {0}, back = {0};
	struct str rest, word;

	(void)state;
	for (uint32_t c = 0x20; c < 0x20000; c += c < 0x800 ? 1 : 251)
		if (c < 0xd800 || c > 0xdfff)
			utf8_add(&text, c);
	mime_encode_words(&words, buf_str(&text));
	assert_true(str_is_ascii(buf_str(&words)));
	for (rest = buf_str(&words); str_split(&rest, ' ', &word);)
		assert_true(word.n <= 75);
	mime_header_text(&back, buf_str(&words), STR_NONE);
	assert_true(str_eq(buf_str(&back), buf_str(&text)));
	buf_free(&text), buf_free(&words), buf_free(&back);
}

static void
test_msgids(void **state)
{
	struct arena a = {0};
	struct str rest = STR("<a@b> text (<c@d>) <e@\r\n f> <> <open <\"g\"@h> > <last"), id;
	static const char *const want[] = {"a@b", "c@d", "e@f", "g@h"};
	size_t n = 0;

	(void)state;
	for (; mime_msgid_next(&a, &rest, &id); n++)
		assert_true(n < 4 && str_eq(id, str_c(want[n])));
	assert_int_equal(n, 4);
	/* Stored, so it may never change. */
	assert_true(mime_msgid_hash(STR("a@b")) == mime_msgid_hash(STR("a@b")));
	assert_true(mime_msgid_hash(STR("20261121.1@mail.example.org")) == 0xa9305041001543d3ull);
	assert_true(mime_msgid_hash(STR("a@b")) != mime_msgid_hash(STR("a@c")));
	assert_true(mime_msgid_hash(STR("")) != 0);
	arena_free(&a);
}

static void
test_dates(void **state)
{
	static const struct {
		const char *raw;
		int64_t utc;
		int zone;
	} rows[] = {
		{"Thu, 1 Jan 1970 00:00:00 +0000", 0, 0},
		{"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", 837595405, -420},
		{"Tue, 31 Dec 2024 23:59:60 +0000", 1735689600, 0},
		{"29 Feb 2000 12:00 +0100", 951822000, 60},
		{"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706, -360}, /* RFC 5322 A.6.3 */
		{"21 Nov 97 09:55:06 GMT", 880106106, 0},
		{"Mon, 06 Feb 03 10:00:00 EST", 1044543600, -300},
		{"6 Feb 103 10:00:00 Z", 1044525600, 0},
		{"Mon, 6 Feb 2003 10:00:00 GMT+0100", 1044522000, 60},
		{"Monday, 06-Feb-03 10:00:00 PDT", 1044550800, -420},
		{"Mon Feb  6 10:00:00 2003", 1044525600, 0},
		{"Mon Feb  6 10:00:00 MET 2003", 1044522000, 60},
		{"Feb 6, 2003 10:00 PM", 1044568800, 0},
		{"2003-02-06T10:00:00Z", 1044525600, 0},
		{"2003-02-06 10:00:00.123 +05:30", 1044505800, 330},
		{"6 Feb 2003", 1044489600, 0},
		{"6 February 2003 10:00:00 Y", 1044525600, 0},
		{"6 Feb 2003 10:00:00 +9999", 1044525600, 0},
		{"Mon, 1 Jan 1900 00:00:00 +0000", -2208988800, 0},
		/* Older than 1900 is no date (T127); three digits add to 1900 (RFC 5322 4.3). */
		{"Sun, 31 Dec 1899 23:59:59 +0000", 0, 999}, {"Sat, 1 Jan 0001 00:00:00 +0000", 0, 999},
		{"Tue, 15 Jan 0102 10:00:00 +0000", 0, 999}, {"Tue, 15 Jan 102 10:00:00 +0000", 1011088800, 0},
		{"0102-01-15 10:00:00 +0000", 0, 999},
		{"6 Feb 9999 10:00:00 +0000", 253373911200, 0},
		{"", 0, 999}, {"garbage", 0, 999}, {"32 Jan 2003 10:00:00 +0000", 0, 999}, {"6 Feb", 0, 999},
		{"6 Feb 2003 25:00:00 +0000", 0, 999}, {"6 Feb 2003 10:61 +0000", 0, 999}, {"2003-13-06", 0, 999},
		{"6 Feb 99999999999999999999 10:00:00 +0000", 0, 999}, {"(", 0, 999}, {"((\\", 0, 999},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t utc = 12345;
		int zone = 999;
		bool good = mime_date_parse(str_c(rows[i].raw), &utc, &zone);

		if (good != (rows[i].zone != 999) || (good && (utc != rows[i].utc || zone != rows[i].zone)))
			fail_msg("%s gives %d %lld %d", rows[i].raw, good, (long long)utc, zone);
		if (!good)
			assert_true(utc == 12345 && zone == 999);
	}
	for (int64_t y = 1; y < 9999; y++)
		assert_int_equal(mime_days(y + 1, 1, 1) - mime_days(y, 1, 1), (y % 4 == 0 && y % 100 != 0) || y % 400 == 0 ? 366 : 365);
}

static void
test_subjects(void **state)
{
	static const struct {
		const char *raw, *want;
		bool reply;
	} rows[] = {
		{"", "", false},
		{"Hello", "Hello", false},
		{"Re: Hello", "Hello", true},
		{"RE : re:fwd:FW: Hello", "Hello", true},
		{"Re[2]: Hello", "Hello", true},
		{"re [list] : Hello", "Hello", true},
		{"[list] Re: Hello", "Hello", true},
		{"[list] Hello", "Hello", false},
		{"[a] [b] Re: [c] Hello", "Hello", true},
		{"[only]", "[only]", false},
		{"[a] [b]", "[b]", false},
		{"Hello (fwd)", "Hello", true},
		{"Hello (FWD)  (fwd) ", "Hello", true},
		{"[fwd: Hello]", "Hello", true},
		{"[Fwd: Re: [x] Hello (fwd)] (fwd)", "Hello", true},
		{"  a \t b  ", "a b", false},
		{"Re:", "", true},
		{"(fwd)", "", true},
		{"[fwd:]", "", true},
		{"Reply: x", "Reply: x", false},
		{"re", "re", false},
		{"[open re: x", "[open re: x", false},
		{"re[open: x", "re[open: x", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf got = {0};
		bool reply;

		mime_base_subject(&got, str_c(rows[i].raw), &reply);
		if (!str_eq(buf_str(&got), str_c(rows[i].want)) || reply != rows[i].reply)
			fail_msg("%s gives %.*s %d", rows[i].raw, STR_FMT(buf_str(&got)), reply);
		buf_free(&got);
	}
}

static void
test_keys(void **state)
{
	static const struct {
		const char *raw, *want;
	} maps[] = {
		{"abc XYZ 1", "ABC XYZ 1"},
		{"\xc3\xa9", "E\xcc\x81"},                 /* é: E and a combining acute */
		{"e\xcc\x81", "E\xcc\x81"},
		{"\xc7\x84", "D" "z\xcc\x8c"},             /* RFC 5051 2: U+01C4 */
		{"\xef\xac\x81", "fi"},                    /* the ligature has no title case; then compatibility */
		{"\xff not utf-8", "\xff not utf-8"},
	};
	static const struct {
		const char *raw, *mailbox, *display;
	} addresses[] = {
		{"Bob <bob@x>, a@b", "BOB", "BOB"},
		{"bob.smith@x", "BOB.SMITH", "BOB.SMITH@X"},
		{"=?utf-8?q?=C3=A9?= <z@x>", "Z", "E\xcc\x81"},
		{"Team: a@b;", "TEAM", "TEAM"},
		{"\"\" <a@b>", "A", "A@B"},                      /* RFC 5957 3: an empty name is none */
		{"=?utf-8?q?" "?= <a@b>", "A", "A@B"},
		{"\" \" <a@b>", "A", "A@B"},
		{"\xfcl <\xfc@b>", "\xff\xfc", "\xff\xfcl"},     /* of no charset: octets, after all else (RFC 5255 4.6) */
		{"", "", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		struct buf got = {0};

		mime_casemap(&got, str_c(maps[i].raw));
		if (!str_eq(buf_str(&got), str_c(maps[i].want)))
			fail_msg("%s gives %.*s", maps[i].raw, STR_FMT(buf_str(&got)));
		buf_free(&got);
	}
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct buf got = {0}, display = {0};

		mime_address_key(&got, MIME_UNICODE_CASEMAP, str_c(addresses[i].raw));
		mime_display_key(&display, MIME_UNICODE_CASEMAP, str_c(addresses[i].raw), STR_NONE);
		if (!str_eq(buf_str(&got), str_c(addresses[i].mailbox)) || !str_eq(buf_str(&display), str_c(addresses[i].display)))
			fail_msg("%s gives %.*s %.*s", addresses[i].raw, STR_FMT(buf_str(&got)), STR_FMT(buf_str(&display)));
		buf_free(&got);
		buf_free(&display);
	}
}

/* Fields that are found by an index are those that a look at all of them finds. */
static void
test_index(void **state)
{
	static const char *const asked[][4] = {{"x-1"}, {"X-3", "x-17", "X-3"}, {"a", "zz"}, {"no"}, {"From", "x-40", "LAST"}, {"X-5", "X-6", "X-7", "x-8"}};
	struct mime_fields x = {0};
	struct buf header = {0};

	(void)state;
	for (int i = 0; i < 400; i++)
		buf_addf(&header, i % 50 == 7 ? "no field\r\n" : i % 3 ? "X-%d: y\r\n more\r\n" : "a: %d\n", i % 60);
	buf_add(&header, STR("last: not ended"));
	for (size_t cut = 0; cut < 3; cut++) {
		struct str of = str_head(buf_str(&header), header.n - cut * 20);

		mime_fields_make(&x, of);
		for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
			struct buf want = {0}, got = {0};
			struct mime_names set;
			struct str names[4];
			size_t n = 0;

			while (n < 4 && asked[i][n] != NULL)
				names[n] = str_c(asked[i][n]), n++;
			mime_names_init(&set, names, n);
			for (int not = 0; not < 2; not++) {
				buf_clear(&want);
				buf_clear(&got);
				mime_header_select(&want, of, &set, not);
				mime_fields_select(&x, &got, &set, not);
				if (!str_eq(buf_str(&got), buf_str(&want)))
					fail_msg("%s: %.*s, not %.*s", asked[i][0], STR_FMT(buf_str(&got)), STR_FMT(buf_str(&want)));
			}
			buf_free(&want);
			buf_free(&got);
		}
	}
	mime_fields_free(&x);
	buf_free(&header);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_msgids),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_subjects),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
