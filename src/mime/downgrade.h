/* SPDX-License-Identifier: Apache-2.0 */
/*
 * downgrade: a header for a client that is not to get 8-bit bytes in it (RFC 6858, with what of RFC 6857 keeps more). ASCII fields stay byte for byte.
 * Of the others: texts become encoded words; so do display names; an address that is not ASCII becomes one in .invalid whose display name is
 * what it was (RFC 6858 2.1); parameters become extended values (RFC 2231, RFC 6857 3.1.7); structured fields that have no such form
 * go (RFC 6858 2.4). Bytes that are no UTF-8 are read as windows-1252. Pure, any thread.
 */
#ifndef MIME_DOWNGRADE_H
#define MIME_DOWNGRADE_H

#include "base/buf.h"

/* Zeroes: at the begin of a header. */
struct mime_downgrade {
	bool utf8;   /* set by the caller: valid UTF-8 may stay (RFC 6532), what is none goes */
	bool inside; /* a field goes on that was longer than what was given: its 8-bit bytes become '?' */
	bool middle; /* and so does a line */
};
/*
 * Adds what stands for the fields that in begins with, and returns how many of its bytes they were; the caller comes again with the rest and
 * more. last: in ends where the header ends (the empty line belongs to it), and all of it is taken. Something is always taken of what is not empty.
 */
size_t mime_downgrade(struct mime_downgrade *d, struct str in, bool last, struct buf *out);

#endif
