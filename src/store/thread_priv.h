/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads (THREADID, RFC 8474): which thread a message-id belongs to, an account, in the table thread_ref. A message names some
 * message-ids: its own and those that it refers to. All that emails name are known.
 */
#ifndef STORE_THREAD_PRIV_H
#define STORE_THREAD_PRIV_H

#include "store/message.h"

/* Of a long list of references count the root, and the nearest ancestors at its end. */
#define THREAD_NAMES 16

struct thread_names {
	uint64_t hash[THREAD_NAMES];
	size_t n;
};
/* The message-ids that tie a message to a thread, its own first. id: 0: none. */
void thread_names(uint64_t id, const uint64_t *references, size_t n, struct thread_names *names_r);
/* The same of a stored email's summary. False: it is damaged. */
bool thread_names_of(struct str summary, struct thread_names *names_r);

/* The lowest thread that any of the names is in; a new one (the email's id) otherwise. Names that were not known are from now on. */
must_check enum status thread_join(struct db_txn *txn, int64_t account, const struct thread_names *names, int64_t email,
    int64_t *thread_r);
/* Makes known, as of that thread, what is not known yet: for repair. *n_r grows by their number. */
must_check enum status thread_learn(struct db_txn *txn, int64_t account, const struct thread_names *names, int64_t thread,
    uint64_t *n_r);
/* Are all of them known? */
must_check enum status thread_knows(struct db_txn *txn, int64_t account, const struct thread_names *names, bool *yes_r);

/*
 * Forgets what no email names any more, in the accounts in which that is worth it (thread_sweep.c). The reaper's; it looks at some
 * accounts at a time. now: seconds since 1970.
 */
must_check enum status threads_sweep(struct store *store, int64_t now);

#endif
