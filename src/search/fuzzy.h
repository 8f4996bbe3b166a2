/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzzy: how well words are found in text (RFC 6203), from 1 (hardly) to 100 (as they stand). Words are runs of letters and digits, compared
 * without case and marks (NFKD, case folding, "o" for the Danish o with a stroke and the like).
 *
 *	100  the word itself; in scripts without spaces: the characters anywhere
 *	 85  a longer word that begins with it (60 where it has one or two characters)
 *	 70  a word of four letters or more that it continues by up to three: "messages" finds "message"
 *	 65  a word that it is inside of (10 where it has one or two characters)
 *	 50  a typing error away (letter missing, too many, wrong, or two changed over), from four characters on
 *	 20  two errors away, from eight characters on
 *
 * Where the text stands weighs in: see fuzzy_begin(). The score of a message is the mean of the words' best values; of four words one may
 * be missing, of eight two. Nine tenths of it where several words nowhere stand together in their order; a point more for each further
 * time a word is met, at most 20.
 *
 * Work and memory are bounded: FUZZY_WORDS words of FUZZY_CHARS characters are looked at, a long run of letters goes through a window of
 * 64, and each window costs at most some thousand steps for each word. One thread at a time; a query may be read by several.
 */
#ifndef SEARCH_FUZZY_H
#define SEARCH_FUZZY_H

#include "base/str.h"

#define FUZZY_WORDS 16
#define FUZZY_CHARS 32
#define FUZZY_WINDOW 64

struct fuzzy_word {
	uint32_t c[FUZZY_CHARS];
	uint8_t back[FUZZY_CHARS]; /* for finding it inside of others (Knuth, Morris, Pratt) */
	unsigned n;
	uint64_t letters;          /* which occur, hashed */
	bool spaceless;            /* of a script without spaces */
};

struct fuzzy_query {
	struct fuzzy_word word[FUZZY_WORDS];
	unsigned n;
};

/* The words of UTF-8 text; no words where it has none. */
void fuzzy_query_init(struct fuzzy_query *q, struct str utf8);

struct fuzzy_scan {
	const struct fuzzy_query *query;
	unsigned weight;
	uint32_t c[FUZZY_WINDOW];  /* the word being read */
	unsigned n;
	bool spaceless, cut;       /* cut: its beginning is gone */
	uint8_t best[FUZZY_WORDS];
	unsigned in_order;         /* words of the query that the last words were */
	bool together;             /* all of them once */
	unsigned met;
};

void fuzzy_scan_init(struct fuzzy_scan *s, const struct fuzzy_query *q);
/* A text begins. weight: what its place is worth, in percent. */
void fuzzy_begin(struct fuzzy_scan *s, unsigned weight);
/* More of it: UTF-8 cut between characters. */
void fuzzy_add(struct fuzzy_scan *s, struct str text);
void fuzzy_end(struct fuzzy_scan *s);
/* 1 to 100; 0: not found. */
unsigned fuzzy_score(const struct fuzzy_scan *s);

/* How many typing errors lie between two words (a letter missing, too many or wrong, two neighbours changed over), at most limit + 1. */
unsigned fuzzy_distance(const uint32_t *a, unsigned n, const uint32_t *b, unsigned m, unsigned limit);

#endif
