/* SPDX-License-Identifier: Apache-2.0 */
/* Quoted or literal, and what stands for bytes that neither may hold. */
#include "mime/nstring.h"

#include "base/utf8.h"
#include "mime/decode.h"
#include "mime/header.h"

/* What a string holds that decides its form. */
enum { HAS_ESCAPE = 1, HAS_LINE = 2, HAS_NUL = 4, HAS_HIGH = 8, HAS_CONTROL = 16 };

static unsigned
look(struct str s)
{
	unsigned has = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x80)
			has |= HAS_HIGH;
		else if (c == '"' || c == '\\')
			has |= HAS_ESCAPE;
		else if (c == '\r' || c == '\n')
			has |= HAS_LINE;
		else if (c == 0)
			has |= HAS_NUL;
		else if ((c < 0x20 && c != '\t') || c == 0x7f)
			has |= HAS_CONTROL; /* it may stand in quotes by the grammar, and is safer in a literal */
	}
	return has;
}

static void
quoted_add(struct buf *out, struct str s, bool escape)
{
	buf_addc(out, '"');
	if (!escape) {
		buf_add(out, s);
	} else {
		for (size_t i = 0; i < s.n; i++) {
			if (s.p[i] == '"' || s.p[i] == '\\')
				buf_addc(out, '\\');
			buf_addc(out, s.p[i]);
		}
	}
	buf_addc(out, '"');
}

/* RFC 9051 9: a literal holds any octet but NUL. */
static void
literal_add(struct buf *out, struct str s, bool nul)
{
	size_t start;

	buf_addc(out, '{');
	buf_addu(out, s.n);
	buf_add(out, STR("}\r\n"));
	start = out->n;
	buf_add(out, s);
	for (size_t i = start; nul && i < out->n; i++)
		if (out->p[i] == '\0')
			out->p[i] = 0x1a;
}

void
mime_string_add(struct buf *out, struct str s, enum mime_text mode)
{
	unsigned has = look(s);

	if (!(has & (HAS_LINE | HAS_CONTROL | HAS_NUL)) &&
	    (!(has & HAS_HIGH) || (mode == MIME_UTF8 && utf8_valid(s))))
		quoted_add(out, s, has & HAS_ESCAPE);
	else
		literal_add(out, s, has & HAS_NUL);
}

void
mime_nstring_add(struct buf *out, struct str s, enum mime_text mode)
{
	if (s.p == NULL)
		buf_add(out, STR("NIL"));
	else
		mime_string_add(out, s, mode);
}

/* Raw 8-bit text, encoded words left alone, as UTF-8. */
static void
to_utf8(struct buf *out, struct str s, struct str charset)
{
	if (utf8_valid(s))
		buf_add(out, s);
	else if (charset.n == 0 || !mime_charset_convert(out, charset, s, true))
		(void)mime_charset_convert(out, STR("windows-1252"), s, false);
}

static void
text_add(struct buf *out, struct str s, struct str charset, enum mime_text mode)
{
	struct buf text = {0}, words = {0};

	if (mode == MIME_UTF8) {
		to_utf8(&text, s, charset);
		mime_string_add(out, buf_str(&text), mode);
	} else if (!utf8_valid(s) && !mime_charset_convert(&text, charset.n ? charset : STR("utf-8"), s, true)) {
		/* Nobody knows what it is in: the client may guess better, so it gets the bytes (a literal). */
		mime_string_add(out, s, mode);
	} else {
		/* Words that are there already are decoded and made anew with the rest. */
		buf_clear(&text);
		mime_header_text(&text, s, charset);
		mime_encode_words(&words, buf_str(&text));
		mime_string_add(out, buf_str(&words), mode);
	}
	buf_free(&text);
	buf_free(&words);
}

void
mime_ntext_add(struct buf *out, struct str s, struct str charset, enum mime_text mode)
{
	struct buf line = {0};
	unsigned has;

	if (s.p == NULL) {
		buf_add(out, STR("NIL"));
		return;
	}
	s = str_trim(s);
	has = look(s);
	if (has & HAS_LINE) {
		mime_unfold(&line, s);
		s = buf_str(&line);
	}
	if (has & HAS_HIGH)
		text_add(out, s, charset, mode);
	else
		mime_string_add(out, s, mode);
	buf_free(&line);
}
