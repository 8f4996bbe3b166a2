/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode: from the bytes of a part to text, streaming: transfer encodings (RFC 2045 6), charsets to
 * UTF-8, HTML to plain text. Each stage takes chunks of any size and keeps a few bytes of state. One
 * thread at a time for each object.
 */
#ifndef MIME_DECODE_H
#define MIME_DECODE_H

#include "base/buf.h"
#include "base/status.h"

enum mime_cte { MIME_CTE_7BIT, MIME_CTE_8BIT, MIME_CTE_BINARY, MIME_CTE_QP, MIME_CTE_BASE64, MIME_CTE_UNKNOWN };

/* The encoding of a Content-Transfer-Encoding value; empty is 7bit. */
enum mime_cte mime_cte_of(struct str value);

/* Undoes a transfer encoding. A plain struct: copy, throw away at will. */
struct mime_decoder {
	enum mime_cte cte;
	bool strict;
	bool failed;
	uint8_t n, pad;      /* base64: characters of the quantum, '=' seen */
	uint32_t word;
	char held[128];      /* quoted-printable: blanks or '=' whose meaning the next bytes decide */
	uint8_t n_held;
};
/*
 * strict: for BINARY (T55): what is not validly encoded gives ERR_BAD_INPUT (then NO [UNKNOWN-CTE]), as does
 * MIME_CTE_UNKNOWN. Lenient: for search and preview: rubbish is skipped or taken as it is, never an error.
 */
void mime_decoder_init(struct mime_decoder *d, enum mime_cte cte, bool strict);
must_check enum status mime_decoder_add(struct mime_decoder *d, struct str in, struct buf *out);
/* The end of the part: flushes, and finds what is missing. */
must_check enum status mime_decoder_finish(struct mime_decoder *d, struct buf *out);

/* Charsets. A converter is taken from and given back to a small cache of the thread. */
struct mime_charset;
/* NULL: no such charset. Names as in mail: "iso-8859-1", "gb2312" (read as gb18030)...; empty is US-ASCII,
 * read as UTF-8 where that is valid and windows-1252 otherwise, as is US-ASCII itself. */
struct mime_charset *mime_charset_open(struct str name);
/* Adds the UTF-8 of in; what cannot be read becomes U+FFFD; a character cut at the end waits for the
 * next call. The output is always valid UTF-8. */
void mime_charset_add(struct mime_charset *c, struct str in, struct buf *out);
void mime_charset_finish(struct mime_charset *c, struct buf *out); /* a cut character becomes U+FFFD */
/* Whether something so far was not of the charset (after mime_charset_finish(): anything). */
bool mime_charset_broken(const struct mime_charset *c);
void mime_charset_close(struct mime_charset *c);
/* All at once: false for an unknown charset or (strict) on bytes that are not of it; nothing added then. */
bool mime_charset_convert(struct buf *out, struct str name, struct str in, bool strict);
/* Whether mime_charset_open knows it. For SEARCH CHARSET: [BADCHARSET] otherwise. */
bool mime_charset_known(struct str name);

/* HTML (UTF-8) to text: tags gone, block ends become a blank, entities decoded, script, style, head and
 * comments skipped, runs of blanks joined. Bounded state, never fails. */
struct mime_html {
	uint8_t state, skip, n_name, n_entity;
	bool blank, closing;
	char quote;
	char name[12];
	char entity[12];
};
void mime_html_init(struct mime_html *h);
void mime_html_add(struct mime_html *h, struct str in, struct buf *out);
void mime_html_finish(struct mime_html *h, struct buf *out);

/* The three stages in a row: the bytes of a text part to UTF-8 text. Lenient. */
struct mime_text_stream;
struct mime_text_stream *mime_text_open(enum mime_cte cte, struct str charset, bool html);
void mime_text_add(struct mime_text_stream *t, struct str in, struct buf *out);
void mime_text_finish(struct mime_text_stream *t, struct buf *out);
/* Whether the text so far is a guess: the charset is unknown, or bytes are not of it. */
bool mime_text_broken(const struct mime_text_stream *t);
void mime_text_close(struct mime_text_stream *t);

#endif
