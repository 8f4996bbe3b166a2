/* SPDX-License-Identifier: Apache-2.0 */
/* Counts line ends and stops at what may be a delimiter, sixteen bytes at a time. */
#include "mime/scan.h"

#include "base/assert.h"

typedef unsigned char v16 __attribute__((vector_size(16)));
typedef uint64_t v2q __attribute__((vector_size(16)));

static inline v16
load(const unsigned char *p)
{
	v16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
any(v16 v)
{
	v2q q = (v2q)v;

	return q[0] | q[1];
}

/* Whole blocks of 64 bytes up to the first that holds a hit, at most 60 of them (a lane counts to
 * 240). Reads one byte past a block: the caller leaves it one. */
static size_t
blocks(struct mime_scan *s, const unsigned char *p, size_t n, bool dashes)
{
	v16 count = {0}, high = {0}, nul = {0};
	size_t i;

	if (n > 60 * 64)
		n = 60 * 64;
	for (i = 0; i + 64 <= n; i += 64) {
		v16 c = {0}, h = {0}, z = {0}, hit = {0};

		for (size_t k = 0; k < 64; k += 16) {
			v16 v = load(p + i + k), lf = (v16)(v == '\n');

			c -= lf;
			h |= v;
			z |= (v16)(v == 0);
			hit |= lf & (v16)(load(p + i + k + 1) == '-');
		}
		if (dashes && any(hit))
			break;
		count += c;
		high |= h;
		nul |= z;
	}
	for (size_t k = 0; k < 16; k++)
		s->lf += count[k];
	s->high |= (any(high) & 0x8080808080808080u) != 0;
	s->nul |= any(nul) != 0;
	return i;
}

/* The same byte by byte, at most `max`; *hit_r tells whether it stopped at a hit. */
static size_t
bytes(struct mime_scan *s, const unsigned char *p, size_t n, size_t max, bool dashes, bool *hit_r)
{
	size_t i;

	for (i = 0; i < n && i < max; i++) {
		s->high |= p[i] >> 7;
		s->nul |= p[i] == 0;
		if (p[i] != '\n')
			continue;
		s->lf++;
		if (dashes && i + 1 < n && p[i + 1] == '-') {
			*hit_r = true;
			return i + 1;
		}
	}
	return i;
}

size_t
mime_scan(struct mime_scan *scan, struct str s, bool dashes)
{
	const unsigned char *p = (const unsigned char *)s.p;
	bool hit = false;
	size_t i = 0;

	while (i < s.n && !hit) {
		size_t n = s.n - i, did = n > 64 ? blocks(scan, p + i, n - 1, dashes) : 0;

		i += did;
		if (did == 0)
			i += bytes(scan, p + i, s.n - i, 64, dashes, &hit);
	}
	ensure(i <= s.n);
	return i;
}
