/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of messages, gathered and then sorted in steps. */
#include "query/sort.h"

#include <endian.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/map.h"

/* Moves between two looks at the clock. */
#define SOME 512
/* Of a header that is read from the message. */
#define HEADER_BYTES (1u << 20)

enum kind { NUMBER, STRING };
static const struct {
	const char *name;
	enum kind kind;
	enum mime_key key;
} criteria[] = {
#define O(name, kind, key) {#name, kind, key},
#include "query/sort_keys.tbl"
#undef O
};
#define CRITERIA (sizeof(criteria) / sizeof(criteria[0]))

/* ---- reading ---- */

void
sort_by(struct sorting *s, enum sort_by by, bool reverse)
{
	/* Rows have as many keys as there were criteria at the first of them. */
	ensure(s->n_by < SORT_MAX && s->n == 0);
	s->by[s->n_by++] = (struct sort_criterion){.by = by, .reverse = reverse};
	s->relevancy |= by == SORT_RELEVANCY;
	s->summaries |= by != SORT_ARRIVAL && by != SORT_SIZE && by != SORT_RELEVANCY;
}

static enum status
parse_criterion(struct sorting *s, struct args *a)
{
	bool reverse = arg_keyword(a, "REVERSE");
	enum status st;

	if (s->n_by == SORT_MAX)
		return ERR_LIMIT;
	if (reverse && (st = arg_space(a)) != OK)
		return st;
	for (size_t i = 0; i < CRITERIA; i++)
		if (arg_keyword(a, criteria[i].name)) {
			sort_by(s, (enum sort_by)i, reverse);
			return OK;
		}
	return arg_expect(a, EXPECT_SORT_KEY);
}

enum status
sort_parse(struct sorting *s, struct args *a)
{
	enum status st;

	if ((st = arg_open(a)) != OK)
		return st;
	do
		st = parse_criterion(s, a);
	while (st == OK && arg_more(a));
	return st == OK ? arg_close(a) : st;
}

/* ---- keys ---- */

int64_t
sort_sent_date(const struct entry *e, const struct mime_summary *summary)
{
	int64_t utc;
	int zone;

	if (summary != NULL && mime_summary_date(summary, &utc, &zone))
		return utc;
	return e->internal_date;
}

/* Keeps the order of signed numbers. */
static uint64_t
from_signed(int64_t n)
{
	return (uint64_t)n ^ (UINT64_C(1) << 63);
}

static struct sort_key
string_key(struct sorting *s, struct str text)
{
	struct sort_key k = {.at = (uint32_t)s->pool.n, .n = (uint32_t)text.n};

	memcpy(&k.prefix, text.p, text.n < 8 ? text.n : 8);
	k.prefix = be64toh(k.prefix);
	if (text.n > 8)
		buf_add(&s->pool, str_from(text, 8));
	return k;
}

/* The summary has the keys of the default comparator; others are made here. */
static struct sort_key
text_key(struct sorting *s, enum mime_key key, const struct sort_row *row)
{
	if (row->summary == NULL)
		return (struct sort_key){0};
	if (s->comparator.collation == MIME_UNICODE_CASEMAP)
		return string_key(s, mime_summary_key(row->summary, key));
	buf_clear(&s->key);
	mime_header_key(&s->key, row->header, key, (enum mime_collation)s->comparator.collation);
	return string_key(s, buf_str(&s->key));
}

static struct sort_key
make_key(struct sorting *s, enum sort_by by, const struct sort_row *row)
{
	switch (by) {
	case SORT_ARRIVAL:
		return (struct sort_key){.prefix = from_signed(row->entry->internal_date)};
	case SORT_DATE:
		return (struct sort_key){.prefix = from_signed(sort_sent_date(row->entry, row->summary))};
	case SORT_RELEVANCY:
		return (struct sort_key){.prefix = 100u - row->relevancy}; /* the most relevant first */
	case SORT_SIZE:
		return (struct sort_key){.prefix = row->entry->size};
	default:
		return text_key(s, criteria[by].key, row);
	}
}

enum status
sort_row_header(const struct grant *grant, struct db_txn *txn, const struct email *email, const struct mime_summary *summary,
    struct buf *tmp, struct str *header_r)
{
	enum status st;

	(void)mime_summary_header(summary, header_r);
	if (header_r->p != NULL)
		return OK;
	buf_clear(tmp);
	if ((st = email_read(grant, txn, email, 0, HEADER_BYTES, tmp)) == OK)
		*header_r = str_head(buf_str(tmp), mime_header_size(buf_str(tmp)));
	return st;
}

/* Room for one more row. What it will take when it is put in order is counted from the beginning. */
static enum status
grow(struct sorting *s)
{
	size_t row = 2 * sizeof(uint32_t) + s->n_by * sizeof(struct sort_key) + 2 * sizeof(struct sort_item);
	size_t cap = s->n < s->cap ? s->cap : s->cap ? s->cap + s->cap / 2 : 256;
	enum status st;

	if (s->pool.n > SORT_BYTES / 2 || cap > SORT_BYTES / row)
		return ERR_LIMIT;
	if ((st = charge_part(s->charge, &s->charged, cap * row + s->pool.cap)) != OK || cap == s->cap)
		return st;
	s->cap = cap;
	s->uid = x_realloc(s->uid, s->cap * sizeof(*s->uid));
	s->seq = x_realloc(s->seq, s->cap * sizeof(*s->seq));
	s->keys = x_realloc(s->keys, s->cap * s->n_by * sizeof(*s->keys));
	s->items = x_realloc(s->items, s->cap * sizeof(*s->items));
	return OK;
}

/* Strings under a descending comparator; their keys are turned round when they are compared. */
static bool
descending(const struct sorting *s, unsigned i)
{
	return s->comparator.descending && criteria[s->by[i].by].kind == STRING;
}

/* Of text that could not be decoded: it stays behind all else whatever the direction (RFC 5255 4.6 c). */
#define OCTETS (UINT64_C(0xff) << 56)

static uint64_t
turned(uint64_t prefix)
{
	return prefix >= OCTETS ? prefix : OCTETS - 1 - prefix;
}

static uint64_t
first_prefix(const struct sorting *s, const struct sort_key *key)
{
	uint64_t prefix = descending(s, 0) ? turned(key->prefix) : key->prefix;

	return s->by[0].reverse ? ~prefix : prefix;
}

enum status
sort_add(struct sorting *s, const struct sort_row *row)
{
	struct sort_key *keys;
	enum status st;

	/* While runs are merged, items are on their way between two arrays. */
	ensure(s->n_by > 0 && s->width == 0);
	if ((st = grow(s)) != OK)
		return st;
	keys = &s->keys[s->n * s->n_by];
	for (unsigned i = 0; i < s->n_by; i++)
		keys[i] = make_key(s, s->by[i].by, row);
	s->uid[s->n] = row->entry->uid;
	s->seq[s->n] = row->seq;
	s->items[s->n] = (struct sort_item){.first = first_prefix(s, keys), .row = (uint32_t)s->n};
	s->n++;
	return OK;
}

/* ---- order ---- */

static int
compare_keys(const struct sorting *s, const struct sort_key *x, const struct sorting *t, const struct sort_key *y)
{
	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	if (x->n <= 8 || y->n <= 8)
		return x->n < y->n ? -1 : x->n > y->n;
	return str_cmp(str_of(s->pool.p + x->at, x->n - 8), str_of(t->pool.p + y->at, y->n - 8));
}

static int
compare_key(const struct sorting *s, const struct sort_key *x, const struct sort_key *y)
{
	return compare_keys(s, x, s, y);
}

/* By criterion i, without REVERSE; y may lie in another list with the same criteria. */
static int
compare(const struct sorting *s, const struct sort_key *x, const struct sorting *t, const struct sort_key *y, unsigned i)
{
	int c = compare_keys(s, x, t, y);

	return descending(s, i) && x->prefix < OCTETS && y->prefix < OCTETS ? -c : c;
}

static const struct sort_key *
key_of(const struct sorting *s, uint32_t row, unsigned i)
{
	return &s->keys[(size_t)row * s->n_by + i];
}

bool
sort_same(const struct sorting *s, uint32_t row, uint32_t other, unsigned i)
{
	return compare_key(s, key_of(s, row, i), key_of(s, other, i)) == 0;
}

bool
sort_empty(const struct sorting *s, uint32_t row, unsigned i)
{
	return key_of(s, row, i)->n == 0;
}

uint64_t
sort_hash(const struct sorting *s, uint32_t row, unsigned i)
{
	const struct sort_key *k = key_of(s, row, i);
	uint64_t two[2] = {k->prefix, k->n};

	if (k->n > 8)
		two[1] = hash_keyed(str_of(s->pool.p + k->at, k->n - 8));
	return hash_keyed(str_of(two, sizeof(two)));
}

bool
sort_before(const struct sorting *s, uint32_t row, const struct sorting *t, uint32_t other)
{
	for (unsigned i = 0; i < s->n_by; i++) {
		int c = compare(s, key_of(s, row, i), t, key_of(t, other, i), i);

		if (c != 0)
			return (c < 0) != s->by[i].reverse;
	}
	return s->uid[row] < t->uid[other];
}

/* Does y come before x? Only then they change places. */
static bool
before(const struct sorting *s, const struct sort_item *y, const struct sort_item *x)
{
	const struct sort_key *kx, *ky;

	if (y->first != x->first)
		return y->first < x->first;
	kx = &s->keys[(size_t)x->row * s->n_by];
	ky = &s->keys[(size_t)y->row * s->n_by];
	for (unsigned i = 0; i < (s->n_order ? s->n_order : s->n_by); i++) {
		int c = compare(s, &ky[i], s, &kx[i], i);

		if (c != 0)
			return (c < 0) != s->by[i].reverse;
	}
	return false;
}

/* Begins the merge of the two runs at low. */
static void
begin_merge(struct sorting *s)
{
	s->a = s->to = s->low;
	s->b = s->low + s->width < s->n ? s->low + s->width : s->n;
}

bool
sort_some(struct sorting *s)
{
	if (s->n < 2)
		return true;
	if (s->width == 0) {
		s->other = x_malloc(s->n * sizeof(*s->other));
		s->width = 1;
		begin_merge(s);
	}
	for (unsigned left = SOME; left > 0; left--) {
		size_t mid = s->low + s->width < s->n ? s->low + s->width : s->n;
		size_t high = s->low + 2 * s->width < s->n ? s->low + 2 * s->width : s->n;
		bool second = s->a == mid || (s->b < high && before(s, &s->items[s->b], &s->items[s->a]));

		s->other[s->to++] = second ? s->items[s->b++] : s->items[s->a++];
		if (s->to < high)
			continue;
		s->low = high;
		if (s->low == s->n) {
			struct sort_item *items = s->items;

			ensure(s->to == s->n); /* a pass moves each once */
			s->items = s->other;
			s->other = items;
			s->low = 0;
			s->width *= 2;
			if (s->width >= s->n)
				return true;
		}
		begin_merge(s);
	}
	return false;
}

void
sort_like(struct sorting *s, const struct sorting *other)
{
	*s = (struct sorting){
		.comparator = other->comparator,
		.n_by = other->n_by,
		.summaries = other->summaries,
		.relevancy = other->relevancy,
	};
	memcpy(s->by, other->by, sizeof(s->by));
}

void
sort_clear(struct sorting *s)
{
	s->n = 0;
	s->width = 0;
	s->pool.n = 0;
}

void
sort_free(struct sorting *s)
{
	free(s->uid);
	free(s->seq);
	free(s->keys);
	free(s->items);
	free(s->other);
	ensure(charge_part(s->charge, &s->charged, 0) == OK);
	buf_free(&s->pool);
	buf_free(&s->key);
}
