/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers for tests, the same in each run: set rng to a seed that is not 0. */
#ifndef BASE_RANDOM_TEST_H
#define BASE_RANDOM_TEST_H

#include <stdint.h>

static uint64_t rng = 88172645463325252u;

/* A number below n (xorshift). */
static inline uint32_t
rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)((rng >> 11) % n);
}

#endif
