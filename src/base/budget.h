/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget: how much memory what clients make grow may take, counted in one place. The process has one budget and each account one of its own;
 * what is taken of an account's is taken of the process's as well, or neither. What has no account (mail on its way in over LMTP) shares
 * account 0, which may have half of the process's.
 *
 * Who holds memory for a client has a charge, which counts bytes held, not calls of malloc: what can grow large is asked for before it is
 * taken (charge_more(), charge_need(): ERR_MEMORY, and the client is told NO [LIMIT] or 452), what is known only afterwards is counted
 * (charge_is()). The first CHARGE_FREE bytes of a charge are never refused, so that a full budget stops what is large and nobody's
 * NOOP. Which therefore have to be few: one a session and one a command or transaction.
 *
 * Budgets may be used by any thread; a charge belongs to whoever holds the memory, one thread at a time.
 */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

#define CHARGE_FREE (64 * 1024)

struct budgets;
struct budget;

/* Bytes; 0: no limit. account may not be more than half of process; it is lowered to that. */
struct budgets *budgets_new(size_t process, size_t account);
/* All budgets have been given back. NULL: nothing. */
void budgets_free(struct budgets *all);
/* The budget of an account (its id; 0: of what has none), to be given back with budget_drop(). all may be NULL: NULL, which limits nothing. */
struct budget *budget_take(struct budgets *all, int64_t account);
void budget_drop(struct budget *b);
/* Is nothing left, of it or of the process's? b may be NULL: false. */
bool budget_full(const struct budget *b);
/* Bytes that are held now: by the account, by the process. */
size_t budget_used(const struct budget *b);
size_t budgets_used(const struct budgets *all);
/* What the limits came to; 0: none. */
size_t budgets_limit(const struct budgets *all, bool account);

/*
 * What was freed stays with the C library until it is told to give it back. True when much was since the last time this said so: call
 * malloc_trim() now, where nobody waits.
 */
bool budgets_trim_due(struct budgets *all);

/* A charge of zeroes holds nothing and has no budget: its bytes are counted, nothing is refused. */
struct charge {
	struct budget *of;
	size_t n; /* bytes held */
};

/* n bytes more. ERR_MEMORY: nothing was taken. */
must_check enum status charge_more(struct charge *c, size_t n);
/* n bytes in all: more as charge_more(), fewer always. */
must_check enum status charge_need(struct charge *c, size_t n);
/* The same for one of several holders that share a charge: *part, what it holds of it, becomes n. c may be NULL: nobody counts. */
must_check enum status charge_part(struct charge *c, size_t *part, size_t n);
/* What is held was measured: n bytes in all, whatever the limits say. */
void charge_is(struct charge *c, size_t n);
/* n bytes fewer: they were freed. */
void charge_less(struct charge *c, size_t n);

/* What a system grants a process: the smallest of its memory, what its control groups allow, and RLIMIT_AS. 0: unknown. */
size_t memory_granted(void);

#endif
