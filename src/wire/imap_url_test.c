/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of relative IMAP URLs (RFC 5092 7, 11; RFC 3986 5.2.4) and of how BADURL tells them (RFC 4469 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "wire/imap_url.h"

static void
test_good(void **state)
{
	static const struct {
		const char *url, *mailbox;
		uint32_t validity, uid;
		enum section_kind kind;
		size_t parts, fields;
		bool partial;
		uint64_t first, count;
	} c[] = {
	    {"/INBOX/;UID=1", "INBOX", 0, 1, SECTION_ALL, 0, 0, false, 0, 0},
	    {"/inBOX;uidvalidity=7/;uid=4294967295", "INBOX", 7, 4294967295u, SECTION_ALL, 0, 0, false, 0, 0},
	    {";UID=3/;SECTION=1.2.MIME", "", 0, 3, SECTION_MIME, 2, 0, false, 0, 0},
	    {"/a/b/;UID=3/;SECTION=1/;PARTIAL=4.5", "a/b", 0, 3, SECTION_ALL, 1, 0, true, 4, 5},
	    {"/a/;UID=3/;PARTIAL=4", "a", 0, 3, SECTION_ALL, 0, 0, true, 4, UINT64_MAX},
	    {"/a/;UID=3/;SECTION=HEADER.FIELDS.NOT%20(To%20%22x%2Fy%22)", "a", 0, 3, SECTION_FIELDS_NOT, 0, 2, false, 0, 0},
	    {"/%E6%97%A5/%E5%8F%B0/;UID=1", "\xe6\x97\xa5/\xe5\x8f\xb0", 0, 1, SECTION_ALL, 0, 0, false, 0, 0},
	    /* Modified UTF-7 means nothing here (RFC 5092 8). */
	    {"/&ZeVnLIqe-/;UID=1", "&ZeVnLIqe-", 0, 1, SECTION_ALL, 0, 0, false, 0, 0},
	    {"/a/./b/../c/;UID=1", "a/c", 0, 1, SECTION_ALL, 0, 0, false, 0, 0},
	    {"/../../a/;UID=1", "a", 0, 1, SECTION_ALL, 0, 0, false, 0, 0},
	    {"/%2E%2e/a/;UID=1", "../a", 0, 1, SECTION_ALL, 0, 0, false, 0, 0},
	    {"/a...b/.c/..d/;UID=1", "a...b/.c/..d", 0, 1, SECTION_ALL, 0, 0, false, 0, 0},
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct arena arena = {0};
		struct imap_url u;

		if (imap_url_parse(&arena, str_c(c[i].url), &u) != OK)
			fail_msg("%s", c[i].url);
		assert_true(str_eq(u.mailbox, str_c(c[i].mailbox)));
		assert_int_equal(u.uidvalidity, c[i].validity);
		assert_int_equal(u.uid, c[i].uid);
		assert_int_equal(u.section.kind, c[i].kind);
		assert_int_equal(u.section.parts, c[i].parts);
		assert_int_equal(u.section.fields, c[i].fields);
		assert_int_equal(u.section.partial, c[i].partial);
		if (u.section.partial)
			assert_true(u.section.first == c[i].first && u.section.count == c[i].count);
		arena_free(&arena);
	}
}

static void
test_bad(void **state)
{
	static const char *const bad[] = {"", "/", "//", "INBOX/;UID=1", "//INBOX/;UID=1", "imap://h/INBOX/;UID=1", "/;UID=1", "/INBOX",
	    "/INBOX/;UID=", "/INBOX/;UID=0", "/INBOX/;UID=01x", "/INBOX/;UID=4294967296", "/INBOX;UIDVALIDITY=0/;UID=1",
	    "/INBOX;UIDVALIDITY=/;UID=1", "/INBOX;X=1/;UID=1", "/INBOX;UIDVALIDITY=1;X=1/;UID=1", "/INBOX/;UID=1/", "/INBOX/;UID=1/;",
	    "/INBOX/;UID=1;SECTION=1", "/INBOX/;UID=1/;SECTION=", "/INBOX/;UID=1/;SECTION=/;PARTIAL=1", "/INBOX/;UID=1/;SECTION=1;PARTIAL=1",
	    "/INBOX/;UID=1/;SECTION=MIME", "/INBOX/;UID=1/;SECTION=0", "/INBOX/;UID=1/;SECTION=1]", "/INBOX/;UID=1/;SECTION=1%5D",
	    "/INBOX/;UID=1/;SECTION=1%5D%3C1.2%3E", "/INBOX/;UID=1/;PARTIAL=", "/INBOX/;UID=1/;PARTIAL=.5", "/INBOX/;UID=1/;PARTIAL=5.",
	    "/INBOX/;UID=1/;PARTIAL=5.0", "/INBOX/;UID=1/;PARTIAL=5.5/;SECTION=1", "/INBOX/;UID=1/;PARTIAL=9223372036854775808",
	    "/a b/;UID=1", "/a%/;UID=1", "/a%2/;UID=1", "/a%2g/;UID=1", "/a%00/;UID=1", "/a%0d/;UID=1", "/a%7f/;UID=1", "/%ff/;UID=1", "/\xc3\xa4/;UID=1",
	    "/a?b/;UID=1", "/a#b/;UID=1", "/../;UID=1", "/a/;UID=1;URLAUTH=anonymous:INTERNAL:0", "/a/;UID=1/;UID=2"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct arena arena = {0};
		struct imap_url u;

		if (imap_url_parse(&arena, str_c(bad[i]), &u) != ERR_BAD_INPUT)
			fail_msg("%s", bad[i]);
		arena_free(&arena);
	}
}

static void
test_long(void **state)
{
	struct arena arena = {0};
	struct imap_url u;
	char *s = arena_alloc(&arena, IMAP_URL_MAX + 1);

	memset(s, 'a', IMAP_URL_MAX + 1);
	assert_int_equal(imap_url_parse(&arena, str_of(s, IMAP_URL_MAX + 1), &u), ERR_LIMIT);
	assert_int_equal(imap_url_parse(&arena, str_of(s, IMAP_URL_MAX), &u), ERR_BAD_INPUT);
	memcpy(s, "/", 1);
	memcpy(s + IMAP_URL_MAX - 7, "/;UID=1", 7);
	assert_int_equal(imap_url_parse(&arena, str_of(s, IMAP_URL_MAX), &u), ERR_LIMIT);
	arena_free(&arena);
}

static void
test_print(void **state)
{
	struct buf out = {0};

	imap_url_print(&out, STR("/a]b\r\n\xc3\xa4 %41\x7f"));
	assert_true(str_eq(buf_str(&out), STR("/a%5Db%0D%0A%C3%A4 %41%7F")));
	buf_clear(&out);
	imap_url_print(&out, STR(""));
	assert_true(str_eq(buf_str(&out), STR("\"\"")));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_bad),
	    cmocka_unit_test(test_long),
	    cmocka_unit_test(test_print),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
