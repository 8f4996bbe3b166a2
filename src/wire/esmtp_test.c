/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the LMTP grammar: lines and DATA three ways, commands by tables. S3, SMTP smuggling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "wire/esmtp.h"

static size_t
cut(int seed, size_t n)
{
	size_t k = seed == 0 ? n : seed == 1 ? 1 : 1 + (size_t)rand() % 6;

	return k < n ? k : n;
}

static void
lines_are(struct str all, const char *want)
{
	for (int seed = 0; seed < 20; seed++) {
		struct esmtp_reader r;
		struct buf log = {0};
		struct str in = all, part;
		enum esmtp_read next = ESMTP_READ_MORE;

		esmtp_reader_init(&r);
		for (; in.n > 0 && next != ESMTP_READ_FATAL; in = str_from(in, part.p - in.p)) {
			part = str_head(in, cut(seed, in.n));
			while ((next = esmtp_reader_read(&r, &part)) != ESMTP_READ_MORE &&
			       next != ESMTP_READ_FATAL) {
				if (next == ESMTP_READ_LINE)
					buf_addf(&log, "[%.*s]", STR_FMT(r.line));
				else
					buf_adds(&log, next == ESMTP_READ_LONG ? "LONG " : "BARE ");
			}
		}
		buf_adds(&log, next == ESMTP_READ_FATAL ? "FATAL"
			       : esmtp_reader_idle(&r)  ? ""
						       : "...");
		buf_addc(&log, '\0');
		assert_string_equal(log.p, want);
		buf_free(&log);
		esmtp_reader_free(&r);
	}
}

static void
test_lines(void **state)
{
	struct buf b = {0};

	lines_are(STR("LHLO x\r\nNOOP\r\n\r\nQUI"), "[LHLO x][NOOP][]...");
	lines_are(STR("NOOP\nQUIT\r\n"), "BARE [QUIT]");
	lines_are(STR("NO\rOP\r\nNO\0OP\r\nQUIT\r\r\nQUIT\r\n"), "BARE BARE BARE [QUIT]");
	for (int i = 0; i < ESMTP_LINE_MAX; i++)
		buf_addc(&b, 'x');
	buf_adds(&b, "\r\n");
	{
		struct esmtp_reader r;
		struct str in = buf_str(&b);

		esmtp_reader_init(&r);
		assert_int_equal(esmtp_reader_read(&r, &in), ESMTP_READ_LINE);
		assert_int_equal(r.line.n, ESMTP_LINE_MAX);
		esmtp_reader_free(&r);
	}
	b.n -= 2;
	buf_adds(&b, "x\r\nQUIT\r\n");
	lines_are(buf_str(&b), "LONG [QUIT]");
	buf_clear(&b);
	for (int i = 0; i < 80000; i++)
		buf_addc(&b, 'x');
	lines_are(buf_str(&b), "FATAL");
	buf_free(&b);
}

static void
test_commands(void **state)
{
	static const struct {
		const char *line;
		enum esmtp_fault fault;
		enum esmtp_verb verb;
	} c[] = {
	    {"LHLO foo.example", ESMTP_FINE, ESMTP_LHLO},
	    {"lhlo [IPv6:::1]", ESMTP_FINE, ESMTP_LHLO},
	    {"LHLO", ESMTP_BAD_ARGS, ESMTP_LHLO},
	    {"LHLO a b", ESMTP_BAD_ARGS, ESMTP_LHLO},
	    {"EHLO foo", ESMTP_FINE, ESMTP_HELO},
	    {"DATA", ESMTP_FINE, ESMTP_DATA},
	    {"data ", ESMTP_FINE, ESMTP_DATA},
	    {"DATA x", ESMTP_BAD_ARGS, ESMTP_DATA},
	    {"DATAx", ESMTP_BAD_VERB, ESMTP_UNKNOWN},
	    {"", ESMTP_BAD_VERB, ESMTP_UNKNOWN},
	    {"RSET", ESMTP_FINE, ESMTP_RSET},
	    {"NOOP anything", ESMTP_FINE, ESMTP_NOOP},
	    {"QUIT", ESMTP_FINE, ESMTP_QUIT},
	    {"VRFY alice", ESMTP_FINE, ESMTP_VRFY},
	    {"STARTTLS", ESMTP_FINE, ESMTP_STARTTLS},
	    {"STARTTLS x", ESMTP_BAD_ARGS, ESMTP_STARTTLS},
	    {"AUTH PLAIN", ESMTP_FINE, ESMTP_AUTH},
	    {"BDAT 10", ESMTP_FINE, ESMTP_BDAT},
	    {"BDAT 0 LAST", ESMTP_FINE, ESMTP_BDAT},
	    {"BDAT 9223372036854775807 last", ESMTP_FINE, ESMTP_BDAT},
	    {"BDAT 9223372036854775808", ESMTP_BAD_ARGS, ESMTP_BDAT},
	    {"BDAT 18446744073709551616", ESMTP_BAD_ARGS, ESMTP_BDAT},
	    {"BDAT", ESMTP_BAD_ARGS, ESMTP_BDAT},
	    {"BDAT -1", ESMTP_BAD_ARGS, ESMTP_BDAT},
	    {"BDAT 1 FIRST", ESMTP_BAD_ARGS, ESMTP_BDAT},
	    {"MAIL FROM:<>", ESMTP_FINE, ESMTP_MAIL},
	    {"MAIL FROM: <a@b>", ESMTP_FINE, ESMTP_MAIL},
	    {"mail from:<a@b> size=0", ESMTP_FINE, ESMTP_MAIL},
	    {"MAIL FROM:<a@b> SIZE=9223372036854775808", ESMTP_BAD_ARGS, ESMTP_MAIL},
	    {"MAIL FROM:<a@b> SIZE", ESMTP_BAD_ARGS, ESMTP_MAIL},
	    {"MAIL FROM:<a@b> SIZE=1 SIZE=1", ESMTP_BAD_ARGS, ESMTP_MAIL},
	    {"MAIL FROM:<a@b> BODY=9BIT", ESMTP_BAD_ARGS, ESMTP_MAIL},
	    {"MAIL FROM:<a@b> FOO=1", ESMTP_BAD_PARAM, ESMTP_MAIL},
	    {"MAIL FROM:<a@b> NOTIFY=NEVER", ESMTP_BAD_PARAM, ESMTP_MAIL},
	    {"MAIL FROM:<a@b> SMTPUTF8=1", ESMTP_BAD_ARGS, ESMTP_MAIL},
	    {"MAIL FROM:<a@b>SIZE=1", ESMTP_BAD_ARGS, ESMTP_MAIL},
	    {"MAIL FROM:a@b", ESMTP_BAD_SENDER, ESMTP_MAIL},
	    {"MAIL FROM:<a@b", ESMTP_BAD_SENDER, ESMTP_MAIL},
	    {"MAIL FROM:<a@>", ESMTP_BAD_SENDER, ESMTP_MAIL},
	    {"MAIL FROM:<@b>", ESMTP_BAD_SENDER, ESMTP_MAIL},
	    {"MAIL FROM:<a>", ESMTP_FINE, ESMTP_MAIL},
	    {"MAIL FROM:<a b@c>", ESMTP_BAD_SENDER, ESMTP_MAIL},
	    {"MAIL FROM:<\"a@b>", ESMTP_BAD_SENDER, ESMTP_MAIL},
	    {"MAIL FROM:<\"a\\", ESMTP_BAD_SENDER, ESMTP_MAIL},
	    {"MAIL FROM:<a@b..c>", ESMTP_BAD_SENDER, ESMTP_MAIL},
	    {"MAIL FROM:<a@.c>", ESMTP_BAD_SENDER, ESMTP_MAIL},
	    {"MAIL FROM:<a@[1.2.3.4>", ESMTP_BAD_SENDER, ESMTP_MAIL},
	    {"MAIL FROM:<a@[]>", ESMTP_BAD_SENDER, ESMTP_MAIL},
	    {"MAIL FROM:<\xc3\xa9@b>", ESMTP_NO_UTF8, ESMTP_MAIL},
	    {"MAIL FROM:<\xc3\xa9@b> SMTPUTF8", ESMTP_FINE, ESMTP_MAIL},
	    {"MAIL FROM:<\xe9@b> SMTPUTF8", ESMTP_BAD_SENDER, ESMTP_MAIL},
	    {"MAIL TO:<a@b>", ESMTP_BAD_ARGS, ESMTP_MAIL},
	    {"RCPT TO:<>", ESMTP_BAD_RCPT, ESMTP_RCPT},
	    {"RCPT TO:<postmaster>", ESMTP_FINE, ESMTP_RCPT},
	    {"RCPT TO:<alice>", ESMTP_FINE, ESMTP_RCPT},
	    {"RCPT TO:<a@b> NOTIFY=NEVER,SUCCESS", ESMTP_BAD_ARGS, ESMTP_RCPT},
	    {"RCPT TO:<a@b> NOTIFY=", ESMTP_BAD_ARGS, ESMTP_RCPT},
	    {"RCPT TO:<a@b> ORCPT=rfc822", ESMTP_BAD_ARGS, ESMTP_RCPT},
	    {"RCPT TO:<a@b> ORCPT=rfc822;a+4", ESMTP_BAD_ARGS, ESMTP_RCPT},
	    {"RCPT TO:<a@b> SIZE=1", ESMTP_BAD_PARAM, ESMTP_RCPT},
	};
	struct arena a = {0};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct esmtp_command cmd;
		enum esmtp_fault fault = esmtp_parse(&a, str_c(c[i].line), &cmd);
		struct buf out = {0};

		if (fault != c[i].fault || cmd.verb != c[i].verb)
			fail_msg("%s: %d %d", c[i].line, fault, cmd.verb);
		esmtp_fault_reply(&out, fault);
		assert_true(out.n > 10 && str_ends(buf_str(&out), STR("\r\n")));
		buf_free(&out);
	}
	arena_free(&a);
}

static void
test_envelope(void **state)
{
	struct arena a = {0};
	struct esmtp_command cmd;
	struct esmtp_path p;

	assert_int_equal(esmtp_parse(&a,
			     STR("MAIL FROM:<@x.example,@y:\"a \\\"b\\\\\"@C.example> SIZE=123 "
				 "BODY=binarymime SMTPUTF8 "
				 "RET=HDRS ENVID=a+3Db AUTH=<>"),
			     &cmd),
	    ESMTP_FINE);
	assert_true(
	    str_eq(cmd.path.local, STR("a \"b\\")) && str_eq(cmd.path.domain, STR("C.example")));
	assert_true(str_eq(cmd.path.address, STR("\"a \\\"b\\\\\"@C.example")));
	assert_true(
	    cmd.size == 123 && cmd.body == ESMTP_BODY_BINARYMIME && cmd.smtputf8 && cmd.ret_headers);
	assert_true(str_eq(cmd.envid, STR("a=b")) && cmd.auth.p != NULL && cmd.auth.n == 0);
	assert_int_equal(
	    esmtp_parse(&a,
		STR("RCPT TO:<a..b.@[IPv6:::1]> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@z"), &cmd),
	    ESMTP_FINE);
	assert_true(
	    str_eq(cmd.path.local, STR("a..b.")) && str_eq(cmd.path.domain, STR("[IPv6:::1]")));
	assert_true(cmd.notify == (ESMTP_NOTIFY_SUCCESS | ESMTP_NOTIFY_DELAY));
	assert_true(str_eq(cmd.orcpt_type, STR("rfc822")) && str_eq(cmd.orcpt, STR("x+y@z")));
	assert_int_equal(esmtp_parse(&a, STR("RCPT TO:<\xc3\xa9@b>"), &cmd), ESMTP_FINE);
	assert_true(cmd.path.utf8);
	assert_int_equal(esmtp_parse(&a, STR("BDAT 86 LAST"), &cmd), ESMTP_FINE);
	assert_true(cmd.chunk == 86 && cmd.last);
	assert_int_equal(esmtp_address_parse(&a, STR("a+b@c"), &p), OK);
	assert_true(str_eq(p.local, STR("a+b")));
	assert_int_equal(esmtp_address_parse(&a, STR("a@c>"), &p), ERR_BAD_INPUT);
	assert_int_equal(esmtp_address_parse(&a, STR(""), &p), ERR_BAD_INPUT);
	assert_int_equal(esmtp_address_parse(&a, STR("a\0@c"), &p), ERR_BAD_INPUT);
	arena_free(&a);
}

/* A line cut at every byte and with NUL at every byte (S3). */
static void
test_cut_everywhere(void **state)
{
	static const char text[] =
	    "MAIL FROM:<@x:\"a\\\"b\"@[1.2]> SIZE=1 ENVID=a+41 AUTH=<> BODY=7BIT";
	struct arena a = {0};
	struct esmtp_command cmd;

	for (size_t n = 0; n < sizeof(text); n++) {
		char *copy = x_malloc(n + 1);

		memcpy(copy, text, n);
		copy = x_realloc(copy, n ? n : 1);
		(void)esmtp_parse(&a, str_of(copy, n), &cmd);
		for (size_t i = 0; i < n; i++) {
			char c = copy[i];

			copy[i] = '\0';
			(void)esmtp_parse(&a, str_of(copy, n), &cmd);
			copy[i] = c;
		}
		free(copy);
	}
	arena_free(&a);
}

static void
data_is(struct str all, struct str want, size_t left, bool cr, bool lf, bool nul)
{
	for (int seed = 0; seed < 40; seed++) {
		struct data_decoder d = {0};
		struct buf out = {0};
		struct str in = all, part = {0}, chunk;
		enum data_next next = DATA_MORE;

		while (next != DATA_END && in.n > 0) {
			size_t n = cut(seed, in.n);
			char *copy = x_malloc(n);

			memcpy(copy, in.p, n);
			part = str_of(copy, n);
			while ((next = data_decode(&d, &part, &chunk)) == DATA_CHUNK)
				buf_add(&out, chunk);
			in = str_from(in, n - part.n);
			free(copy);
		}
		if (!str_eq(buf_str(&out), want))
			fail_msg("%.*s: %.*s", STR_FMT(all), STR_FMT(buf_str(&out)));
		if (left == SIZE_MAX) {
			assert_int_equal(next, DATA_MORE);
		} else {
			assert_int_equal(next, DATA_END);
			assert_int_equal(in.n, left);
		}
		assert_int_equal(d.bytes, want.n);
		assert_true(d.bare_cr == cr && d.bare_lf == lf && d.nul == nul);
		buf_free(&out);
	}
}

static void
test_data(void **state)
{
	data_is(STR(".\r\n"), STR(""), 0, false, false, false);
	data_is(STR("a\r\n.\r\nQUIT\r\n"), STR("a\r\n"), 6, false, false, false);
	data_is(STR("a\r\n..\r\n.b\r\n...\r\n.\r\n"), STR("a\r\n.\r\nb\r\n..\r\n"), 0, false, false,
	    false);
	data_is(STR("..\r\n.\r\n"), STR(".\r\n"), 0, false, false, false);
	data_is(STR("a"), STR("a"), SIZE_MAX, false, false, false);
	data_is(STR("\0\r\n.\r\n"), STR("\0\r\n"), 0, false, false, true);
	/* Smuggling: none of these ends the message. */
	data_is(STR("a\n.\nb\r\n.\r\n"), STR("a\n.\nb\r\n"), 0, false, true, false);
	data_is(STR("a\n.\r\nb\r\n.\r\n"), STR("a\n.\r\nb\r\n"), 0, false, true, false);
	data_is(STR("a\r.\r\nb\r\n.\r\n"), STR("a\r.\r\nb\r\n"), 0, true, false, false);
	data_is(STR("a\r.\rb\r\n.\r\n"), STR("a\r.\rb\r\n"), 0, true, false, false);
	data_is(STR("a\r\n.\nb\r\n.\r\n"), STR("a\r\n\nb\r\n"), 0, false, true, false);
	data_is(STR("a\r\n.\rb\r\n.\r\n"), STR("a\r\n\rb\r\n"), 0, true, false, false);
	data_is(STR("a\r\n.\r\r\n.\r\n"), STR("a\r\n\r\r\n"), 0, true, false, false);
	data_is(STR("a\r\n\r.\r\n.\r\n"), STR("a\r\n\r.\r\n"), 0, true, false, false);
	data_is(STR("a\r\n.\r.\r\n.\r\n"), STR("a\r\n\r.\r\n"), 0, true, false, false);
	data_is(STR("a\r\r\n.\r\n"), STR("a\r\r\n"), 0, true, false, false);
	data_is(STR("a\r\n.\0\r\n.\r\n"), STR("a\r\n\0\r\n"), 0, false, false, true);
}

/* All texts of seven bytes over the bytes that matter: against the rule, spelt out byte by byte. */
static void
test_data_exhaustive(void **state)
{
	static const char bytes[] = "\r\n.x";

	for (unsigned v = 0; v < 1u << 14; v++) {
		char text[7], want[16];
		size_t n = 0, end = SIZE_MAX;
		struct data_decoder d = {0};
		struct str in = str_of(text, 7), chunk;
		struct buf out = {0};
		enum data_next next;

		for (size_t i = 0; i < 7; i++)
			text[i] = bytes[v >> (2 * i) & 3];
		for (size_t i = 0; i < 7 && end == SIZE_MAX; i++) {
			bool begin =
			    i == 0 || (i >= 2 && text[i - 1] == '\n' && text[i - 2] == '\r');

			if (begin && text[i] == '.') {
				if (i + 2 < 7 && text[i + 1] == '\r' && text[i + 2] == '\n')
					end = i + 3;
				continue; /* removed */
			}
			want[n++] = text[i];
		}
		while ((next = data_decode(&d, &in, &chunk)) == DATA_CHUNK)
			buf_add(&out, chunk);
		assert_int_equal(next, end == SIZE_MAX ? DATA_MORE : DATA_END);
		/* A CR right behind a dot may be the end's: it is held back. */
		if (end == SIZE_MAX && out.n + 1 == n && want[n - 1] == '\r')
			n--;
		assert_int_equal(out.n, n);
		assert_true(n == 0 || memcmp(out.p, want, n) == 0);
		if (end != SIZE_MAX)
			assert_int_equal(in.n, 7 - end);
		buf_free(&out);
	}
}

static void
test_replies(void **state)
{
	struct buf out = {0};

	esmtp_reply_part(&out, 250, "x");
	esmtp_reply(&out, 220, NULL, "hi\r\nthere");
	esmtp_reply_for(&out, 250, "2.1.5", STR("a\r\n@b"), "Ok");
	buf_addc(&out, '\0');
	assert_string_equal(out.p, "250-x\r\n220 hi  there\r\n250 2.1.5 <a  @b> Ok\r\n");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_commands),
	    cmocka_unit_test(test_envelope),
	    cmocka_unit_test(test_cut_everywhere),
	    cmocka_unit_test(test_data),
	    cmocka_unit_test(test_data_exhaustive),
	    cmocka_unit_test(test_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
