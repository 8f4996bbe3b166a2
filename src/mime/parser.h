/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parser: takes a mail message apart (RFC 5322, 2045, 2046, 2183, 2231, 6532) while its bytes arrive,
 * in chunks of any size. It never fails: whatever the bytes are, the result is a well-formed tree
 * (T61, T63, T87). Nothing is recursive, time is linear, and memory depends on the limits, never on
 * the size of the message: of bodies only offsets are kept (S4, S5).
 *
 * Line ends are LF, with or without CR before it. A header ends at its first empty line, or at a
 * delimiter of an enclosing multipart, or at the end of the message. A delimiter is a line that
 * holds nothing but "--", a boundary of an open multipart, perhaps "--", and blanks.
 *
 * Everything lives in the arena; nothing else is allocated, so a parser may simply be abandoned.
 * One thread at a time. Offsets count from the first byte given.
 */
#ifndef MIME_PARSER_H
#define MIME_PARSER_H

#include "base/arena.h"
#include "mime/decode.h"

struct mime_limits {
	uint32_t depth;        /* parts inside parts; what is deeper is a leaf */
	uint32_t parts;        /* when reached, what follows belongs to the last part's body */
	uint32_t params;       /* parameters kept of one field */
	uint32_t total_params; /* parameters and languages kept of all parts together */
	uint32_t header_bytes; /* raw header bytes kept of one part */
	uint32_t field_bytes;  /* raw bytes kept of one field */
	uint32_t total_header; /* raw header bytes kept of all parts together */
};
extern const struct mime_limits mime_limits_default; /* 100, 10000, 100, 30000, 1M, 256K, 2M */

#define MIME_NO_PART UINT32_MAX

enum mime_kind {
	MIME_LEAF,      /* no children, not text */
	MIME_LEAF_TEXT, /* text/...: has lines in BODYSTRUCTURE */
	MIME_MULTIPART, /* has at least one child */
	MIME_MESSAGE,   /* message/rfc822 or message/global: exactly one child, the body of the message
	                 * inside, whose header is that message's header */
};

enum {
	MIME_HAS_NUL = 1 << 0,    /* in the body */
	MIME_HAS_8BIT = 1 << 1,   /* in the body: bytes of 128 and more */
	MIME_IS_BINARY = 1 << 2,  /* encoding binary or NUL in it: not fit for a plain literal */
	MIME_HEADER_CUT = 1 << 3, /* the header is longer than what was kept of it */
	MIME_HEADER_8BIT = 1 << 4,
	MIME_TYPE_CHANGED = 1 << 5, /* the declared type was not usable (childless multipart, encoded
	                             * message/rfc822, limit): type and subtype are a stand-in */
	MIME_HEADER_NUL = 1 << 6,
};

/* As given, quoting undone: an RFC 2231 name keeps its stars (filename*0*). See mime_param_text. */
struct mime_param {
	struct str name, value;
};

struct mime_part {
	uint32_t parent, child, next; /* indexes into the array of parts, or MIME_NO_PART */
	uint32_t number;              /* among its siblings, from 1 */
	uint32_t depth;               /* 0 for the root */
	enum mime_kind kind;
	uint32_t flags;
	enum mime_cte cte;
	uint64_t header_start; /* offset of the first byte of the header */
	uint64_t body_start;   /* after the empty line */
	uint64_t body_end;     /* the line end before a delimiter belongs to the delimiter */
	uint64_t header_lines; /* line feeds, the empty line included */
	uint64_t lines;        /* line feeds in the body; of a MIME_MESSAGE: in all of the message */
	struct str header;     /* raw, as far as kept, without the empty line; fields are whole or cut */
	struct str type, subtype; /* never empty, as given or defaulted (RFC 2045 5.2, 2046 5.1.5) */
	struct mime_param *params;
	uint32_t n_params;
	struct str id, description, encoding, location, md5; /* raw, unfolded; p NULL: no such field */
	struct str disposition;                              /* p NULL: none */
	struct mime_param *disposition_params;
	uint32_t n_disposition_params;
	struct str charset; /* of a text, what to read it in; empty: not told. See mime_charset_param() */
	struct str *languages;
	uint32_t n_languages;
};

struct mime_message {
	struct mime_part *parts; /* depth-first order; parts[0] is the message itself */
	uint32_t n_parts;        /* at least 1 */
	uint64_t size;           /* bytes given */
	uint64_t lines;          /* line feeds in all of it */
	struct str charset;      /* what raw 8-bit header bytes are likely in; may be empty */
	bool limited;            /* some limit was reached */
};

struct mime_parser;
/* limits NULL: the default ones. The struct is copied. */
struct mime_parser *mime_parser_new(struct arena *a, const struct mime_limits *limits);
/* The next bytes, any number of them; they need not stay. */
void mime_parser_add(struct mime_parser *p, struct str bytes);
/* The end. The result lives in the arena; the parser must not be used again. */
const struct mime_message *mime_parser_finish(struct mime_parser *p);

/* The first parameter with this name (ASCII caseless, without RFC 2231 pieces), or {NULL, 0}. */
struct str mime_param_get(const struct mime_param *params, uint32_t n, struct str name);
/* The value put together of its pieces (RFC 2231 3), percent signs decoded, nothing converted; else the plain one, or {NULL, 0}. */
struct str mime_param_octets(struct arena *a, const struct mime_param *params, uint32_t n, struct str name);
/*
 * The charset that the parameters tell: the first of that name that is known here ("charset=text/plain; charset=UTF-8"), else the first; as
 * pieces or extended (charset*=us-ascii'en'utf-8), or with a comment stuck to it. {NULL, 0}: none.
 */
struct str mime_charset_param(struct arena *a, const struct mime_param *params, uint32_t n);
/*
 * Parameters as BODYSTRUCTURE shows them: pieces joined (RFC 2231 6, RFC 9051 7.5.2): "baz*0", "baz*1" are "baz", with pieces that are extended
 * "baz*", an extended value. Pieces behind a gap stay what they are. The joined one stands where the first of its pieces stood. n_r <= n.
 */
struct mime_param *mime_params_join(struct arena *a, const struct mime_param *params, uint32_t n, uint32_t *n_r);
/* A parameter's value as UTF-8: RFC 2231 continuations and charsets joined and decoded, or an RFC
 * 2047 word in the plain value (common abuse). False if there is no such parameter. */
bool mime_param_text(struct buf *out, const struct mime_param *params, uint32_t n, struct str name);
/* The file name of a part: filename of its disposition, else name of its type. */
bool mime_part_filename(struct buf *out, const struct mime_part *part);

/* Takes a Content-Type or Content-Disposition apart: the word before the first ';' (for a type:
 * type and subtype around '/'), then parameters into an array of the arena, at most max (never more than 128). */
struct str mime_params_parse(struct arena *a, struct str raw, uint32_t max, struct mime_param **params_r,
    uint32_t *n_r);

#endif
