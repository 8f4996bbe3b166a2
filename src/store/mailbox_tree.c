/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RENAME of a mailbox with very many below it: in steps, so that the writer is free in between. The first step moves the mailbox itself; what is still
 * to be moved stays below the old name, which is \Noselect meanwhile, as are the parents of the next in turn: what others see is always a tree. What they
 * make below the old name ahead of it goes along. A row of "meta" says what is
 * under way: a crash, or a client that goes, leaves it to the reaper. An account has one at a time.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/log.h"
#include "store/mailbox_change_priv.h"
#include "store/mailbox_tree_priv.h"
#include "store/reap_priv.h"
#include "store/store_priv.h"

static struct db_sql newest = DB_SQL("SELECT max(id) FROM mailbox");
static struct db_sql note = DB_SQL("INSERT INTO meta (key, value) VALUES ('rename.' || ?1, ?2)");
static struct db_sql noted = DB_SQL("SELECT 1 FROM meta WHERE key = 'rename.' || ?1");
static struct db_sql forget = DB_SQL("DELETE FROM meta WHERE key = 'rename.' || ?1");
static struct db_sql left = DB_SQL("SELECT CAST(substr(key, 8) AS INTEGER), value FROM meta WHERE key > 'rename.' AND key < 'rename/' LIMIT 1");
#define NAMES 256 /* that are looked at in a step */

static struct db_sql below = DB_SQL("SELECT name, sort FROM mailbox WHERE account = ?1 AND sort > ?2 AND sort < ?3 ORDER BY sort LIMIT ?4");

enum status
tree_under_way(struct list_change *c)
{
	int64_t one;
	enum status st = db_get_ints(c->txn, &noted, &one, 1, "i", c->account);

	return st == ERR_NOT_FOUND ? OK : st == OK ? ERR_AGAIN : st;
}

static unsigned
slashes(struct str name)
{
	unsigned n = 0;

	for (size_t i = 0; i < name.n; i++)
		n += name.p[i] == '/';
	return n;
}

/* Some names below from, from *after on. */
static enum status
look_below(int64_t owner, struct db_txn *txn, struct arena *arena, struct str from, struct str to, struct str *after)
{
	size_t most = MAILBOX_NAME_MAX + from.n, levels = MAILBOX_LEVELS_MAX + slashes(from), deeper = slashes(to);
	struct sort_key own, first, last;
	struct db_stmt *q;
	unsigned n = 0;
	enum status st;

	if (!list_below_keys(from, &first, &last) || !sort_key_make(&own, from))
		return OK;
	q = db_prepare(txn, &below);
	db_bind_int(q, 1, owner);
	/* What is below a name follows it. */
	db_bind_text(q, 2, after->n > 0 ? *after : str_of(own.p, own.n));
	db_bind_text(q, 3, str_of(last.p, last.n));
	db_bind_int(q, 4, NAMES);
	while ((st = db_step(q)) == OK) {
		struct str name = db_text(q, 0);

		if (name.n + to.n > most || slashes(name) + deeper >= levels) {
			st = ERR_LIMIT;
			break;
		}
		if (++n == NAMES)
			*after = arena_str(arena, db_text(q, 1));
	}
	db_done(q);
	if (st == ERR_NOT_FOUND)
		return n == NAMES ? ERR_AGAIN : OK;
	return st;
}

enum status
mailbox_rename_check(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct str from, struct str to, struct str *after)
{
	int64_t owner, other;
	enum status st;

	/* What is not there, or goes elsewhere, is refused by the change. */
	if ((st = mailbox_where(actor, txn, from, &owner, &from)) == OK)
		st = mailbox_where(actor, txn, to, &other, &to);
	if (st != OK || owner != other)
		return st == ERR_NOT_FOUND ? OK : st;
	return look_below(owner, txn, arena, from, to, after);
}

enum status
tree_begin(struct list_change *c, struct mailbox_move *move, struct str from, struct str to)
{
	struct buf value = {0};
	enum status st;

	move->account = c->account;
	move->from_name = from;
	move->to_name = to;
	if ((st = db_get_ints(c->txn, &newest, &move->newest, 1, "")) != OK)
		return st;
	pack_u64(&value, (uint64_t)move->newest);
	pack_str(&value, from);
	pack_str(&value, to);
	st = db_exec(c->txn, &note, "ib", c->account, buf_str(&value));
	buf_free(&value);
	return st;
}

/* The parents of what is not moved yet, as names that cannot be selected. */
static enum status
keep_names(struct list_change *c, struct str name)
{
	struct str up[MAILBOX_LEVELS_MAX];
	struct mailbox above;
	size_t n;
	enum status st = list_change_missing(c, name, up, &n, &above);
	int64_t id;

	while (st == OK && n > 0) {
		/* They go again: they do not count towards how many an account may have. */
		c->mailboxes--;
		st = list_change_insert(c, up[--n], true, 0, &id);
		c->mailboxes++;
		if (st == OK)
			st = list_change_tell(c, LIST_CREATED, id, STR_NONE);
	}
	return st;
}

/* One of them. What cannot go there, since others made changes meanwhile, stays. */
static enum status
move_one(struct list_change *c, struct mailbox_move *move, const struct renamed *r)
{
	struct buf name = {0};
	struct mailbox mb, above;
	enum status st;

	buf_add(&name, move->to_name);
	buf_add(&name, str_from(r->name, move->from_name.n));
	if ((st = list_change_find(c, NULL, buf_str(&name), &mb)) == OK)
		st = ERR_EXISTS;
	else if (st == ERR_NOT_FOUND && (st = mailbox_name_check(buf_str(&name))) == OK &&
	    (st = list_change_make_parents(c, buf_str(&name), &above)) == OK)
		st = rename_one(c, r->id, r->name, buf_str(&name));
	buf_free(&name);
	if (st == ERR_EXISTS || st == ERR_LIMIT || st == ERR_BAD_INPUT) {
		move->refused = st;
		st = OK;
	}
	return st;
}

static enum status
finish(struct list_change *c, struct mailbox_move *move)
{
	move->more = false;
	return db_exec(c->txn, &forget, "i", c->account);
}

/* The next step begins with that one. */
static enum status
stop_before(struct list_change *c, struct mailbox_move *move, struct str name)
{
	if (name.n > sizeof(move->at))
		return ERR_CORRUPT;
	memcpy(move->at, name.p, name.n);
	move->at_n = name.n;
	return keep_names(c, name);
}

enum status
tree_step(struct list_change *c, struct mailbox_move *move)
{
	struct arena arena = {0};
	struct renamed *list = NULL;
	size_t n = 0;
	enum status st = renamed_below(c, &arena, move, TREE_STEP + 1, &list, &n);

	for (size_t i = 0; i < n && i < TREE_STEP && st == OK; i++)
		if ((st = move_one(c, move, &list[i])) == OK)
			st = list_change_remove_phantoms(c, list[i].name);
	move->more = n > TREE_STEP;
	if (st == OK && move->more)
		st = stop_before(c, move, list[TREE_STEP].name);
	if (st == OK && !move->more)
		st = finish(c, move);
	free(list);
	arena_free(&arena);
	return st;
}

enum status
tree_more(const struct actor *actor, struct db_txn *txn, struct mailbox_move *move)
{
	struct list_change c;
	enum status st;

	if ((st = list_change_begin(&c, actor, txn, move->account)) != OK)
		return st;
	/* The reaper was faster. */
	if ((st = tree_under_way(&c)) == OK) {
		move->more = false;
		return OK;
	}
	if (st != ERR_AGAIN || (st = tree_step(&c, move)) != OK)
		return st;
	return list_change_end(&c);
}

/* ---- what a crash left ---- */

struct rest {
	struct actor actor;
	struct mailbox_move move, before;
};

/* Nothing is to be renamed any more. */
static enum status
drop_note(struct db_txn *txn, void *arg)
{
	const struct rest *r = arg;
	enum status st = db_exec(txn, &forget, "i", r->actor.account);

	return st == OK && db_changed(txn) == 0 ? ERR_CORRUPT : st;
}

static enum status
rest_fn(struct db_txn *txn, void *arg)
{
	struct rest *r = arg;
	enum status st;

	r->move = r->before;
	st = tree_more(&r->actor, txn, &r->move);
	/* The account is gone, and its mailboxes with it. */
	if (st == ERR_NOT_FOUND) {
		r->move.more = false;
		st = drop_note(txn, r);
	}
	return st;
}

static enum status
find_rest(struct store *store, struct arena *arena, struct rest *r)
{
	struct db_txn *txn;
	struct db_stmt *q;
	struct unpack u;
	enum status st = db_read_begin(store_db(store), &txn);

	if (st != OK)
		return st;
	q = db_prepare(txn, &left);
	if ((st = db_step(q)) == OK) {
		u = (struct unpack){.rest = arena_str(arena, db_blob(q, 1))};
		r->actor = (struct actor){.store = store, .account = db_int(q, 0)};
		r->before.account = r->actor.account;
		r->before.newest = (int64_t)unpack_u64(&u);
		r->before.from_name = unpack_str(&u);
		r->before.to_name = unpack_str(&u);
		r->before.more = true;
		st = u.failed ? ERR_CORRUPT : OK;
	}
	db_done(q);
	db_read_end(txn);
	return st;
}

static enum status
finish_one(struct store *store, struct rest *r)
{
	enum status st = OK;

	while (st == OK && r->before.more && !atomic_load(&store->stopping)) {
		st = db_write(store_db(store), rest_fn, r);
		r->before = r->move;
	}
	return st;
}

enum status
renames_finish(struct store *store)
{
	struct arena arena = {0};
	enum status st = OK;

	while (st == OK && !atomic_load(&store->stopping)) {
		struct rest r = {0};

		if ((st = find_rest(store, &arena, &r)) == OK)
			st = finish_one(store, &r);
		/* The reaper has other work, too. */
		if (st == ERR_CORRUPT && r.actor.store != NULL) {
			log_event(EV_damage, "a tree of mailboxes of account=%lld that is being renamed: what has its old name keeps it",
			    (long long)r.actor.account);
			st = db_write(store_db(store), drop_note, &r);
		}
	}
	arena_free(&arena);
	return st == ERR_NOT_FOUND ? OK : st;
}
