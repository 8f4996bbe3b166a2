/* SPDX-License-Identifier: Apache-2.0 */
/* What only the store asks the one place of access checks; see grant.h. */
#ifndef STORE_ACCESS_PRIV_H
#define STORE_ACCESS_PRIV_H

#include "store/grant.h"
#include "store/mailbox.h"

/* May the actor use the account itself (its name space)? OK, ERR_NOT_FOUND. */
must_check enum status access_account(const struct actor *actor, int64_t account);
/* What the actor may do with a mailbox of that owner; acl: as in struct mailbox. */
must_check enum status access_rights(const struct actor *actor, struct db_txn *txn, int64_t owner, int64_t mailbox, uint32_t acl, unsigned *rights_r);
/* Has this write said that it changes the owner's rows? ERR_AGAIN: a name means another owner's mailbox now than when that was said. */
must_check enum status access_declared(const struct actor *actor, struct db_txn *txn, int64_t owner);
/* Has the actor all of these rights on a mailbox that is looked at once? ERR_NOT_FOUND, ERR_NO_PERM. */
must_check enum status access_mailbox(const struct actor *actor, struct db_txn *txn, const struct mailbox *mb, unsigned rights);

#endif
