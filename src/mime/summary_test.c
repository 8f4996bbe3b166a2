/* SPDX-License-Identifier: Apache-2.0 */
/* Summaries and structure rows: what goes in comes out, and no damage does harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "mime/whole_check.h"

static const char mail[] =
    "Return-Path: <x@y>\r\nReceived: from a by b\r\nDate: Wed, 17 Jul 1996 02:23:25 -0700\r\nFrom: =?utf-8?q?Z=C3=A9?= <zoe@a.example>\r\n"
    "To: Bob <bob@b.example>\r\nCc: carl@c.example\r\nSubject: Re: [x] Hello\r\nMessage-ID: <4@a>\r\nReferences: <1@a>\r\n <2@a> <3@a>\r\n"
    "In-Reply-To: <3@a>\r\nX-Other: 1\r\n\r\nbody\r\n";

static void
summarise(struct buf *out, const char *text)
{
	struct arena a = {0};

	mime_summary_pack(out, parse_way(&a, str_c(text), NULL, WHOLE, 0), STR("body"));
	arena_free(&a);
}

static void
test_items(void **state)
{
	static const char *const keys[] = {"HELLO", "ZOE", "BOB", "CARL", "ZE\xcc\x81", "BOB"};
	struct buf packed = {0}, out = {0};
	struct mime_summary s;
	struct str header;
	int64_t utc;
	int zone;

	(void)state;
	buf_adds(&packed, "before"); /* packing adds, it does not start over */
	summarise(&packed, mail);
	assert_int_equal(mime_summary_open(str_from(buf_str(&packed), 6), &s), OK);
	assert_int_equal(mime_summary_verify(&s), OK);
	assert_true(mime_summary_date(&s, &utc, &zone) && utc == 837595405 && zone == -420);
	for (int i = 0; i < 6; i++)
		assert_true(str_eq(mime_summary_key(&s, (enum mime_key)i), str_c(keys[i])));
	assert_true(mime_summary_is_reply(&s));
	assert_true(mime_summary_message_id(&s) == mime_msgid_hash(STR("4@a")));
	assert_int_equal(mime_summary_n_refs(&s), 3);
	for (size_t i = 0; i < 3; i++) {
		char id[] = "1@a";

		id[0] = (char)('1' + i);
		assert_true(mime_summary_ref(&s, i) == mime_msgid_hash(str_c(id)));
	}
	assert_true(str_eq(mime_summary_preview(&s), STR("body")));
	assert_false(mime_summary_header(&s, &header)); /* X-Other and Received are not listed */
	assert_true(str_find(header, STR("From:"), 0) != SIZE_MAX && str_find(header, STR("X-Other"), 0) == SIZE_MAX);
	buf_free(&packed);
	buf_free(&out);
}

static void
test_select(void **state)
{
	const struct str usual[] = {STR("SUBJECT"), STR("From"), STR("List-Id")}, other[] = {STR("From"), STR("X-Other")};
	struct buf packed = {0}, out = {0};
	struct mime_names set;
	struct mime_summary s;

	(void)state;
	summarise(&packed, mail);
	assert_int_equal(mime_summary_open(buf_str(&packed), &s), OK);
	mime_names_init(&set, usual, 3);
	assert_int_equal(mime_summary_select(&s, &out, &set, false), OK);
	assert_true(str_eq(buf_str(&out), STR("From: =?utf-8?q?Z=C3=A9?= <zoe@a.example>\r\nSubject: Re: [x] Hello\r\n\r\n")));
	buf_clear(&out);
	/* What the summary does not hold, and NOT, has to be read from the body. */
	assert_int_equal(mime_summary_select(&s, &out, &set, true), ERR_NOT_FOUND);
	mime_names_init(&set, other, 2);
	assert_int_equal(mime_summary_select(&s, &out, &set, false), ERR_NOT_FOUND);
	assert_int_equal(out.n, 0);
	/* All fields are listed: then it knows everything. */
	buf_clear(&packed);
	summarise(&packed, "From: a@b\r\nSubject: x\r\n\r\n");
	assert_int_equal(mime_summary_open(buf_str(&packed), &s), OK);
	assert_int_equal(mime_summary_select(&s, &out, &set, true), OK);
	assert_true(str_eq(buf_str(&out), STR("Subject: x\r\n\r\n")));
	buf_free(&packed);
	buf_free(&out);
}

static void
test_empty(void **state)
{
	struct buf packed = {0};
	struct mime_summary s;
	int64_t utc;
	int zone;

	(void)state;
	summarise(&packed, "");
	assert_int_equal(mime_summary_open(buf_str(&packed), &s), OK);
	assert_false(mime_summary_date(&s, &utc, &zone));
	assert_true(mime_summary_message_id(&s) == 0);
	assert_int_equal(mime_summary_n_refs(&s), 0);
	assert_false(mime_summary_is_reply(&s));
	for (int i = 0; i < 6; i++)
		assert_int_equal(mime_summary_key(&s, (enum mime_key)i).n, 0);
	buf_free(&packed);
}

/* RFC 5256 3: without References the first id of In-Reply-To; of many the first and the newest stay. */
static void
test_refs(void **state)
{
	struct buf text = {0}, packed = {0};
	struct mime_summary s;

	(void)state;
	summarise(&packed, "In-Reply-To: <a@b> <c@d>\r\n\r\n");
	assert_int_equal(mime_summary_open(buf_str(&packed), &s), OK);
	assert_true(mime_summary_n_refs(&s) == 1 && mime_summary_ref(&s, 0) == mime_msgid_hash(STR("a@b")));
	for (int n = 95; n <= 2000; n = n == 105 ? 700 : n == 900 ? 2000 : n + 1) {
		char id[24];

		buf_clear(&text), buf_clear(&packed);
		buf_adds(&text, "References:");
		for (int i = 0; i < n; i++)
			buf_addf(&text, " <%d@x>", i);
		buf_addc(&text, '\0');
		summarise(&packed, text.p);
		assert_int_equal(mime_summary_open(buf_str(&packed), &s), OK);
		assert_int_equal(mime_summary_n_refs(&s), n < MIME_REFS_MAX ? n : MIME_REFS_MAX);
		assert_true(mime_summary_ref(&s, 0) == mime_msgid_hash(STR("0@x")));
		for (size_t i = 1; i < mime_summary_n_refs(&s); i++) {
			snprintf(id, sizeof(id), "%d@x", n - (int)mime_summary_n_refs(&s) + (int)i);
			assert_true(mime_summary_ref(&s, i) == mime_msgid_hash(str_c(id)));
		}
	}
	buf_free(&text);
	buf_free(&packed);
}

/* Every byte changed, every length: an error or harmless values, never a crash (the sanitizer looks on). */
static void
test_damage(void **state)
{
	struct arena a = {0};
	struct buf packed = {0}, tree = {0};
	const struct mime_message *m = parse_way(&a, STR("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
	    "A: b\r\n\r\ny\r\n--b--\r\n"), NULL, WHOLE, 0);

	(void)state;
	mime_summary_pack(&packed, m, STR("preview"));
	mime_structure_pack(&tree, m);
	for (int what = 0; what < 2; what++) {
		struct str whole = what ? buf_str(&tree) : buf_str(&packed);

		for (size_t i = 0; i <= whole.n; i++) {
			char *copy = x_strndup(whole);
			struct str s = str_of(copy, i);
			struct mime_structure st;
			struct mime_summary su;

			for (int change = 0; change < 2; change++) {
				struct str exact = str_of(x_strndup(s), s.n);
				union {
					const char *p;
					void *mine;
				} u = {.p = exact.p};

				if (what) {
					(void)mime_structure_bodystructure(exact, MIME_ASCII);
					assert_int_equal(mime_structure_unpack(&a, exact, &st), s.n == whole.n && !change ? OK : ERR_CORRUPT);
				} else if (mime_summary_open(exact, &su) == OK) {
					int64_t utc;
					int zone;

					assert_int_equal(mime_summary_verify(&su), s.n == whole.n && !change ? OK : ERR_CORRUPT);
					(void)mime_summary_envelope(&su, MIME_UTF8);
					(void)mime_summary_date(&su, &utc, &zone);
					(void)mime_summary_key(&su, MIME_KEY_DISPLAY_TO);
					for (size_t k = 0; k < mime_summary_n_refs(&su); k++)
						(void)mime_summary_ref(&su, k);
				} else {
					assert_true(s.n != whole.n || change);
				}
				free(u.mine);
				if (i == whole.n)
					break;
				copy[i] ^= 0x5a;
				s = whole;
				s.p = copy;
			}
			free(copy);
		}
	}
	buf_free(&packed);
	buf_free(&tree);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_refs),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
