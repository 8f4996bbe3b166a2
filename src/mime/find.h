/* SPDX-License-Identifier: Apache-2.0 */
/*
 * find: what searches look for in the value of a header field (RFC 9051 6.4.4), the same whether the value comes from a message, a digest or a brief. A key is
 * found if it stands in any of the strings below. Runs of blanks are one blank in all of them, as they are in keys (mime_join_blanks()):
 * how a field was folded does not matter. Pure, any thread.
 */
#ifndef MIME_FIND_H
#define MIME_FIND_H

#include "mime/subject.h"

struct mime_find {
	struct buf text;     /* unfolded and decoded, under the collation; of what is not of its charset the best guess */
	struct buf address;  /* "name <local@domain>, ...", as ENVELOPE shows it, under the collation; empty: text has it all */
	struct buf octets;   /* unfolded, encodings of MIME undone, not converted */
	bool guess;          /* text is one, octets count too (RFC 5255 4.6 c) */
	struct buf tmp;      /* working space */
};
/* Fills it in (a struct of zeroes at first). raw: the field's value, or all of it with its name. addresses: the value, if it is a list of addresses. */
void mime_find(struct mime_find *f, enum mime_collation c, struct str raw, struct str addresses);
void mime_find_free(struct mime_find *f);
/* Whether the field of that name is a list of addresses. */
bool mime_find_is_address(struct str name);

/* Runs of blanks from start on become one space each. */
void mime_join_blanks(struct buf *b, size_t start);

/*
 * The same in one piece of memory, for what is kept (a slice of a summary, under i;unicode-casemap): up to three strings one after the other, each with
 * u16 (its length << 1 | it is not octets) before it. What is longer than 16383 bytes is cut: a slice refuses it.
 */
void mime_found_add(struct buf *out, struct mime_find *work, struct str raw, bool addresses);
/* The next string; *decoded_r false: octets. */
bool mime_found_next(struct str *rest, struct str *value_r, bool *decoded_r);

#endif
