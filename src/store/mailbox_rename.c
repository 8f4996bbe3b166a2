/* SPDX-License-Identifier: Apache-2.0 */
/* Renaming mailboxes with what is below them; INBOX gives its messages away instead (RFC 9051 6.3.6). */
#include <stdlib.h>

#include "store/access_priv.h"
#include "store/admit_priv.h"
#include "store/mailbox_tree_priv.h"
#include "store/message.h"
#include "store/metadata.h"
#include "store/view.h"

static struct db_sql set_name = DB_SQL("UPDATE mailbox SET name = ?2, sort = ?3 WHERE id = ?1");
static struct db_sql subscription_del = DB_SQL("DELETE FROM subscription WHERE account = ?1 AND name = ?2");
static struct db_sql subscription_add = DB_SQL("INSERT INTO subscription (account, name) VALUES (?1, ?2)"
    " ON CONFLICT DO NOTHING");

static struct db_sql some_below = DB_SQL("SELECT id, name FROM mailbox WHERE account = ?1 AND sort >= ?2 AND sort < ?3"
    " AND (id <= ?4 OR noselect = 0) ORDER BY sort LIMIT ?5");

enum status
renamed_below(struct list_change *c, struct arena *arena, const struct mailbox_move *move, size_t max, struct renamed **list_r, size_t *n_r)
{
	struct sort_key from, to;
	struct db_stmt *q;
	size_t n = 0;
	enum status st;

	if (!list_below_keys(move->from_name, &from, &to) || (move->at_n > 0 && !sort_key_make(&from, str_of(move->at, move->at_n))))
		return ERR_NOT_FOUND;
	*list_r = x_calloc(max, sizeof(**list_r));
	q = db_prepare(c->txn, &some_below);
	db_bind_int(q, 1, c->account);
	db_bind_text(q, 2, str_of(from.p, from.n));
	db_bind_text(q, 3, str_of(to.p, to.n));
	db_bind_int(q, 4, move->newest);
	db_bind_int(q, 5, (int64_t)max);
	while (n < max && (st = db_step(q)) == OK)
		(*list_r)[n++] = (struct renamed){db_int(q, 0), arena_str(arena, db_text(q, 1))};
	db_done(q);
	*n_r = n;
	return n == max || st == ERR_NOT_FOUND ? OK : st;
}

/* A subscription is to a name (RFC 9051 6.3.7), but whoever renames a mailbox means to keep it. */
static enum status
move_subscription(struct list_change *c, struct str old, struct str name)
{
	enum status st = db_exec(c->txn, &subscription_del, "it", c->account, old);

	if (st != OK || db_changed(c->txn) == 0)
		return st;
	return db_exec(c->txn, &subscription_add, "it", c->account, name);
}

enum status
rename_one(struct list_change *c, int64_t id, struct str old, struct str name)
{
	struct sort_key key;
	enum status st;

	if ((st = admit_mailbox_name(name)) != OK)
		return st;
	if (!sort_key_make(&key, name))
		return ERR_BAD_INPUT;
	if ((st = db_exec(c->txn, &set_name, "itt", id, name, str_of(key.p, key.n))) != OK)
		return st;
	if ((st = move_subscription(c, old, name)) != OK)
		return st;
	return list_change_tell(c, LIST_RENAMED, id, old);
}

/* With all that is below it, if that is not too much for one commit. */
static enum status
rename_tree(struct list_change *c, const struct mailbox *mb, struct str from, struct str to, struct mailbox_move *move)
{
	struct arena arena = {0};
	struct mailbox_move all = {.from_name = from, .newest = INT64_MAX};
	struct renamed *list = NULL;
	struct buf name = {0};
	size_t n = 0;
	enum status st;

	if ((st = renamed_below(c, &arena, &all, TREE_STEP + 1, &list, &n)) != OK)
		goto out;
	st = rename_one(c, mb->id, from, to);
	if (n > TREE_STEP) {
		if (st == OK && (st = tree_begin(c, move, from, to)) == OK)
			st = tree_step(c, move);
		goto out;
	}
	for (size_t i = 0; i < n && st == OK; i++) {
		buf_clear(&name);
		buf_add(&name, to);
		buf_add(&name, str_from(list[i].name, from.n));
		st = rename_one(c, list[i].id, list[i].name, buf_str(&name));
	}
	if (st == OK)
		st = list_change_remove_phantoms(c, from);
out:
	buf_free(&name);
	free(list);
	arena_free(&arena);
	return st;
}

static enum status
rename_checks(struct list_change *c, struct str from, struct str to)
{
	struct mailbox mb;
	enum status st;

	if ((st = admit_mailbox_name(to)) != OK)
		return st;
	if (mailbox_name_reserved(to))
		return ERR_BAD_INPUT;
	if ((st = list_change_find(c, NULL, to, &mb)) != ERR_NOT_FOUND)
		return st == OK ? ERR_EXISTS : st;
	if (!mailbox_name_is_inbox(from) && str_starts(to, from) && to.n > from.n && to.p[from.n] == '/')
		return ERR_CONFLICT;
	return OK;
}

/* Where both lie: with one owner. */
static enum status
rename_begin(struct list_change *c, const struct actor *actor, struct db_txn *txn, struct str *from, struct str *to, struct mailbox *mb)
{
	struct str up[MAILBOX_LEVELS_MAX];
	struct mailbox above;
	int64_t owner, other;
	size_t n;
	enum status st;

	if ((st = mailbox_where(actor, txn, *from, &owner, from)) != OK || (st = list_change_begin(c, actor, txn, owner)) != OK ||
	    (st = list_change_find(c, NULL, *from, mb)) != OK || (st = access_mailbox(actor, txn, mb, RIGHT_REMOVE)) != OK)
		return st;
	/* To another owner, whether there is one or not. */
	if ((st = mailbox_where(actor, txn, *to, &other, to)) == ERR_NOT_FOUND || (st == OK && owner != other))
		return ERR_CONFLICT;
	/* Who may make nothing there does not learn what there is. An INBOX keeps its place. */
	if (st == OK && list_change_others(c))
		st = mailbox_name_is_inbox(*from) ? ERR_NO_PERM : list_change_missing(c, *to, up, &n, &above);
	return st == ERR_NOT_FOUND ? ERR_NO_PERM : st;
}

enum status
mailbox_rename(const struct actor *actor, struct db_txn *txn, struct str from, struct str to, struct mailbox_move *move_r)
{
	struct mailbox_move move = {0};
	struct mailbox mb, above;
	struct list_change c;
	enum status st;

	to = str_trim_suffix(to, '/');
	if ((st = rename_begin(&c, actor, txn, &from, &to, &mb)) != OK)
		return st;
	if ((st = tree_under_way(&c)) != OK || (st = rename_checks(&c, from, to)) != OK)
		return st;
	if (mailbox_name_is_inbox(from)) {
		move = (struct mailbox_move){.from = mb.id, .until = mb.uidnext};
		st = list_change_make(&c, to, 0, &move.to);
		/* INBOX keeps its annotations, and the new mailbox has them too (RFC 5464 4.1). */
		if (st == OK)
			st = metadata_copy(txn, mb.account, mb.id, move.to);
	} else if ((st = list_change_make_parents(&c, to, &above)) == OK)
		st = rename_tree(&c, &mb, from, to, &move);
	if (st == OK)
		st = list_change_end(&c);
	if (st == OK && move.to != 0)
		st = mailbox_move_more(actor, txn, &move);
	if (st == OK)
		*move_r = move;
	return st;
}

/* The lowest UIDs below until, at most MESSAGE_BATCH; more: there are others. */
static enum status
next_batch(const struct actor *actor, struct db_txn *txn, const struct mailbox_move *move, struct runs *uids, struct grant *from_r,
    bool *more_r)
{
	struct runs below = {0};
	bool gone = false; /* a view that was just opened has no such messages */
	struct mailbox mb;
	struct view v;
	enum status st;

	*more_r = false;
	if (move->until <= 1)
		return OK;
	if ((st = mailbox_get(actor, txn, NULL, move->from, &mb)) != OK || (st = view_open(&v, actor, txn, &mb, true)) != OK)
		return st;
	*from_r = v.grant;
	runs_add(&below, 1, move->until - 1);
	struct view_iter it = VIEW_ITER(&v, &below);
	it.no_seq = true;
	if ((st = view_iter_begin(&it, txn)) == OK) {
		*more_r = view_iter_take(&it, MESSAGE_BATCH, uids, &gone) == MESSAGE_BATCH;
		st = view_iter_end(&it);
	}
	view_close(&v);
	runs_free(&below);
	return st;
}

enum status
mailbox_move_more(const struct actor *actor, struct db_txn *txn, struct mailbox_move *move)
{
	struct copy_result result = {0};
	struct runs uids = {0};
	struct grant from, to;
	bool more = false;
	enum status st;

	if (move->from_name.p != NULL)
		return tree_more(actor, txn, move);
	if ((st = next_batch(actor, txn, move, &uids, &from, &more)) == OK && uids.n > 0 && (st = grant_get(actor, txn, move->to, &to)) == OK)
		st = message_copy(&from, txn, &uids, &to, true, &result);
	if (st == OK)
		move->more = more;
	runs_free(&result.from);
	runs_free(&uids);
	return st;
}
