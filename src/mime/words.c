/* SPDX-License-Identifier: Apache-2.0 */
/* Header text: encoded words (RFC 2047) both ways, raw 8-bit bytes. */
#include "base/codec.h"
#include "base/assert.h"
#include "base/utf8.h"
#include "mime/decode.h"
#include "mime/header.h"

/* The text of a word, as UTF-8 base64: 75 characters are allowed, 12 go to the frame. */
#define WORD_BYTES 45

struct word {
	struct str charset, text, full;
	bool q;
};

/* Decoded words that stand next to each other in the same charset: a character may be split between
 * two of them, so they are converted together. */
struct pending {
	struct str charset;
	struct buf bytes;
};

/* A line being decoded. */
struct line {
	struct buf *out;
	struct buf *octets;  /* the same without conversion, or NULL */
	struct str charset;  /* of raw 8-bit bytes */
	struct pending p;
	bool broken;         /* something was not of its charset */
};

/* The encoded word that begins with the "=?" at the start of s. Blanks in the text are let pass: many
 * mailers write them. *open is cleared when no "?=" follows, so that nobody looks for it again. */
static bool
word_parse(struct str s, bool *open, struct word *w_r)
{
	size_t charset = 2, text, end;

	while (charset < s.n && charset < 80 && s.p[charset] > ' ' && s.p[charset] != '?')
		charset++;
	if (charset == 2 || charset + 3 > s.n || s.p[charset] != '?' || s.p[charset + 2] != '?')
		return false;
	w_r->q = ascii_lower(s.p[charset + 1]) == 'q';
	if (!w_r->q && ascii_lower(s.p[charset + 1]) != 'b')
		return false;
	text = charset + 3;
	if ((end = str_find(s, STR("?="), text)) == SIZE_MAX) {
		*open = false;
		return false;
	}
	w_r->charset = str_of(s.p + 2, charset - 2);
	w_r->text = str_of(s.p + text, end - text);
	w_r->full = str_head(s, end + 2);
	ensure(w_r->full.n == end + 2 && w_r->charset.n > 0);
	return true;
}

static void
decode_q(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int hi, lo;

		if (s.p[i] == '_') {
			buf_addc(out, ' ');
		} else if (s.p[i] == '=' && i + 2 < s.n && (hi = ascii_hex(s.p[i + 1])) >= 0 &&
		    (lo = ascii_hex(s.p[i + 2])) >= 0) {
			buf_addc(out, (char)(hi << 4 | lo));
			i += 2;
		} else {
			buf_addc(out, s.p[i]);
		}
	}
}

static void
decode_b(struct buf *out, struct str s)
{
	struct mime_decoder d;

	mime_decoder_init(&d, MIME_CTE_BASE64);
	if (mime_decoder_add(&d, s, out) == OK)
		(void)!mime_decoder_finish(&d, out);
}

static void
pending_flush(struct line *l)
{
	struct str bytes = buf_str(&l->p.bytes);

	if (l->octets)
		buf_add(l->octets, bytes);
	if (bytes.n > 0 && !mime_charset_convert(l->out, l->p.charset, bytes, true)) {
		l->broken = true;
		(void)mime_charset_convert(l->out, l->p.charset, bytes, false);
	}
	buf_clear(&l->p.bytes);
}

/* What can be read of a word whose charset is unknown: to be found by. */
static void
unknown_octets(struct line *l)
{
	struct str bytes = buf_str(&l->p.bytes);

	buf_add(l->octets, bytes);
	(void)mime_charset_convert(l->out, STR_NONE, bytes, false);
	buf_clear(&l->p.bytes);
}

/* False: its charset is unknown; where text is to be shown, the word stays as it is. */
static bool
word_add(struct line *l, const struct word *w)
{
	struct pending *p = &l->p;
	bool known = true;

	if (p->bytes.n == 0 || !str_caseeq(p->charset, w->charset)) {
		pending_flush(l);
		if (!(known = mime_charset_known(w->charset)) && l->octets == NULL)
			return false;
		p->charset = w->charset;
	}
	if (w->q)
		decode_q(&p->bytes, w->text);
	else
		decode_b(&p->bytes, w->text);
	if (!known)
		unknown_octets(l);
	return known;
}

/* Text between words. */
static void
raw_add(struct line *l, struct str s)
{
	if (l->octets)
		buf_add(l->octets, s);
	if (utf8_valid(s)) {
		buf_add(l->out, s);
	} else if (l->charset.n == 0 || !mime_charset_convert(l->out, l->charset, s, true)) {
		l->broken = true;
		(void)mime_charset_convert(l->out, STR("windows-1252"), s, false);
	}
}

static bool
all_blank(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ' && s.p[i] != '\t')
			return false;
	return true;
}

static void
decode_line(struct line *l, struct str s)
{
	struct word w;
	size_t from = 0, at = 0;
	bool open = true, after_word = false;

	while (open && (at = str_find(s, STR("=?"), at)) != SIZE_MAX) {
		struct str between = str_of(s.p + from, at - from);

		if (!word_parse(str_from(s, at), &open, &w)) {
			at += 2;
			continue;
		}
		/* Blanks between two words are not text (RFC 2047 6.2). */
		if (!after_word || !all_blank(between)) {
			pending_flush(l);
			raw_add(l, between);
		}
		after_word = word_add(l, &w);
		if (!after_word && l->octets == NULL)
			raw_add(l, w.full);
		l->broken |= !after_word;
		at += w.full.n;
		from = at;
	}
	pending_flush(l);
	raw_add(l, str_from(s, from));
	buf_free(&l->p.bytes);
}

/* One line, no NUL: what an encoded word brought in becomes a blank (S13). */
static void
clean(struct buf *out, size_t start)
{
	for (size_t i = start; i < out->n; i++)
		if (out->p[i] == '\0' || out->p[i] == '\r' || out->p[i] == '\n')
			out->p[i] = ' ';
}

/* Nothing is encoded in it. */
static bool
is_plain(struct str raw)
{
	return str_find(raw, STR("=?"), 0) == SIZE_MAX && str_is_ascii(raw);
}

void
mime_header_text(struct buf *out, struct str raw, struct str charset)
{
	struct line l = {.out = out, .charset = charset};
	struct buf line = {0};
	size_t start = out->n;

	raw = str_trim(raw);
	if (is_plain(raw)) {
		mime_unfold(out, raw);
	} else {
		mime_unfold(&line, raw);
		decode_line(&l, buf_str(&line));
		buf_free(&line);
	}
	clean(out, start);
}

bool
mime_header_strict(struct buf *text, struct buf *octets, struct str raw, struct str charset)
{
	struct line l = {.out = text, .octets = octets, .charset = charset};
	size_t text_start = text->n, octets_start = octets->n;
	struct buf line = {0};

	raw = str_trim(raw);
	if (is_plain(raw)) {
		mime_unfold(text, raw);
		mime_unfold(octets, raw);
	} else {
		mime_unfold(&line, raw);
		decode_line(&l, buf_str(&line));
		buf_free(&line);
	}
	clean(text, text_start);
	clean(octets, octets_start);
	return !l.broken;
}

void
mime_encode_words(struct buf *out, struct str s)
{
	while (s.n > 0) {
		size_t n = 0, len;

		while (n < s.n) {
			(void)utf8_next(str_from(s, n), &len);
			if (n + len > WORD_BYTES)
				break;
			n += len;
		}
		buf_add(out, STR("=?UTF-8?B?"));
		base64_encode(out, str_head(s, n));
		buf_add(out, STR("?="));
		s = str_from(s, n);
		if (s.n > 0)
			buf_addc(out, ' ');
	}
}
