/* SPDX-License-Identifier: Apache-2.0 */
/* The first words of a text, without quotations and what no one reads. */
#include "mime/preview.h"

#include "base/utf8.h"

static bool
is_attachment(const struct mime_part *part)
{
	return str_caseeq(part->disposition, STR("attachment"));
}

/* 3: plain text, 2: HTML, 1: other text, 0: nothing to preview. */
static int
rank(const struct mime_message *m, const struct mime_part *part)
{
	if (part->kind != MIME_LEAF_TEXT || part->body_end == part->body_start || is_attachment(part))
		return 0;
	/* What lies in a message inside the message is not what this one says. */
	for (uint32_t i = part->parent; i != MIME_NO_PART; i = m->parts[i].parent)
		if (m->parts[i].kind == MIME_MESSAGE)
			return 0;
	return str_caseeq(part->subtype, STR("plain")) ? 3 : str_caseeq(part->subtype, STR("html")) ? 2 : 1;
}

uint32_t
mime_preview_part(const struct mime_message *m)
{
	uint32_t best = MIME_NO_PART;
	int best_rank = 0;

	/* The first few parts decide; a bomb of parts is not worth a walk for each. */
	for (uint32_t i = 0; i < m->n_parts && i < 256; i++) {
		int r = rank(m, &m->parts[i]);

		if (r > best_rank) {
			best = i;
			best_rank = r;
		}
	}
	return best;
}

/* Blanks of all kinds, and controls. */
static bool
is_blank(int32_t c)
{
	return c <= ' ' || c == 0x7f || c == 0xa0 || (c >= 0x80 && c < 0xa0) || (c >= 0x2000 && c <= 0x200a) ||
	    c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x3000;
}

/* Nothing to see: what newsletters pad their first line with, and marks of direction. */
static bool
is_invisible(int32_t c)
{
	return c == 0xad || c == 0x34f || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x2064) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff || c == 0xfffd;
}

struct line {
	struct buf *out;
	size_t chars;
	bool blank;
};

/* Adds a line's text with blanks joined, up to the limit. */
static void
line_add(struct line *l, struct str s)
{
	size_t len;

	l->blank = true;
	for (; s.n > 0 && l->chars < MIME_PREVIEW_CHARS; s = str_from(s, len)) {
		int32_t c = utf8_next(s, &len);

		if (c < 0 || is_blank(c)) {
			l->blank = true;
			continue;
		}
		if (is_invisible(c))
			continue;
		if (l->blank && l->chars > 0) {
			if (l->chars + 2 > MIME_PREVIEW_CHARS)
				return;
			buf_addc(l->out, ' ');
			l->chars++;
		}
		l->blank = false;
		buf_add(l->out, str_head(s, len));
		l->chars++;
	}
}

/* The text line by line; skip: without quoted lines and what comes after a signature mark. */
static size_t
lines_add(struct buf *out, struct str text, bool skip)
{
	struct line l = {.out = out};
	struct str rest = text, s;

	while (l.chars < MIME_PREVIEW_CHARS && str_split(&rest, '\n', &s)) {
		s = str_trim_suffix(s, '\r');
		if (skip && s.n > 0 && s.p[0] == '>')
			continue;
		if (skip && (str_eq(s, STR("-- ")) || str_eq(s, STR("--"))) && l.chars > 0)
			break;
		line_add(&l, s);
	}
	return l.chars;
}

void
mime_preview_add(struct buf *out, const struct mime_part *part, struct str body)
{
	bool html = str_caseeq(part->subtype, STR("html"));
	struct mime_text_stream *t = mime_text_open(part->cte, part->charset, html ? MIME_HTML_BODY : MIME_PLAIN);
	struct buf text = {0};

	mime_text_add(t, str_head(body, MIME_PREVIEW_BYTES), &text, NULL);
	/* A beginning that is cut says nothing about its last character. */
	if (body.n < MIME_PREVIEW_BYTES)
		mime_text_finish(t, &text, NULL);
	mime_text_close(t);
	if (text.n > 0 && lines_add(out, buf_str(&text), !html) == 0 && !html)
		lines_add(out, buf_str(&text), false);
	buf_free(&text);
}
