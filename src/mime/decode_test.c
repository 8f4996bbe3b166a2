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
#include "mime/charset_priv.h"
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
decode(struct buf *out, enum mime_cte cte, struct str s, int way)
{
	struct mime_decoder d;
	enum status st = OK;

	mime_decoder_init(&d, cte);
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
	} rows[] = {
		{MIME_CTE_BASE64, "", ""},
		{MIME_CTE_BASE64, "aGVsbG8=", "hello"},
		{MIME_CTE_BASE64, "aGVs\r\nbG8=\r\n", "hello"},
		{MIME_CTE_BASE64, "aGVsbA==", "hell"},
		{MIME_CTE_BASE64, "aGVs", "hel"},
		{MIME_CTE_BASE64, "aGVsbG8", "hello"},
		{MIME_CTE_BASE64, "aGVsbA=", "hell"},
		{MIME_CTE_BASE64, "a", ""},
		{MIME_CTE_BASE64, "aGVs!bG8=", "hello"},
		{MIME_CTE_BASE64, "=aGVs", "hel"},
		{MIME_CTE_BASE64, "aGU=aGU=", "he"},
		{MIME_CTE_BASE64, "aGVsbG8=\r\n-- \r\nfooter", "hello"},
		{MIME_CTE_BASE64, "aGVs\r\nbG8h\r\n=\r\nlist footer", "hello!"},
		{MIME_CTE_BASE64, "> aGVs\r\n> bG8=\r\n", "hello"},
		{MIME_CTE_BASE64, "\xef\xbb\xbf" "aG-V.s\x80 bG8", "hello"},
		{MIME_CTE_BASE64, "====aGVs", "hel"},
		{MIME_CTE_QP, "", ""},
		{MIME_CTE_QP, "plain\r\ntext\r\n", "plain\r\ntext\r\n"},
		{MIME_CTE_QP, "a=3Db=3db", "a=b=b"},
		{MIME_CTE_QP, "soft=\r\nbreak", "softbreak"},
		{MIME_CTE_QP, "soft=\nbreak", "softbreak"},
		{MIME_CTE_QP, "soft= \t\r\nbreak", "softbreak"},
		{MIME_CTE_QP, "trailing \t\r\nx", "trailing\r\nx"},
		{MIME_CTE_QP, "a b\tc", "a b\tc"},
		{MIME_CTE_QP, "end=", "end"},
		{MIME_CTE_QP, "end  ", "end"},
		{MIME_CTE_QP, "bad=zz", "bad=zz"},
		{MIME_CTE_QP, "bad=4", "bad=4"},
		{MIME_CTE_QP, "bad=4z", "bad=4z"},
		{MIME_CTE_QP, "==41", "=A"},
		{MIME_CTE_QP, "a\rb", "a\rb"},
		{MIME_CTE_QP, "=E9", "\xe9"},
		{MIME_CTE_7BIT, "as=3D is\r\n", "as=3D is\r\n"},
		{MIME_CTE_UNKNOWN, "as is", "as is"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int way = 0; way < 3; way++) {
			struct buf out = {0};

			assert_int_equal(decode(&out, rows[i].cte, str_c(rows[i].in), way), OK);
			if (!str_eq(buf_str(&out), str_c(rows[i].want)))
				fail_msg("%s gives %.*s, way %d", rows[i].in, STR_FMT(buf_str(&out)), way);
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
		assert_int_equal(decode(&back, MIME_CTE_BASE64, buf_str(&folded), way), OK);
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
	/* Comments on both sides, stuck to it or not (T121). */
	assert_int_equal(mime_cte_of(STR(" (it is) base64(so (it) is)")), MIME_CTE_BASE64);
	assert_int_equal(mime_cte_of(STR("(a;b)(c)\r\n Quoted-Printable\t(d)")), MIME_CTE_QP);
	assert_int_equal(mime_cte_of(STR("\"base64\"")), MIME_CTE_BASE64);
	assert_int_equal(mime_cte_of(STR("(nothing)")), MIME_CTE_7BIT);
	assert_int_equal(mime_cte_of(STR("base64, x")), MIME_CTE_UNKNOWN);
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
		/* What Windows writes under these names: NEC's row 13, IBM's rows, half-width kana (T123). */
		{"iso-2022-jp", "\x1b$B-!F|\x1b(Bx", "\xe2\x91\xa0\xe6\x97\xa5x", true},
		{"iso-2022-jp", "\x1b$By!\x1b(B", "\xe7\xba\x8a", true},
		{"iso-2022-jp", "\x1b(I1\x1b(B.", "\xef\xbd\xb1.", true},
		{"iso-2022-jp", "\xb1.", "\xef\xbd\xb1.", true},
		{"iso-2022-jp", "\x0e" "1\x0f.", "\xef\xbd\xb1.", true},
		{"iso-2022-jp", "\x1b$(D0!\x1b(B", "\xe4\xb8\x82", true},
		{"iso-2022-jp", "\x1b(J\\~\x1b(B\\~", "\xc2\xa5\xe2\x80\xbe\\~", true},
		{"iso-2022-jp", "\x1b$BF|\nF|", "\xe6\x97\xa5\nF|", true},
		{"iso-2022-jp", "\x1b$BF", "\xef\xbf\xbd", false},
		{"iso-2022-jp", "\x1b$BF\x80" "F|\x1b(Bx", "\xef\xbf\xbd\xef\xbf\xbd\xe6\x97\xa5x", false},
		{"iso-2022-jp", "a\x1b$Zb", "a\xef\xbf\xbdZb", false},
		{"euc-jp", "\xad\xa1\xc6\xfc\x8e\xb1\x8f\xb0\xa1x", "\xe2\x91\xa0\xe6\x97\xa5\xef\xbd\xb1\xe4\xb8\x82x", true},
		{"euc-jp", "\xf9\xa1", "\xe7\xba\x8a", true},
		{"euc-jp", "\xc6x\xff\xc6\xfc", "\xef\xbf\xbdx\xef\xbf\xbd\xe6\x97\xa5", false},
		{"shift_jis", "\x87\x40\xed\x40", "\xe2\x91\xa0\xe7\xba\x8a", true},
		{"hz-gb-2312", "a~{VPND~}b~~~\nc", "a\xe4\xb8\xad\xe6\x96\x87" "b~c", true},
		{"hz-gb-2312", "~{VP\nVP", "\xe4\xb8\xad\nVP", true},
		{"hz-gb-2312", "a~x~{V\x80", "a\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd", false},
		/* As it is written in mail. */
		{"windows1252", "\x80", "\xe2\x82\xac", true},
		{"iso8859_15", "\xa4", "\xe2\x82\xac", true},
		{"cp65001", "\xc3\xa9", "\xc3\xa9", true},
		{"windows-949", "\xc7\xd1", "\xed\x95\x9c", true},
		{"X-Windows-949", "\xc7\xd1", "\xed\x95\x9c", true},
		{"win-1251", "\xcc\xee", "\xd0\x9c\xd0\xbe", true},
		{"x-cp-1251", "\xcc\xee", "\xd0\x9c\xd0\xbe", true},
		{"\"koi8r\";", "\xed\xcf", "\xd0\x9c\xd0\xbe", true},
		{"'utf_8'", "\xc3\xa9", "\xc3\xa9", true},
		{"cp850", "\x82", "\xc3\xa9", true},
		{"windows-28592", "\xb1", "\xc4\x85", true},
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
	/* As long as a name may be, and longer when it is taken for the number of a code page. */
	assert_false(mime_charset_known(STR("x12345678901234567890123456789012345678901234567")));
	assert_false(mime_charset_known(STR("x-123456")));
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

/* The labels of the WHATWG encoding standard, group by group: each is known and means the same as the first of its group. */
static void
test_labels(void **state)
{
	static const struct {
		const char *first, *labels;
	} groups[] = {
		{"unicode-1-1-utf-8", "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8"},
		{"ansi_x3.4-1968", "ansi_x3.4-1968 ascii us-ascii"},
		{"cp1252", "cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 windows-1252 x-cp1252"},
		{"866", "866 cp866 csibm866 ibm866"},
		{"csisolatin2", "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2"},
		{"csisolatin3", "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3"},
		{"csisolatin4", "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4"},
		{"csisolatincyrillic", "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988"},
		{"arabic", "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987"},
		{"csisolatingreek", "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7 iso_8859-7:1987 sun_eu_greek"},
		{"csiso88598e", "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical"},
		{"csisolatin6", "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6"},
		{"iso-8859-13", "iso-8859-13 iso8859-13 iso885913"},
		{"iso-8859-14", "iso-8859-14 iso8859-14 iso885914"},
		{"csisolatin9", "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9"},
		{"iso-8859-16", "iso-8859-16"},
		{"cskoi8r", "cskoi8r koi koi8 koi8-r koi8_r"},
		{"koi8-ru", "koi8-ru koi8-u"},
		{"csmacintosh", "csmacintosh mac macintosh x-mac-roman"},
		{"x-mac-cyrillic", "x-mac-cyrillic x-mac-ukrainian"},
		{"dos-874", "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874"},
		{"cp1250", "cp1250 windows-1250 x-cp1250"},
		{"cp1251", "cp1251 windows-1251 x-cp1251"},
		{"cp1253", "cp1253 windows-1253 x-cp1253"},
		{"cp1254", "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 windows-1254 x-cp1254"},
		{"cp1255", "cp1255 windows-1255 x-cp1255"},
		{"cp1256", "cp1256 windows-1256 x-cp1256"},
		{"cp1257", "cp1257 windows-1257 x-cp1257"},
		{"cp1258", "cp1258 windows-1258 x-cp1258"},
		{"chinese", "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030"},
		{"big5", "big5 big5-hkscs cn-big5 csbig5 x-x-big5"},
		{"cseucpkdfmtjapanese", "cseucpkdfmtjapanese euc-jp x-euc-jp"},
		{"csiso2022jp", "csiso2022jp iso-2022-jp"},
		{"csshiftjis", "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis"},
		{"cseuckr", "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949"},
		{"hz-gb-2312", "hz-gb-2312"},
		{"csiso2022kr", "csiso2022kr iso-2022-kr"},
		{"iso-2022-cn", "iso-2022-cn"},
		{"iso-2022-cn-ext", "iso-2022-cn-ext"},
		{"unicodefffe", "unicodefffe utf-16be"},
		{"csunicode", "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16le"},
		{"utf-16", "utf-16"},
	};
	static const char *const samples[] = {"\xe9t\xe9 \xa4\x80", "\x1b$B-!\x1b(B", "~{VP~}", "\xc7\xd1\xad\xa1\x8e\xb1", "\x93\xfa\xed\x40"};

	(void)state;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		struct str rest = str_c(groups[i].labels), label;

		while (str_split(&rest, ' ', &label)) {
			for (size_t k = 0; k < sizeof(samples) / sizeof(samples[0]); k++) {
				struct buf want = {0}, got = {0};

				assert_true(mime_charset_convert(&want, str_c(groups[i].first), str_c(samples[k]), false));
				if (!mime_charset_convert(&got, label, str_c(samples[k]), false) || !str_eq(buf_str(&got), buf_str(&want)))
					fail_msg("%.*s is not read as %s", STR_FMT(label), groups[i].first);
				buf_free(&want), buf_free(&got);
			}
		}
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
		{"En&#116er! &#x41!&#65", "Enter! A!A"},
		{"&#x;&#g&#;&#0000000000065;", "&#x;&#g&#;&#0000000000065;"},
		{"&#0;&#xD800;&#x110000;&#99999999999;x", "&#0;&#xD800;&#x110000;&#99999999999;x"},
		{"&eacute;&euro;&#150;&Sigma;", "\xc3\xa9\xe2\x82\xac\xe2\x80\x93\xce\xa3"},
		/* A quote opens a value only behind "=" (T125). */
		{"<hr width=\"80% align=\"left\">behind", " behind"},
		{"<b \">x</b>", "x"},
		{"<p class=\"a\"\">x<p '>y", " x y"},
		{"<a href = \"x>y\">t</a>", "t"},
		{"<a href=x?a=\"b>t</a>", "t"},
		{"<a b=''c=\">\">t</a>", "t"},
		{"<!DOCTYPE html PUBLIC \"-//W3C//DTD>a", " a"},
		{"<?xml a=\"1?>b", " b"},
		{"<script><!-- x </script>y", " y"},
		{"<style><!-- p {} </style>y", " y"},
		{"</p x=\">\">y", " y"},
		{"a &", "a &"},
		{"<", ""}, {"<a", ""}, {"<!--", ""}, {"<script>", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int way = 0; way < 3; way++) {
			struct buf out = {0};
			struct mime_html h;
			struct str s = str_c(rows[i].in);

			mime_html_init(&h, false);
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
		struct mime_text_stream *t = mime_text_open(MIME_CTE_BASE64, STR("iso-8859-1"), MIME_HTML_ALL);
		struct buf out = {0}, source = {0};
		struct str s = in;

		while (s.n > 0) {
			char *copy;
			size_t n = piece(s, way, &copy);

			mime_text_add(t, str_of(copy, n), &out, &source);
			free(copy);
			s = str_from(s, n);
		}
		mime_text_finish(t, &out, &source);
		mime_text_close(t);
		assert_true(str_eq(str_trim(buf_str(&out)), STR("caf\xc3\xa9 au lait")));
		assert_true(str_eq(buf_str(&source), STR("<p>caf\xc3\xa9 <b>au</b> lait</p>")));
		buf_free(&out);
		buf_free(&source);
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

/* A row out of order is never found; one that is too long is longer than the room for it. */
static void
test_charset_rows(void **state)
{
#define CHARSET(name, kind, ours) {name, ours},
	static const struct {
		const char *name, *ours;
	} rows[] = {
#include "mime/charset.tbl"
	};
#undef CHARSET

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_true(strlen(rows[i].ours) <= CHARSET_NAME_MAX);
		assert_int_equal(strspn(rows[i].name, "0123456789abcdefghijklmnopqrstuvwxyz"), strlen(rows[i].name));
		if (i > 0 && strcmp(rows[i - 1].name, rows[i].name) >= 0)
			fail_msg("%s", rows[i].name);
	}
}

/* iconv's UTF-8 goes on beyond Unicode; ours does not, whatever the charset and the bytes. */
static void
test_charset_beyond(void **state)
{
	static const char *const names[] = {"UCS-4", "UCS-4LE", "UCS4", "INTERNAL", "WCHAR_T", "UTF-32", "UTF-32BE", "UCS-2", "UCS2", "UTF-16LE",
	    "UNICODE", "GB18030", "UTF-7", "EUC-TW", "BIG5-HKSCS", "ISO-2022-CN-EXT", "TSCII", "UTF-7-IMAP"};
	struct buf in = {0}, out = {0};

	(void)state;
	/* Every byte in the place of a code point's highest, in both orders; surrogates, the last code point and the one behind it. */
	for (unsigned i = 0; i < 256; i++)
		buf_addf(&in, "%c%c%c%c%c%c%c%c", 'a', 'b', i, i, i, i, 'c', 'd');
	buf_add(&in, str_of("\0\0\xd8\0\0\x10\xff\xff\0\x11\0\0\x7f\xff\xff\xff", 16));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!mime_charset_known(str_c(names[i])))
			continue;
		buf_clear(&out);
		assert_true(mime_charset_convert(&out, str_c(names[i]), buf_str(&in), false));
		if (!utf8_valid(buf_str(&out)))
			fail_msg("%s", names[i]);
		buf_clear(&out);
		assert_false(mime_charset_convert(&out, str_c(names[i]), buf_str(&in), true) && strncmp(names[i], "UCS-4", 5) == 0);
	}
	buf_free(&in), buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transfer),
		cmocka_unit_test(test_base64_long),
		cmocka_unit_test(test_encoding_names),
		cmocka_unit_test(test_charsets),
		cmocka_unit_test(test_charset_rows),
		cmocka_unit_test(test_charset_beyond),
		cmocka_unit_test(test_labels),
	    cmocka_unit_test(test_html),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_preview),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
