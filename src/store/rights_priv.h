/* SPDX-License-Identifier: Apache-2.0 */
/* What files of mailboxes do with rights. Parts of write functions. */
#ifndef STORE_RIGHTS_PRIV_H
#define STORE_RIGHTS_PRIV_H

#include "store/mailbox.h"

/* A new mailbox has the rights of the one that it was made below (RFC 4314 4). */
must_check enum status rights_inherit(struct db_txn *txn, const struct mailbox *parent, int64_t mailbox);
/* The mailbox is deleted: its rights go with it. */
must_check enum status rights_drop(struct db_txn *txn, int64_t mailbox);

#endif
