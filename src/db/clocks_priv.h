/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clocks: when each account last changed. What a thread worked out from an account's rows (a kept answer, an unpacked page) holds as long as that
 * account's clock stands, whatever others commit meanwhile.
 *
 * Commits are numbered. The committer writes a commit's number on the clocks of all accounts that it changes *before* it commits, and into visible
 * *after* that, failed or not. A reader looks at visible before it opens its snapshot, and at an account's clock after it:
 *
 *	visible <= clock of the account    a commit of the account may be in the snapshot or not: nobody knows; no version
 *	clock of the account <= visible    all commits up to the clock's were visible before the snapshot was opened, and one that it has beyond
 *	                                   them would have moved the clock before: the snapshot shows the account exactly as of that commit
 *
 * So no answer that is older than the reader's snapshot passes for fresh, and none that is newer, in the moments between a commit's being visible
 * and the clocks' telling so. The order rests on sequentially consistent atomics and on the engine's own barriers, which a snapshot is opened
 * with.
 *
 * Accounts share clocks (CLOCKS of them): then the one's commits end what is kept of the other, no more. One process writes a database; another
 * engine, which several write, keeps such a clock in a row of the account.
 *
 * Threads: any; clocks_commit_begin() and clocks_commit_end() by the one that commits.
 */
#ifndef DB_CLOCKS_PRIV_H
#define DB_CLOCKS_PRIV_H

#include <stdatomic.h>
#include <stdint.h>

#define CLOCKS 4096u

struct clocks {
	atomic_uint_fast64_t visible;
	atomic_uint_fast64_t any; /* the newest commit */
	atomic_uint_fast64_t all; /* the newest that may have changed every account */
	atomic_uint_fast64_t of[CLOCKS];
};

/* Numbers are of no other database in this process. */
void clocks_init(struct clocks *c);

/* The number of the next commit, on the clock of all accounts together. */
uint64_t clocks_commit_begin(struct clocks *c);
/* It changes that account; 0: any. */
void clocks_move(struct clocks *c, uint64_t account, uint64_t commit);
void clocks_commit_end(struct clocks *c, uint64_t commit);

/* Before a snapshot is opened. */
static inline uint64_t
clocks_visible(const struct clocks *c)
{
	return atomic_load(&c->visible);
}
/* In the snapshot: as of which commit it shows the account, 0: everything. 0: nobody knows. */
uint64_t clocks_version(const struct clocks *c, uint64_t account, uint64_t visible);

#endif
