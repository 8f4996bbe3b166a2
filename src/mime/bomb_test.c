/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mails made to hurt (S4, S5): each is parsed, packed and described within bounds of time and memory. The
 * time bounds are loose enough for a busy machine under a sanitizer, and far below what quadratic work would take.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <stdio.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/clock.h"
#include "mime/bodystructure.h"
#include "mime/envelope.h"
#include "mime/grammar_check.h"
#include "mime/structure.h"
#include "mime/summary.h"

#define SECONDS 10.0
#define MB (1u << 20)

struct bomb {
	struct arena arena;
	struct mime_parser *parser;
	int64_t start; /* as clock_thread_cpu() has it */
};

static void
bomb_begin(struct bomb *b)
{
	*b = (struct bomb){.start = clock_thread_cpu()};
	b->parser = mime_parser_new(&b->arena, NULL);
}

static void
feed(struct bomb *b, const char *text, size_t times)
{
	struct buf chunk = {0};

	/* In chunks, as an APPEND literal arrives. */
	for (size_t i = 0; i < times; i++) {
		buf_adds(&chunk, text);
		if (chunk.n > 60000 || i + 1 == times) {
			mime_parser_add(b->parser, buf_str(&chunk));
			buf_clear(&chunk);
		}
	}
	buf_free(&chunk);
}

/* Everything that delivery does with a message; `memory` bounds what the parser kept. */
static void
bomb_end(struct bomb *b, const char *what, size_t memory)
{
	const struct mime_message *m = mime_parser_finish(b->parser);
	struct buf summary = {0}, structure = {0}, body = {0};
	struct mime_structure s;
	size_t kept = b->arena.held;
	double took;

	mime_summary_pack(&summary, m, STR(""));
	mime_structure_pack(&structure, m);
	assert_false(summary.failed);
	assert_int_equal(mime_structure_unpack(&b->arena, buf_str(&structure), &s), OK);
	for (int mode = 0; mode < 2; mode++) {
		assert_true(grammar_body(s.bodystructure[mode], mode == MIME_UTF8, true));
		buf_clear(&body);
		assert_int_equal(mime_body_of_bodystructure(&body, s.bodystructure[mode]), OK);
		assert_true(grammar_body(buf_str(&body), mode == MIME_UTF8, false));
	}
	took = (double)(clock_thread_cpu() - b->start) / 1e6;
	print_message("%-28s %11llu bytes %6u parts: %.2f s, %zu kB kept, summary %zu, structure %zu\n", what,
	    (unsigned long long)m->size, m->n_parts, took, kept / 1024, summary.n, structure.n);
	assert_true(took < SECONDS);
	assert_true(kept < memory);
	assert_true(summary.n < 3 * MB && structure.n < MIME_STRUCTURE_MAX);
	assert_true(m->n_parts <= mime_limits_default.parts);
	buf_free(&summary), buf_free(&structure), buf_free(&body);
	arena_free(&b->arena);
}

static void
test_headers(void **state)
{
	struct bomb b;

	(void)state;
	bomb_begin(&b);
	feed(&b, "X-Header: value\r\n", 1000000);
	bomb_end(&b, "1M headers", 8 * MB);
	bomb_begin(&b);
	feed(&b, "To: a@b\r\n", 1000000);
	bomb_end(&b, "1M To fields", 8 * MB);
	bomb_begin(&b);
	feed(&b, "Content-Type: text/plain\r\n", 1000000);
	bomb_end(&b, "1M Content-Type fields", 8 * MB);
}

static void
test_long_fields(void **state)
{
	struct bomb b;

	(void)state;
	bomb_begin(&b);
	feed(&b, "Subject: ", 1);
	feed(&b, "0123456789012345678901234567890123456789012345678", 2 * MB);
	bomb_end(&b, "100 MB subject", 8 * MB);
	bomb_begin(&b);
	feed(&b, "Subject:", 1);
	feed(&b, " =?utf-8?q?=C3=A9?=\r\n", 100000);
	bomb_end(&b, "100k encoded words", 8 * MB);
	bomb_begin(&b);
	feed(&b, "Subject: ", 1);
	feed(&b, "=?=?utf-8?q?", 100000);
	bomb_end(&b, "100k open words", 8 * MB);
	bomb_begin(&b);
	feed(&b, "References:", 1);
	feed(&b, " <a@b>\r\n", 1000000);
	bomb_end(&b, "1M references", 8 * MB);
	bomb_begin(&b);
	feed(&b, "References: ", 1);
	feed(&b, "<", 1000000);
	bomb_end(&b, "1M open references", 8 * MB);
}

static void
test_addresses(void **state)
{
	static const char *const pieces[] = {"a@b,", "a:;", "(", "\"\\\"", "<a,", "[", "@[", "a:b:", "<<", "=?utf-8?q?a?= <a@b>,", "\xc3\xa9,", "\\"};

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct bomb b;
		char what[64];

		bomb_begin(&b);
		feed(&b, "To: x@y, ", 1);
		feed(&b, pieces[i], 1000000);
		feed(&b, "\r\nFrom: x@y, ", 1);
		feed(&b, pieces[i], 100000);
		snprintf(what, sizeof(what), "1M addresses %s", pieces[i]);
		bomb_end(&b, what, 8 * MB);
	}
}

static void
test_params(void **state)
{
	static const char *const pieces[] = {"a=b; ", "a*0=b; ", ";", "a=\"", "a=(", "\"\\\"", "a =", "= "};
	struct bomb b;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		char what[64];

		bomb_begin(&b);
		feed(&b, "Content-Type: text/plain; ", 1);
		feed(&b, pieces[i], 1000000);
		snprintf(what, sizeof(what), "1M parameters %s", pieces[i]);
		bomb_end(&b, what, 8 * MB);
	}
	/* Comments that do not end, in the word before the parameters. */
	bomb_begin(&b);
	feed(&b, "Content-Disposition: ", 1);
	feed(&b, "a(", 1000000);
	feed(&b, "\r\nContent-Type: text(plain)", 1);
	feed(&b, "/(", 1000000);
	bomb_end(&b, "1M open comments", 8 * MB);
	/* Many parameters in many parts: RFC 2231 names of each are joined. */
	bomb_begin(&b);
	feed(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n", 1);
	for (int i = 0; i < 10000; i++) {
		feed(&b, "--b\r\nContent-Type: a/b", 1);
		feed(&b, ";name*0=x", 40);
		feed(&b, "\r\n\r\n\r\n", 1);
	}
	bomb_end(&b, "10k parts, 40 parameters each", 32 * MB);
}

static void
test_parts(void **state)
{
	struct bomb b;

	(void)state;
	bomb_begin(&b);
	feed(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n", 1);
	feed(&b, "--b\r\n\r\nx\r\n", 100000);
	bomb_end(&b, "100k parts", 32 * MB);
	bomb_begin(&b);
	feed(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", 10000);
	bomb_end(&b, "depth 10k", 16 * MB);
	bomb_begin(&b);
	feed(&b, "Content-Type: message/rfc822\r\n\r\n", 10000);
	bomb_end(&b, "messages, depth 10k", 16 * MB);
	bomb_begin(&b);
	feed(&b, "Content-Type: multipart/digest; boundary=b\r\n\r\n", 1);
	feed(&b, "--b\r\n\r\n\r\n", 100000);
	bomb_end(&b, "100k digest parts", 32 * MB);
}

/* What makes much of little: the packed form is bounded, and so is what the parser holds. */
static void
test_packed(void **state)
{
	static const char *const heads[] = {
	    "Content-Type: text/plain; a=\"", "Content-Disposition: attachment; filename=\"", "Content-Description: ",
	    "Content-ID: ", "Content-Language: a,", "Content-Type: text/",
	};
	static const char *const bytes[] = {"\xe4\xf6\xfc", "\xc3\xa9", "\\\"", "\x80\xff", "a,"};
	struct bomb b;
	char what[64];

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		for (size_t k = 0; k < sizeof(bytes) / sizeof(*bytes); k++) {
			bomb_begin(&b);
			feed(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n", 1);
			for (int n = 0; n < 9900; n++) {
				feed(&b, "--b\r\n", 1);
				feed(&b, heads[i], 1);
				feed(&b, bytes[k], 110);
				feed(&b, "\r\n\r\n\r\n", 1);
			}
			snprintf(what, sizeof(what), "9,900 parts, heads %zu, bytes %zu", i, k);
			bomb_end(&b, what, 14 * MB);
		}
	for (size_t k = 0; k < sizeof(bytes) / sizeof(*bytes); k++) {
		bomb_begin(&b);
		feed(&b, "Content-Type: multipart/digest; boundary=b\r\n\r\n", 1);
		for (int n = 0; n < 4900; n++) {
			feed(&b, "--b\r\n\r\nTo: ", 1);
			feed(&b, bytes[k], 200);
			feed(&b, "\r\n\r\n", 1);
		}
		snprintf(what, sizeof(what), "4,900 messages inside, bytes %zu", k);
		bomb_end(&b, what, 14 * MB);
	}
}

/* A hundred open multiparts whose long boundaries differ in their last bytes, and lines like all of them. */
static void
test_boundaries(void **state)
{
	struct bomb b;
	char text[4096], prefix[1001];

	(void)state;
	memset(prefix, 'x', 1000);
	prefix[1000] = '\0';
	bomb_begin(&b);
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "Content-Type: multipart/mixed; boundary=%s%d\r\n\r\n--%s%d\r\n", prefix, i, prefix, i);
		feed(&b, text, 1);
	}
	feed(&b, "\r\n", 1);
	snprintf(text, sizeof(text), "--%s\r\n", prefix);
	feed(&b, text, 20000);
	feed(&b, "--\r\n", 1000000);
	feed(&b, "-", 1000000);
	bomb_end(&b, "boundaries alike", 8 * MB);
}

static void
test_body(void **state)
{
	struct bomb b;

	(void)state;
	bomb_begin(&b);
	feed(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n", 1);
	feed(&b, "0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n", 1300000);
	bomb_end(&b, "100 MB body", 1 * MB);
	bomb_begin(&b);
	feed(&b, "\r\n", 1);
	feed(&b, "\n", 10000000);
	bomb_end(&b, "10M empty lines", 1 * MB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_long_fields),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_boundaries),
		cmocka_unit_test(test_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
