/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a SORT that is kept up: where messages leave it and where others come in. Sort keys never change and are not kept: a place is
 * found by bisection, reading the keys of some ten messages.
 */
#include <stdlib.h>
#include "imap/core/run_list.h"
#include "base/assert.h"
#include "imap/news/context.h"
#include "store/email.h"

struct spot {
	size_t at;   /* index in the order */
	uint32_t number;
};

static uint32_t
number(const struct context *c, const struct context_member *m)
{
	return c->uid ? m->uid : m->seq;
}

static const struct context_member *
member(const struct context_members *set, uint32_t uid)
{
	size_t low = 0, high = set->n;

	ensure(high > 0);
	if (uid < set->m[0].uid || uid > set->m[high - 1].uid)
		return NULL;
	while (low + 1 < high) {
		size_t mid = low + (high - low) / 2;

		if (set->m[mid].uid <= uid)
			low = mid;
		else
			high = mid;
	}
	return set->m[low].uid == uid ? &set->m[low] : NULL;
}

/* "7 3,12": spots that stand side by side make one set, in the order in which they stand (RFC 5267 4.3.3, 4.3.4). */
static void
print_group(struct buf *out, const struct spot *spots, size_t n, bool *first)
{
	struct runs list = {0};

	for (size_t i = 0; i < n; i++)
		run_list_add(&list, spots[i].number);
	out_sep(out, first);
	buf_addf(out, "%zu ", spots[0].at + 1);
	runs_print(out, &list);
	runs_free(&list);
}

/* From the last to the first, so that the positions before them stay true. */
void
context_order_remove(struct context *c, struct buf *out)
{
	struct spot *spots = x_calloc(c->left.n, sizeof(*spots));
	bool first = true;
	size_t n = 0, to = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct context_member *m = member(&c->left, c->order[i]);

		if (m != NULL && n < c->left.n)
			spots[n++] = (struct spot){i, number(c, m)};
		else
			c->order[to++] = c->order[i];
	}
	c->n = to;
	while (n > 0) {
		size_t from = n - 1;

		while (from > 0 && spots[from - 1].at + 1 == spots[from].at)
			from--;
		print_group(out, &spots[from], n - from, &first);
		n = from;
	}
	free(spots);
}

/* ---- keys ---- */

enum status
context_order_key(struct sorting *rows, struct session *s, struct db_txn *txn, const struct entry *e)
{
	struct sort_row row = {.entry = e};
	struct mime_summary summary;
	const struct grant *grant = &s->selected->view.grant;
	struct arena arena = {0};
	struct buf header = {0};
	struct email email;
	enum status st = OK;

	if (rows->summaries && email_get(grant, txn, &arena, e->email, &email) == OK &&
	    mime_summary_open(email.summary, &summary) == OK) {
		row.summary = &summary;
		if (rows->comparator.collation != MIME_UNICODE_CASEMAP)
			st = sort_row_header(grant, txn, &email, &summary, &header, &row.header);
	}
	if (st == OK || st == ERR_NOT_FOUND || st == ERR_CORRUPT)
		st = sort_add(rows, &row);
	buf_free(&header);
	arena_free(&arena);
	return st;
}

/* Messages of the order that new ones are compared with. */
struct probe {
	struct context *c;
	struct session *s;
	struct db_txn *txn;
	struct sorting rows;
	struct runs one;
	enum status st;
};

/* Does the new message of this row stand before the one at index at? One whose entry cannot be read is placed by its UID. */
static bool
stands_before(struct probe *p, uint32_t row, size_t at)
{
	struct view_iter it = VIEW_ITER(&p->s->selected->view, &p->one);
	const struct entry *e;
	enum status st;

	runs_clear(&p->one);
	runs_add(&p->one, p->c->order[at], p->c->order[at]);
	it.no_seq = true;
	sort_clear(&p->rows);
	if ((st = view_iter_begin(&it, p->txn)) == OK) {
		if ((e = view_iter_next(&it)) != NULL)
			st = context_order_key(&p->rows, p->s, p->txn, e);
		if (st == OK)
			st = view_iter_end(&it);
		else
			(void)!view_iter_end(&it);
	}
	if (st != OK) {
		p->st = st;
		return false;
	}
	if (p->rows.n == 0)
		return p->c->fresh.uid[row] < p->c->order[at];
	return sort_before(&p->c->fresh, row, &p->rows, 0);
}

/* The index before which it goes, not below low. The ends first: that is where new messages go in orders by date. */
static size_t
place(struct probe *p, uint32_t row, size_t low)
{
	size_t high = p->c->n;

	if (low < high && !stands_before(p, row, high - 1))
		return high;
	if (low < high && stands_before(p, row, low))
		return low;
	while (low < high && p->st == OK) {
		size_t mid = low + (high - low) / 2;

		if (stands_before(p, row, mid))
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* ---- inserting ---- */

/* spots[i].at: where the message of row i in order goes in the old order. */
static void
merge(struct context *c, struct spot *spots)
{
	size_t n = c->came.n, from = c->n;

	if (c->room < c->n + n) {
		c->room = (c->n + n) + (c->n + n) / 8;
		c->order = x_realloc(c->order, c->room * sizeof(*c->order));
	}
	for (size_t i = n; i > 0; i--) {
		struct spot *spot = &spots[i - 1];

		ensure(spot->at <= from); /* they ascend: each was looked for from the one before */
		memmove(&c->order[spot->at + i], &c->order[spot->at], (from - spot->at) * sizeof(*c->order));
		from = spot->at;
		spot->at += i - 1;
		c->order[spot->at] = c->came.m[sort_at(&c->fresh, i - 1)].uid;
	}
	c->n += n;
}

enum status
context_order_insert(struct context *c, struct session *s, struct db_txn *txn, struct buf *out)
{
	struct probe p = {.c = c, .s = s, .txn = txn};
	struct spot *spots = x_calloc(c->came.n, sizeof(*spots));
	size_t low = 0, n;
	bool first = true;

	ensure(c->sorted && c->fresh.n == c->came.n);
	sort_like(&p.rows, &c->by);
	while (!sort_some(&c->fresh))
		;
	for (size_t i = 0; i < c->came.n; i++) {
		uint32_t row = sort_at(&c->fresh, i);

		low = place(&p, row, low);
		spots[i] = (struct spot){low, number(c, &c->came.m[row])};
	}
	if (p.st == OK) {
		merge(c, spots);
		for (size_t i = 0; i < c->came.n; i += n) {
			for (n = 1; i + n < c->came.n && spots[i + n].at == spots[i].at + n; n++)
				;
			print_group(out, &spots[i], n, &first);
		}
	}
	sort_free(&p.rows);
	runs_free(&p.one);
	free(spots);
	return p.st;
}
