/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of numbers as sorted runs: merged in one pass, never moved one by one. */
#include "base/runs.h"

#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"

size_t
runs_seek(const struct runs *r, uint32_t n)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (r->run[mid].last < n)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
reserve(struct runs *r, size_t n)
{
	if (n <= r->cap)
		return;
	r->cap = r->cap * 2 < n ? n : r->cap * 2;
	r->run = x_realloc(r->run, r->cap * sizeof(*r->run));
}

/* Puts the runs [at, at + old) away for the given ones (0, 1 or 2 of them). */
static void
replace(struct runs *r, size_t at, size_t old, const struct run *with, size_t n)
{
	reserve(r, r->n - old + n);
	if (r->n > at + old)
		memmove(r->run + at + n, r->run + at + old, (r->n - at - old) * sizeof(*r->run));
	for (size_t i = 0; i < n; i++)
		r->run[at + i] = with[i];
	r->n = r->n - old + n;
}

void
runs_add(struct runs *r, uint32_t first, uint32_t last)
{
	size_t lo, hi;
	struct run whole = {first, last};

	ensure(first > 0 && first <= last);
	/* What comes in order just grows the last one. */
	if (r->n > 0 && r->run[r->n - 1].last == first - 1) {
		r->run[r->n - 1].last = last;
		return;
	}
	/* Runs that touch the new one melt into it. */
	lo = r->n > 0 && r->run[r->n - 1].last < first - 1 ? r->n : runs_seek(r, first - 1);
	for (hi = lo; hi < r->n && (last == UINT32_MAX || r->run[hi].first <= last + 1); hi++) {
		if (r->run[hi].first < whole.first)
			whole.first = r->run[hi].first;
		if (r->run[hi].last > whole.last)
			whole.last = r->run[hi].last;
	}
	replace(r, lo, hi - lo, &whole, 1);
}

/* So few are added or removed one by one: a search and a move for each. More of them are merged, in one pass over both sets. */
#define FEW 8

/* Do all of other come behind r (or r ends where they begin)? */
static bool
behind(const struct runs *r, const struct runs *other)
{
	return r->n == 0 || other->n == 0 || r->run[r->n - 1].last < other->run[0].first;
}

void
runs_add_all(struct runs *r, const struct runs *other)
{
	struct runs both = {0};
	size_t i = 0, k = 0;

	if (other->n <= FEW || behind(r, other)) {
		for (i = 0; i < other->n; i++)
			runs_add(r, other->run[i].first, other->run[i].last);
		return;
	}
	reserve(&both, r->n + other->n);
	while (i < r->n || k < other->n) {
		bool mine = k == other->n || (i < r->n && r->run[i].first < other->run[k].first);
		const struct run *next = mine ? &r->run[i++] : &other->run[k++];

		/* Behind the last one, or touching it: no search. */
		runs_add(&both, next->first, next->last);
	}
	runs_free(r);
	*r = both;
}

void
runs_remove(struct runs *r, uint32_t first, uint32_t last)
{
	struct run keep[2];
	size_t lo = runs_seek(r, first), hi, n = 0;

	for (hi = lo; hi < r->n && r->run[hi].first <= last; hi++) {
		if (r->run[hi].first < first)
			keep[n++] = (struct run){r->run[hi].first, first - 1};
		if (r->run[hi].last > last)
			keep[n++] = (struct run){last + 1, r->run[hi].last};
	}
	if (hi > lo)
		replace(r, lo, hi - lo, keep, n);
}

/* What other leaves of a run goes to left; *k_r is the first run of other that reaches it or what follows. */
static void
leave(struct runs *left, struct run run, const struct runs *other, size_t *k_r)
{
	size_t k = *k_r;

	for (; k < other->n && other->run[k].last < run.first; k++)
		;
	for (; k < other->n && other->run[k].first <= run.last; k++) {
		if (other->run[k].first > run.first)
			runs_add(left, run.first, other->run[k].first - 1);
		if (other->run[k].last >= run.last) {
			*k_r = k;
			return;
		}
		run.first = other->run[k].last + 1;
	}
	runs_add(left, run.first, run.last);
	*k_r = k;
}

void
runs_remove_all(struct runs *r, const struct runs *other)
{
	struct runs left = {0};
	size_t k = 0;

	if (other->n <= FEW || r->n <= FEW) {
		for (size_t i = 0; i < other->n && r->n > 0; i++)
			runs_remove(r, other->run[i].first, other->run[i].last);
		return;
	}
	reserve(&left, r->n + other->n);
	for (size_t i = 0; i < r->n; i++)
		leave(&left, r->run[i], other, &k);
	runs_free(r);
	*r = left;
}

bool
runs_has(const struct runs *r, uint32_t n)
{
	size_t i = runs_seek(r, n);

	return i < r->n && r->run[i].first <= n;
}

uint64_t
runs_count(const struct runs *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += (uint64_t)(r->run[i].last - r->run[i].first) + 1;
	return n;
}

uint64_t
runs_below(const struct runs *r, uint32_t n)
{
	uint64_t below = 0;

	for (size_t i = 0; i < r->n && r->run[i].first < n; i++) {
		uint32_t end = r->run[i].last < n ? r->run[i].last + 1 : n;

		below += end - r->run[i].first;
	}
	return below;
}

uint32_t
runs_next(const struct runs *r, uint32_t n)
{
	size_t i = runs_seek(r, n);

	if (i == r->n)
		return 0;
	return r->run[i].first > n ? r->run[i].first : n;
}

uint32_t
runs_last(const struct runs *r, uint32_t n)
{
	size_t i = runs_seek(r, n);

	if (i < r->n && r->run[i].first <= n)
		return n;
	return i > 0 ? r->run[i - 1].last : 0;
}

void
runs_add_common(struct runs *out, const struct runs *a, const struct runs *b)
{
	size_t i = 0, k = 0;

	while (i < a->n && k < b->n) {
		const struct run *x = &a->run[i], *y = &b->run[k];
		uint32_t first = x->first > y->first ? x->first : y->first;
		uint32_t last = x->last < y->last ? x->last : y->last;

		if (first <= last)
			runs_add(out, first, last);
		if (x->last < y->last)
			i++;
		else
			k++;
	}
}

/* ---- many in no order ---- */

#define PILE_LARGE 16384

static void
push(struct run_pile *p, uint32_t first, uint32_t last)
{
	if (p->n > 0 && p->run[p->n - 1].last == first - 1) {
		p->run[p->n - 1].last = last;
		return;
	}
	if (p->n == p->cap) {
		p->cap = p->cap * 2 + 16;
		p->run = x_realloc(p->run, p->cap * sizeof(*p->run));
	}
	p->run[p->n++] = (struct run){first, last};
}

void
run_pile_add(struct run_pile *p, const struct runs *some)
{
	for (size_t i = 0; i < some->n; i++)
		push(p, some->run[i].first, some->run[i].last);
}

void
run_pile_gather(struct run_pile *p, const struct runs *some, struct runs *r)
{
	run_pile_add(p, some);
	if (p->n > PILE_LARGE && p->n > 2 * r->n)
		run_pile_into(p, r, NULL);
}

/* Three passes over digits of 11 bits: for a million runs a tenth of what comparing costs. */
static void
sort(struct run_pile *p)
{
	enum { BITS = 11, DIGITS = 1 << BITS };
	struct run *to = x_malloc(p->n * sizeof(*to)), *swap;

	for (unsigned shift = 0; shift < 32; shift += BITS) {
		size_t at[DIGITS] = {0}, sum = 0;

		for (size_t i = 0; i < p->n; i++)
			at[p->run[i].first >> shift & (DIGITS - 1)]++;
		for (size_t d = 0; d < DIGITS; d++) {
			size_t n = at[d];

			at[d] = sum;
			sum += n;
		}
		for (size_t i = 0; i < p->n; i++)
			to[at[p->run[i].first >> shift & (DIGITS - 1)]++] = p->run[i];
		swap = p->run;
		p->run = to;
		to = swap;
	}
	p->cap = p->n;
	free(to);
}

static bool
sorted(const struct run_pile *p)
{
	for (size_t i = 1; i < p->n; i++)
		if (p->run[i].first < p->run[i - 1].first)
			return false;
	return true;
}

void
run_pile_into(struct run_pile *p, struct runs *r, uint32_t *twice_r)
{
	struct runs both = {0};
	uint32_t twice = 0;
	size_t i = 0, k = 0;

	if (!sorted(p))
		sort(p);
	reserve(&both, p->n + r->n);
	while (i < p->n || k < r->n) {
		bool pile = k == r->n || (i < p->n && p->run[i].first < r->run[k].first);
		struct run next = pile ? p->run[i++] : r->run[k++];

		if (both.n > 0 && next.first <= both.run[both.n - 1].last) {
			twice = twice != 0 ? twice : next.first;
			if (next.last <= both.run[both.n - 1].last)
				continue;
		}
		runs_add(&both, next.first, next.last);
	}
	run_pile_free(p);
	runs_free(r);
	*r = both;
	if (twice_r != NULL)
		*twice_r = twice;
}

void
run_pile_free(struct run_pile *p)
{
	free(p->run);
	*p = (struct run_pile){0};
}

void
runs_clear(struct runs *r)
{
	r->n = 0;
}

void
runs_free(struct runs *r)
{
	free(r->run);
	*r = (struct runs){0};
}

void
runs_print(struct buf *out, const struct runs *r)
{
	for (size_t i = 0; i < r->n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		buf_addu(out, r->run[i].first);
		if (r->run[i].last != r->run[i].first) {
			buf_addc(out, ':');
			buf_addu(out, r->run[i].last);
		}
	}
}

void
runs_pack(struct buf *out, const struct runs *r)
{
	uint32_t at = 0;

	varint_add(out, r->n);
	for (size_t i = 0; i < r->n; i++) {
		varint_add(out, r->run[i].first - at);
		varint_add(out, r->run[i].last - r->run[i].first);
		at = r->run[i].last;
	}
}

void
runs_unpack(struct unpack *u, struct runs *r)
{
	uint64_t n = unpack_varint(u), at = 0;

	for (uint64_t i = 0; i < n && !u->failed; i++) {
		uint64_t first = at + unpack_varint(u), last = first + unpack_varint(u);

		if (first == 0 || first < at || last < first || last > UINT32_MAX) {
			u->failed = true;
			return;
		}
		runs_add(r, (uint32_t)first, (uint32_t)last);
		at = last;
	}
}
