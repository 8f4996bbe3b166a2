/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching of one message after the other against the text keys of SEARCH (RFC 9051 6.4.4, RFC 3501 6.4.4): is a
 * string contained in the decoded text (RFC 2047, transfer encodings, charsets) of a field, the body, or
 * everything? Strings compare under the key's collation (i;unicode-casemap unless the client chose another, RFC 5255); of a field or
 * part that cannot be decoded in full (an unknown charset, bytes that are not of it) what could be read is compared so, and its octets, encodings of MIME
 * undone, as i;octet (RFC 5255 4.6 c). HTML matches in what is seen of it or in its decoded source. Fields of addresses match as they stand or
 * as ENVELOPE shows them (mime/find.h).
 *
 * What the summary row tells is looked at first; a body is opened only when it must be, is read chunk by chunk, and takes
 * memory of a few chunks whatever its size. Runs of blanks in header fields, and in keys for them, are one blank.
 *
 *	search_needle_new(charset, key_bytes, collation, &needle);   once for each key of a command
 *	m = search_matcher_new(cache, spent, arg);        once a command
 *	st = search_matcher_begin(m, &view.grant, txn);   for each step of the command
 *	search_matcher_message(m, entry->email);          for each message
 *	st = search_match(m, SEARCH_BODY, STR_NONE, needle, &hit);
 *	search_matcher_end(m);                            before db_read_end()
 *
 * One thread at a time; a needle may be read by several.
 */
#ifndef SEARCH_MATCH_H
#define SEARCH_MATCH_H

#include "mime/subject.h"
#include "store/email.h"

enum search_key {
	SEARCH_BCC,
	SEARCH_BODY,
	SEARCH_CC,
	SEARCH_FROM,
	SEARCH_HEADER,
	SEARCH_SUBJECT,
	SEARCH_TEXT,
	SEARCH_TO
};

#define SEARCH_NEEDLE_MAX 8192 /* bytes; longer ones are ERR_LIMIT */

struct search_needle;
/* charset: what CHARSET named; empty: UTF-8 (and so US-ASCII). ERR_NOT_FOUND: unknown charset, NO [BADCHARSET]. Bytes that are not of the
 * charset are compared as octets. */
must_check enum status search_needle_new(struct str charset, struct str bytes, enum mime_collation collation,
    struct search_needle **needle_r);
/* Makes it one for search_match_fuzzy() as well; once, with the same charset. */
void search_needle_fuzzy(struct search_needle *needle, struct str charset);
void search_needle_free(struct search_needle *needle);
/* Is the needle contained in UTF-8 text (under its collation)? For callers with text of their own (ANNOTATION, FILTER). */
bool search_needle_in(const struct search_needle *needle, struct str text);

/* What many searches through the same subjects and addresses share, for a whole process (search/brief.h): up to so many bytes. NULL for
 * 0. Any thread; freed when no matcher uses it. */
struct search_cache;
struct search_cache *search_cache_new(size_t bytes);
void search_cache_free(struct search_cache *cache);
/* What it takes now. */
size_t search_cache_bytes(struct search_cache *cache);

struct search_matcher;
/* cache may be NULL. spent is asked now and then within large headers and bodies; true interrupts the match with ERR_AGAIN: when the same is asked of
 * the same message again, perhaps in another step, it goes on where it was. NULL: never. */
struct search_matcher *search_matcher_new(struct search_cache *cache, bool (*spent)(void *arg), void *arg);
void search_matcher_free(struct search_matcher *m);
/* Binds to a snapshot, to messages of the mailbox that the grant is of; and lets go of it. */
must_check enum status search_matcher_begin(struct search_matcher *m, const struct grant *grant, struct db_txn *txn);
void search_matcher_end(struct search_matcher *m);
/* The message that the following calls look at (the email of its entry). Reads nothing yet. */
void search_matcher_message(struct search_matcher *m, int64_t email);
/*
 * Does the message match? name: the field of SEARCH_HEADER (an empty needle: is there such a field?). A message whose row is gone
 * or damaged does not match (the damage is logged). ERR_AGAIN: interrupted. Others: the engine failed.
 */
must_check enum status search_match(struct search_matcher *m, enum search_key key, struct str name,
    const struct search_needle *needle, bool *hit_r);
/*
 * How well does the message match (RFC 6203, search/fuzzy.h): 1 to 100, or 0. Places weigh: 100 a field that was asked for and the subject in
 * TEXT, 90 addresses in TEXT, 75 bodies, 60 other fields. A key without words (search_needle_fuzzy() found none) matches as
 * search_match() does, with 100. Comparators do not count. Errors as above.
 */
must_check enum status search_match_fuzzy(struct search_matcher *m, enum search_key key, struct str name,
    const struct search_needle *needle, unsigned *score_r);
/* Bytes of bodies read since begin: the caller ends its step when it is enough. */
uint64_t search_matcher_read(const struct search_matcher *m);

#endif
