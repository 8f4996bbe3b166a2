/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in the order of an answer, kept in struct runs. */
#include "imap/core/run_list.h"

#include "base/assert.h"

static void
append(struct runs *list, struct run r)
{
	if (list->n == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 16;
		list->run = x_realloc(list->run, list->cap * sizeof(*list->run));
	}
	list->run[list->n++] = r;
}

void
run_list_add(struct runs *list, uint32_t n)
{
	ensure(n > 0); /* UIDs and numbers begin at 1 */
	if (list->n > 0 && list->run[list->n - 1].last != UINT32_MAX && list->run[list->n - 1].last + 1 == n)
		list->run[list->n - 1].last = n;
	else
		append(list, (struct run){n, n});
}

void
run_list_slice(const struct runs *list, const struct partial *p, struct runs *slice_r)
{
	uint64_t first, last, at = 1;

	if (!partial_range(p, runs_count(list), &first, &last))
		return;
	for (size_t i = 0; i < list->n && at <= last; i++) {
		struct run r = list->run[i];
		uint64_t n = (uint64_t)r.last - r.first + 1;

		if (at + n > first) {
			if (at + n - 1 > last)
				r.last = r.first + (uint32_t)(last - at);
			if (at < first)
				r.first += (uint32_t)(first - at);
			append(slice_r, r);
		}
		at += n;
	}
}
