/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header: raw header bytes, read field by field (RFC 5322 2.2), and the decoding of their values
 * (RFC 2047, 2231). Lines end in LF, with or without CR before it. Pure, any thread.
 */
#ifndef MIME_HEADER_H
#define MIME_HEADER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

struct mime_field {
	struct str name;  /* without blanks before the colon; empty: a line that is no field */
	struct str value; /* raw, after the colon, without the last line end; may be folded */
	struct str full;  /* all of it, from the name to the last line end */
};

/* Splits off the next field; false at the end of the header: the empty line or the end of the bytes.
 * *rest then begins with the empty line, if there is one. */
bool mime_field_next(struct str *rest, struct mime_field *field_r);
/* Length of the header at the start of bytes, the empty line included. */
size_t mime_header_size(struct str bytes);
/* The first field with this name, ASCII caseless; false if there is none. */
bool mime_header_get(struct str header, struct str name, struct mime_field *field_r);

/* A set of field names, prepared once a command so that a header is scanned fast. */
struct mime_names {
	const struct str *names;
	size_t n;
	uint64_t filter[4]; /* which hashes of first letter and length occur */
	unsigned char first[256]; /* no name of that hash has a lower index */
	bool listed;        /* every name is one that mime/summary.h keeps */
	bool often;         /* every name is one that its slices keep, too */
	bool sorted;        /* they are many, and in order: found by bisection */
};
/* Keeps the pointer: names must outlive it. Where a client chose them they are to be in the order of mime_name_cmp(): else each field of a header is
 * compared with each of them. */
void mime_names_init(struct mime_names *set, const struct str *names, size_t n);
/* For qsort() of struct str: names without regard to ASCII case. */
int mime_name_cmp(const void *a, const void *b);
bool mime_names_has(const struct mime_names *set, struct str name);

/*
 * BODY[HEADER.FIELDS (...)] (not false) or HEADER.FIELDS.NOT (not true), RFC 9051 6.4.5.1: the fields in the
 * order of the message, byte for byte, then an empty line, also when nothing matches (T51). Lines
 * that are no fields belong to NOT.
 */
void mime_header_select(struct buf *out, struct str header, const struct mime_names *set, bool not);

/* Adds the value on one line: line ends gone, the blanks after them kept, both ends trimmed. */
void mime_unfold(struct buf *out, struct str raw);
/*
 * Adds unstructured header text as UTF-8: unfolded, encoded words decoded (also such as stand inside
 * other text, and characters split between words), raw 8-bit bytes taken as UTF-8, else as `charset`
 * if that is given and fits, else as windows-1252. Unknown charsets leave the word as it is. The
 * result is always valid UTF-8 without NUL, CR, LF.
 */
void mime_header_text(struct buf *out, struct str raw, struct str charset);
/*
 * The same for comparing (RFC 5255 4.6): also adds the octets, encoded words decoded but nothing converted. False: the text is a guess,
 * something is in an unknown charset (then it is read like US-ASCII that was not told) or not of its charset: the octets compare, too, and alone decide order.
 */
must_check bool mime_header_strict(struct buf *text, struct buf *octets, struct str raw, struct str charset);

/* Adds RFC 2047 encoded words (UTF-8, base64, each at most 75 characters) that stand for s, UTF-8. */
void mime_encode_words(struct buf *out, struct str s);

/*
 * Message ids of Message-ID, In-Reply-To or References (RFC 5322 3.6.4): *rest starts as the raw value; the
 * next id without its angle brackets, blanks and quotes inside removed into the arena where there were any. Text
 * between ids is skipped. False at the end.
 */
bool mime_msgid_next(struct arena *a, struct str *rest, struct str *id_r);
/* A hash of an id for threading, the same on every machine and in every version. Never 0. */
uint64_t mime_msgid_hash(struct str id);

#endif
