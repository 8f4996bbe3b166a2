/* SPDX-License-Identifier: Apache-2.0 */
/* Finding mailboxes. */
#include "store/mailbox.h"

#include "store/access_priv.h"
#include "store/admit_priv.h"
#include "store/mailbox_priv.h"
#include "store/others_priv.h"

static struct db_sql by_key = DB_SQL_KEPT("SELECT " MAILBOX_COLUMNS " FROM mailbox WHERE account = ?1 AND sort = ?2");
static struct db_sql by_id = DB_SQL_KEPT("SELECT " MAILBOX_COLUMNS " FROM mailbox WHERE id = ?1 AND sort IS NOT NULL");
static struct db_sql set_recent = DB_SQL("UPDATE mailbox SET recent_from = ?2 WHERE id = ?1 AND recent_from < ?2");

bool
sort_key_make(struct sort_key *key, struct str name)
{
	size_t i = 0, n = 0;

	if (name.n == 0 || name.n > MAILBOX_NAME_MAX)
		return false;
	if (str_starts(name, STR("INBOX")) && (name.n == 5 || name.p[5] == '/')) {
		key->p[n++] = 2;
		i = 5;
	}
	for (; i < name.n; i++) {
		if ((unsigned char)name.p[i] < 0x20)
			return false;
		key->p[n++] = name.p[i] == '/' ? 1 : name.p[i];
	}
	key->n = n;
	return true;
}

void
mailbox_fill(struct db_stmt *q, struct arena *arena, struct mailbox *mb)
{
	*mb = (struct mailbox){
	    .id = db_int(q, 0),
	    .account = db_int(q, 1),
	    .uidvalidity = (uint32_t)db_int(q, 2),
	    .uidnext = (uint32_t)db_int(q, 3),
	    .modseq = (uint64_t)db_int(q, 4),
	    .messages = (uint32_t)db_int(q, 5),
	    .unseen = (uint32_t)db_int(q, 6),
	    .deleted = (uint32_t)db_int(q, 7),
	    .size = (uint64_t)db_int(q, 8),
	    .deleted_size = (uint64_t)db_int(q, 9),
	    .recent_from = (uint32_t)db_int(q, 10),
	    .special = (unsigned)db_int(q, 11),
	    .noselect = db_int(q, 12) != 0,
	    .created = db_int(q, 13),
	    .acl = (uint32_t)db_int(q, 14),
	};
	if (arena != NULL)
		mb->name = mailbox_name_check(db_text(q, MAILBOX_NAME_COLUMN)) == OK || db_is_null(q, MAILBOX_NAME_COLUMN) ?
		    arena_str(arena, db_text(q, MAILBOX_NAME_COLUMN)) : admit_stand_in(arena, "Recovered", mb->id);
}

enum status
mailbox_by_key(struct db_txn *txn, struct arena *arena, int64_t account, const struct sort_key *key, struct mailbox *mb_r)
{
	struct db_stmt *q = db_prepare(txn, &by_key);
	enum status st;

	db_bind_int(q, 1, account);
	db_bind_text(q, 2, str_of(key->p, key->n));
	if ((st = db_step(q)) == OK)
		mailbox_fill(q, arena, mb_r);
	db_done(q);
	return st;
}

/* The mailbox of an owner by the name that it has there. */
static enum status
find_of(const struct actor *actor, struct db_txn *txn, struct arena *arena, int64_t owner, struct str name, struct mailbox *mb_r)
{
	struct sort_key key;
	struct mailbox mb;
	struct grant grant;
	enum status st;

	if (!sort_key_make(&key, name))
		return ERR_NOT_FOUND;
	others_read(actor, txn, owner);
	if ((st = mailbox_by_key(txn, arena, owner, &key, &mb)) == OK && (st = grant_make(actor, txn, &mb, &grant)) == OK) {
		mb.rights = grant.rights;
		*mb_r = mb;
	}
	return st;
}

enum status
mailbox_where(const struct actor *actor, struct db_txn *txn, struct str name, int64_t *owner_r, struct str *inner_r)
{
	struct mailbox mb;
	enum status st;

	if ((st = access_account(actor, actor->account)) != OK)
		return st;
	/* One's own that is called like somebody else's, from before. */
	if (mailbox_name_reserved(name) && (st = find_of(actor, txn, NULL, actor->account, name, &mb)) != ERR_NOT_FOUND) {
		*owner_r = actor->account;
		*inner_r = name;
		return st;
	}
	return others_where(actor, txn, name, owner_r, inner_r);
}

enum status
mailbox_find(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct str name, struct mailbox *mb_r)
{
	struct str inner;
	int64_t owner;
	enum status st;

	if ((st = mailbox_where(actor, txn, name, &owner, &inner)) != OK || (st = find_of(actor, txn, arena, owner, inner, mb_r)) != OK)
		return st;
	if (owner != actor->account) {
		mb_r->special = 0;
		if (arena != NULL)
			mb_r->name = arena_str(arena, name);
	}
	return OK;
}

/* The row of that id. */
static enum status
by_number(struct db_txn *txn, struct arena *arena, int64_t id, struct mailbox *mb_r)
{
	struct db_stmt *q = db_prepare(txn, &by_id);
	enum status st;

	db_bind_int(q, 1, id);
	if ((st = db_step(q)) == OK) {
		mailbox_fill(q, NULL, mb_r);
		if (arena != NULL)
			mb_r->name = arena_str(arena, db_text(q, MAILBOX_NAME_COLUMN));
	}
	db_done(q);
	return st;
}

/* arena NULL: without the name. */
static enum status
get(const struct actor *actor, struct db_txn *txn, struct arena *arena, int64_t id, struct mailbox *mb_r, struct grant *grant_r)
{
	struct mailbox mb;
	enum status st = by_number(txn, arena, id, &mb);

	/* What is kept of it may be old, but for the owner. */
	if (st == OK && mb.account != actor->account) {
		others_read(actor, txn, mb.account);
		st = by_number(txn, arena, id, &mb);
		mb.special = actor->admin ? mb.special : 0;
	}
	if (st != OK || (st = grant_make(actor, txn, &mb, grant_r)) != OK)
		return st;
	mb.rights = grant_r->rights;
	if (arena != NULL && (st = others_name(actor, txn, arena, mb.account, mb.name, &mb.name)) != OK)
		return st;
	*mb_r = mb;
	return OK;
}

enum status
mailbox_get(const struct actor *actor, struct db_txn *txn, struct arena *arena, int64_t id, struct mailbox *mb_r)
{
	struct grant grant;

	return get(actor, txn, arena, id, mb_r, &grant);
}

enum status
grant_get(const struct actor *actor, struct db_txn *txn, int64_t mailbox, struct grant *grant_r)
{
	struct mailbox mb;

	return get(actor, txn, NULL, mailbox, &mb, grant_r);
}

enum status
mailbox_set_recent(const struct grant *grant, struct db_txn *txn, uint32_t uid)
{
	struct mailbox mb;
	struct grant now;
	enum status st;

	if ((st = grant_need(grant, RIGHT_READ)) != OK || (st = get(&grant->actor, txn, NULL, grant->mailbox, &mb, &now)) != OK ||
	    (st = grant_need(&now, RIGHT_READ)) != OK)
		return st;
	if (mb.noselect)
		return ERR_NOT_FOUND;
	return db_exec(txn, &set_recent, "ii", mb.id, (int64_t)(uid < mb.uidnext ? uid : mb.uidnext));
}
