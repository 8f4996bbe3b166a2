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

/* The encoding of a Content-Transfer-Encoding value; comments around it do not count, empty is 7bit. */
enum mime_cte mime_cte_of(struct str value);

/*
 * Undoes a transfer encoding, one way for all who read (BINARY, SEARCH, PREVIEW): never an error because of what the bytes are. base64: other
 * characters are passed over, the first '=' behind data ends it, padding may be missing (RFC 2045 6.8). quoted-printable: what is no escape stands for
 * itself (6.7). Anything else is taken as it is, also MIME_CTE_UNKNOWN: who must not hand that out asks before (BINARY, T55).
 * A plain struct: copy, throw away at will.
 */
struct mime_decoder {
	enum mime_cte cte;
	bool begun, ended;   /* base64: some of its characters were seen; its padding was */
	uint8_t n;           /* base64: characters of the quantum */
	uint32_t word;
	char held[128];      /* quoted-printable: blanks or '=' whose meaning the next bytes decide */
	uint8_t n_held;
};
void mime_decoder_init(struct mime_decoder *d, enum mime_cte cte);
/* ERR_LIMIT: out is full. */
must_check enum status mime_decoder_add(struct mime_decoder *d, struct str in, struct buf *out);
/* The end of the part. */
must_check enum status mime_decoder_finish(struct mime_decoder *d, struct buf *out);

/* Charsets. A converter is taken from and given back to a small cache of the thread. */
struct mime_charset;
/* Loads what the C library needs for every charset of the table, for good: afterwards no converter of these opens a file. Others are not found where none
 * may be opened. Once, in one thread. */
void mime_charsets_load(void);
/* NULL: no such charset. Names as in mail, by letters and digits (mime/charset.tbl): all labels of the WHATWG encoding standard and more; "iso-8859-1",
 * "gb2312", "iso-2022-jp" are read as the supersets that mail means. Empty is US-ASCII, read as UTF-8 where that is valid and windows-1252
 * otherwise, as is US-ASCII itself. */
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

/* The character of a byte in windows-1252; the five that it leaves open are the C1 controls. */
uint32_t mime_windows_1252(unsigned char byte);

/* HTML (UTF-8) to text: tags gone, block ends become a blank, entities decoded, script, style and comments
 * skipped, runs of blanks joined. title: what stands in <title> is text. Bounded state, never fails. */
struct mime_html {
	uint8_t state, skip, n_name, n_entity;
	bool blank, closing, title;
	char quote;
	char name[12];
	char entity[12];
};
void mime_html_init(struct mime_html *h, bool title);
void mime_html_add(struct mime_html *h, struct str in, struct buf *out);
void mime_html_finish(struct mime_html *h, struct buf *out);

/* The three stages in a row: the bytes of a text part to UTF-8 text. */
struct mime_text_stream;
/* How the text is marked up, and what of it is wanted. */
enum mime_markup { MIME_PLAIN, MIME_HTML_BODY, MIME_HTML_ALL /* <title> too */ };
struct mime_text_stream *mime_text_open(enum mime_cte cte, struct str charset, enum mime_markup markup);
/* text: what can be seen. source, if not NULL: the same with its markup, what is looked for in a link's address; of MIME_PLAIN nothing. */
void mime_text_add(struct mime_text_stream *t, struct str in, struct buf *text, struct buf *source);
void mime_text_finish(struct mime_text_stream *t, struct buf *text, struct buf *source);
/* Whether the text so far is a guess: the charset is unknown, or bytes are not of it. */
bool mime_text_broken(const struct mime_text_stream *t);
void mime_text_close(struct mime_text_stream *t);

#endif
