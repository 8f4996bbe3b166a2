/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a needle, and the search for it in text that comes in pieces. */
#ifndef SEARCH_NEEDLE_H
#define SEARCH_NEEDLE_H

#include "mime/find.h"
#include "search/fuzzy.h"
#include "search/match.h"

struct search_needle {
	enum mime_collation collation;
	struct buf key;    /* the bytes that are looked for in text, under the collation */
	struct buf octets; /* as the client sent them: looked for in what cannot be decoded */
	struct buf field, field_octets; /* the same for header fields, where runs of blanks are one (mime/find.h) */
	bool ascii;        /* key is ASCII: text that is ASCII needs no casemapping */
	bool octet;        /* the key is of no charset: it is looked for in undecoded bytes only */
	struct fuzzy_query *fuzzy; /* search_needle_fuzzy() was called; NULL: not, or there are no words in it */
	bool blank;        /* the key holds a white space or a control character: it may span a fold */
	struct str word;   /* the longest piece of the key without such, in field: where it is not, the key is not */
};

/* Is the ASCII key, which has no blank, in bytes in which nothing is encoded? */
bool needle_in_plain(const struct search_needle *needle, struct str bytes);
/* Is the ASCII key's word in them? */
bool needle_word_in_plain(const struct search_needle *needle, struct str bytes);

/* Is the key in the value of a field, taken apart under its collation? */
bool needle_in_field(const struct search_needle *needle, const struct mime_find *f);

/* A search in pieces of one text: the end of what went before is kept for matches across pieces. A struct of zeroes
 * is ready; hit is what came out. */
struct needle_scan {
	const struct search_needle *needle;
	bool octets;      /* the text is bytes that were not converted */
	struct buf tail;  /* the last bytes of the mapped text, fewer than the key's */
	struct buf mapped; /* working space */
	bool hit;
};
void needle_scan_begin(struct needle_scan *s, const struct search_needle *needle, bool octets);
/* More text: UTF-8 cut between characters; or octets. */
void needle_scan_add(struct needle_scan *s, struct str text);
void needle_scan_free(struct needle_scan *s);

#endif
