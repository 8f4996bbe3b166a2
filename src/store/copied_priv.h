/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which emails ever got a second name by COPY. Only for these the reaper has to look whether a name is left; all others go with
 * their only one. MOVE gives no second name. Never unmarked: a mark too many costs a look, one too few a message.
 */
#ifndef STORE_COPIED_PRIV_H
#define STORE_COPIED_PRIV_H

#include "db/db.h"

/* Marks n emails, in any order; sorts the array. */
must_check enum status copied_mark(struct db_txn *txn, int64_t *emails, size_t n);
must_check enum status copied_has(struct db_txn *txn, int64_t email, bool *has_r);

#endif
