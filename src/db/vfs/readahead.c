/* SPDX-License-Identifier: Apache-2.0 */
/* Counts reads that go forward and those that do not. */
#include "db/vfs/readahead.h"

enum {
	STEPS = 16,        /* so many reads forward are a walk */
	STRAYS = 8,        /* so many that are not end it: in between, other tables are looked at */
	GAP = 128 * 1024,  /* a step is at most so long */
	WINDOW = 1 << 20,  /* asked for at once */
};

bool
readahead_note(struct readahead *r, int64_t at, int64_t n, int64_t *from_r, int64_t *n_r)
{
	int64_t from;

	if (at < r->end || at - r->end > GAP) {
		if (++r->strays <= STRAYS)
			return false;
		*r = (struct readahead){.end = at + n};
		return false;
	}
	r->end = at + n;
	r->strays = 0;
	if (r->steps < STEPS) {
		r->steps++;
		return false;
	}
	if (r->asked > r->end + WINDOW / 2)
		return false;
	from = r->asked > r->end ? r->asked : r->end;
	*from_r = from;
	*n_r = WINDOW;
	r->asked = from + WINDOW;
	return true;
}
