/* SPDX-License-Identifier: Apache-2.0 */
/* Headers without 8-bit bytes: whole, byte by byte, in all cuts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "mime/downgrade.h"

static void
whole(struct str in, bool utf8, struct buf *out)
{
	struct mime_downgrade d = {.utf8 = utf8};

	assert_int_equal(mime_downgrade(&d, in, true, out), in.n);
}

static void
fields_are_made_anew(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
	    {"Subject: plain\n\ttwo\r\nX:y\r\n\r\n", "Subject: plain\n\ttwo\r\nX:y\r\n\r\n"},
	    {"Subject: Gr\xc3\xbc\xc3\x9f" "e\r\n\r\n", "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n\r\n"},
	    /* windows-1252, folded */
	    {"X-A: Gr\xfc\r\n \xdf\r\nB: c\r\n", "X-A: =?UTF-8?B?R3LDvCDDnw==?=\r\nB: c\r\n"},
	    {"From: J\xc3\xb6 <j@x.org>, k@x.org\r\n", "From: =?UTF-8?B?SsO2?= <j@x.org>,\r\n <k@x.org>\r\n"},
	    {"To: Fred Foo <fred@\xc3\xa9.com>\r\n", "To: =?UTF-8?B?RnJlZCBGb28gZnJlZEDDqS5jb20=?= <invalid@internationalized-address.invalid>\r\n"},
	    {"Cc: \xc3\xa9@x.org\r\n", "Cc: =?UTF-8?B?w6lAeC5vcmc=?= <invalid@internationalized-address.invalid>\r\n"},
	    {"Cc: gr\xc3\xbcn: \"a b\"@x, c@d;, e@f\r\n", "Cc: =?UTF-8?B?Z3LDvG4=?=: <\"a b\"@x>,\r\n <c@d>;,\r\n <e@f>\r\n"},
	    {"Return-Path: <\xc3\xa9@x>\r\n", "Return-Path: <invalid@internationalized-address.invalid>\r\n"},
	    {"Content-Disposition: attachment; filename=\"\xc3\xa9 1.txt\"; size=3\r\n",
		"Content-Disposition: attachment;\r\n filename*=UTF-8''%C3%A9%201.txt;\r\n size=\"3\"\r\n"},
	    {"Content-Type: text/plain; x*0*=\xc3\xa9; \xc3\xa9=3; charset=utf-8\r\n", "Content-Type: text/plain;\r\n charset=\"utf-8\"\r\n"},
	    {"A: 1\r\nMessage-ID: <\xc3\xa9@x>\r\nReceived: \xff\r\nB: 2\r\n\r\n", "A: 1\r\nB: 2\r\n\r\n"},
	    {"no field \xc3\xa9\r\n\xc3\xa9: x\r\nB: 2\r\n\r\n", "B: 2\r\n\r\n"},
	    {"X: \xc3\xa9", "X: =?UTF-8?B?w6k=?=\r\n"},
	    {"\r\n", "\r\n"},
	    {"", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf out = {0};

		whole(str_c(rows[i].in), false, &out);
		if (!str_eq(buf_str(&out), str_c(rows[i].want)))
			fail_msg("%zu: %.*s", i, STR_FMT(buf_str(&out)));
		buf_free(&out);
	}
}

/* UTF-8 mode: what is UTF-8 stays, what is not is made anew. */
static void
utf8_stays(void **state)
{
	struct buf out = {0};

	whole(STR("Subject: \xc3\xa9\r\nFrom: \xc3\xa9@x\r\nX: \xe9\r\n\r\n"), true, &out);
	assert_true(str_eq(buf_str(&out), STR("Subject: \xc3\xa9\r\nFrom: \xc3\xa9@x\r\nX: =?UTF-8?B?w6k=?=\r\n\r\n")));
	buf_free(&out);
}

/* As it is read from a store: what was not taken comes again, with more behind it, at most piece bytes at a time. */
static void
in_pieces(struct str in, size_t piece, struct buf *out)
{
	struct mime_downgrade d = {0};

	while (in.n > 0) {
		struct str now = str_head(in, piece < in.n ? piece : in.n);
		size_t n = mime_downgrade(&d, now, now.n == in.n, out);

		assert_true(n > 0 && n <= now.n);
		in = str_from(in, n);
	}
}

static void
pieces_are_the_whole(void **state)
{
	struct str in = STR("A: b\r\nSubject: Gr\xc3\xbc\xc3\x9f" "e\r\n\tdort\r\nFrom: J\xc3\xb6 <j@x.org>\r\nX: y\r\n z\r\n\r\n");
	struct buf want = {0};

	whole(in, false, &want);
	for (size_t piece = 1; piece <= in.n; piece++) {
		struct buf out = {0};

		in_pieces(in, piece, &out);
		for (size_t i = 0; i < out.n; i++)
			assert_true((unsigned char)out.p[i] < 0x80);
		/* Longer than a piece is no field of it. */
		if (piece > 40)
			assert_true(str_eq(buf_str(&out), buf_str(&want)));
		buf_free(&out);
	}
	buf_free(&want);
}

static void
long_fields_are_masked(void **state)
{
	struct buf in = {0}, out = {0};

	buf_adds(&in, "A: b\r\nX:");
	for (int i = 0; i < 300; i++)
		buf_adds(&in, "\xc3\xa9 a\r\n ");
	buf_adds(&in, "end\r\nSubject: \xc3\xa9\r\n\r\n");
	in_pieces(buf_str(&in), 100, &out);
	assert_true(str_starts(buf_str(&out), STR("A: b\r\nX:?? a\r\n ??")));
	assert_true(str_ends(buf_str(&out), STR("?? a\r\n end\r\nSubject: =?UTF-8?B?w6k=?=\r\n\r\n")));
	buf_free(&in);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(fields_are_made_anew), cmocka_unit_test(utf8_stays), cmocka_unit_test(pieces_are_the_whole),
	    cmocka_unit_test(long_fields_are_masked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
