/* SPDX-License-Identifier: Apache-2.0 */
/* The one place of access checks. Rights of others (table acl, RFC 4314) will be read here. */
#include "store/access_priv.h"

#include "base/assert.h"
#include "store/mailbox.h"

#ifdef RIGHTS_OF_OWNER /* of a test: a variable */
extern unsigned RIGHTS_OF_OWNER;
#else
#define RIGHTS_OF_OWNER RIGHTS_ALL
#endif

enum status
access_account(const struct actor *actor, int64_t account)
{
	return actor->admin || (account > 0 && actor->account == account) ? OK : ERR_NOT_FOUND;
}

enum status
grant_make(const struct actor *actor, struct db_txn *txn, const struct mailbox *mb, struct grant *grant_r)
{
	struct grant g = {.actor = *actor, .owner = mb->account, .mailbox = mb->id, .rights = RIGHTS_OF_OWNER};
	enum status st = access_account(actor, mb->account);

	if (st != OK || (st = grant_need(&g, RIGHT_LOOKUP)) != OK)
		return st;
	/* What is kept of the owner's rows would outlive the change (db/clocks_priv.h). */
	ensure(db_declared(txn, mb->account));
	*grant_r = g;
	return OK;
}

enum status
grant_self(const struct actor *actor, struct grant *grant_r)
{
	enum status st = access_account(actor, actor->account);

	if (st == OK)
		*grant_r = (struct grant){.actor = *actor, .owner = actor->account, .rights = RIGHTS_ALL};
	return st;
}

enum status
grant_need(const struct grant *g, unsigned rights)
{
	if (!(g->rights & RIGHT_LOOKUP))
		return ERR_NOT_FOUND;
	return (g->rights & rights) == rights ? OK : ERR_NO_PERM;
}

enum status
grant_any(const struct grant *g, unsigned rights)
{
	if (!(g->rights & RIGHT_LOOKUP))
		return ERR_NOT_FOUND;
	return g->rights & rights ? OK : ERR_NO_PERM;
}

enum status
access_mailbox(const struct actor *actor, struct db_txn *txn, const struct mailbox *mb, unsigned rights)
{
	struct grant g;
	enum status st = grant_make(actor, txn, mb, &g);

	return st == OK ? grant_need(&g, rights) : st;
}

enum status
grant_email(const struct grant *g, int64_t email)
{
	return email >> 32 == g->owner ? grant_need(g, RIGHT_READ) : ERR_NOT_FOUND;
}
