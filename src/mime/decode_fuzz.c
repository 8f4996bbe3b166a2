/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the decoders: whole and byte by byte must give the same. The first byte chooses encoding and charset. */
#include "base/arena.h"
#include "base/assert.h"
#include "base/utf8.h"
#include "mime/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const charsets[] = {"utf-8", "us-ascii", "windows-1252", "koi8-r", "iso-2022-jp", "gb2312", "euc-kr", "shift_jis",
    "big5", "utf-16", "utf-7", "hz-gb-2312", "iso-2022-kr", "euc-jp", "ucs-4", "x-none"};

static enum status
transfer(struct buf *out, enum mime_cte cte, struct str s, size_t step)
{
	struct mime_decoder d;
	enum status st = OK;

	mime_decoder_init(&d, cte);
	for (; s.n > 0 && st == OK; s = str_from(s, step))
		st = mime_decoder_add(&d, str_head(s, step), out);
	return st == OK ? mime_decoder_finish(&d, out) : st;
}

static void
text(struct buf *out, struct buf *source, enum mime_cte cte, const char *charset, enum mime_markup markup, struct str s, size_t step)
{
	struct mime_text_stream *t = mime_text_open(cte, str_c(charset), markup);

	for (; s.n > 0; s = str_from(s, step))
		mime_text_add(t, str_head(s, step), out, source);
	mime_text_finish(t, out, source);
	mime_text_close(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf one = {0}, two = {0}, source = {0};
	enum mime_cte cte;
	struct str s;

	if (size < 2)
		return 0;
	s = str_of(data + 2, size - 2);
	cte = (enum mime_cte)(data[0] % 6);
	ensure(transfer(&one, cte, s, s.n ? s.n : 1) == OK && transfer(&two, cte, s, 1) == OK);
	ensure(str_eq(buf_str(&one), buf_str(&two)));
	ensure(one.n <= size + 4);
	/* How iconv goes on after rubbish in a charset with states depends on where its input ended. */
	bool rubbish = false;

	for (int markup = MIME_PLAIN; markup <= MIME_HTML_ALL; markup++) {
		buf_clear(&one), buf_clear(&two), buf_clear(&source);
		text(&one, NULL, cte, charsets[data[1] % 16], (enum mime_markup)markup, s, s.n ? s.n : 1);
		text(&two, &source, cte, charsets[data[1] % 16], (enum mime_markup)markup, s, 1);
		ensure(utf8_valid(buf_str(&source)) && (markup != MIME_PLAIN || source.n == 0));
		rubbish |= data[1] % 16 > 3 && (str_find(buf_str(&one), STR("\xef\xbf\xbd"), 0) != SIZE_MAX ||
		    str_find(buf_str(&two), STR("\xef\xbf\xbd"), 0) != SIZE_MAX);
		ensure(rubbish || str_eq(buf_str(&one), buf_str(&two)));
		ensure(utf8_valid(buf_str(&two)));
		ensure(utf8_valid(buf_str(&one)));
	}
	buf_free(&one), buf_free(&two), buf_free(&source);
	return 0;
}
