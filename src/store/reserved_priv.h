/* SPDX-License-Identifier: Apache-2.0 */
/* Names from before that no account or mailbox is given today: they stay, and are told. */
#ifndef STORE_RESERVED_PRIV_H
#define STORE_RESERVED_PRIV_H

#include "store/store.h"

/* mailbox: the top level of its name, or empty: the account's own name is meant, and why says what is wrong with it. */
typedef void reserved_fn(void *arg, struct str account, struct str mailbox, const char *why);
/* Tells those of the account after *account, which is that one then. ERR_NOT_FOUND: there is none. */
must_check enum status reserved_next(struct db_txn *txn, int64_t *account, reserved_fn *tell, void *arg);
/* Logs those of all accounts. */
must_check enum status reserved_report(struct store *store, struct db_txn *txn);

#endif
