/* SPDX-License-Identifier: Apache-2.0 */
/* Compare and swap on one word: bits, state, mask, generation. */
#include "net/wake.h"

#include "base/assert.h"

/* Bits 0-13 pending, 14-15 state, 16-29 mask, 32-63 generation. */
#define STATE_SHIFT 14
#define MASK_SHIFT 16
#define STATE(v) ((enum wake_state)((v) >> STATE_SHIFT & 3))
#define BITS(v) ((unsigned)(v) & WAKE_ALL)
#define MASK(v) ((unsigned)((v) >> MASK_SHIFT) & WAKE_ALL)
#define GENERATION(v) ((uint32_t)((v) >> 32))

static uint64_t
word(uint32_t generation, unsigned mask, enum wake_state state, unsigned bits)
{
	return (uint64_t)generation << 32 | (uint64_t)mask << MASK_SHIFT
	    | (uint64_t)state << STATE_SHIFT | bits;
}

uint32_t
wake_open(wake_word *w, unsigned bits)
{
	uint64_t v = atomic_load_explicit(w, memory_order_relaxed);

	ensure(STATE(v) == WAKE_FREE && (bits & ~WAKE_ALL) == 0);
	/* No swap: nobody knows this generation yet, so nobody writes. */
	atomic_store_explicit(w, word(GENERATION(v), 0, WAKE_QUEUED, bits), memory_order_release);
	return GENERATION(v);
}

bool
wake_post(wake_word *w, uint32_t generation, unsigned bits)
{
	uint64_t v = atomic_load_explicit(w, memory_order_relaxed), to;
	bool enqueue;

	ensure((bits & ~WAKE_ALL) == 0);
	do {
		if (GENERATION(v) != generation || STATE(v) == WAKE_FREE)
			return false;
		enqueue = STATE(v) == WAKE_PARKED && (MASK(v) & (BITS(v) | bits)) != 0;
		to = word(generation, MASK(v), enqueue ? WAKE_QUEUED : STATE(v), BITS(v) | bits);
		/* Swapped also when nothing changes: what the poster wrote before must be seen by
		 * whoever takes the bit. */
	} while (!atomic_compare_exchange_weak_explicit(
	    w, &v, to, memory_order_acq_rel, memory_order_relaxed));
	return enqueue;
}

unsigned
wake_run(wake_word *w)
{
	uint64_t v = atomic_load_explicit(w, memory_order_relaxed);

	do
		ensure(STATE(v) == WAKE_QUEUED);
	while (!atomic_compare_exchange_weak_explicit(w, &v, word(GENERATION(v), 0, WAKE_RUNNING, 0),
	    memory_order_acq_rel, memory_order_relaxed));
	return BITS(v);
}

unsigned
wake_take(wake_word *w)
{
	uint64_t v = atomic_load_explicit(w, memory_order_relaxed);

	ensure(STATE(v) == WAKE_RUNNING);
	if (BITS(v) == 0)
		return 0;
	return BITS(atomic_fetch_and_explicit(w, ~(uint64_t)WAKE_ALL, memory_order_acq_rel));
}

bool
wake_park(wake_word *w, unsigned mask)
{
	uint64_t v = atomic_load_explicit(w, memory_order_relaxed);

	do {
		ensure(STATE(v) == WAKE_RUNNING);
		if ((BITS(v) & mask) != 0)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(w, &v,
	    word(GENERATION(v), mask, WAKE_PARKED, BITS(v)), memory_order_acq_rel,
	    memory_order_relaxed));
	return true;
}

void
wake_yield(wake_word *w)
{
	uint64_t v = atomic_load_explicit(w, memory_order_relaxed);

	do
		ensure(STATE(v) == WAKE_RUNNING);
	while (!atomic_compare_exchange_weak_explicit(w, &v,
	    word(GENERATION(v), 0, WAKE_QUEUED, BITS(v)), memory_order_acq_rel,
	    memory_order_relaxed));
}

void
wake_close(wake_word *w)
{
	uint64_t v = atomic_load_explicit(w, memory_order_relaxed);

	do
		ensure(STATE(v) == WAKE_RUNNING);
	while (!atomic_compare_exchange_weak_explicit(w, &v, word(GENERATION(v) + 1, 0, WAKE_FREE, 0),
	    memory_order_acq_rel, memory_order_relaxed));
}
