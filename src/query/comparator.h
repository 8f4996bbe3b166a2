/* SPDX-License-Identifier: Apache-2.0 */
/* comparator: comparators by name (RFC 4790 3, RFC 5255 4.7). Pure, any thread. */
#ifndef QUERY_COMPARATOR_H
#define QUERY_COMPARATOR_H

#include "base/status.h"
#include "base/str.h"

/* A comparator as COMPARATOR chose it (RFC 5255 4.7). */
struct comparator {
	uint8_t collation; /* enum mime_collation */
	bool descending;   /* "-": the order of strings is turned round (RFC 4790 4.2.4) */
};

/* Bits of enum mime_collation. */
typedef uint8_t comparator_set;

/*
 * What a collation-order ("i;octet", "-i;*", "default") names. *set_r: all that match. *first_r: the most widely useful of them.
 * ERR_BAD_INPUT: not a collation-order; ERR_NOT_FOUND: none matches.
 */
must_check enum status comparator_find(struct str order, comparator_set *set_r, struct comparator *first_r);
/* The id of a collation. */
const char *comparator_id(unsigned collation);

#endif
