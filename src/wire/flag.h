/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system flags of RFC 9051 2.3.2 as bits. The values are stored in pages: never renumber them.
 * Keywords are strings. Pure, any thread.
 */
#ifndef WIRE_FLAG_H
#define WIRE_FLAG_H

#include "base/str.h"

enum flag_bit {
	FLAG_SEEN = 1,
	FLAG_ANSWERED = 2,
	FLAG_FLAGGED = 4,
	FLAG_DELETED = 8,
	FLAG_DRAFT = 16,
	FLAG_RECENT = 32, /* never settable by clients */
	FLAG_ALL = 31,    /* all that a client may set */
};

/* Longest keyword that is accepted, in bytes. */
#define FLAG_KEYWORD_MAX 255

/* The bit of a system flag written with its backslash, any case; 0 when s names none. */
unsigned flag_bit(struct str s);
/* "\\Seen" and so on for one bit. */
struct str flag_name(unsigned bit);
/* True for what may be a keyword: an atom of 1 to FLAG_KEYWORD_MAX bytes that does not begin with
 * a backslash. */
bool flag_keyword_valid(struct str s);

#endif
