/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of an account's list of mailboxes: what they have in common, CREATE, special use. Parts of write functions. */
#include "store/mailbox_change_priv.h"

#include "base/clock.h"
#include "store/admit_priv.h"
#include "store/access_priv.h"
#include "store/feed_priv.h"
#include "store/quota_priv.h"
#include "store/rights_priv.h"
#include "store/store_priv.h"

#define UIDVALIDITY_FROM_CLOCK INT64_C(0xf0000000) /* in the year 2097 */

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
static struct db_sql set_special = DB_SQL("UPDATE mailbox SET special = ?2 WHERE id = ?1");
static struct db_sql special_used = DB_SQL("SELECT id FROM mailbox WHERE account = ?1 AND sort > '' AND special & ?2 <> 0"
    " AND id <> ?3 LIMIT 1");
static struct db_sql subtree = DB_SQL("SELECT id, name FROM mailbox WHERE account = ?1 AND sort >= ?2 AND sort < ?3");

enum status
list_change_begin(struct list_change *c, const struct actor *actor, struct db_txn *txn, int64_t owner)
{
	int64_t v[3];
	enum status st;

	if ((st = access_account(actor, actor->account)) != OK || (st = access_declared(actor, txn, owner)) != OK)
		return st;
	if ((st = db_get_ints(txn, &counters_get, v, 3, "i", owner)) != OK)
		return st;
	*c = (struct list_change){.actor = actor, .txn = txn, .account = owner, .now = clock_seconds(), .last_uidvalidity = v[0], .modseq = v[1],
	    .mailboxes = v[2]};
	return OK;
}

enum status
list_change_end(struct list_change *c)
{
	enum status st;

	st = db_exec(c->txn, &counters_set, "iiii", c->account, c->last_uidvalidity, c->modseq, c->mailboxes);
	if (st == OK && c->modseq > ACCOUNT_CHANGES_KEPT)
		st = db_exec(c->txn, &log_trim, "ii", c->account, c->modseq - ACCOUNT_CHANGES_KEPT);
	if (st == OK && (c->messages != 0 || c->bytes != 0))
		st = quota_charge(c->actor->store, c->txn, c->account, &(struct quota_charge){.messages = -c->messages, .bytes = -c->bytes});
	return st;
}

int64_t
uidvalidity_after(int64_t last, int64_t now)
{
	/* It has 32 bits (RFC 9051 2.3.1.1): a clock that is in the next century must not use them up. */
	int64_t v = now > last && now < UIDVALIDITY_FROM_CLOCK ? now : last + 1;

	return v < 1 ? 1 : v;
}

static int64_t
next_uidvalidity(struct list_change *c)
{
	return c->last_uidvalidity = uidvalidity_after(c->last_uidvalidity, c->now);
}

enum status
list_change_tell(struct list_change *c, int kind, int64_t mailbox, struct str old_name)
{
	feed_mailbox(c->actor->store, c->txn, kind == LIST_DELETED ? EVENT_DELETED : EVENT_MAILBOX, c->account, mailbox);
	return db_exec(c->txn, &log_change, old_name.n ? "iiiiti" : "iiiini", c->account, ++c->modseq, (int64_t)kind, mailbox,
	    old_name.n ? old_name : STR(""), c->now);
}

/* ---- names ---- */

enum status
list_change_find(struct list_change *c, struct arena *arena, struct str name, struct mailbox *mb_r)
{
	struct sort_key key;

	if (!sort_key_make(&key, name))
		return ERR_NOT_FOUND;
	return mailbox_by_key(c->txn, arena, c->account, &key, mb_r);
}

/* From key/0x01 to key/0x02. */
bool
list_below_keys(struct str name, struct sort_key *from, struct sort_key *to)
{
	if (!sort_key_make(from, name))
		return false;
	from->p[from->n++] = 1;
	*to = *from;
	to->p[to->n - 1] = 2;
	return true;
}

bool
list_below_begin(struct list_below *b, struct list_change *c, struct str name)
{
	if (!list_below_keys(name, &b->from, &b->to))
		return false;
	b->q = db_prepare(c->txn, &subtree);
	db_bind_int(b->q, 1, c->account);
	db_bind_text(b->q, 2, str_of(b->from.p, b->from.n));
	db_bind_text(b->q, 3, str_of(b->to.p, b->to.n));
	return true;
}

/* ---- creating ---- */

static enum status
special_free(struct list_change *c, unsigned special, int64_t but)
{
	int64_t id;
	enum status st;

	if (special == 0)
		return OK;
	st = db_get_ints(c->txn, &special_used, &id, 1, "iii", c->account, (int64_t)special, but);
	return st == OK ? ERR_CONFLICT : st == ERR_NOT_FOUND ? OK : st;
}

enum status
list_change_insert(struct list_change *c, struct str name, bool noselect, unsigned special, int64_t *id_r)
{
	struct sort_key key;
	enum status st;
	int64_t id;

	if (!sort_key_make(&key, name))
		return ERR_BAD_INPUT;
	if (c->mailboxes >= c->actor->store->mailboxes_max)
		return ERR_LIMIT;
	if (!noselect && !c->beyond && (st = quota_mailboxes(c->actor->store, c->txn, c->account, c->mailboxes)) != OK)
		return st;
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

enum status
list_change_missing(struct list_change *c, struct str name, struct str *up, size_t *n_r, struct mailbox *above_r)
{
	struct mailbox mb = {0};
	size_t n = 0;
	enum status st = ERR_NOT_FOUND;

	for (struct str p = mailbox_name_parent(name); p.n > 0 && n < MAILBOX_LEVELS_MAX; p = mailbox_name_parent(p)) {
		if ((st = list_change_find(c, NULL, p, &mb)) != ERR_NOT_FOUND)
			break;
		up[n++] = p;
	}
	*n_r = n;
	*above_r = st == OK ? mb : (struct mailbox){0};
	/* Where something is made below another one, that one's rights count (RFC 4314 4); at the top the owner alone makes something. */
	if (st == OK)
		return access_mailbox(c->actor, c->txn, &mb, RIGHT_CREATE);
	return st == ERR_NOT_FOUND && !list_change_others(c) ? OK : st;
}

enum status
list_change_make_parents(struct list_change *c, struct str name, struct mailbox *above_r)
{
	struct str up[MAILBOX_LEVELS_MAX];
	size_t n;
	enum status st;
	int64_t id;

	if ((st = list_change_missing(c, name, up, &n, above_r)) != OK)
		return st;
	while (n > 0) {
		if ((st = list_change_insert(c, up[--n], false, 0, &id)) != OK || (st = rights_inherit(c->txn, above_r, id)) != OK ||
		    (st = list_change_tell(c, LIST_CREATED, id, STR_NONE)) != OK)
			return st;
		/* Nobody asks for these by name: unsubscribed they would be missing beside their siblings. */
		if (!list_change_others(c) && (st = mailbox_subscribe(c->actor, c->txn, up[n], true)) != OK && st != ERR_LIMIT)
			return st;
	}
	return OK;
}

enum status
list_change_make(struct list_change *c, struct str name, unsigned special, int64_t *id_r)
{
	struct mailbox mb, above;
	enum status st, found = list_change_find(c, NULL, name, &mb);
	int64_t id;

	if (found != OK && found != ERR_NOT_FOUND)
		return found;
	/* Who may make nothing there does not learn what there is. */
	if (found == OK && !mb.noselect && !list_change_others(c))
		return ERR_EXISTS;
	if ((st = list_change_make_parents(c, name, &above)) != OK)
		return st;
	if (found == OK && !mb.noselect)
		return ERR_EXISTS;
	if (found == OK) {
		id = mb.id;
		st = db_exec(c->txn, &make_selectable, "iiii", id, (int64_t)special, next_uidvalidity(c), c->now);
	} else
		st = list_change_insert(c, name, false, special, &id);
	if (st == OK && (found != OK || mb.acl == 0))
		st = rights_inherit(c->txn, &above, id);
	if (st == OK)
		st = list_change_tell(c, LIST_CREATED, id, STR_NONE);
	if (st == OK)
		*id_r = id;
	return st;
}

static enum status
create(const struct actor *actor, struct db_txn *txn, struct str name, unsigned special, bool beyond, int64_t *id_r)
{
	struct list_change c;
	int64_t id, owner;
	enum status st;

	name = str_trim_suffix(name, '/'); /* only announces children: RFC 9051 6.3.4, T29 */
	if ((st = admit_mailbox_name(name)) != OK)
		return st;
	if ((st = mailbox_where(actor, txn, name, &owner, &name)) != OK)
		return st == ERR_NOT_FOUND && actor->account != 0 ? ERR_NO_PERM : st;
	if (mailbox_name_reserved(name))
		return ERR_BAD_INPUT;
	if ((st = list_change_begin(&c, actor, txn, owner)) != OK)
		return st;
	c.beyond = beyond;
	/* What a mailbox is used for is its owner's matter. */
	if (list_change_others(&c) && special != 0)
		return ERR_NO_PERM;
	if ((st = special_free(&c, special, 0)) == OK && (st = list_change_make(&c, name, special, &id)) == OK)
		st = list_change_end(&c);
	if (st == OK)
		*id_r = id;
	/* In words as where there is no such account. */
	return st == ERR_NOT_FOUND && list_change_others(&c) ? ERR_NO_PERM : st;
}

enum status
mailbox_create(const struct actor *actor, struct db_txn *txn, struct str name, unsigned special, int64_t *id_r)
{
	return create(actor, txn, name, special, false, id_r);
}

enum status
mailbox_create_first(const struct actor *actor, struct db_txn *txn, struct str name, unsigned special, int64_t *id_r)
{
	return create(actor, txn, name, special, true, id_r);
}

/* ---- special use ---- */

enum status
mailbox_set_special(const struct grant *grant, struct db_txn *txn, unsigned special)
{
	int64_t id = grant->mailbox;
	struct list_change c;
	struct mailbox mb;
	struct grant now;
	enum status st;

	if ((st = grant_need(grant, RIGHT_REMOVE)) != OK || (st = grant_get(&grant->actor, txn, id, &now)) != OK ||
	    (st = grant_need(&now, RIGHT_REMOVE)) != OK || (st = mailbox_get(&grant->actor, txn, NULL, id, &mb)) != OK ||
	    (st = list_change_begin(&c, &grant->actor, txn, grant->actor.account)) != OK)
		return st;
	/* What a mailbox is used for is its owner's matter. */
	if (mb.account != c.account)
		return ERR_NO_PERM;
	if (mb.noselect)
		return ERR_NOT_FOUND;
	if ((st = special_free(&c, special, id)) != OK)
		return st;
	if ((st = db_exec(txn, &set_special, "ii", id, (int64_t)special)) != OK)
		return st;
	if ((st = list_change_tell(&c, LIST_CHANGED, id, STR_NONE)) != OK)
		return st;
	return list_change_end(&c);
}
