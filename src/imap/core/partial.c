/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of results as they are read, and which results they mean. */
#include "imap/core/partial.h"

#include "base/assert.h"

static enum status
bound(struct args *a, bool minus, uint32_t *n_r)
{
	if ((minus && !arg_char(a, '-')) || arg_nz_number(a, n_r) != OK)
		return arg_expect(a, EXPECT_RANGE);
	return OK;
}

enum status
partial_parse(struct partial *p, struct args *a)
{
	struct partial x = {.given = true, .from_end = arg_peek(a) == '-'};
	enum status st;

	if ((st = bound(a, x.from_end, &x.a)) != OK)
		return st;
	if (!arg_char(a, ':'))
		return arg_expect(a, EXPECT_RANGE);
	if ((st = bound(a, x.from_end, &x.b)) == OK)
		*p = x;
	return st;
}

bool
partial_range(const struct partial *p, uint64_t total, uint64_t *first_r, uint64_t *last_r)
{
	uint64_t first = p->a < p->b ? p->a : p->b, last = p->a < p->b ? p->b : p->a;

	ensure(first > 0); /* read as nz-number; a range that was not given means nothing */
	if (first > total)
		return false;
	if (last > total)
		last = total;
	*first_r = p->from_end ? total - last + 1 : first;
	*last_r = p->from_end ? total - first + 1 : last;
	return true;
}
