/* SPDX-License-Identifier: Apache-2.0 */
/* The plain arrays of messages, in order of UID, that model_test.c compares with. */
#ifndef STORE_MODEL_MSGS_TEST_H
#define STORE_MODEL_MSGS_TEST_H

#include <string.h>
#include "base/arena.h"

struct msg {
	uint32_t uid;
	uint8_t flags;
	uint8_t kw; /* bits of keyword_names */
	int64_t email;
	uint64_t size;
};
struct msgs {
	struct msg *m;
	size_t n, cap;
};

static inline void
push(struct msgs *a, struct msg m)
{
	if (a->n == a->cap) {
		a->cap = a->cap * 2 + 64;
		a->m = x_realloc(a->m, a->cap * sizeof(*a->m));
	}
	a->m[a->n++] = m;
}

static inline size_t
seek(const struct msgs *a, uint32_t uid)
{
	size_t lo = 0, hi = a->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (a->m[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static inline struct msg *
get(struct msgs *a, uint32_t uid)
{
	size_t i = seek(a, uid);

	return i < a->n && a->m[i].uid == uid ? &a->m[i] : NULL;
}

static inline void
drop(struct msgs *a, size_t i)
{
	memmove(a->m + i, a->m + i + 1, (a->n - i - 1) * sizeof(*a->m));
	a->n--;
}

#endif
