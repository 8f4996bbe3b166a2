/* SPDX-License-Identifier: Apache-2.0 */
/*
 * brief: the fields that people search (Subject, From, To, Cc, Bcc, Message-ID) of 256 emails in one piece of memory each, decoded and casemapped,
 * so that a search through them reads some ten kilobytes instead of 256 rows. Emails never change and their ids are never used again, so nothing
 * has to be kept up to date; what a row would give, a brief gives.
 *
 * A cache holds briefs of all accounts, the last used ones, up to a number of bytes; the key carries the account (it is part of an email's
 * id). A brief in the cache does not change: who finds an email missing in it makes a copy, adds to that, and puts it in its place.
 * The cache: any thread. A brief being made: one thread.
 */
#ifndef SEARCH_BRIEF_H
#define SEARCH_BRIEF_H

#include "search/needle.h"

#define BRIEF_EMAILS 256
#define BRIEF_VALUES_MAX 4096 /* bytes of one email's values; beyond, the email stays out */

enum brief_field { BRIEF_SUBJECT, BRIEF_FROM, BRIEF_TO, BRIEF_CC, BRIEF_BCC, BRIEF_MESSAGE_ID, BRIEF_FIELDS };
/* BRIEF_FIELDS: not one of them. */
enum brief_field brief_field_of(struct str name);

struct search_cache;
struct brief;

/* The brief in which an email's values of a field are, or NULL. */
struct brief *brief_get(struct search_cache *cache, enum brief_field field, int64_t email);
/* A new one for that email's values: with all that old (or NULL) has. */
struct brief *brief_copy(const struct brief *old, enum brief_field field, int64_t email);
bool brief_is_for(const struct brief *b, int64_t email);
bool brief_has(const struct brief *b, int64_t email);
/* Adds an email by the header fields that its summary has. False: its values are too long. */
bool brief_add(struct brief *b, int64_t email, struct str header);
/* The same by the values that a slice of its summary has (mime_summary_found()). */
bool brief_add_found(struct brief *b, int64_t email, struct str values);
/* Hands a brief that was made to the cache, in the place of one that is there. */
void brief_put(struct search_cache *cache, struct brief *b);
/* Gives back what brief_get() gave, or throws away what brief_copy() made. */
void brief_unref(struct brief *b);

/* Can a brief answer for this key? Others than i;unicode-casemap, and keys of no charset, need the text itself. */
bool brief_answers(const struct search_needle *needle);
/* Is the key in one of the email's values (an empty key: has it any)? */
bool brief_match(const struct brief *b, int64_t email, const struct search_needle *needle);
/* The same for all emails at once: bit i is the email whose id ends in i. */
void brief_match_all(const struct brief *b, const struct search_needle *needle, uint64_t bits_r[BRIEF_EMAILS / 64]);

#endif
