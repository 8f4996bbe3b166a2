/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequence sets. Members may come in any order and overlap (T10); they are collected first and
 * sorted once, so that a set of a hundred thousand members costs no more than a sort (T09, S6).
 */
#include <stdlib.h>
#include "base/assert.h"
#include "wire/imap_args.h"

void
arg_set_free(struct arg_set *set)
{
	runs_free(&set->runs);
	*set = (struct arg_set){0};
}

/* A number at *s, moved past it, or 0 for "*". */
static bool
read_member(struct str *s, uint32_t *n_r)
{
	size_t n = 0;
	uint64_t v;

	if (s->n > 0 && s->p[0] == '*') {
		*s = str_from(*s, 1);
		*n_r = 0;
		return true;
	}
	while (n < s->n && ascii_digit(s->p[n]))
		n++;
	if (!str_u64(str_head(*s, n), UINT32_MAX, &v) || v == 0)
		return false;
	*s = str_from(*s, n);
	*n_r = (uint32_t)v;
	return true;
}

/* Adds at the end, joined to the last run where possible; false when the order is broken. */
static bool
append(struct runs *r, uint32_t first, uint32_t last)
{
	struct run *prev = r->n > 0 ? &r->run[r->n - 1] : NULL;
	bool in_order = prev == NULL || first > prev->last;

	ensure(first > 0 && first <= last);
	if (prev != NULL && prev->last != UINT32_MAX && first == prev->last + 1) {
		prev->last = last;
		return true;
	}
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 8;
		r->run = x_realloc(r->run, r->cap * sizeof(*r->run));
	}
	r->run[r->n++] = (struct run){first, last};
	return in_order;
}

static int
by_first(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static void
sort_and_join(struct runs *r)
{
	size_t n = 0;

	ensure(r->n > 0);
	qsort(r->run, r->n, sizeof(*r->run), by_first);
	for (size_t i = 1; i < r->n; i++) {
		struct run *to = &r->run[n], *from = &r->run[i];

		if (to->last != UINT32_MAX && from->first > to->last + 1)
			r->run[++n] = *from;
		else if (from->last > to->last)
			to->last = from->last;
	}
	r->n = n + 1;
}

static void
add_star(struct arg_set *set, uint32_t n)
{
	set->star = true;
	if (n != 0 && (set->star_low == 0 || n < set->star_low))
		set->star_low = n;
}

/* One member or range at *s. *sorted is cleared when it is out of order. */
static bool
read_range(struct str *s, struct arg_set *set, bool *sorted)
{
	uint32_t first, last;
	bool range;

	if (!read_member(s, &first))
		return false;
	last = first;
	range = s->n > 0 && s->p[0] == ':';
	if (range) {
		*s = str_from(*s, 1);
		if (!read_member(s, &last))
			return false;
	}
	if (first == 0 || last == 0) {
		add_star(set, first + last);
		return true;
	}
	if (first > last) {
		uint32_t swap = first;

		first = last;
		last = swap;
	}
	*sorted &= append(&set->runs, first, last);
	return true;
}

enum status
arg_set_parse(struct str s, struct arg_set *set_r)
{
	struct arg_set set = {0};
	bool sorted = true;

	for (;;) {
		if (!read_range(&s, &set, &sorted))
			break;
		if (s.n == 0) {
			if (!sorted)
				sort_and_join(&set.runs);
			*set_r = set;
			return OK;
		}
		if (s.p[0] != ',')
			break;
		s = str_from(s, 1);
	}
	arg_set_free(&set);
	return ERR_BAD_INPUT;
}

enum status
arg_set(struct args *a, struct arg_set *set_r)
{
	struct str s = str_from(a->all, a->at);
	size_t n = 0;

	if (arg_char(a, '$')) { /* RFC 5182; not a member of a set */
		*set_r = (struct arg_set){.saved = true};
		return OK;
	}
	while (n < s.n && (ascii_digit(s.p[n]) || s.p[n] == ':' || s.p[n] == ',' || s.p[n] == '*'))
		n++;
	if (arg_set_parse(str_head(s, n), set_r) != OK)
		return arg_expect(a, EXPECT_SET);
	a->at += n;
	return OK;
}

void
arg_set_resolve(struct arg_set *set, uint32_t last)
{
	if (!set->star || last == 0)
		return;
	ensure(!set->saved);
	runs_add(&set->runs, set->star_low != 0 && set->star_low < last ? set->star_low : last, last);
}
