/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wake: who may run a connection, in one atomic word. Any thread may post bits; exactly one thread
 * runs the owner; no bit is lost.
 *
 *	generation | mask | state | pending bits
 *
 *	free    -- nobody; every post is refused (its generation no longer matches)
 *	parked  -- waits for a bit that its mask names
 *	queued  -- somebody put it into the run queue; more bits may join
 *	running -- a thread works on it; bits that come are seen when it wants to park
 *
 * Only the swap parked -> queued enqueues, so an owner is in the queue at most once. wake_park()
 * rechecks the bits in the same swap that parks: a bit posted at any moment before is seen there, a
 * bit posted after finds a parked word. Bits outside the mask stay pending and wake nobody; they
 * are handed over by the next wake_run().
 *
 * The word lives in memory that is never given back (net/conn.c): a post with an old generation,
 * from an event read a moment too late, reads it safely and does nothing.
 */
#ifndef NET_WAKE_H
#define NET_WAKE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint64_t wake_word;

#define WAKE_BITS 14u
#define WAKE_ALL ((1u << WAKE_BITS) - 1)

enum wake_state { WAKE_FREE, WAKE_PARKED, WAKE_QUEUED, WAKE_RUNNING };

/* Takes a free word into use: queued, with these bits pending; the caller enqueues the owner.
 * Returns the generation that posts must name. */
uint32_t wake_open(wake_word *w, unsigned bits);
/* Posts bits. True: the owner went from parked to queued and the caller must enqueue it. False: it
 * is queued or running already, waits for other bits, or is gone. */
bool wake_post(wake_word *w, uint32_t generation, unsigned bits);
/* The thread that took the owner from the queue: queued -> running. Returns and clears all bits. */
unsigned wake_run(wake_word *w);
/* While running: returns and clears the bits that came meanwhile. */
unsigned wake_take(wake_word *w);
/* Running -> parked, waiting for the bits of mask. False: one of them is pending already; the owner
 * is still running and takes the bits with wake_take(). */
bool wake_park(wake_word *w, unsigned mask);
/* Running -> queued, to let others have their turn; the caller enqueues the owner. */
void wake_yield(wake_word *w);
/* Running -> free: posts that name the old generation do nothing from here on. */
void wake_close(wake_word *w);

static inline uint32_t
wake_generation(wake_word *w)
{
	return (uint32_t)(atomic_load_explicit(w, memory_order_relaxed) >> 32);
}

#endif
