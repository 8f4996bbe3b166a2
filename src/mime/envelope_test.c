/* SPDX-License-Identifier: Apache-2.0 */
/* Address lists and envelopes (T58, T60, S3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "mime/address.h"
#include "mime/envelope.h"
#include "mime/grammar_check.h"

/* name<@route:local@domain>; groups as name{ }; what is missing as -. */
static void
addresses_dump(struct buf *out, struct str raw)
{
	struct arena a = {0};
	struct mime_addresses list;
	struct mime_address m;

	mime_addresses_init(&list, &a, raw);
	while (mime_address_next(&list, &m)) {
		if (out->n > 0)
			buf_addc(out, ' ');
		if (m.kind == MIME_GROUP_END) {
			buf_addc(out, '}');
			continue;
		}
		buf_add(out, m.name.p ? m.name : STR("-"));
		if (m.kind == MIME_GROUP_START) {
			buf_addc(out, '{');
			continue;
		}
		buf_addc(out, '<');
		if (m.route.p != NULL) {
			buf_add(out, m.route);
			buf_addc(out, ':');
		}
		buf_add(out, m.local);
		buf_addc(out, '@');
		buf_add(out, m.domain.p ? m.domain : STR("-"));
		buf_addc(out, '>');
	}
	arena_free(&a);
}

static void
test_addresses(void **state)
{
	static const struct {
		const char *raw, *want;
	} rows[] = {
		{"", ""}, {" \r\n ", ""}, {",,;,", ""}, {"()", ""}, {"(", ""}, {"(a\\", ""},
		{"a@b", "-<a@b>"},
		{"a@b, c@d", "-<a@b> -<c@d>"},
		{"Bob <a@b>", "Bob<a@b>"},
		{"\"Smith, Bob\" <a@b>", "Smith, Bob<a@b>"},
		{"\"q\\\"\\\\q\" <a@b>", "q\"\\q<a@b>"},
		{"Bob \"the\" Builder<a@b>", "Bob the Builder<a@b>"},
		{"John Q. Public <a@b>", "John Q. Public<a@b>"},
		{"a@b (Bob)", "Bob<a@b>"},
		{"a@b (Bob (the \\) builder))", "Bob (the ) builder)<a@b>"},
		{"(x) Bob (y) <a@b> (z)", "Bob<a@b>"},
		{"a . b (c) @ d . e", "c<a.b@d.e>"},
		{"\"a b\"@c", "-<a b@c>"},
		{"a@[1.2.3.4]", "-<a@[1.2.3.4]>"},
		{"a@[IPv6:::1], b@c", "-<a@[IPv6:::1]> -<b@c>"},
		{"<@x,@y:a@b>", "-<@x,@y:a@b>"},
		{"Bob\r\n <a@b>,\r\n\tEve <c@d>", "Bob<a@b> Eve<c@d>"},
		/* Groups; empty ones too. */
		{"undisclosed-recipients:;", "undisclosed-recipients{ }"},
		{"Team: a@b, Bob <c@d>; e@f", "Team{ -<a@b> Bob<c@d> } -<e@f>"},
		{"A: b@c", "A{ -<b@c> }"},
		{"A: B: c@d; e@f", "A{ -<c@d> } -<e@f>"},
		{"\"A, B\":;", "A, B{ }"},
		/* Broken ones (T60). */
		{"root", "-<root@->"},
		{"no address here", "no address here<@->"},
		{"<>", "-<@->"},
		{"Bob <>", "Bob<@->"},
		{"Bob <bob>", "Bob<bob@->"},
		{"<@>", "-<@->"}, {"@", "-<@->"}, {"@b", "-<@b>"}, {"a@", "-<a@->"},
		{"<a@b", "-<a@b>"},
		{"Bob <a@b, c@d", "Bob<a@b> -<c@d>"},
		{"a@b@c", "-<a@b@c>"},
		{"a@b <c@d>", "a@b<c@d>"},
		{"Bob a@b", "Bob<a@b>"},
		{"<a@b> <c@d>", "-<a@b> -<c@d>"},
		{"\"Bob <a@b>", "\"Bob<a@b>"},
		{"<smith,bob@c>", "-<smith,bob@c>"},
		{"a@b; c@d", "-<a@b> -<c@d>"},
		{"=?utf-8?q?a=2Cb?= <a@b>", "=?utf-8?q?a=2Cb?=<a@b>"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf got = {0};
		char *exact = x_strndup(str_c(rows[i].raw));

		addresses_dump(&got, str_c(exact));
		if (!str_eq(buf_str(&got), str_c(rows[i].want)))
			fail_msg("%s gives %.*s not %s", rows[i].raw, STR_FMT(buf_str(&got)), rows[i].want);
		buf_free(&got);
		free(exact);
	}
}

#define NO3 " NIL NIL NIL"

static void
test_envelope(void **state)
{
	static const struct {
		const char *header, *want;
		enum mime_text mode;
	} rows[] = {
		{"", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)", MIME_ASCII},
		/* All ten, Sender and Reply-To from From (T60). */
		{"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nSubject: IMAP4rev1 WG mtg\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n"
		 "To: imap@cac.washington.edu\r\ncc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\nMessage-Id: <B27397-0100000@cac.washington.ed>\r\n",
		    "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg\" ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
		    "((NIL NIL \"imap\" \"cac.washington.edu\")) ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) "
		    "NIL NIL \"<B27397-0100000@cac.washington.ed>\")", MIME_ASCII},
		{"From: a@b\r\nSender: c@d\r\nReply-To: \r\n",
		    "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) ((NIL NIL \"a\" \"b\"))" NO3 " NIL NIL)", MIME_ASCII},
		{"Sender: c@d\r\n", "(NIL NIL NIL ((NIL NIL \"c\" \"d\")) NIL" NO3 " NIL NIL)", MIME_ASCII},
		{"To: undisclosed:;\r\n",
		    "(NIL NIL NIL NIL NIL ((NIL NIL \"undisclosed\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)", MIME_ASCII},
		/* A lone word must not look like a group. */
		{"To: root\r\n", "(NIL NIL NIL NIL NIL ((NIL NIL \"root\" \"\")) NIL NIL NIL NIL)", MIME_ASCII},
		{"To: a@b\r\nTo: c@d\r\n", "(NIL NIL NIL NIL NIL ((NIL NIL \"a\" \"b\")(NIL NIL \"c\" \"d\")) NIL NIL NIL NIL)", MIME_ASCII},
		{"Subject: a \"quoted\\\" one\r\n", "(NIL \"a \\\"quoted\\\\\\\" one\" NIL NIL NIL NIL NIL NIL NIL NIL)", MIME_ASCII},
		{"Subject: fol\r\n ded\r\n", "(NIL \"fol ded\" NIL NIL NIL NIL NIL NIL NIL NIL)", MIME_ASCII},
		{"Subject:\r\n", "(NIL \"\" NIL NIL NIL NIL NIL NIL NIL NIL)", MIME_ASCII},
		{"Subject: a\rb\r\n", "(NIL {3}\r\na\rb NIL NIL NIL NIL NIL NIL NIL NIL)", MIME_ASCII},
		/* Other controls could stand in quotes; a tab does. */
		{"Subject: a\fb\r\n", "(NIL {3}\r\na\fb NIL NIL NIL NIL NIL NIL NIL NIL)", MIME_ASCII},
		{"Subject: a\x7f\r\n", "(NIL {2}\r\na\x7f NIL NIL NIL NIL NIL NIL NIL NIL)", MIME_UTF8},
		/* 8-bit (T58). */
		{"Subject: \xc3\xa9\r\n", "(NIL \"=?UTF-8?B?w6k=?=\" NIL NIL NIL NIL NIL NIL NIL NIL)", MIME_ASCII},
		{"Subject: \xc3\xa9\r\n", "(NIL \"\xc3\xa9\" NIL NIL NIL NIL NIL NIL NIL NIL)", MIME_UTF8},
		{"Subject: =?utf-8?q?=C3=A9?= \xc3\xa9\r\n", "(NIL \"=?UTF-8?B?w6kgw6k=?=\" NIL NIL NIL NIL NIL NIL NIL NIL)", MIME_ASCII},
		{"Subject: \xe9\r\n", "(NIL {1}\r\n\xe9 NIL NIL NIL NIL NIL NIL NIL NIL)", MIME_ASCII},
		{"Subject: \xe9\r\n", "(NIL \"\xc3\xa9\" NIL NIL NIL NIL NIL NIL NIL NIL)", MIME_UTF8},
		{"To: \xc3\xa9 <\xc3\xa9@b>\r\n",
		    "(NIL NIL NIL NIL NIL ((\"=?UTF-8?B?w6k=?=\" NIL {2}\r\n\xc3\xa9 \"b\")) NIL NIL NIL NIL)", MIME_ASCII},
		{"To: \xc3\xa9 <\xc3\xa9@b>\r\n", "(NIL NIL NIL NIL NIL ((\"\xc3\xa9\" NIL \"\xc3\xa9\" \"b\")) NIL NIL NIL NIL)", MIME_UTF8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf got = {0};

		mime_envelope_of_header(&got, str_c(rows[i].header), STR_NONE, rows[i].mode);
		if (!str_eq(buf_str(&got), str_c(rows[i].want)))
			fail_msg("%s\ngives %.*s\nnot   %s", rows[i].header, STR_FMT(buf_str(&got)), rows[i].want);
		assert_true(grammar_envelope(buf_str(&got), rows[i].mode == MIME_UTF8));
		buf_free(&got);
	}
}

/* The charset of the text says what raw header bytes are in. */
static void
test_charset(void **state)
{
	struct buf got = {0};

	(void)state;
	mime_envelope_of_header(&got, STR("Subject: \xcd\xcf\r\n"), STR("koi8-r"), MIME_UTF8);
	assert_true(str_starts(buf_str(&got), STR("(NIL \"\xd0\xbc\xd0\xbe\" NIL")));
	buf_clear(&got);
	mime_envelope_of_header(&got, STR("Subject: \xcd\xcf\r\n"), STR("koi8-r"), MIME_ASCII);
	assert_true(str_starts(buf_str(&got), STR("(NIL \"=?UTF-8?B?0LzQvg==?=\" NIL")));
	buf_free(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_charset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
