/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers for tests, the same in each run: set rng to a seed that is not 0. */
#ifndef BASE_RANDOM_TEST_H
#define BASE_RANDOM_TEST_H

#include <stdint.h>

static uint64_t rng = 88172645463325252u;

/* 64 bits (xorshift). */
static inline uint64_t
rnd64(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

/* A number below n. */
static inline uint32_t
rnd(uint32_t n)
{
	return (uint32_t)((rnd64() >> 11) % n);
}

#endif
