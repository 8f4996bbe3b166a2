/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions: names of an account, whether there are such mailboxes or not (RFC 9051 6.3.7, T28). */
#include <stdlib.h>

#include "store/access_priv.h"
#include "store/admit_priv.h"
#include "store/feed_priv.h"
#include "store/mailbox_priv.h"

static struct db_sql add = DB_SQL("INSERT INTO subscription (account, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
static struct db_sql del = DB_SQL("DELETE FROM subscription WHERE account = ?1 AND name = ?2");
static struct db_sql full = DB_SQL("SELECT 1 FROM subscription WHERE account = ?1 LIMIT 1 OFFSET ?2");
static struct db_sql names = DB_SQL("SELECT name FROM subscription WHERE account = ?1 ORDER BY name");

enum status
mailbox_subscriptions(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct str **names_r, size_t *n_r)
{
	struct str *list = NULL;
	size_t n = 0, cap = 0;
	struct db_stmt *q;
	enum status st;

	if ((st = access_account(actor, actor->account)) != OK)
		return st;
	q = db_prepare(txn, &names);
	db_bind_int(q, 1, actor->account);
	while ((st = db_step(q)) == OK) {
		if (mailbox_name_check(db_text(q, 0)) != OK)
			continue; /* check tells of it */
		if (n == cap) {
			cap = cap ? cap * 2 : 32;
			list = x_realloc(list, cap * sizeof(*list));
		}
		list[n++] = arena_str(arena, db_text(q, 0));
	}
	db_done(q);
	if (st == ERR_NOT_FOUND) {
		st = OK;
		*names_r = arena_copy(arena, list, n, n ? n : 1, sizeof(*list));
		*n_r = n;
	}
	free(list);
	return st;
}

/* The mailbox of that name, for the feed; 0 where there is none. */
static enum status
mailbox_of(struct db_txn *txn, int64_t account, struct str name, int64_t *id_r)
{
	struct sort_key key;
	struct mailbox mb;
	enum status st = ERR_NOT_FOUND;

	if (sort_key_make(&key, name))
		st = mailbox_by_key(txn, NULL, account, &key, &mb);
	*id_r = st == OK ? mb.id : 0;
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
mailbox_subscribe(const struct actor *actor, struct db_txn *txn, struct str name, bool on)
{
	struct mailbox mb;
	enum status st;
	int64_t one, id;

	if ((st = access_account(actor, actor->account)) != OK)
		return st;
	if (on && (st = admit_mailbox_name(name)) != OK)
		return st;
	/* There is one of somebody else, which may be listed, or one of one's own from before. */
	if (on && mailbox_name_reserved(name)) {
		st = mailbox_find(actor, txn, NULL, name, &mb);
		if (st != OK || mailbox_need(&mb, RIGHT_LOOKUP) != OK)
			return st == OK || st == ERR_NOT_FOUND || st == ERR_AGAIN ? ERR_BAD_INPUT : st;
	}
	if (on && (st = db_get_ints(txn, &full, &one, 1, "ii", actor->account, (int64_t)SUBSCRIPTIONS_MAX)) != ERR_NOT_FOUND)
		return st == OK ? ERR_LIMIT : st;
	if ((st = db_exec(txn, on ? &add : &del, "it", actor->account, name)) != OK || db_changed(txn) == 0)
		return st;
	if ((st = mailbox_of(txn, actor->account, name, &id)) == OK)
		feed_mailbox(actor->store, txn, EVENT_MAILBOX, actor->account, id);
	return st;
}
