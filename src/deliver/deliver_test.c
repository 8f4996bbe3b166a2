/* SPDX-License-Identifier: Apache-2.0 */
/* A message with a recipient's header lines put before it is what the parser makes of the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "mime/structure.h"
#include "mime/summary.h"

static const char prefix_text[] = "Return-Path: <bob@example.org>\r\nDelivered-To: alice@example.org\r\n";

#define MULTIPART                                                                                  \
	"Content-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n--x\r\n\r\nfirst\r\n--x\r\n"       \
	"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner body\r\n--x--\r\nepilogue\r\n"

static const char *const messages[] = {
    "Subject: plain\r\nFrom: a@b\r\n\r\nbody\r\n",
    "Received: from x\r\n\tby y; Sat, 21 Nov 2026 10:00:00 +0000\r\nSubject: one\r\n\r\n",
    "Subject: no body at all\r\n",
    "Subject: bare\nFrom: a@b\n\nbody\nlines\n",
    MULTIPART,
    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nw6TDtsO8\r\n",
    "Delivered-To: earlier@example.org\r\nReturn-Path: <earlier@example.org>\r\nTo: x@y\r\n\r\nz",
};

static const struct mime_message *
parse(struct arena *a, struct str one, struct str two)
{
	struct mime_parser *p = mime_parser_new(a, NULL);

	mime_parser_add(p, one);
	mime_parser_add(p, two);
	return mime_parser_finish(p);
}

static void
test_prefix(void **state)
{
	struct str prefix = str_c(prefix_text);

	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		struct arena a = {0};
		struct str text = str_c(messages[i]);
		const struct mime_message *whole = parse(&a, prefix, text);
		const struct mime_message *alone = parse(&a, text, STR(""));
		struct buf want = {0}, got = {0}, packed = {0};
		struct mime_summary s;

		mime_summary_pack(&want, whole, STR("preview"));
		mime_summary_pack(&packed, alone, STR("preview"));
		assert_int_equal(mime_summary_open(buf_str(&packed), &s), OK);
		mime_summary_prefixed(&got, &s, prefix);
		assert_true(str_eq(buf_str(&want), buf_str(&got)));
		buf_clear(&want);
		buf_clear(&got);
		mime_structure_pack(&want, whole);
		buf_clear(&packed);
		mime_structure_pack(&packed, alone);
		assert_int_equal(mime_structure_prefixed(&got, buf_str(&packed), prefix.n, 2), OK);
		assert_true(str_eq(buf_str(&want), buf_str(&got)));
		buf_free(&want);
		buf_free(&got);
		buf_free(&packed);
		arena_free(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_prefix)};

	return cmocka_run_group_tests_name("deliver", tests, NULL, NULL);
}
