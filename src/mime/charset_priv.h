/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a converter. charset.c does what needs no state and what iconv does; charset_pairs.c the encodings of pairs of 7-bit bytes and
 * EUC-JP, whose supersets as mail writes them (NEC's row 13, IBM's rows, half-width kana; HZ) the C library lacks: it puts them in the
 * form of code page 932 or GB18030, which it has; charset_name.c knows the names.
 */
#ifndef MIME_CHARSET_PRIV_H
#define MIME_CHARSET_PRIV_H

#include <iconv.h>

#include "mime/decode.h"

#define CHARSET_NAME_MAX 48

enum charset_kind { KIND_UTF8, KIND_ASCII, KIND_CP1252, KIND_ICONV, KIND_JIS, KIND_EUCJP, KIND_HZ };

/* Where a stream of pairs stands. */
struct charset_pairs {
	uint8_t set;        /* what bytes mean now */
	uint8_t lead, lead2; /* the beginning of a character, 0: none; lead2: the second of three */
	uint8_t n_escape;
	bool shifted;       /* SO: kana */
	char escape[4];
};

struct mime_charset {
	struct mime_charset *next; /* in the cache */
	enum charset_kind kind;
	iconv_t cd;
	iconv_t cd2;                       /* KIND_JIS, KIND_EUCJP: of EUC-JP, for JIS X 0212 */
	char name[CHARSET_NAME_MAX + 1]; /* what iconv calls it */
	char held[16];                   /* the beginning of a character */
	size_t n_held;
	size_t errors; /* how often U+FFFD stood in */
	struct charset_pairs pairs;
};

/* What a name means, and what iconv calls it (may be unknown to it). False: no charset has such a name. ours: CHARSET_NAME_MAX + 1 bytes. */
bool charset_lookup(struct str name, enum charset_kind *kind_r, char *ours);

/* What iconv calls the i-th charset of the table; NULL past the end. Some come more than once. */
const char *charset_of_table(size_t i);

/* Something that is not of the charset. */
void charset_bad(struct mime_charset *c, struct buf *out);
/* Through a descriptor of iconv. whole: bad characters are pairs of bytes. Returns how much was used: all but a cut character (never with last). */
size_t charset_iconv(struct mime_charset *c, iconv_t cd, struct str s, struct buf *out, bool last, bool whole);
void charset_pairs_add(struct mime_charset *c, struct str s, struct buf *out);
void charset_pairs_finish(struct mime_charset *c, struct buf *out);

#endif
