/* SPDX-License-Identifier: Apache-2.0 */
/* Creating, deleting and renaming mailboxes; special use. Parts of write functions. */
#include <stdlib.h>

#include "base/clock.h"
#include "store/access_priv.h"
#include "store/feed_priv.h"
#include "store/mailbox_priv.h"
#include "store/message.h"
#include "store/metadata.h"
#include "store/reap_priv.h"
#include "store/store_priv.h"
#include "store/view.h"

/* Kinds of account_change rows. */
#define UIDVALIDITY_FROM_CLOCK INT64_C(0xf0000000) /* in the year 2097 */

enum { LIST_CREATED = 1, LIST_RENAMED = 2, LIST_DELETED = 3, LIST_CHANGED = 4 };

static struct db_sql counters_get = DB_SQL("SELECT last_uidvalidity, modseq, mailboxes FROM account"
    " WHERE id = ?1 AND deleted = 0");
static struct db_sql counters_set = DB_SQL("UPDATE account SET last_uidvalidity = ?2, modseq = ?3, mailboxes = ?4"
    " WHERE id = ?1");
static struct db_sql log_change = DB_SQL("INSERT INTO account_change (account, modseq, kind, mailbox, old_name, at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
static struct db_sql log_trim = DB_SQL("DELETE FROM account_change WHERE account = ?1 AND modseq <= ?2");
static struct db_sql insert = DB_SQL("INSERT INTO mailbox (account, name, sort, noselect, special, uidvalidity, uidnext,"
    " modseq, messages, unseen, deleted, size, deleted_size, recent_from, keywords, created, changed, oldest_change)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, 1, 0, 0, 0, 0, 0, 1, 0, ?7, 0, 1)");
static struct db_sql make_selectable = DB_SQL("UPDATE mailbox SET noselect = 0, special = ?2, uidvalidity = ?3, created = ?4"
    " WHERE id = ?1");
static struct db_sql take_name = DB_SQL("UPDATE mailbox SET name = NULL, sort = NULL, special = 0 WHERE id = ?1");
static struct db_sql set_name = DB_SQL("UPDATE mailbox SET name = ?2, sort = ?3 WHERE id = ?1");
static struct db_sql set_special = DB_SQL("UPDATE mailbox SET special = ?2 WHERE id = ?1");
static struct db_sql special_used = DB_SQL("SELECT id FROM mailbox WHERE account = ?1 AND sort > '' AND special & ?2 <> 0"
    " AND id <> ?3 LIMIT 1");
static struct db_sql subtree = DB_SQL("SELECT id, name FROM mailbox WHERE account = ?1 AND sort >= ?2 AND sort < ?3");
static struct db_sql subscription_del = DB_SQL("DELETE FROM subscription WHERE account = ?1 AND name = ?2");
static struct db_sql subscription_add = DB_SQL("INSERT INTO subscription (account, name) VALUES (?1, ?2)"
    " ON CONFLICT DO NOTHING");

/* ---- the account's counters ---- */

struct counters {
	const struct actor *actor;
	struct db_txn *txn;
	int64_t account, now;
	int64_t last_uidvalidity, modseq, mailboxes;
};

static enum status
counters_begin(struct counters *c, const struct actor *actor, struct db_txn *txn)
{
	int64_t v[3];
	enum status st;

	if ((st = access_account(actor, actor->account)) != OK)
		return st;
	if ((st = db_get_ints(txn, &counters_get, v, 3, "i", actor->account)) != OK)
		return st;
	*c = (struct counters){actor, txn, actor->account, clock_seconds(), v[0], v[1], v[2]};
	return OK;
}

static enum status
counters_end(struct counters *c)
{
	enum status st;

	st = db_exec(c->txn, &counters_set, "iiii", c->account, c->last_uidvalidity, c->modseq, c->mailboxes);
	if (st == OK && c->modseq > ACCOUNT_CHANGES_KEPT)
		st = db_exec(c->txn, &log_trim, "ii", c->account, c->modseq - ACCOUNT_CHANGES_KEPT);
	return st;
}

/* Strictly rising in an account, never 0, also when the clock goes back (RFC 9051 2.3.1.1). */
static int64_t
next_uidvalidity(struct counters *c)
{
	/* It has 32 bits (RFC 9051 2.3.1.1): a clock that is in the next century must not use them up. */
	bool usable = c->now > c->last_uidvalidity && c->now < UIDVALIDITY_FROM_CLOCK;
	int64_t v = usable ? c->now : c->last_uidvalidity + 1;
	return c->last_uidvalidity = v < 1 ? 1 : v;
}

/* One change of the mailbox list: a row for OLDNAME and NOTIFY, and an event. old_name: empty or the name before. */
static enum status
list_changed(struct counters *c, int kind, int64_t mailbox, struct str old_name)
{
	feed_mailbox(c->actor->store, c->txn, kind == LIST_DELETED ? EVENT_DELETED : EVENT_MAILBOX, c->account, mailbox);
	return db_exec(c->txn, &log_change, old_name.n ? "iiiiti" : "iiiini", c->account, ++c->modseq, (int64_t)kind, mailbox,
	    old_name.n ? old_name : STR(""), c->now);
}

/* ---- creating ---- */

static enum status
special_free(struct counters *c, unsigned special, int64_t but)
{
	int64_t id;
	enum status st;

	if (special == 0)
		return OK;
	st = db_get_ints(c->txn, &special_used, &id, 1, "iii", c->account, (int64_t)special, but);
	return st == OK ? ERR_CONFLICT : st == ERR_NOT_FOUND ? OK : st;
}

static enum status
insert_row(struct counters *c, struct str name, bool noselect, unsigned special, int64_t *id_r)
{
	struct sort_key key;
	enum status st;
	int64_t id;

	if (!sort_key_make(&key, name))
		return ERR_BAD_INPUT;
	if (c->mailboxes >= c->actor->store->mailboxes_max)
		return ERR_LIMIT;
	st = db_exec(c->txn, &insert, "ittiiii", c->account, name, str_of(key.p, key.n), (int64_t)noselect, (int64_t)special,
	    next_uidvalidity(c), c->now);
	if (st != OK)
		return st;
	if ((id = db_last_id(c->txn)) > INT32_MAX)
		return ERR_LIMIT;
	c->mailboxes++;
	*id_r = id;
	return OK;
}

static enum status
find(struct counters *c, struct arena *arena, struct str name, struct mailbox *mb_r)
{
	struct sort_key key;

	if (!sort_key_make(&key, name))
		return ERR_NOT_FOUND;
	return mailbox_by_key(c->txn, arena, c->account, &key, mb_r);
}

/* The name one level up; empty at the top. */
static struct str
parent_of(struct str name)
{
	while (name.n > 0 && name.p[name.n - 1] != '/')
		name.n--;
	return str_head(name, name.n ? name.n - 1 : 0);
}

/* Makes the missing parents as mailboxes one can select: a name that is only a name makes clients stumble (T25). */
static enum status
make_parents(struct counters *c, struct str name)
{
	struct str up[MAILBOX_LEVELS_MAX];
	size_t n = 0;
	struct mailbox mb;
	enum status st;
	int64_t id;

	for (struct str p = parent_of(name); p.n > 0 && n < MAILBOX_LEVELS_MAX; p = parent_of(p)) {
		if ((st = find(c, NULL, p, &mb)) == OK)
			break;
		if (st != ERR_NOT_FOUND)
			return st;
		up[n++] = p;
	}
	while (n > 0) {
		if ((st = insert_row(c, up[--n], false, 0, &id)) != OK || (st = list_changed(c, LIST_CREATED, id, STR_NONE)) != OK)
			return st;
	}
	return OK;
}

/* The mailbox itself, where the name is free or \Noselect. */
static enum status
make(struct counters *c, struct str name, unsigned special, int64_t *id_r)
{
	struct mailbox mb;
	enum status st;
	int64_t id;

	if ((st = find(c, NULL, name, &mb)) == OK) {
		if (!mb.noselect)
			return ERR_EXISTS;
		id = mb.id;
		st = db_exec(c->txn, &make_selectable, "iiii", id, (int64_t)special, next_uidvalidity(c), c->now);
	} else if (st == ERR_NOT_FOUND) {
		if ((st = make_parents(c, name)) == OK)
			st = insert_row(c, name, false, special, &id);
	}
	if (st == OK)
		st = list_changed(c, LIST_CREATED, id, STR_NONE);
	if (st == OK)
		*id_r = id;
	return st;
}

enum status
mailbox_create(const struct actor *actor, struct db_txn *txn, struct str name, unsigned special, int64_t *id_r)
{
	struct counters c;
	enum status st;
	int64_t id;

	name = str_trim_suffix(name, '/'); /* only announces children: RFC 9051 6.3.4, T29 */
	if ((st = mailbox_name_check(name)) != OK)
		return st;
	if ((st = counters_begin(&c, actor, txn)) != OK)
		return st;
	if ((st = special_free(&c, special, 0)) != OK || (st = make(&c, name, special, &id)) != OK)
		return st;
	if ((st = counters_end(&c)) == OK)
		*id_r = id;
	return st;
}

/* ---- deleting ---- */

/* The keys below a name: from key/0x01 to key/0x02. */
static bool
key_range(struct str name, struct sort_key *from, struct sort_key *to)
{
	if (!sort_key_make(from, name))
		return false;
	from->p[from->n++] = 1;
	*to = *from;
	to->p[to->n - 1] = 2;
	return true;
}

static enum status
has_children(struct counters *c, struct str name, bool *yes_r)
{
	struct sort_key from, to;
	struct db_stmt *q;
	enum status st;

	*yes_r = false;
	if (!key_range(name, &from, &to))
		return OK;
	q = db_prepare(c->txn, &subtree);
	db_bind_int(q, 1, c->account);
	db_bind_text(q, 2, str_of(from.p, from.n));
	db_bind_text(q, 3, str_of(to.p, to.n));
	st = db_step(q);
	db_done(q);
	*yes_r = st == OK;
	return st == ERR_NOT_FOUND ? OK : st;
}

/* A deleted mailbox loses its name; its messages stay for the grace, so that sessions that have it selected end in good order (T30). */
static enum status
doom(struct counters *c, int64_t id, struct str name)
{
	enum status st;

	if ((st = db_exec(c->txn, &take_name, "i", id)) != OK)
		return st;
	c->mailboxes--;
	if ((st = reap_doom(c->txn, c->now + c->actor->store->grace, DOOMED_MAILBOX, id)) != OK)
		return st;
	return list_changed(c, LIST_DELETED, id, name);
}

/* Removes \Noselect names above that have no child left (T25). */
static enum status
remove_phantoms(struct counters *c, struct str name)
{
	struct mailbox mb;
	bool children;
	enum status st;

	for (struct str p = parent_of(name); p.n > 0; p = parent_of(p)) {
		if ((st = find(c, NULL, p, &mb)) != OK)
			return st == ERR_NOT_FOUND ? OK : st;
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
delete(struct counters *c, const struct mailbox *mb, struct str name)
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
		return remove_phantoms(c, name);
	/* The name stays for the children's sake (RFC 3501 6.3.4), under a new id. */
	if ((st = insert_row(c, name, true, 0, &id)) != OK)
		return st;
	return list_changed(c, LIST_CREATED, id, STR_NONE);
}

enum status
mailbox_delete(const struct actor *actor, struct db_txn *txn, struct str name)
{
	struct mailbox mb;
	struct counters c;
	enum status st;

	if ((st = counters_begin(&c, actor, txn)) != OK)
		return st;
	if ((st = find(&c, NULL, name, &mb)) != OK)
		return st;
	if ((st = access_check(actor, txn, mb.account, mb.id, NEED_REMOVE)) != OK)
		return st;
	if (mailbox_name_is_inbox(name))
		return ERR_NO_PERM;
	if ((st = delete(&c, &mb, name)) != OK)
		return st;
	return counters_end(&c);
}

/* ---- renaming ---- */

struct renamed {
	int64_t id;
	struct str name;
};

/* The mailboxes below a name. *list_r is malloc'd. */
static enum status
children_of(struct counters *c, struct arena *arena, struct str name, struct renamed **list_r, size_t *n_r)
{
	struct renamed *list = NULL;
	struct sort_key from, to;
	size_t n = 0, cap = 0;
	struct db_stmt *q;
	enum status st;

	if (!key_range(name, &from, &to))
		return ERR_NOT_FOUND;
	q = db_prepare(c->txn, &subtree);
	db_bind_int(q, 1, c->account);
	db_bind_text(q, 2, str_of(from.p, from.n));
	db_bind_text(q, 3, str_of(to.p, to.n));
	while ((st = db_step(q)) == OK) {
		if (n == cap) {
			cap = cap ? cap * 2 : 32;
			list = x_realloc(list, cap * sizeof(*list));
		}
		list[n++] = (struct renamed){db_int(q, 0), arena_str(arena, db_text(q, 1))};
	}
	db_done(q);
	*list_r = list;
	*n_r = n;
	return st == ERR_NOT_FOUND ? OK : st;
}

/* A subscription is to a name (RFC 9051 6.3.7), but whoever renames a mailbox means to keep it. */
static enum status
move_subscription(struct counters *c, struct str old, struct str name)
{
	enum status st = db_exec(c->txn, &subscription_del, "it", c->account, old);

	if (st != OK || db_changed(c->txn) == 0)
		return st;
	return db_exec(c->txn, &subscription_add, "it", c->account, name);
}

static enum status
rename_one(struct counters *c, int64_t id, struct str old, struct str name)
{
	struct sort_key key;
	enum status st;

	if ((st = mailbox_name_check(name)) != OK)
		return st;
	if (!sort_key_make(&key, name))
		return ERR_BAD_INPUT;
	if ((st = db_exec(c->txn, &set_name, "itt", id, name, str_of(key.p, key.n))) != OK)
		return st;
	if ((st = move_subscription(c, old, name)) != OK)
		return st;
	return list_changed(c, LIST_RENAMED, id, old);
}

static enum status
rename_tree(struct counters *c, const struct mailbox *mb, struct str from, struct str to)
{
	struct arena arena = {0};
	struct renamed *list = NULL;
	struct buf name = {0};
	size_t n = 0;
	enum status st;

	if ((st = children_of(c, &arena, from, &list, &n)) != OK)
		goto out;
	st = rename_one(c, mb->id, from, to);
	for (size_t i = 0; i < n && st == OK; i++) {
		buf_clear(&name);
		buf_add(&name, to);
		buf_add(&name, str_from(list[i].name, from.n));
		st = rename_one(c, list[i].id, list[i].name, buf_str(&name));
	}
	if (st == OK)
		st = remove_phantoms(c, from);
out:
	buf_free(&name);
	free(list);
	arena_free(&arena);
	return st;
}

static enum status
rename_checks(struct counters *c, struct str from, struct str to)
{
	struct mailbox mb;
	enum status st;

	if ((st = mailbox_name_check(to)) != OK)
		return st;
	if ((st = find(c, NULL, to, &mb)) != ERR_NOT_FOUND)
		return st == OK ? ERR_EXISTS : st;
	if (!mailbox_name_is_inbox(from) && str_starts(to, from) && to.n > from.n && to.p[from.n] == '/')
		return ERR_CONFLICT;
	return OK;
}

enum status
mailbox_rename(const struct actor *actor, struct db_txn *txn, struct str from, struct str to, struct mailbox_move *move_r)
{
	struct mailbox_move move = {0};
	struct mailbox mb;
	struct counters c;
	enum status st;

	to = str_trim_suffix(to, '/');
	if ((st = counters_begin(&c, actor, txn)) != OK || (st = find(&c, NULL, from, &mb)) != OK)
		return st;
	if ((st = access_check(actor, txn, mb.account, mb.id, NEED_REMOVE)) != OK)
		return st;
	if ((st = rename_checks(&c, from, to)) != OK)
		return st;
	if (mailbox_name_is_inbox(from)) {
		move = (struct mailbox_move){.from = mb.id, .until = mb.uidnext};
		st = make(&c, to, 0, &move.to);
		/* INBOX keeps its annotations, and the new mailbox has them too (RFC 5464 4.1). */
		if (st == OK)
			st = metadata_copy(txn, mb.account, mb.id, move.to);
	} else if ((st = make_parents(&c, to)) == OK)
		st = rename_tree(&c, &mb, from, to);
	if (st == OK)
		st = counters_end(&c);
	if (st == OK && move.to != 0)
		st = mailbox_move_more(actor, txn, &move);
	if (st == OK)
		*move_r = move;
	return st;
}

/* The lowest UIDs below until, at most MESSAGE_BATCH; more: there are others. */
static enum status
next_batch(const struct actor *actor, struct db_txn *txn, const struct mailbox_move *move, struct runs *uids, bool *more_r)
{
	struct runs below = {0};
	const struct entry *e;
	struct mailbox mb;
	struct view v;
	size_t n = 0;
	enum status st;

	*more_r = false;
	if (move->until <= 1)
		return OK;
	if ((st = mailbox_row(actor, txn, move->from, NEED_READ | NEED_EXPUNGE, &mb)) != OK)
		return st;
	if ((st = view_open(&v, actor, txn, &mb, true)) != OK)
		return st;
	runs_add(&below, 1, move->until - 1);
	struct view_iter it = VIEW_ITER(&v, &below);
	it.no_seq = true;
	if ((st = view_iter_begin(&it, txn)) == OK) {
		while ((e = view_iter_next(&it)) != NULL && n < MESSAGE_BATCH) {
			runs_add(uids, e->uid, e->uid);
			n++;
		}
		*more_r = e != NULL;
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
	bool more = false;
	enum status st;

	if ((st = next_batch(actor, txn, move, &uids, &more)) == OK && uids.n > 0)
		st = message_copy(actor, txn, move->from, &uids, move->to, true, &result);
	if (st == OK)
		move->more = more;
	runs_free(&result.from);
	runs_free(&uids);
	return st;
}

/* ---- special use ---- */

enum status
mailbox_set_special(const struct actor *actor, struct db_txn *txn, int64_t id, unsigned special)
{
	struct counters c;
	struct mailbox mb;
	enum status st;

	if ((st = mailbox_row(actor, txn, id, NEED_REMOVE, &mb)) != OK || (st = counters_begin(&c, actor, txn)) != OK)
		return st;
	if (mb.account != c.account)
		return ERR_NO_PERM;
	if ((st = special_free(&c, special, id)) != OK)
		return st;
	if ((st = db_exec(txn, &set_special, "ii", id, (int64_t)special)) != OK)
		return st;
	if ((st = list_changed(&c, LIST_CHANGED, id, STR_NONE)) != OK)
		return st;
	return counters_end(&c);
}
