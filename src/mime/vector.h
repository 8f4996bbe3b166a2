/* SPDX-License-Identifier: Apache-2.0 */
/* vector: sixteen bytes at a time, in the compiler's own terms: the same on every processor. For this folder's scans. */
#ifndef MIME_VECTOR_H
#define MIME_VECTOR_H

#include <stdint.h>
#include <string.h>

typedef unsigned char v16 __attribute__((vector_size(16)));
typedef uint64_t v16_halves __attribute__((vector_size(16)));

static inline v16
v16_load(const void *p)
{
	v16 v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Is any bit set? */
static inline uint64_t
v16_any(v16 v)
{
	v16_halves h = (v16_halves)v;

	return h[0] | h[1];
}

#endif
