/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an import has brought in already: a key a message, written in the commit that stores the message. What is in a mailbox decides what an
 * import brings; with only-new it leaves these out too, so that what was deleted or moved since does not come back. Administration: no actor.
 */
#ifndef STORE_IMPORTED_H
#define STORE_IMPORTED_H

#include "store/store.h"

#define IMPORT_KEY_SIZE 16

/* Part of a write function. ERR_EXISTS: this key was marked before. */
must_check enum status imported_mark(struct db_txn *txn, int64_t account, struct str key);
/* The keys of the account above after (empty: from the first), at most max of them, one after the other in out. */
must_check enum status imported_keys(struct db_txn *txn, int64_t account, struct str after, size_t max, struct buf *out);

#endif
