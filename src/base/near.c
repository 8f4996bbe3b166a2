/* SPDX-License-Identifier: Apache-2.0 */
/* Edit distance with a bound. */
#include "base/near.h"

#define WORD_MAX 64

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters are wrong, missing, too many or exchanged. Both at most WORD_MAX long. */
static unsigned
distance(struct str a, struct str b)
{
	unsigned row[3][WORD_MAX + 1];

	for (size_t j = 0; j <= b.n; j++)
		row[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.n; j++) {
			char x = ascii_lower(a.p[i - 1]), y = ascii_lower(b.p[j - 1]);

			now[j] = least(last[j - 1] + (x != y), least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && x == ascii_lower(b.p[j - 2]) && y == ascii_lower(a.p[i - 2]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return row[a.n % 3][b.n];
}

void
near_try(struct near *n, const char *candidate)
{
	struct str known = str_c(candidate);
	unsigned d;

	if (n->word.n == 0 || n->word.n > WORD_MAX || known.n > WORD_MAX)
		return;
	d = n->word.n >= 3 && str_case_starts(known, n->word) ? 1 : distance(n->word, known);
	if (d > (known.n < 6 ? 1 : known.n / 3) || (n->best != NULL && d >= n->distance))
		return;
	n->best = candidate;
	n->distance = d;
}
