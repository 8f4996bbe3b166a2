/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting mailboxes. */
#include "store/access_priv.h"
#include "store/mailbox_change_priv.h"
#include "store/reap_priv.h"
#include "store/rights_priv.h"
#include "store/store_priv.h"

static struct db_sql take_name = DB_SQL("UPDATE mailbox SET name = NULL, sort = NULL, special = 0 WHERE id = ?1 RETURNING messages, size");

static enum status
has_children(struct list_change *c, struct str name, bool *yes_r)
{
	struct list_below below;
	enum status st;

	*yes_r = false;
	if (!list_below_begin(&below, c, name))
		return OK;
	st = db_step(below.q);
	db_done(below.q);
	*yes_r = st == OK;
	return st == ERR_NOT_FOUND ? OK : st;
}

/* A deleted mailbox loses its name; its messages stay for the grace, so that sessions that have it selected end in good order (T30). */
static enum status
doom(struct list_change *c, int64_t id, struct str name)
{
	int64_t held[2];
	enum status st;

	if ((st = db_get_ints(c->txn, &take_name, held, 2, "i", id)) != OK || (st = rights_drop(c->txn, id)) != OK)
		return st;
	c->mailboxes--;
	c->messages += held[0];
	c->bytes += held[1];
	if ((st = reap_doom(c->txn, c->now + c->actor->store->grace, DOOMED_MAILBOX, id)) != OK)
		return st;
	return list_change_tell(c, LIST_DELETED, id, name);
}

enum status
list_change_remove_phantoms(struct list_change *c, struct str name)
{
	struct mailbox mb;
	bool children;
	enum status st;

	for (struct str p = mailbox_name_parent(name); p.n > 0; p = mailbox_name_parent(p)) {
		/* While a tree is renamed in steps some are not there (mailbox_tree.c). */
		if ((st = list_change_find(c, NULL, p, &mb)) == ERR_NOT_FOUND)
			continue;
		if (st != OK)
			return st;
		if (!mb.noselect)
			return OK;
		if ((st = has_children(c, p, &children)) != OK || children)
			return st;
		if ((st = doom(c, mb.id, p)) != OK)
			return st;
	}
	return OK;
}

static enum status
delete(struct list_change *c, const struct mailbox *mb, struct str name)
{
	bool children;
	enum status st;
	int64_t id;

	if ((st = has_children(c, name, &children)) != OK)
		return st;
	if (mb->noselect && children)
		return ERR_CONFLICT;
	if ((st = doom(c, mb->id, name)) != OK)
		return st;
	if (!children)
		return list_change_remove_phantoms(c, name);
	/* The name stays for the children's sake (RFC 3501 6.3.4), under a new id. */
	if ((st = list_change_insert(c, name, true, 0, &id)) != OK)
		return st;
	return list_change_tell(c, LIST_CREATED, id, STR_NONE);
}

enum status
mailbox_delete(const struct actor *actor, struct db_txn *txn, struct str name)
{
	struct mailbox mb;
	struct list_change c;
	int64_t owner;
	enum status st;

	if ((st = mailbox_where(actor, txn, name, &owner, &name)) != OK || (st = list_change_begin(&c, actor, txn, owner)) != OK)
		return st;
	if ((st = list_change_find(&c, NULL, name, &mb)) != OK)
		return st;
	if ((st = access_mailbox(actor, txn, &mb, RIGHT_REMOVE)) != OK)
		return st;
	if (mailbox_name_is_inbox(name))
		return ERR_NO_PERM;
	if ((st = delete(&c, &mb, name)) != OK)
		return st;
	return list_change_end(&c);
}
