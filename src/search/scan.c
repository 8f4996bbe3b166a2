/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sixteen places at a time: a place is looked at closely only where the needle's first and last byte both fit. A letter fits
 * when it fits with bit 0x20 set; that lets a few other bytes through, which the close look refuses.
 */
#include "search/scan.h"

#include "base/assert.h"

typedef unsigned char v16 __attribute__((vector_size(16)));
typedef uint64_t v2 __attribute__((vector_size(16)));

static inline v16
load(const char *p)
{
	v16 v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline bool
any(v16 v)
{
	v2 w = (v2)v;
	return (w[0] | w[1]) != 0;
}

static inline v16
all(char c)
{
	return (v16){0} + (unsigned char)c;
}

static bool
same(const char *p, struct str needle)
{
	for (size_t i = 0; i < needle.n; i++) {
		if (ascii_upper(p[i]) != needle.p[i])
			return false;
	}
	return true;
}

size_t
scan_ascii_at(struct str text, struct str needle, size_t from)
{
	char first, last;
	v16 bit1, bit2, c1, c2;
	size_t n, i = from;

	ensure(needle.n > 0);
	if (text.n < needle.n)
		return SIZE_MAX;
	first = needle.p[0];
	last = needle.p[needle.n - 1];
	bit1 = all(ascii_alpha(first) ? 0x20 : 0);
	bit2 = all(ascii_alpha(last) ? 0x20 : 0);
	c1 = all(ascii_lower(first));
	c2 = all(ascii_lower(last));
	n = text.n - needle.n + 1; /* places */
	for (; i + 16 <= n; i += 16) {
		const char *p = text.p + i;
		v16 hit = ((load(p) | bit1) == c1) & ((load(p + needle.n - 1) | bit2) == c2);
		if (!any(hit))
			continue;
		for (size_t k = 0; k < 16; k++) {
			if (hit[k] && same(p + k, needle))
				return i + k;
		}
	}
	for (; i < n; i++) {
		if (ascii_upper(text.p[i]) == first && same(text.p + i, needle))
			return i;
	}
	return SIZE_MAX;
}

bool
scan_ascii(struct str text, struct str needle)
{
	return scan_ascii_at(text, needle, 0) != SIZE_MAX;
}

size_t
scan_ascii_prefix(struct str s)
{
	size_t i = 0;

	for (; i + 16 <= s.n; i += 16) {
		if (any(load(s.p + i) & all((char)0x80)))
			break;
	}
	while (i < s.n && (unsigned char)s.p[i] < 0x80)
		i++;
	return i;
}

void
scan_upper(char *to, const char *from, size_t n)
{
	size_t i = 0;

	for (; i + 16 <= n; i += 16) {
		v16 v = load(from + i);
		v -= (v16)((v >= 'a') & (v <= 'z')) & 0x20;
		memcpy(to + i, &v, sizeof(v));
	}
	for (; i < n; i++)
		to[i] = ascii_upper(from[i]);
}
