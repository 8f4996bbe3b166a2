/* SPDX-License-Identifier: Apache-2.0 */
/* partial: PARTIAL, a range of results, as SEARCH (RFC 5267 4.4, RFC 9394 3.1) and FETCH (RFC 9394 3.3) take it. Pure. */
#ifndef IMAP_CORE_PARTIAL_H
#define IMAP_CORE_PARTIAL_H

#include "wire/imap_args.h"

/* A range of results: 1 is the first, or from the end the last. */
struct partial {
	bool given;
	bool from_end;
	uint32_t a, b; /* as the client wrote them */
};

/* How many results it asks for. */
static inline uint64_t
partial_span(const struct partial *p)
{
	return (p->a < p->b ? (uint64_t)p->b - p->a : (uint64_t)p->a - p->b) + 1;
}
/* "n:m" or "-n:-m" (RFC 9394 4), for FETCH too. */
must_check enum status partial_parse(struct partial *p, struct args *a);
/* Which of total results p asks for: *first_r to *last_r, counted from 1. False: none. */
bool partial_range(const struct partial *p, uint64_t total, uint64_t *first_r, uint64_t *last_r);

#endif
