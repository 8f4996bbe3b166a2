/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runs: a set of non-zero 32-bit numbers (UIDs or sequence numbers), kept as sorted runs that
 * neither touch nor overlap. Adding at the end is constant time; elsewhere it moves what follows.
 * A runs of zeroes is empty. One thread at a time.
 */
#ifndef BASE_RUNS_H
#define BASE_RUNS_H

#include "base/buf.h"
#include "base/codec.h"

struct run {
	uint32_t first, last; /* both included */
};
struct runs {
	struct run *run;
	size_t n, cap;
};

void runs_add(struct runs *r, uint32_t first, uint32_t last);
/* All of another set: with many runs one pass over both sets. */
void runs_add_all(struct runs *r, const struct runs *other);
void runs_remove(struct runs *r, uint32_t first, uint32_t last);
void runs_remove_all(struct runs *r, const struct runs *other);
bool runs_has(const struct runs *r, uint32_t n);
/* How many numbers the set holds. */
uint64_t runs_count(const struct runs *r);
/* How many of them are smaller than n. */
uint64_t runs_below(const struct runs *r, uint32_t n);
/* Index of the first run whose last is >= n, or r->n. */
size_t runs_seek(const struct runs *r, uint32_t n);
/* The smallest number >= n that is in the set, or 0. */
uint32_t runs_next(const struct runs *r, uint32_t n);
/* The largest number <= n that is in the set, or 0. */
uint32_t runs_last(const struct runs *r, uint32_t n);
/* Adds to out what a and b have in common; neither is out. */
void runs_add_common(struct runs *out, const struct runs *a, const struct runs *b);
/* Sets that come in no order are gathered on a pile and put in order at once: a few steps for each of them, where runs_add() in the
 * middle moves all that follows. A pile of zeroes is empty. */
struct run_pile {
	struct run *run;
	size_t n, cap;
};
void run_pile_add(struct run_pile *p, const struct runs *some);
/* The same for sets that say the same again and again: now and then the pile is added to r, so that it does not become larger than that by more than
 * a factor. At the end run_pile_into() as ever. */
void run_pile_gather(struct run_pile *p, const struct runs *some, struct runs *r);
/* Adds the pile to r and frees it. *twice_r (may be NULL): a number that was there more than once, in the pile or in r; 0: none. */
void run_pile_into(struct run_pile *p, struct runs *r, uint32_t *twice_r);
void run_pile_free(struct run_pile *p);
void runs_clear(struct runs *r);
void runs_free(struct runs *r);
/* IMAP syntax: 1:3,7. Adds nothing for the empty set. */
void runs_print(struct buf *out, const struct runs *r);
/* Packed for the store: count, then gaps and lengths as varints. */
void runs_pack(struct buf *out, const struct runs *r);
/* Reads what runs_pack wrote into an empty set; u->failed tells of damage. */
void runs_unpack(struct unpack *u, struct runs *r);

#endif
