/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which emails ever got a second name by COPY. Only for these the reaper has to look whether a name is left; all others go with
 * their only one. MOVE gives no second name. Unmarked when the email is gone: a mark too many costs a look, one too few a message.
 */
#ifndef STORE_COPIED_PRIV_H
#define STORE_COPIED_PRIV_H

#include "base/runs.h"
#include "db/db.h"

/* Marks n emails, in any order; sorts the array. */
must_check enum status copied_mark(struct db_txn *txn, int64_t *emails, size_t n);
must_check enum status copied_has(struct db_txn *txn, int64_t email, bool *has_r);

/* Of the account's marks after *at (0: from the beginning) the next row, and which of them are of emails below limit that are not there any
 * more. *at moves on. ERR_NOT_FOUND: no more rows. */
must_check enum status copied_dead(struct db_txn *txn, int64_t account, int64_t limit, int64_t *at, struct runs *dead_r);
/* Within a write: takes these marks out of that row. Emails that are gone never come back. */
must_check enum status copied_forget(struct db_txn *txn, int64_t row, const struct runs *dead);

#endif
