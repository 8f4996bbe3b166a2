/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer encodings (T55), charsets, HTML, text streams and previews: whole, byte by byte, in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/codec.h"
#include "base/utf8.h"
#include "mime/decode.h"
#include "mime/preview.h"

/* Each piece is a malloc of its own, so that nobody looks past it. */
static size_t
piece(struct str s, int way, char **copy_r)
{
	size_t n = way == 0 ? s.n : way == 1 ? 1 : 1 + s.n % 7;

	if (n > s.n)
		n = s.n;
	*copy_r = x_strndup(str_head(s, n));
	return n;
}

static enum status
decode(struct buf *out, enum mime_cte cte, bool strict, struct str s, int way)
{
	struct mime_decoder d;
	enum status st = OK;

	mime_decoder_init(&d, cte, strict);
	while (s.n > 0 && st == OK) {
		char *copy;
		size_t n = piece(s, way, &copy);

		st = mime_decoder_add(&d, str_of(copy, n), out);
		free(copy);
		s = str_from(s, n);
	}
	return st == OK ? mime_decoder_finish(&d, out) : st;
}

static void
test_transfer(void **state)
{
	static const struct {
		enum mime_cte cte;
		const char *in, *want;
		bool strict_ok;
	} rows[] = {
		{MIME_CTE_BASE64, "", "", true},
		{MIME_CTE_BASE64, "aGVsbG8=", "hello", true},
		{MIME_CTE_BASE64, "aGVs\r\nbG8=\r\n", "hello", true},
		{MIME_CTE_BASE64, "aGVsbA==", "hell", true},
		{MIME_CTE_BASE64, "aGVs", "hel", true},
		{MIME_CTE_BASE64, "aGVsbG8", "hello", false},
		{MIME_CTE_BASE64, "aGVsbA=", "hell", false},
		{MIME_CTE_BASE64, "a", "", false},
		{MIME_CTE_BASE64, "aGVs!bG8=", "hello", false},
		{MIME_CTE_BASE64, "=aGVs", "hel", false},
		{MIME_CTE_BASE64, "aGU=aGU=", "hehe", false},
		{MIME_CTE_BASE64, "aGVsbG8=\r\n-- \r\nfooter", NULL, false},
		{MIME_CTE_QP, "", "", true},
		{MIME_CTE_QP, "plain\r\ntext\r\n", "plain\r\ntext\r\n", true},
		{MIME_CTE_QP, "a=3Db=3db", "a=b=b", true},
		{MIME_CTE_QP, "soft=\r\nbreak", "softbreak", true},
		{MIME_CTE_QP, "soft=\nbreak", "softbreak", true},
		{MIME_CTE_QP, "soft= \t\r\nbreak", "softbreak", true},
		{MIME_CTE_QP, "trailing \t\r\nx", "trailing\r\nx", true},
		{MIME_CTE_QP, "a b\tc", "a b\tc", true},
		{MIME_CTE_QP, "end=", "end", true},
		{MIME_CTE_QP, "end  ", "end", true},
		{MIME_CTE_QP, "bad=zz", "bad=zz", false},
		{MIME_CTE_QP, "bad=4", "bad=4", false},
		{MIME_CTE_QP, "bad=4z", "bad=4z", false},
		{MIME_CTE_QP, "==41", "=A", false},
		{MIME_CTE_QP, "a\rb", "a\rb", true},
		{MIME_CTE_QP, "=E9", "\xe9", true},
		{MIME_CTE_7BIT, "as=3D is\r\n", "as=3D is\r\n", true},
		{MIME_CTE_UNKNOWN, "as is", "as is", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int way = 0; way < 3; way++) {
			struct buf out = {0};

			assert_int_equal(decode(&out, rows[i].cte, false, str_c(rows[i].in), way), OK);
			if (rows[i].want != NULL && !str_eq(buf_str(&out), str_c(rows[i].want)))
				fail_msg("%s gives %.*s", rows[i].in, STR_FMT(buf_str(&out)));
			buf_clear(&out);
			if ((decode(&out, rows[i].cte, true, str_c(rows[i].in), way) == OK) != rows[i].strict_ok)
				fail_msg("%s: strict, way %d", rows[i].in, way);
			if (rows[i].strict_ok)
				assert_true(str_eq(buf_str(&out), str_c(rows[i].want)));
			buf_free(&out);
		}
	}
}

static void
test_base64_long(void **state)
{
	struct buf bytes = {0}, coded = {0}, folded = {0}, back = {0};

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		buf_addc(&bytes, (char)(i * i >> 3));
	base64_encode(&coded, buf_str(&bytes));
	for (size_t i = 0; i < coded.n; i += 76) {
		buf_add(&folded, str_head(str_from(buf_str(&coded), i), 76));
		buf_adds(&folded, "\r\n");
	}
	for (int way = 0; way < 3; way++) {
		buf_clear(&back);
		assert_int_equal(decode(&back, MIME_CTE_BASE64, true, buf_str(&folded), way), OK);
		assert_true(str_eq(buf_str(&back), buf_str(&bytes)));
	}
	buf_free(&bytes), buf_free(&coded), buf_free(&folded), buf_free(&back);
}

static void
test_encoding_names(void **state)
{
	(void)state;
	assert_int_equal(mime_cte_of(STR("")), MIME_CTE_7BIT);
	assert_int_equal(mime_cte_of(STR(" Base64 (x)")), MIME_CTE_BASE64);
	assert_int_equal(mime_cte_of(STR("quoted-printable;")), MIME_CTE_QP);
	assert_int_equal(mime_cte_of(STR("8 bit")), MIME_CTE_8BIT);
	assert_int_equal(mime_cte_of(STR("x-uuencode")), MIME_CTE_UNKNOWN);
}

static void
test_charsets(void **state)
{
	static const struct {
		const char *name, *in, *want;
		bool strict_ok;
	} rows[] = {
		{"utf-8", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", true},
		{"UTF8", "a\xc3", "a\xef\xbf\xbd", false},
		{"utf-8", "\xff\xc0\x80z", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz", false},
		{"us-ascii", "a\xc3\xa9\xe9", "a\xc3\xa9\xc3\xa9", false},
		{"", "\x80", "\xe2\x82\xac", false},
		{"iso-8859-1", "\xe9\x80", "\xc3\xa9\xe2\x82\xac", true},
		{"ISO-8859-15", "\xa4", "\xe2\x82\xac", true},
		{"windows-1251", "\xcc\xee", "\xd0\x9c\xd0\xbe", true},
		{"gb2312", "\xd6\xd0", "\xe4\xb8\xad", true},
		{"euc-kr", "\xc7\xd1", "\xed\x95\x9c", true},
		{"shift_jis", "\x93\xfa", "\xe6\x97\xa5", true},
		{"iso-2022-jp", "\x1b$BF|\x1b(Bx", "\xe6\x97\xa5x", true},
		{"big5", "\xa4\xa4", "\xe4\xb8\xad", true},
		{"big5", "a\xa4", "a\xef\xbf\xbd", false},
		{"utf-16le", "\xac\x20", "\xe2\x82\xac", true},
		{"utf-7", "+AOk-", "\xc3\xa9", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = {0};

		for (int way = 0; way < 3; way++) {
			struct mime_charset *c = mime_charset_open(str_c(rows[i].name));
			struct str s = str_c(rows[i].in);

			assert_non_null(c);
			buf_clear(&out);
			while (s.n > 0) {
				char *copy;
				size_t n = piece(s, way, &copy);

				mime_charset_add(c, str_of(copy, n), &out);
				free(copy);
				s = str_from(s, n);
			}
			mime_charset_finish(c, &out);
			mime_charset_close(c);
			if (!str_eq(buf_str(&out), str_c(rows[i].want)))
				fail_msg("%s %s gives %.*s, way %d", rows[i].name, rows[i].in, STR_FMT(buf_str(&out)), way);
		}
		buf_clear(&out);
		assert_int_equal(mime_charset_convert(&out, str_c(rows[i].name), str_c(rows[i].in), true), rows[i].strict_ok);
		assert_true(rows[i].strict_ok || out.n == 0);
		buf_free(&out);
	}
	assert_false(mime_charset_known(STR("x-no-such-charset")));
	assert_false(mime_charset_known(STR("utf-8//TRANSLIT")));
	assert_false(mime_charset_known(STR("../../etc/passwd")));
	assert_true(mime_charset_known(STR("iso-8859-2*de")));
	/* More than the cache holds. */
	for (int i = 0; i < 3; i++)
		for (int k = 1; k < 16; k++) {
			struct buf name = {0};

			buf_addf(&name, "iso-8859-%d", k);
			assert_true(mime_charset_known(buf_str(&name)) || k == 12);
			buf_free(&name);
		}
}

static void
test_html(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"plain", "plain"},
		{"<p>a</p><p>b</p>", " a b"},
		{"a<b>b</b>c<br>d", "abc d"},
		{"a  \r\n\t b", "a b"},
		{"x<style>p { color: red }</style>y<script>if (a < b && c > d) \"</b>\"</script>z", "x y z"},
		{"<title>no</title>yes", " yes"},
		{"a<!-- no > <b> -->b<!---->c<!-->d", "abcd"},
		{"<a href=\"x>y\" title='>'>t</a>", "t"},
		{"<!DOCTYPE html><html>a", " a"},
		{"1 < 2 &amp;&lt;&#65;&#x42;&nbsp;&unknown;&amp", "1 < 2 &<AB\xc2\xa0&unknown;&amp"},
		{"&#0;&#xD800;&#x110000;&#99999999999;x", "&#0;&#xD800;&#x110000;&#99999999999;x"},
		{"&eacute;&euro;", "\xc3\xa9\xe2\x82\xac"},
		{"a &", "a &"},
		{"<", ""}, {"<a", ""}, {"<!--", ""}, {"<script>", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int way = 0; way < 3; way++) {
			struct buf out = {0};
			struct mime_html h;
			struct str s = str_c(rows[i].in);

			mime_html_init(&h);
			while (s.n > 0) {
				char *copy;
				size_t n = piece(s, way, &copy);

				mime_html_add(&h, str_of(copy, n), &out);
				free(copy);
				s = str_from(s, n);
			}
			mime_html_finish(&h, &out);
			if (!str_eq(buf_str(&out), str_c(rows[i].want)))
				fail_msg("%s gives %.*s, way %d", rows[i].in, STR_FMT(buf_str(&out)), way);
			buf_free(&out);
		}
	}
}

static void
test_stream(void **state)
{
	struct str in = STR("PHA+Y2Fm6SA8Yj5hdTwvYj4gbGFpdDwvcD4=");

	(void)state;
	for (int way = 0; way < 3; way++) {
		struct mime_text_stream *t = mime_text_open(MIME_CTE_BASE64, STR("iso-8859-1"), true);
		struct buf out = {0};
		struct str s = in;

		while (s.n > 0) {
			char *copy;
			size_t n = piece(s, way, &copy);

			mime_text_add(t, str_of(copy, n), &out);
			free(copy);
			s = str_from(s, n);
		}
		mime_text_finish(t, &out);
		mime_text_close(t);
		assert_true(str_eq(str_trim(buf_str(&out)), STR("caf\xc3\xa9 au lait")));
		buf_free(&out);
	}
}

static void
test_preview(void **state)
{
	static const struct {
		const char *mail, *want; /* want NULL: no part to preview */
	} rows[] = {
		{"\r\nHello\r\n\r\n  world \r\n", "Hello world"},
		{"\r\n> quoted\r\nanswer\r\n-- \r\nsignature\r\n", "answer"},
		{"\r\n> only quoted\r\n", "> only quoted"},
		{"Content-Type: text/html\r\n\r\n<p>Hi&nbsp;<b>you</b></p>", "Hi you"},
		{"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--b\r\n\r\nplain\r\n--b--\r\n", "plain"},
		{"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>html\r\n--b--\r\n", "html"},
		{"Content-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n7c/T\r\n", "\xd0\x9c\xd0\xbe\xd1\x81"},
		{"Content-Type: image/png\r\n\r\nx", NULL},
		{"Content-Disposition: attachment\r\n\r\nx", NULL},
		{"", NULL},
		{"Content-Type: message/rfc822\r\n\r\n\r\ninner", NULL},
		{"\r\n\xe2\x80\x8b\xe2\x80\x8b\xc2\xad" "visible", "visible"},
	};
	struct buf longer = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a = {0};
		struct mime_parser *p = mime_parser_new(&a, NULL);
		const struct mime_message *m;
		struct buf got = {0};
		uint32_t part;

		mime_parser_add(p, str_c(rows[i].mail));
		m = mime_parser_finish(p);
		part = mime_preview_part(m);
		assert_int_equal(part != MIME_NO_PART, rows[i].want != NULL);
		if (part != MIME_NO_PART) {
			mime_preview_add(&got, &m->parts[part],
			    str_of(rows[i].mail + m->parts[part].body_start, m->parts[part].body_end - m->parts[part].body_start));
			if (!str_eq(buf_str(&got), str_c(rows[i].want)))
				fail_msg("%s gives %.*s", rows[i].mail, STR_FMT(buf_str(&got)));
		}
		buf_free(&got);
		arena_free(&a);
	}
	/* At most 200 characters, whole ones. */
	for (int i = 0; i < 300; i++)
		buf_adds(&longer, "\xf0\x9f\x98\x80");
	struct mime_part part = {.kind = MIME_LEAF_TEXT, .subtype = STR("plain"), .params = (struct mime_param[]){{STR("charset"), STR("utf-8")}}, .n_params = 1};
	struct buf got = {0};
	mime_preview_add(&got, &part, buf_str(&longer));
	assert_int_equal(got.n, 4 * MIME_PREVIEW_CHARS);
	assert_true(utf8_valid(buf_str(&got)));
	buf_free(&got);
	buf_free(&longer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transfer),
		cmocka_unit_test(test_base64_long),
		cmocka_unit_test(test_encoding_names),
		cmocka_unit_test(test_charsets),
		cmocka_unit_test(test_html),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_preview),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
