/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of dates, modified UTF-7, mailbox names, flags and of what is written. T02 T03 T05 T23
 * T24 T58 T59. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/utf8.h"
#include "wire/date.h"
#include "wire/imap_out.h"
#include "wire/mailbox_name.h"
#include "wire/mutf7.h"

static void
is(struct buf *out, const char *want)
{
	buf_addc(out, '\0');
	assert_string_equal(out->p, want);
	buf_free(out);
}

static void
test_calendar(void **state)
{
	int32_t days = date_days(1, 1, 1);
	int y, m, d;

	assert_int_equal(date_days(1970, 1, 1), 0);
	assert_int_equal(date_days(2000, 3, 1), 11017);
	assert_int_equal(date_days(1, 1, 1), -719162);
	assert_int_equal(date_days(9999, 12, 31), 2932896);
	/* Every day of ten thousand years, both ways. */
	for (int year = 1; year <= 9999; year++)
		for (int month = 1; month <= 12; month++)
			for (int day = 1; date_valid(year, month, day); day++, days++) {
				date_civil(days, &y, &m, &d);
				if (date_days(year, month, day) != days || y != year ||
				    m != month || d != day)
					fail_msg("%d-%d-%d", year, month, day);
			}
	assert_int_equal(days, 2932897);
	assert_true(
	    date_valid(2000, 2, 29) && !date_valid(1900, 2, 29) && !date_valid(2023, 2, 29));
	assert_false(date_valid(0, 1, 1) || date_valid(10000, 1, 1) || date_valid(2000, 0, 1) ||
		     date_valid(2000, 13, 1));
}

static void
test_dates(void **state)
{
	static const char *good[] = {
	    "1-Jan-1970", "01-jan-1970", "29-FEB-2024", "31-Dec-9999", "1-Jan-0001"};
	static const char *bad[] = {"", "1", "1-", "1-Jan", "1-Jan-", "1-Jan-70", "1-Jan-19700",
	    "0-Jan-1970", "32-Jan-1970", "29-Feb-2023", "001-Jan-1970", "1-Jan-0000", "1 Jan 1970",
	    "1-Jan-1970 ", "-1-Jan-1970"};
	struct buf out = {0};
	int32_t days;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(date_parse(str_c(good[i]), &days), OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (date_parse(str_c(bad[i]), &days) == OK)
			fail_msg("%s", bad[i]);
	date_print(&out, date_days(1994, 2, 1));
	is(&out, "1-Feb-1994");
}

static void
test_date_times(void **state)
{
	static const struct {
		const char *in, *out;
		int64_t seconds;
	} c[] = {
	    {" 4-Aug-2018 09:51:03 +0200", "\" 4-Aug-2018 09:51:03 +0200\"", 1533369063}, /* T59 */
	    {"4-Aug-2018 09:51:03 +0200", "\" 4-Aug-2018 09:51:03 +0200\"", 1533369063},
	    {"04-Aug-2018 09:51:03 +0200", "\" 4-Aug-2018 09:51:03 +0200\"", 1533369063},
	    {"31-Dec-1969 23:59:59 +0000", "\"31-Dec-1969 23:59:59 +0000\"", -1},
	    {"01-Jan-1970 00:00:00 -0000", "\" 1-Jan-1970 00:00:00 +0000\"", 0},
	    {"01-Jan-2000 00:00:00 -0530", "\" 1-Jan-2000 00:00:00 -0530\"", 946704600},
	    {"31-Dec-2016 23:59:60 +0000", "\" 1-Jan-2017 00:00:00 +0000\"", 1483228800},
	    {"01-Jan-2000 00:00:00 +2359", "\" 1-Jan-2000 00:00:00 +2359\"", 946598460},
	};
	static const char *bad[] = {"", " ", "4-Aug-2018", "4-Aug-2018 09:51:03",
	    "4-Aug-2018 09:51:03 0200", "4-Aug-2018 09:51:03 +020", "4-Aug-2018 09:51:03 +02000",
	    "4-Aug-2018 24:00:00 +0000", "4-Aug-2018 23:60:00 +0000", "4-Aug-2018 23:00:61 +0000",
	    "4-Aug-2018 9:51:03 +0200", "4-Aug-2018 09:51:03 +2400", "4-Aug-2018 09:51:03 +0060",
	    "  4-Aug-2018 09:51:03 +0200", " 14-Aug-2018 09:51:03 +0200",
	    "4-Aug-2018 09:51:03 GMT"};
	struct date_time d;
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		assert_int_equal(date_time_parse(str_c(c[i].in), &d), OK);
		assert_int_equal(d.seconds, c[i].seconds);
		date_time_print(&out, d);
		is(&out, c[i].out);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (date_time_parse(str_c(bad[i]), &d) == OK)
			fail_msg("%s", bad[i]);
	/* Whatever lies in a damaged store, the line is well formed. */
	date_time_print(&out, (struct date_time){INT64_MAX, 32767});
	is(&out, "\"31-Dec-9999 23:59:59 +0000\"");
	date_time_print(&out, (struct date_time){INT64_MIN, -1439});
	is(&out, "\" 1-Jan-0001 00:00:00 -2359\"");
	assert_int_equal(date_of((struct date_time){-1, 0}), -1);
	assert_int_equal(date_of((struct date_time){-1, 60}), 0);
	assert_int_equal(date_of((struct date_time){0, -1}), -1);
}

static void
test_mutf7(void **state)
{
	static const char *pairs[][2] = {
	    {"", ""},
	    {"INBOX", "INBOX"},
	    {"a&b", "a&-b"},
	    {"&", "&-"},
	    {"&&", "&-&-"},
	    {"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
		"~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
	    {"\xc3\xa9", "&AOk-"},
	    {"\xc3\xa9&", "&AOk-&-"},
	    {"\xc3\xa9-", "&AOk--"},
	    {"&\xc3\xa9", "&-&AOk-"},
	    {"\xf0\x9f\x98\x80", "&2D3eAA-"},
	    {"\xf4\x8f\xbf\xbf", "&2,,f,w-"},
	    {"\xf0\x90\x80\x80", "&2ADcAA-"},
	    {"\x01", "&AAE-"},
	    {"\x7f", "&AH8-"},
	    {"\xe2\x82\xac", "&IKw-"},
	    {"\xc2\x80\xc2\x81\xc2\x82", "&AIAAgQCC-"},
	};
	static const char *bad[] = {"&", "a&", "&AOk", "&AO-", "&A-", "&AOkA-", "&AOl-", "&AGE-",
	    "&ACY-", "&AOk-&AOk-", "&2D0-", "&3gA-", "&3gDYPQ-", "&2D3YPQ-", "&AAA-", "&AO/p-",
	    "&*-", "\x80", "\xc3\xa9", "a\x01", "\x7f", "&AOk=-", "&\n-", "&2D0AYQ-"};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		mutf7_encode(&out, str_c(pairs[i][0]));
		is(&out, pairs[i][1]);
		assert_int_equal(mutf7_decode(&out, str_c(pairs[i][1])), OK);
		is(&out, pairs[i][0]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mutf7_decode(&out, str_c(bad[i])) == OK || out.n != 0)
			fail_msg("%s", bad[i]);
	assert_int_equal(mutf7_decode(&out, STR("a\0b")), ERR_BAD_INPUT);
	mutf7_encode(&out, STR("\xff"));
	is(&out, "&,,0-");
	buf_free(&out);
}

/* Every code point survives both ways, alone and between others. */
static void
test_mutf7_all(void **state)
{
	struct buf u = {0}, w = {0}, back = {0};

	for (uint32_t c = 1; c <= 0x10ffff; c += c < 0x3000 ? 1 : 37) {
		if (c >= 0xd800 && c <= 0xdfff)
			continue;
		buf_clear(&u), buf_clear(&w), buf_clear(&back);
		utf8_add(&u, c);
		buf_adds(&u, "x");
		utf8_add(&u, c);
		utf8_add(&u, c);
		mutf7_encode(&w, buf_str(&u));
		if (mutf7_decode(&back, buf_str(&w)) != OK || !str_eq(buf_str(&u), buf_str(&back)))
			fail_msg("U+%04X", c);
	}
	buf_free(&u), buf_free(&w), buf_free(&back);
}

static void
test_name_check(void **state)
{
	static const char *good[] = {
	    "INBOX", "a/b", "a b", "INBOX/x", "x/INBOX", "%*", "\xc3\xa9", "..", "a&b", " "};
	static const char *bad[] = {"", "/", "a/", "/a", "a//b", "INBOX/inbox", "INBOX/Inbox/x",
	    "a\x01", "\x7f", "\xc2\x85", "\xe2\x80\xa8", "\xef\xbf\xbf", "\xef\xb7\x90", "\xff"};
	char big[1100];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(mailbox_name_check(str_c(good[i])), OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mailbox_name_check(str_c(bad[i])) != ERR_BAD_INPUT)
			fail_msg("%s", bad[i]);
	memset(big, 'x', sizeof(big));
	assert_int_equal(mailbox_name_check(str_of(big, 255)), OK);
	assert_int_equal(mailbox_name_check(str_of(big, 256)), ERR_LIMIT);
	for (size_t i = 1; i < sizeof(big); i += 2)
		big[i] = '/';
	assert_int_equal(mailbox_name_check(str_of(big, 127)), OK);
	assert_int_equal(mailbox_name_check(str_of(big, 129)), ERR_LIMIT);
	assert_int_equal(mailbox_name_check(str_of(big, 1001)), ERR_LIMIT);
	assert_int_equal(mailbox_name_check(STR("a\0b")), ERR_BAD_INPUT);
}

static void
test_out_strings(void **state)
{
	static const struct {
		struct str in;
		const char *string, *string8, *astring, *quoted;
	} c[] = {
	    {STR("a"), "\"a\"", "\"a\"", "a", "\"a\""},
	    {STR(""), "\"\"", "\"\"", "\"\"", "\"\""},
	    {STR("nil"), "\"nil\"", "\"nil\"", "\"nil\"", "\"nil\""},
	    {STR("a]b"), "\"a]b\"", "\"a]b\"", "a]b", "\"a]b\""},
	    {STR("a b"), "\"a b\"", "\"a b\"", "\"a b\"", "\"a b\""},
	    {STR("a\"\\"), "\"a\\\"\\\\\"", "\"a\\\"\\\\\"", "\"a\\\"\\\\\"", "\"a\\\"\\\\\""},
	    {STR("a\r\nb"), "{4}\r\na\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb", "\"ab\""},
	    {STR("a\tb"), "\"a\tb\"", "\"a\tb\"", "\"a\tb\"", "\"ab\""},
	    {STR("\x01"), "{1}\r\n\x01", "{1}\r\n\x01", "{1}\r\n\x01", "\"\""},
	    {STR("\xc3\xa9"), "{2}\r\n\xc3\xa9", "\"\xc3\xa9\"", "{2}\r\n\xc3\xa9",
		"\"??\""}, /* T58 */
	    {STR("\xff"), "{1}\r\n\xff", "{1}\r\n\xff", "{1}\r\n\xff", "\"?\""},
	    {STR("a\0b"),
		"{3}\r\na\x80"
		"b",
		"{3}\r\na\x80"
		"b",
		"{3}\r\na\x80"
		"b",
		"\"ab\""},
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		out_string(&out, c[i].in, false);
		is(&out, c[i].string);
		out_string(&out, c[i].in, true);
		is(&out, c[i].string8);
		out_astring(&out, c[i].in, false);
		is(&out, c[i].astring);
		out_quoted(&out, c[i].in, false);
		is(&out, c[i].quoted);
	}
	out_nstring(&out, STR_NONE, false);
	is(&out, "NIL");
	out_nstring(&out, STR("x"), false);
	is(&out, "\"x\"");
	out_literal8(&out, STR("a"));
	is(&out, "~{1}\r\na");
}

static void
test_out_mailbox(void **state)
{
	struct buf out = {0};

	out_mailbox(&out, STR("INBOX"), false), buf_addc(&out, ' ');
	out_mailbox(&out, STR("NIL"), false), buf_addc(&out, ' '); /* T24 */
	out_mailbox(&out, STR("a b"), false), buf_addc(&out, ' ');
	out_mailbox(&out, STR("%*"), false), buf_addc(&out, ' ');
	out_mailbox(&out, STR("a&b"), false), buf_addc(&out, ' ');
	out_mailbox(&out, STR("a&b"), true), buf_addc(&out, ' ');
	out_mailbox(&out, STR("\xc3\xa9 x"), false), buf_addc(&out, ' ');
	out_mailbox(&out, STR("\xc3\xa9"), true), buf_addc(&out, ' ');
	out_mailbox(&out, STR("a[1]/b"), true);
	is(&out, "INBOX \"NIL\" \"a b\" \"%*\" a&-b a&b \"&AOk- x\" \"\xc3\xa9\" a[1]/b");
}

static void
test_out_lines(void **state)
{
	static struct str kw[] = {STR("$Junk"), STR("x")};
	static uint32_t part[] = {1, 22};
	static struct str field[] = {STR("From"), STR("a b")};
	struct section sec = {.kind = SECTION_FIELDS,
	    .part = part,
	    .parts = 2,
	    .field = field,
	    .fields = 2,
	    .partial = true,
	    .first = 7,
	    .count = 3};
	struct buf out = {0};

	out_tagged(&out, STR("a1"), "OK", NULL, "done");
	out_tagged(&out, STR("a1"), "NO", "LIMIT", "too\r\nmuch");
	out_tagged(&out, STR(""), "BAD", "", "");
	out_untagged(&out, "BYE", "ALERT", NULL);
	is(&out, "a1 OK done\r\na1 NO [LIMIT] too  much\r\n* BAD Ok\r\n* BYE [ALERT] Ok\r\n");
	out_continue(&out, STR(""));
	out_continue(&out, STR("YQ=="));
	out_number_line(&out, 4294967296, "EXISTS");
	is(&out, "+ \r\n+ YQ==\r\n* 4294967296 EXISTS\r\n");
	out_flags(&out, FLAG_SEEN | FLAG_DRAFT | FLAG_RECENT, kw, 2);
	out_flags(&out, 0, NULL, 0);
	out_flags(&out, 0, kw, 1);
	is(&out, "(\\Seen \\Draft \\Recent $Junk x)()($Junk)");
	out_section(&out, &sec);
	out_section(&out, &(struct section){.kind = SECTION_ALL});
	out_section(&out, &(struct section){.kind = SECTION_TEXT});
	out_section(&out, &(struct section){.kind = SECTION_ALL, .part = part, .parts = 1});
	is(&out, "[1.22.HEADER.FIELDS (From \"a b\")]<7>[][TEXT][1]");
}

static void
test_flag_names(void **state)
{
	for (unsigned bit = 1; bit <= FLAG_RECENT; bit <<= 1)
		assert_int_equal(flag_bit(flag_name(bit)), bit);
	assert_int_equal(flag_bit(STR("\\SEEN")), FLAG_SEEN);
	assert_int_equal(flag_bit(STR("Seen")), 0);
	assert_int_equal(
	    FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DELETED | FLAG_DRAFT, FLAG_ALL);
	assert_true(flag_keyword_valid(STR("$Junk")) && !flag_keyword_valid(STR("\\x")) &&
		    !flag_keyword_valid(STR("")));
	assert_false(flag_keyword_valid(STR("a b")) || flag_keyword_valid(STR("a\x80")) ||
		     flag_keyword_valid(STR("a]")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_calendar),
	    cmocka_unit_test(test_dates),
	    cmocka_unit_test(test_date_times),
	    cmocka_unit_test(test_mutf7),
	    cmocka_unit_test(test_mutf7_all),
	    cmocka_unit_test(test_name_check),
	    cmocka_unit_test(test_out_strings),
	    cmocka_unit_test(test_out_mailbox),
	    cmocka_unit_test(test_out_lines),
	    cmocka_unit_test(test_flag_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
