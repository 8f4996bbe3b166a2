/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a text part to UTF-8 text: transfer encoding, charset, HTML. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"
#include "mime/decode.h"

struct mime_text_stream {
	struct mime_decoder decoder;
	struct mime_charset *charset;
	struct mime_html html;
	bool is_html;
	bool unknown; /* the charset */
	struct buf bytes, marked; /* between the stages; they live for one call */
};

struct mime_text_stream *
mime_text_open(enum mime_cte cte, struct str charset, enum mime_markup markup)
{
	struct mime_text_stream *t = x_new(struct mime_text_stream);

	mime_decoder_init(&t->decoder, cte);
	t->charset = mime_charset_open(charset);
	t->unknown = t->charset == NULL;
	if (t->unknown)
		t->charset = mime_charset_open(STR_NONE);
	ensure(t->charset != NULL);
	t->is_html = markup != MIME_PLAIN;
	mime_html_init(&t->html, markup == MIME_HTML_ALL);
	return t;
}

/* Where converted text goes. */
static struct buf *
converted(struct mime_text_stream *t, struct buf *text)
{
	buf_clear(&t->marked);
	return t->is_html ? &t->marked : text;
}

static void
through_html(struct mime_text_stream *t, struct buf *text, struct buf *source)
{
	if (!t->is_html)
		return;
	mime_html_add(&t->html, buf_str(&t->marked), text);
	if (source != NULL)
		buf_add(source, buf_str(&t->marked));
}

void
mime_text_add(struct mime_text_stream *t, struct str in, struct buf *text, struct buf *source)
{
	buf_clear(&t->bytes);
	if (t->decoder.cte == MIME_CTE_QP || t->decoder.cte == MIME_CTE_BASE64) {
		(void)!mime_decoder_add(&t->decoder, in, &t->bytes);
		in = buf_str(&t->bytes);
	}
	mime_charset_add(t->charset, in, converted(t, text));
	through_html(t, text, source);
}

void
mime_text_finish(struct mime_text_stream *t, struct buf *text, struct buf *source)
{
	struct buf *to = converted(t, text);

	buf_clear(&t->bytes);
	(void)!mime_decoder_finish(&t->decoder, &t->bytes);
	mime_charset_add(t->charset, buf_str(&t->bytes), to);
	mime_charset_finish(t->charset, to);
	through_html(t, text, source);
	if (t->is_html)
		mime_html_finish(&t->html, text);
}

bool
mime_text_broken(const struct mime_text_stream *t)
{
	return t->unknown || mime_charset_broken(t->charset);
}

void
mime_text_close(struct mime_text_stream *t)
{
	if (t == NULL)
		return;
	mime_charset_close(t->charset);
	buf_free(&t->bytes);
	buf_free(&t->marked);
	free(t);
}
