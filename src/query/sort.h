/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sort: putting messages in order (RFC 5256, RFC 5957). Messages come in mailbox order with their keys, are sorted in steps by a
 * stable merge (so the sequence number is the last criterion, RFC 5256), and leave as lists. Strings compare by the active comparator
 * (RFC 5255 4.6). Of a string the first eight bytes
 * decide nearly always; the rest lies in one pool. One thread at a time.
 */
#ifndef QUERY_SORT_H
#define QUERY_SORT_H

#include "base/budget.h"
#include "mime/summary.h"
#include "query/comparator.h"
#include "store/email.h"
#include "store/entry.h"
#include "wire/imap_args.h"

enum sort_by {
#define O(name, kind, key) SORT_##name,
#include "query/sort_keys.tbl"
#undef O
};

#define SORT_MAX 16                  /* criteria of one command */
#define SORT_BYTES (UINT32_C(768) << 20) /* memory of one SORT; ERR_LIMIT beyond. Its charge may allow less */

struct sort_criterion {
	enum sort_by by;
	bool reverse;
};

struct sort_key {
	uint64_t prefix; /* a number, or the first eight bytes of a string */
	uint32_t at, n;  /* of a string: where its ninth byte lies in the pool, and its whole length */
};

struct sort_item {
	uint64_t first; /* the first criterion's prefix, turned round for REVERSE */
	uint32_t row;
};

struct sorting {
	struct comparator comparator; /* the active one; set before the first message */
	struct charge *charge;        /* of its owner; set before the first message. NULL: nobody counts */
	size_t charged;
	struct sort_criterion by[SORT_MAX];
	unsigned n_by;
	unsigned n_order;    /* how many of them make the order; 0: all. The others are kept for sort_same() */
	bool summaries;      /* a criterion needs the summary */
	bool relevancy;      /* one is RELEVANCY */

	uint32_t *uid, *seq; /* of row i */
	struct sort_key *keys; /* of row i: keys[i * n_by ...] */
	size_t n, cap;
	struct buf pool;
	struct buf key;      /* one being made */

	struct sort_item *items, *other;
	size_t width;        /* runs of this length are in order; 0: not begun */
	size_t low, a, b, to; /* the merge under way */
};

/* "(SUBJECT REVERSE DATE)". ERR_BAD_INPUT, ERR_LIMIT. */
must_check enum status sort_parse(struct sorting *s, struct args *a);
/* Adds a criterion. */
void sort_by(struct sorting *s, enum sort_by by, bool reverse);
/* A message's row: summary may be NULL: it is gone or not needed. header: fields of which keys under other comparators than the default are
 * made (mime_summary_header(), or the message's own). */
struct sort_row {
	const struct entry *entry;
	uint32_t seq;
	uint8_t relevancy; /* 1 to 100, or 0 */
	const struct mime_summary *summary;
	struct str header;
};
/* struct sort_row's header: as the summary has it, or where it was too long for that from the message, in tmp. ERR_NOT_FOUND, ERR_CORRUPT: the
 * message is gone or damaged. */
must_check enum status sort_row_header(const struct grant *grant, struct db_txn *txn, const struct email *email,
    const struct mime_summary *summary, struct buf *tmp, struct str *header_r);
/* The next message. ERR_LIMIT, ERR_MEMORY. */
must_check enum status sort_add(struct sorting *s, const struct sort_row *row);
/* The sent date (RFC 5256 2.2). */
int64_t sort_sent_date(const struct entry *e, const struct mime_summary *summary);
/* Some thousand moves of the sorting; true: in order. */
bool sort_some(struct sorting *s);
/* After that: rows in order. */
static inline uint32_t
sort_at(const struct sorting *s, size_t i)
{
	return s->items[i].row;
}
/* For grouping by criterion i: are two rows the same, has a row none, a keyed hash of it (S6). */
bool sort_same(const struct sorting *s, uint32_t row, uint32_t other, unsigned i);
bool sort_empty(const struct sorting *s, uint32_t row, unsigned i);
uint64_t sort_hash(const struct sorting *s, uint32_t row, unsigned i);
void sort_free(struct sorting *s);

/* For an order that is kept (imap/news/context.h). The same criteria, no messages. */
void sort_like(struct sorting *s, const struct sorting *other);
/* Forgets the messages, keeps the memory. */
void sort_clear(struct sorting *s);
/* Does a row stand before another one's, both by the same criteria? Equal ones are ordered by UID. */
bool sort_before(const struct sorting *s, uint32_t row, const struct sorting *t, uint32_t other);

#endif
