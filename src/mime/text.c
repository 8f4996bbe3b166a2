/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a text part to UTF-8 text: transfer encoding, charset, HTML. */
#include <stdlib.h>

#include "base/arena.h"
#include "mime/decode.h"

struct mime_text_stream {
	struct mime_decoder decoder;
	struct mime_charset *charset;
	struct mime_html html;
	bool is_html;
	bool unknown; /* the charset */
	struct buf bytes, text; /* between the stages; they live for one call */
};

struct mime_text_stream *
mime_text_open(enum mime_cte cte, struct str charset, bool html)
{
	struct mime_text_stream *t = x_new(struct mime_text_stream);

	mime_decoder_init(&t->decoder, cte, false);
	t->charset = mime_charset_open(charset);
	t->unknown = t->charset == NULL;
	if (t->unknown)
		t->charset = mime_charset_open(STR_NONE);
	t->is_html = html;
	mime_html_init(&t->html);
	return t;
}

static void
through_charset(struct mime_text_stream *t, struct str bytes, struct buf *out)
{
	if (!t->is_html) {
		mime_charset_add(t->charset, bytes, out);
		return;
	}
	mime_charset_add(t->charset, bytes, &t->text);
	mime_html_add(&t->html, buf_str(&t->text), out);
	buf_clear(&t->text);
}

void
mime_text_add(struct mime_text_stream *t, struct str in, struct buf *out)
{
	if (t->decoder.cte != MIME_CTE_QP && t->decoder.cte != MIME_CTE_BASE64) {
		through_charset(t, in, out);
		return;
	}
	(void)!mime_decoder_add(&t->decoder, in, &t->bytes);
	through_charset(t, buf_str(&t->bytes), out);
	buf_clear(&t->bytes);
}

void
mime_text_finish(struct mime_text_stream *t, struct buf *out)
{
	(void)!mime_decoder_finish(&t->decoder, &t->bytes);
	through_charset(t, buf_str(&t->bytes), out);
	buf_clear(&t->bytes);
	if (!t->is_html) {
		mime_charset_finish(t->charset, out);
		return;
	}
	mime_charset_finish(t->charset, &t->text);
	mime_html_add(&t->html, buf_str(&t->text), out);
	mime_html_finish(&t->html, out);
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
	buf_free(&t->text);
	free(t);
}
