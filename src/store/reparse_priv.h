/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reparse: what is kept of a message besides its bytes (summary, structure) is made of them by the parser of the day. Where a row is damaged, repair makes
 * it anew; where the code has learnt to read mail better, a sweep goes over all of an older store's emails.
 */
#ifndef STORE_REPARSE_PRIV_H
#define STORE_REPARSE_PRIV_H

#include "store/store_priv.h"

struct reparsed {
	struct buf summary, structure; /* packed */
};
/* Parses a message: its prefix and its body. ERR_CORRUPT, ERR_NOT_FOUND: the body cannot be read. */
must_check enum status reparse(struct blob_store *blobs, struct db_txn *txn, int64_t body, struct str prefix, struct reparsed *r);
void reparsed_free(struct reparsed *r);

/*
 * Goes on with the sweep, if meta's "reparse" asks for one, for some seconds: the emails are read in short snapshots, and only those that came out otherwise
 * are written. Damaged rows are left to repair. Interrupted, it goes on where it was. The reaper's thread.
 */
must_check enum status reparse_sweep(struct store *s);

#endif
