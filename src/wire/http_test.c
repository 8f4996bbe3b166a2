/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP as it comes in (RFC 9110, RFC 9112): what is read, and each way in which two readers could read it differently refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "wire/http.h"

/* The status of a head: 0 where it is fine, 1 where more has to come. */
static unsigned
read_head(const char *text, struct http_request *req)
{
	struct http_reader r = {0};
	unsigned status = 0;
	size_t used;
	enum http_read what = http_head(&r, str_c(text), req, &used, &status);

	return what == HTTP_READ_MORE ? 1 : status;
}

static unsigned
status_of(const char *text)
{
	struct http_request req;

	return read_head(text, &req);
}

static void
test_request(void **state)
{
	struct http_request req;

	assert_int_equal(read_head("GET /a/b?c=d&e HTTP/1.1\r\nHost: mail.example.org:443\r\nAccept:\t*/* \r\n\r\n", &req), 0);
	assert_int_equal(req.method, HTTP_GET);
	assert_true(str_eq(req.path, STR("/a/b")) && str_eq(req.query, STR("c=d&e")) && str_eq(req.host, STR("mail.example.org:443")));
	assert_true(str_eq(http_field_value(&req, STR("ACCEPT")), STR("*/*")) && req.keep && !req.old && req.framing == HTTP_NO_BODY);
	/* RFC 9112 3.2.2: the absolute form wins over Host. */
	assert_int_equal(read_head("GET HTTP://a.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n", &req), 0);
	assert_true(str_eq(req.host, STR("a.example")) && str_eq(req.path, STR("/x")));
	assert_int_equal(read_head("GET http://a.example?q HTTP/1.1\r\nHost: b\r\n\r\n", &req), 0);
	assert_true(str_eq(req.path, STR("/")) && str_eq(req.query, STR("q")));
	assert_int_equal(read_head("OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n", &req), 0);
	assert_int_equal(read_head("\r\nBREW / HTTP/1.1\r\nHost: b\r\n\r\n", &req), 0);
	assert_int_equal(req.method, HTTP_METHOD_OTHER);
	/* RFC 9112 9.3 */
	assert_int_equal(read_head("GET / HTTP/1.1\r\nHost: b\r\nConnection: te, Close\r\n\r\n", &req), 0);
	assert_false(req.keep);
	assert_int_equal(read_head("GET / HTTP/1.0\r\n\r\n", &req), 0);
	assert_true(req.old && !req.keep && req.host.n == 0);
	assert_int_equal(read_head("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &req), 0);
	assert_true(req.keep);
	assert_int_equal(read_head("POST / HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n", &req), 0);
	assert_true(req.framing == HTTP_LENGTH && req.length == 3 && req.waits);
	assert_int_equal(read_head("POST / HTTP/1.9\r\nHost: b\r\nTransfer-Encoding: Chunked\r\n\r\n", &req), 0);
	assert_true(req.framing == HTTP_CHUNKED && !req.waits);
}

static void
test_refused(void **state)
{
	static const struct {
		unsigned status;
		const char *text;
	} cases[] = {
	    {1, "GET / HTTP/1.1\r\nHost: a\r\n"}, {1, ""},
	    {400, "GET / HTTP/1.1\r\n\r\n"},                                        /* no Host */
	    {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
	    {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"}, {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
	    {400, "GET / HTTP/1.1\nHost: a\r\n\r\n"},                              /* a lone LF */
	    {400, "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"}, {400, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"},
	    {400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},                           /* RFC 9112 5.1 */
	    {400, "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"},                      /* a fold: RFC 9112 5.2 */
	    {400, "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"}, {400, "GET / HTTP/1.1\r\nHost: a\r\nb\r\n\r\n"},
	    {400, "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n"},
	    {400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"}, {400, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"}, {400, "GET /\r\nHost: a\r\n\r\n"},
	    {400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"}, {400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"}, {400, "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"},
	    {400, "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"}, {400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n"},
	    {400, "GET / http/1.1\r\nHost: a\r\n\r\n"}, {400, "GET / HTTP/11\r\nHost: a\r\n\r\n"}, {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
	    /* RFC 9112 6.1, 6.3, 11.2: one length, said once. */
	    {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"},
	    {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n"}, {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n"},
	    {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"}, {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\n"},
	    {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"},
	    {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
	    {400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"},
	    {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
	    {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
	    {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"},
	    {417, "POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (status_of(cases[i].text) != cases[i].status)
			fail_msg("%u instead of %u: %s", status_of(cases[i].text), cases[i].status, cases[i].text);
}

static void
test_limits(void **state)
{
	struct buf b = {0};
	struct http_request req;

	buf_adds(&b, "GET /");
	while (b.n <= HTTP_HEAD_MAX)
		buf_addc(&b, 'a');
	buf_addc(&b, '\0');
	assert_int_equal(read_head(b.p, &req), 414);
	buf_clear(&b);
	buf_adds(&b, "GET / HTTP/1.1\r\n");
	while (b.n <= HTTP_HEAD_MAX)
		buf_addc(&b, 'a');
	buf_addc(&b, '\0');
	assert_int_equal(read_head(b.p, &req), 431);
	buf_clear(&b);
	buf_adds(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < HTTP_FIELDS_MAX; i++)
		buf_adds(&b, "a: b\r\n");
	buf_adds(&b, "\r\n");
	buf_addc(&b, '\0');
	assert_int_equal(read_head(b.p, &req), 431);
	buf_free(&b);
}

/* What a body is, in pieces of a size; text: behind it, what is left over. */
static enum status
body_of(const char *text, enum http_framing framing, uint64_t length, size_t step, struct buf *out, struct str *left_r)
{
	struct http_request req = {.framing = framing, .length = length};
	struct http_body b;
	struct str in = str_c(text);
	enum status st = ERR_AGAIN;

	http_body_begin(&b, &req);
	while (st == ERR_AGAIN && in.n > 0) {
		struct str piece = str_head(in, step);
		size_t had = piece.n;

		st = http_body_take(&b, &piece, out, 20);
		in = str_from(in, had - piece.n);
	}
	*left_r = in;
	return st;
}

static void
test_body(void **state)
{
	static const struct {
		enum status st;
		const char *text, *body, *left;
	} cases[] = {
	    {OK, "3\r\nabc\r\n0\r\n\r\nGET", "abc", "GET"}, {OK, "3;x=\"y\"\r\nabc\r\nA \r\n0123456789\r\n000\r\nTrailer: x\r\n\r\n", "abc0123456789", ""},
	    {ERR_AGAIN, "3\r\nab", "ab", ""}, {ERR_AGAIN, "3\r\nabc\r\n0\r\n", "abc", ""},
	    {ERR_BAD_INPUT, "\r\n", "", ""}, {ERR_BAD_INPUT, "3\nabc", "", ""}, {ERR_BAD_INPUT, "3\r\nabcd\r\n", "", ""}, {ERR_BAD_INPUT, "-3\r\nabc", "", ""},
	    {ERR_BAD_INPUT, "0x3\r\nabc", "", ""}, {ERR_BAD_INPUT, "1234567890123456\r\n", "", ""}, {ERR_LIMIT, "15\r\n012345678901234567890", "", ""},
	};

	for (size_t step = 1; step < 40; step += 38)
		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
			struct buf out = {0};
			struct str left;
			enum status st = body_of(cases[i].text, HTTP_CHUNKED, 0, step, &out, &left);

			/* How far it came before it was wrong is nobody's matter. */
			if (st != cases[i].st || ((st == OK || st == ERR_AGAIN) && (!str_eq(buf_str(&out), str_c(cases[i].body)) || !str_eq(left, str_c(cases[i].left)))))
				fail_msg("%s: %d, %.*s, %.*s", cases[i].text, st, STR_FMT(buf_str(&out)), STR_FMT(left));
			buf_free(&out);
		}
}

static void
test_length(void **state)
{
	struct buf out = {0};
	struct str left;

	assert_int_equal(body_of("abcdef", HTTP_LENGTH, 4, 1, &out, &left), OK);
	assert_true(str_eq(buf_str(&out), STR("abcd")) && str_eq(left, STR("ef")));
	assert_int_equal(body_of("abcdef", HTTP_LENGTH, 21, 100, &out, &left), ERR_LIMIT);
	buf_free(&out);
}

static void
test_texts(void **state)
{
	struct buf b = {0};

	assert_true(http_path(STR("/%41+b"), &b) && str_eq(buf_str(&b), STR("/A+b")));
	assert_false(http_path(STR("/a%2fb"), &b));
	assert_false(http_path(STR("/%00"), &b));
	assert_false(http_path(STR("/%4"), &b));
	buf_clear(&b);
	assert_true(http_query(STR("a=1&e%6dail=x%40y+z&b"), STR("email"), &b) && str_eq(buf_str(&b), STR("x@y z")));
	buf_clear(&b);
	assert_false(http_query(STR("a=1&b=2"), STR("c"), &b));
	assert_false(http_query(STR("a=%zz"), STR("a"), &b));
	assert_false(http_query(STR_NONE, STR("a"), &b));
	buf_clear(&b);
	http_answer_begin(&b, 404, 784111777, "text/plain", 5, false);
	assert_true(str_eq(buf_str(&b), STR("HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n"
					    "Connection: close\r\n")));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_request), cmocka_unit_test(test_refused), cmocka_unit_test(test_limits), cmocka_unit_test(test_body),
	    cmocka_unit_test(test_length), cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
