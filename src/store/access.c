/* SPDX-License-Identifier: Apache-2.0 */
/* The one place of access checks: who may do what with which mailbox (RFC 4314). */
#include "store/access_priv.h"

#include "base/assert.h"
#include "store/entry.h"
#include "store/group_priv.h"
#include "store/mailbox.h"
#include "store/others_priv.h"

#ifdef RIGHTS_OF_OWNER /* of a test: a variable */
extern unsigned RIGHTS_OF_OWNER;
#else
#define RIGHTS_OF_OWNER RIGHTS_ALL
#endif

/* What the actor himself, anyone, and the groups that he is in were given: a group is the subject below 0. He is in a group by another address that leads
 * to him, too, as mail for it reaches him. */
static struct db_sql direct = DB_SQL_KEPT("SELECT subject, negative, rights FROM acl WHERE mailbox = ?1 AND subject IN (0, ?2) UNION ALL"
    " SELECT subject, negative, rights FROM acl WHERE mailbox = ?1 AND subject < 0 AND subject IN (" GROUPS_OF("?2") ")");

enum status
access_account(const struct actor *actor, int64_t account)
{
	return actor->admin || (account > 0 && actor->account == account) ? OK : ERR_NOT_FOUND;
}

/* The union of what all identifiers that mean the actor were given, less the union of what was taken from them. */
static enum status
read_acl(const struct actor *actor, struct db_txn *txn, bool owner, int64_t mailbox, unsigned *rights_r)
{
	struct db_stmt *q = db_prepare(txn, &direct);
	unsigned given = owner ? RIGHTS_ALL : 0, own = 0, all = 0, taken = 0;
	enum status st;

	db_bind_int(q, 1, mailbox);
	db_bind_int(q, 2, actor->account);
	while ((st = db_step(q)) == OK) {
		unsigned rights = (unsigned)db_int(q, 2) & RIGHTS_ALL;

		if (db_int(q, 1) != 0)
			taken |= rights;
		else if (db_int(q, 0) <= 0)
			all |= rights;
		else {
			own = rights;
			given = 0;
		}
	}
	db_done(q);
	if (st != ERR_NOT_FOUND)
		return st;
	/* An owner can always see his mailbox and give himself what he lacks. */
	*rights_r = ((given | own | all) & ~taken) | (owner ? RIGHT_LOOKUP | RIGHT_ADMIN : 0);
	return OK;
}

enum status
access_rights(const struct actor *actor, struct db_txn *txn, int64_t owner, int64_t mailbox, uint32_t acl, unsigned *rights_r)
{
	bool own = access_account(actor, owner) == OK;

	if (actor->admin || acl == 0) {
		*rights_r = own ? RIGHTS_OF_OWNER : 0;
		return OK;
	}
	if (actor->account <= 0)
		return ERR_NOT_FOUND;
	others_read(actor, txn, owner);
	return read_acl(actor, txn, own, mailbox, rights_r);
}

enum status
access_declared(const struct actor *actor, struct db_txn *txn, int64_t owner)
{
	bool declared = db_declared(txn, owner);

	ensure(declared || owner != actor->account);
	return declared ? OK : ERR_AGAIN;
}

enum status
grant_make(const struct actor *actor, struct db_txn *txn, const struct mailbox *mb, struct grant *grant_r)
{
	struct grant g = {.actor = *actor, .owner = mb->account, .mailbox = mb->id};
	enum status st = access_rights(actor, txn, mb->account, mb->id, mb->acl, &g.rights);

	if (st != OK)
		return st;
	if (!(g.rights & RIGHTS_KNOW))
		return ERR_NOT_FOUND;
	/* What is kept of the owner's rows would outlive the change (db/clocks_priv.h). */
	if ((st = access_declared(actor, txn, mb->account)) == OK)
		*grant_r = g;
	return st;
}

enum status
grant_renew(const struct grant *old, struct db_txn *txn, uint32_t acl, struct grant *grant_r)
{
	struct grant g = *old;
	enum status st = OK;

	/* Nobody but the owner was ever given anything: nothing can have changed. */
	if (acl != 0)
		st = access_rights(&old->actor, txn, old->owner, old->mailbox, acl, &g.rights);
	if (st != OK)
		return st;
	if (!(g.rights & RIGHTS_KNOW))
		return ERR_NOT_FOUND;
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

static enum status
refusal(const struct grant *g)
{
	return g->rights & RIGHT_LOOKUP ? ERR_NO_PERM : ERR_NOT_FOUND;
}

enum status
grant_need(const struct grant *g, unsigned rights)
{
	return (g->rights & rights) == rights && (g->rights & RIGHTS_KNOW) ? OK : refusal(g);
}

enum status
mailbox_need(const struct mailbox *mb, unsigned rights)
{
	return grant_need(&(struct grant){.rights = mb->rights}, rights);
}

enum status
grant_any(const struct grant *g, unsigned rights)
{
	return (g->rights & rights) && (g->rights & RIGHT_LOOKUP) ? OK : refusal(g);
}

uint8_t
grant_flags(const struct grant *g, uint8_t flags)
{
	if (!(g->rights & RIGHT_SEEN))
		flags &= (uint8_t)~FLAG_SEEN;
	if (!(g->rights & RIGHT_DELETE))
		flags &= (uint8_t)~FLAG_DELETED;
	return g->rights & RIGHT_WRITE ? flags : flags & (FLAG_SEEN | FLAG_DELETED);
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
