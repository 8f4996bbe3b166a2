/* SPDX-License-Identifier: Apache-2.0 */
/* The one place of access checks. Rights of others (table acl, RFC 4314) will be read here. */
#include "store/access_priv.h"

enum status
access_account(const struct actor *actor, int64_t account)
{
	return actor->admin || (account > 0 && actor->account == account) ? OK : ERR_NOT_FOUND;
}

enum status
access_check(const struct actor *actor, struct db_txn *txn, int64_t owner, int64_t mailbox, unsigned need)
{
	(void)txn;
	(void)mailbox;
	(void)need; /* the owner has all rights */
	return access_account(actor, owner);
}
