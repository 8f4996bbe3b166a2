/* SPDX-License-Identifier: Apache-2.0 */
/* Part trees of good and bad mail, their answers, and the bounds (T61, T62, T63, S3, S4, S5, T87). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/clock.h"
#include "mime/whole_check.h"

/* The tree as "type/subtype(children)", messages with "[...]"; bodies as {start-end}. */
static void
tree_add(struct buf *out, const struct mime_message *m, uint32_t i, bool ranges)
{
	const struct mime_part *p = &m->parts[i];

	buf_add(out, p->type);
	buf_addc(out, '/');
	buf_add(out, p->subtype);
	if (ranges)
		buf_addf(out, "{%d-%d}", (int)p->body_start, (int)p->body_end);
	if (p->child == MIME_NO_PART)
		return;
	buf_addc(out, p->kind == MIME_MULTIPART ? '(' : '[');
	for (uint32_t k = p->child; k != MIME_NO_PART; k = m->parts[k].next) {
		if (k != p->child)
			buf_addc(out, ' ');
		tree_add(out, m, k, ranges);
	}
	buf_addc(out, p->kind == MIME_MULTIPART ? ')' : ']');
}

#define MULTI "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static void
test_trees(void **state)
{
	static const struct {
		const char *mail, *tree;
		bool ranges;
	} rows[] = {
		/* Nothing, nearly nothing, and no header or body (T87, S3). */
		{"", "text/plain{0-0}", true},
		{"\r\n", "text/plain{2-2}", true},
		{"\n", "text/plain{1-1}", true},
		{"\r", "text/plain{1-1}", true},
		{"\r\nx", "text/plain{2-3}", true},
		{"a", "text/plain{1-1}", true},
		{"A: b\r\n", "text/plain{6-6}", true},
		{"A: b\n\nhello\n", "text/plain{6-12}", true},
		{"hello world\r\n\r\nmore\r\n", "text/plain{15-21}", true},
		{"Content-Type: text/html\r\n\r\n<p>", "text/html{27-30}", true},
		/* Types that are none (T61, RFC 2045 5.2). */
		{"Content-Type: x-zip\r\n\r\n", "application/octet-stream", false},
		{"Content-Type: text\r\n\r\n", "text/plain", false},
		{"Content-Type: \r\n\r\n", "text/plain", false},
		{"Content-Type: /\r\n\r\n", "application/octet-stream", false},
		{"Content-Type: text/plain/more\r\n\r\n", "text/plain", false},
		{"Content-Type: TEXT / HTML (a comment); charset=x\r\n\r\n", "TEXT/HTML", false},
		{"content-type:image/png;;;name=x\n\n", "image/png", false},
		{"Content-Type: text/html\r\nContent-Type: text/css\r\n\r\n", "text/html", false},
		/* Multiparts. */
		{MULTI "--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
		    "multipart/mixed{45-76}(text/plain{52-55} text/plain{64-67})", true},
		{MULTI "preamble\r\n--b\r\n\r\none\r\n--b--\r\nepilogue\r\n--b\r\n\r\nno\r\n", "multipart/mixed(text/plain)", false},
		{"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n",
		    "multipart/mixed{43-58}(text/plain{48-51})", true},
		{MULTI "--b  \t\r\n\r\none\r\n--b-- \r\n", "multipart/mixed(text/plain)", false},
		{MULTI "--b\r\n\r\none", "multipart/mixed(text/plain)", false},
		{MULTI "--b", "multipart/mixed{45-48}(text/plain{48-48})", true},
		{MULTI "--b\r\n--b\r\n--b--\r\n", "multipart/mixed(text/plain text/plain)", false},
		/* No parts, no boundary: a single part (T61). */
		{MULTI, "text/plain{45-45}", true},
		{MULTI "--b--\r\n", "text/plain{45-52}", true},
		{MULTI "just text\r\n", "text/plain", false},
		{"Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\n", "text/plain", false},
		{"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\n", "text/plain", false},
		{"Content-Type: multipart; boundary=b\r\n\r\n--b\r\n\r\nx\r\n", "multipart/mixed(text/plain)", false},
		/* Boundaries that begin alike (S4): only a whole line counts. */
		{MULTI "--b\r\n\r\n--bb\r\n--b-\r\n---b\r\n --b\r\n--b--x\r\n", "multipart/mixed{45-84}(text/plain{52-84})", true},
		{MULTI "--b\r\nContent-Type: multipart/x; boundary=bb\r\n\r\n--bb\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--\r\n",
		    "multipart/mixed(multipart/x(text/plain) text/plain)", false},
		/* The same boundary inside: the inner one ends first. */
		{MULTI "--b\r\n" MULTI "--b\r\n\r\n1\r\n--b--\r\n--b\r\n\r\n2\r\n--b--\r\n",
		    "multipart/mixed(multipart/mixed(text/plain) text/plain)", false},
		/* An outer delimiter ends all inside it, also a header. */
		{MULTI "--b\r\nContent-Type: multipart/x; boundary=c\r\n\r\n--c\r\nA: b\r\n--b\r\n\r\n2\r\n",
		    "multipart/mixed(multipart/x(text/plain) text/plain)", false},
		{MULTI "--b\r\nContent-Type: multipart/x; boundary=c\r\n--b--\r\n", "multipart/mixed(text/plain)", false},
		/* Messages inside (T53). */
		{"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody", "message/rfc822{32-51}[text/plain{47-51}]", true},
		{"Content-Type: message/rfc822\r\n\r\n", "message/rfc822[text/plain]", false},
		{"Content-Type: message/global\r\n\r\n\r\n", "message/global[text/plain]", false},
		{"Content-Type: message/rfc822\r\n", "message/rfc822[text/plain]", false},
		{"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDo=\r\n",
		    "application/octet-stream", false},
		{"Content-Type: message/delivery-status\r\n\r\nA: b\r\n", "message/delivery-status", false},
		{"Content-Type: message/rfc822\r\n\r\n" MULTI "--b\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n--b--\r\n",
		    "message/rfc822[multipart/mixed(message/rfc822[text/plain])]", false},
		{"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n",
		    "multipart/digest(message/rfc822[text/plain] text/plain)", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a = {0};
		struct buf tree = {0};

		tree_add(&tree, parse_way(&a, str_c(rows[i].mail), NULL, WHOLE, 0), 0, rows[i].ranges);
		if (!str_eq(buf_str(&tree), str_c(rows[i].tree)))
			fail_msg("%s\ngives %.*s\nnot   %s", rows[i].mail, STR_FMT(buf_str(&tree)), rows[i].tree);
		buf_free(&tree);
		arena_free(&a);
		check_message(str_c(rows[i].mail), NULL, (unsigned)i);
	}
}

/* A NUL at every place, and an end at every place (S3). */
static void
test_damage(void **state)
{
	static const char mail[] = "From: \"a\\\"b\" (c\\)d) <x@y>\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n"
	    "Content-Disposition: attachment; filename*0*=utf-8''%41; filename*1=b\r\n\r\nx\r\n--b\r\n"
	    "Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?=C3=A9?=\r\n\r\n\r\n--b--\r\n";

	(void)state;
	for (size_t i = 0; i < sizeof(mail); i++) {
		char copy[sizeof(mail)];
		static const char bad[] = {'\0', '\n', '\r', '"', '(', '\\', '<', ':', '=', '?', '\xff'};

		check_message(str_of(mail, i), NULL, (unsigned)i);
		for (size_t k = 0; k < sizeof(bad) && i < sizeof(mail) - 1; k++) {
			memcpy(copy, mail, sizeof(mail));
			copy[i] = bad[k];
			check_message(str_of(copy, sizeof(mail) - 1), NULL, (unsigned)k);
		}
	}
}

static void
test_bodystructure(void **state)
{
	static const struct {
		const char *mail, *want;
		enum mime_text mode;
	} rows[] = {
		{"", "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)", MIME_ASCII},
		/* All extension fields (T62). */
		{"Content-Type: IMAGE/PNG; name=x.png\r\nContent-ID: <1@x>\r\nContent-Description: a\r\n picture\r\n"
		 "Content-Transfer-Encoding: BASE64\r\nContent-MD5: Q2hlY2s=\r\n"
		 "Content-Disposition: inline; filename=\"a b.png\"; size=3\r\nContent-Language: de, en\r\n"
		 "Content-Location: http://x/y\r\n\r\nAAAA",
		    "(\"IMAGE\" \"PNG\" (\"name\" \"x.png\") \"<1@x>\" \"a picture\" \"base64\" 4 \"Q2hlY2s=\" "
		    "(\"inline\" (\"filename\" \"a b.png\" \"size\" \"3\")) (\"de\" \"en\") \"http://x/y\")", MIME_ASCII},
		{"Content-Type: multipart/mixed; boundary=b\r\nContent-Language: fr\r\n\r\n--b\r\n\r\nx\r\ny\r\n--b--\r\n",
		    "((\"text\" \"plain\" NIL NIL NIL \"7bit\" 4 1 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL (\"fr\") NIL)",
		    MIME_ASCII},
		{"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody\r\n",
		    "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 21 (NIL \"in\" NIL NIL NIL NIL NIL NIL NIL NIL) "
		    "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 6 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)", MIME_ASCII},
		/* RFC 3501 knows no envelope for message/global. */
		{"Content-Type: message/global\r\n\r\n\r\n", "(\"message\" \"global\" NIL NIL NIL \"7bit\" 2 NIL NIL NIL NIL)", MIME_ASCII},
		{"Content-Type: message/global\r\n\r\n\r\n",
		    "(\"message\" \"global\" NIL NIL NIL \"7bit\" 2 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) "
		    "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL) 1 NIL NIL NIL NIL)", MIME_UTF8},
		/* Raw 8-bit: RFC 2231 for who cannot read it (T58). */
		{"Content-Type: a/b; name=\"\xc3\xa9 1\"\r\nContent-Description: \xc3\xa9\r\n\r\n",
		    "(\"a\" \"b\" (\"name*\" \"utf-8''%C3%A9%201\") NIL \"=?UTF-8?B?w6k=?=\" \"7bit\" 0 NIL NIL NIL NIL)", MIME_ASCII},
		{"Content-Type: a/b; name=\"\xc3\xa9 1\"\r\nContent-Description: \xc3\xa9\r\n\r\n",
		    "(\"a\" \"b\" (\"name\" \"\xc3\xa9 1\") NIL \"\xc3\xa9\" \"7bit\" 0 NIL NIL NIL NIL)", MIME_UTF8},
		{"Content-Type: a/b; name=\"\xe9\"\r\n\r\n", "(\"a\" \"b\" (\"name\" {1}\r\n\xe9) NIL NIL \"7bit\" 0 NIL NIL NIL NIL)", MIME_ASCII},
		/* Disposition and encoding that say nothing. */
		{"Content-Disposition: ; filename=x\r\nContent-Transfer-Encoding:\r\n\r\n",
		    "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0 NIL (\"attachment\" (\"filename\" \"x\")) NIL NIL)", MIME_ASCII},
		{"Content-Disposition:\r\nContent-Transfer-Encoding: x-uue\r\n\r\n",
		    "(\"text\" \"plain\" NIL NIL NIL \"x-uue\" 0 0 NIL NIL NIL NIL)", MIME_ASCII},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a = {0};
		struct buf got = {0};

		mime_bodystructure_add(&got, parse_way(&a, str_c(rows[i].mail), NULL, WHOLE, 0), rows[i].mode);
		if (!str_eq(buf_str(&got), str_c(rows[i].want)))
			fail_msg("%s\ngives %.*s\nnot   %s", rows[i].mail, STR_FMT(buf_str(&got)), rows[i].want);
		buf_free(&got);
		arena_free(&a);
	}
}

static void
test_params(void **state)
{
	static const struct {
		const char *raw, *dump, *filename;
	} rows[] = {
		{"a; filename=x.txt", "a|filename=x.txt", "x.txt"},
		{"a ; FileName = \"x y\" (c) ; b=c", "a|FileName=x y|b=c", "x y"},
		{"a; filename=my file.txt; x=1", "a|filename=my file.txt|x=1", "my file.txt"},
		{"a; filename=x name=y", "a|filename=x|name=y", "x"},
		{"a; filename=\"C:\\temp\\a.txt\"", "a|filename=C:\\temp\\a.txt", "C:\\temp\\a.txt"},
		{"a; filename=\"q\\\"q\"", "a|filename=q\"q", "q\"q"},
		{"a; filename=\"open", "a|filename=open", "open"},
		{"a; filename=\"x\\", "a|filename=x\\", "x\\"},
		{"a;; ;=x; y; z=; filename=f", "a|z=|filename=f", "f"},
		{"a; filename=\"a\r\n b\"", "a|filename=a b", "a b"},
		{"a (comment; filename=no) ; filename=f", "a|filename=f", "f"},
		/* RFC 2231. */
		{"a; filename*=utf-8'en'%e2%82%ac", "a|filename*=utf-8'en'%e2%82%ac", "\xe2\x82\xac"},
		{"a; filename*1=b; filename*0*=iso-8859-1''%e9; filename*2*=%e8", "a|filename*1=b|filename*0*=iso-8859-1''%e9|filename*2*=%e8",
		    "\xc3\xa9" "b\xc3\xa8"},
		{"a; filename*0=a; filename*2=c", "a|filename*0=a|filename*2=c", "a"},
		{"a; filename*=no-charset; filename=plain", "a|filename*=no-charset|filename=plain", "no-charset"},
		{"a; filename*=x-none''%41", "a|filename*=x-none''%41", "A"},
		{"a; filename*=utf-8''%zz%4", "a|filename*=utf-8''%zz%4", "%zz%4"},
		{"a; filename*99999999999=x; filename=f", "a|filename*99999999999=x|filename=f", "f"},
		{"a; filename==?utf-8?q?=C3=A9?=", "a|filename==?utf-8?q?=C3=A9?=", "\xc3\xa9"},
		{"a; x=1", "a|x=1", NULL},
		/* Comments in the word (T121); one that does not end is none. */
		{"(x)text(a;b) / (c)(d)html(e); a=(f)b (g)", "text  /   html|a=b", NULL},
		{"text/html (open; a=b", "text/html (open|a=b", NULL},
		{"text/plain(x) a=b", "text/plain|a=b", NULL},
		{"", "", NULL},
		{"(", "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a = {0};
		struct mime_param *params;
		struct buf dump = {0}, name = {0};
		uint32_t n;
		bool has;

		buf_add(&dump, mime_params_parse(&a, str_c(rows[i].raw), 100, &params, &n));
		for (uint32_t k = 0; k < n; k++) {
			buf_addc(&dump, '|');
			buf_add(&dump, params[k].name);
			buf_addc(&dump, '=');
			buf_add(&dump, params[k].value);
		}
		if (!str_eq(buf_str(&dump), str_c(rows[i].dump)))
			fail_msg("%s gives %.*s", rows[i].raw, STR_FMT(buf_str(&dump)));
		has = mime_param_text(&name, params, n, STR("filename"));
		if (has != (rows[i].filename != NULL) || (has && !str_eq(buf_str(&name), str_c(rows[i].filename))))
			fail_msg("%s: file name %.*s", rows[i].raw, STR_FMT(buf_str(&name)));
		buf_free(&dump);
		buf_free(&name);
		arena_free(&a);
	}
}

/* Where structure hangs on parameters: boundaries and charsets in pieces, extended, twice (T120, T121). */
static void
test_structure_params(void **state)
{
	static const struct {
		const char *type;
		uint32_t parts; /* of a body with two delimiters "--a b" */
		const char *charset;
	} rows[] = {
		{"multipart/mixed; boundary=\"a b\"", 3, NULL},
		{"multipart/mixed; boundary*0=a; boundary*1=\" b\"", 3, NULL},
		{"multipart/mixed; boundary*1*=%20b; boundary*0*=us-ascii'en'a", 3, NULL},
		{"multipart/mixed; boundary*=utf-8''a%20b", 3, NULL},
		{"multipart/mixed; boundary*=''a%20b; boundary=x", 3, NULL},
		{"multipart/mixed; boundary*1=a", 1, NULL},
		{"(c) Multipart (/) / (d) mixed(e) ; (f) boundary (g) = (h) \"a b\" (i)", 3, NULL},
		{"text/plain; charset*=us-ascii'en'koi8-r", 1, "koi8-r"},
		{"text/plain; charset*0=koi; charset*1=8-r", 1, "koi8-r"},
		{"text/plain; charset=text/plain; charset=UTF-8", 1, "UTF-8"},
		{"text/plain; charset=x-a; charset=x-b; charset=koi8-r; charset=utf-8", 1, "koi8-r"},
		{"text/plain; charset=koi8-r; charset=UTF-8", 1, "koi8-r"},
		{"text/plain; charset=x-a; charset=x-b", 1, "x-a"},
		{"text/plain; charset=us-ascii(Plain text)", 1, "us-ascii"},
		{"text(x)/(y)plain; charset=(a)koi8-r (b)", 1, "koi8-r"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf mail = {0};
		struct arena a = {0};
		const struct mime_message *m;

		buf_addf(&mail, "Content-Type: %s\r\n\r\n--a b\r\n\r\nx\r\n--a b\r\n\r\ny\r\n--a b--\r\n", rows[i].type);
		m = parse_way(&a, buf_str(&mail), NULL, WHOLE, 0);
		if (m->n_parts != rows[i].parts)
			fail_msg("%s: %u parts", rows[i].type, m->n_parts);
		if (rows[i].charset != NULL && !str_eq(m->parts[0].charset, str_c(rows[i].charset)))
			fail_msg("%s: charset %.*s", rows[i].type, STR_FMT(m->parts[0].charset));
		check_message(buf_str(&mail), NULL, (unsigned)i);
		arena_free(&a);
		buf_free(&mail);
	}
}

/* Pieces joined for BODYSTRUCTURE (RFC 2231 6, RFC 9051 7.5.2). */
static void
test_join(void **state)
{
	static const struct {
		const char *raw, *dump;
	} rows[] = {
		{"a; name*0=x; name*1=\"y z\"; b=c", "name=xy z|b=c"},
		{"a; b=c; name*1=y; NAME*0=x; d=e", "b=c|name=xy|d=e"},
		{"a; name*0*=utf-8''%e2; name*1*=%82%ac; name*2=\" b%\"", "name*=utf-8''%e2%82%ac%20b%25"},
		{"a; name*0=\"x y\"; name*1*=%41", "name*=''x%20y%41"},
		{"a; name*0=x; name*2=z", "name=x|name*2=z"},
		{"a; name*1=y; name*2=z", "name*1=y|name*2=z"},
		{"a; name*=utf-8''%41; name=A", "name*=utf-8''%41|name=A"},
		{"a; name*0=x; name*0=y; name*1=z", "name=xz|name*0=y"},
		{"a; name*0=x; name2*0=y; name*1=z", "name=xz|name2=y"},
		{"a; name*=b; name*0=x", "name*=b|name*0=x"},
		{"a; *0=x; name**=y; name*x=z; name*100=x", "*0=x|name**=y|name*x=z|name*100=x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a = {0};
		struct mime_param *params;
		struct buf dump = {0};
		uint32_t n;

		(void)mime_params_parse(&a, str_c(rows[i].raw), 100, &params, &n);
		params = mime_params_join(&a, params, n, &n);
		for (uint32_t k = 0; k < n; k++) {
			if (k > 0)
				buf_addc(&dump, '|');
			buf_add(&dump, params[k].name);
			buf_addc(&dump, '=');
			buf_add(&dump, params[k].value);
		}
		if (!str_eq(buf_str(&dump), str_c(rows[i].dump)))
			fail_msg("%s gives %.*s", rows[i].raw, STR_FMT(buf_str(&dump)));
		buf_free(&dump);
		arena_free(&a);
	}
}

static void
test_flags(void **state)
{
	struct arena a = {0};
	struct str mail = STR(MULTI "--b\r\n\r\nascii\r\n--b\r\n\r\n\xc3\xa9\r\n--b\r\n\r\na\0b\r\n--b\r\nContent-Transfer-Encoding: "
				    "binary\r\n\r\nx\r\n--b--\r\n");
	const struct mime_message *m = parse_way(&a, mail, NULL, WHOLE, 0);

	(void)state;
	assert_int_equal(m->n_parts, 5);
	assert_int_equal(m->parts[0].flags, MIME_HAS_NUL | MIME_HAS_8BIT | MIME_IS_BINARY);
	assert_int_equal(m->parts[1].flags, 0);
	assert_int_equal(m->parts[2].flags, MIME_HAS_8BIT);
	assert_int_equal(m->parts[3].flags, MIME_HAS_NUL | MIME_IS_BINARY);
	assert_int_equal(m->parts[4].flags, MIME_IS_BINARY);
	arena_free(&a);
}

/* What a bound cuts off still leaves a well-formed answer and the same part numbers (T63). */
static void
test_limits(void **state)
{
	struct mime_limits small = {.depth = 2, .parts = 4, .params = 2, .total_params = 20, .header_bytes = 200, .field_bytes = 100, .total_header = 600};
	static const char *const mails[] = {
		MULTI "--b\r\n" MULTI "--b\r\n" MULTI "--b\r\n" MULTI "--b\r\n\r\nx\r\n",
		MULTI "--b\r\n\r\n--b\r\n\r\n--b\r\n\r\n--b\r\n\r\n--b\r\n\r\n--b--\r\n--b\r\n",
		"Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: "
		"message/rfc822\r\n\r\nA: b\r\n\r\n",
		"Content-Type: a/b; a=1; b=2; c=3; d=4\r\n\r\n",
		"Subject: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789 too long\r\n"
		" 012345678901234567890123456789\r\nFrom: a@b\r\nTo: c@d\r\nX: 0123456789012345678901234567890123456789012345678901234567890\r\n"
		"Y: 012345678901234567890123456789\r\n\r\nbody",
	};

	static const uint32_t parts[] = {4, 4, 3, 1, 1}, params[] = {1, 1, 0, 2, 0};

	(void)state;
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++) {
		struct arena a = {0};
		const struct mime_message *m = parse_way(&a, str_c(mails[i]), &small, WHOLE, 0);

		assert_int_equal(m->n_parts, parts[i]);
		if (i != 3)
			assert_true(m->limited);
		assert_int_equal(m->parts[0].n_params, params[i]);
		assert_true(m->parts[0].header.n <= small.header_bytes);
		if (i == 4) {
			struct buf env = {0};

			/* The cut field does not run into the next one. */
			mime_envelope_add(&env, m, 0, MIME_ASCII);
			assert_true(str_find(buf_str(&env), STR("((NIL NIL \"a\" \"b\"))"), 0) != SIZE_MAX);
			buf_free(&env);
		}
		arena_free(&a);
		check_message(str_c(mails[i]), &small, (unsigned)i);
	}
}

/* Of all parts together. Each may still have a third of what is left: type, disposition, languages. */
static void
test_total_params(void **state)
{
	struct mime_limits few = mime_limits_default;
	static const uint32_t kept[] = {1, 6, 4, 2, 2};
	struct str mail = STR(MULTI "--b\r\nContent-Type: a/b; a=1; b=2; c=3; d=4; e=5; f=6; g=7\r\n\r\n"
	    "--b\r\nContent-Type: a/b; a=1; b=2; c=3; d=4; e=5; f=6; g=7\r\n\r\n--b\r\nContent-Type: a/b; a=1; b=2; c=3; d=4; e=5; f=6; g=7\r\n\r\n"
	    "--b\r\nContent-Type: a/b; a=1; b=2; c=3; d=4; e=5; f=6; g=7\r\n\r\n--b--\r\n");
	struct arena a = {0};
	const struct mime_message *m;

	(void)state;
	few.total_params = 19;
	m = parse_way(&a, mail, &few, WHOLE, 0);
	assert_true(m->limited);
	assert_int_equal(m->n_parts, sizeof(kept) / sizeof(*kept));
	for (uint32_t i = 0; i < m->n_parts; i++)
		assert_int_equal(m->parts[i].n_params, kept[i]);
	check_message(mail, &few, 1);
	few.total_params = 1000;
	assert_false(parse_way(&a, mail, &few, WHOLE, 0)->limited);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_bodystructure),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_structure_params),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_total_params),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
