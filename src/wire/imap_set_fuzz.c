/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes sequence sets against a plain bitmap of the numbers below 300. */
#include "base/assert.h"
#include "wire/imap_args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOP 300
#define LAST 100

/* One member as the RFC words it; "*" is LAST. */
static uint64_t
member(struct str s, bool *star)
{
	uint64_t n = 0;

	if (str_eq(s, STR("*"))) {
		*star = true;
		return LAST;
	}
	ensure(str_u64(s, UINT32_MAX, &n) && n > 0);
	return n;
}

static void
mark(bool *has, struct str set)
{
	struct str range, first;

	while (str_split(&set, ',', &range)) {
		uint64_t a, b;
		bool star = false;

		ensure(str_split(&range, ':', &first));
		a = member(first, &star);
		b = range.p != NULL ? member(range, &star) : a;
		/* n:* past the end is the last one (T107). */
		if (star) {
			a = a < b ? a : b;
			b = LAST;
		}
		for (uint64_t n = a < b ? a : b; n < TOP && n <= (a < b ? b : a); n++)
			has[n] = true;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_of(data, size);
	struct arg_set set;
	bool has[TOP] = {false};

	if (arg_set_parse(s, &set) != OK)
		return 0;
	arg_set_resolve(&set, LAST);
	mark(has, s);
	for (uint32_t n = 0; n < TOP; n++)
		ensure(has[n] == runs_has(&set.runs, n));
	arg_set_free(&set);
	return 0;
}
