/* SPDX-License-Identifier: Apache-2.0 */
/* Giving, taking and telling rights (RFC 4314 3). What follows from them: access.c. */
#include "store/rights.h"

#include "store/access_priv.h"
#include "store/account.h"
#include "store/address.h"
#include "store/feed_priv.h"
#include "store/group_priv.h"
#include "store/rights_priv.h"
#include "store/store_priv.h"
#include "wire/mailbox_name.h"

#define GROUP STR("group:")
#define OWNER_ALWAYS (RIGHT_LOOKUP | RIGHT_ADMIN)

static struct db_sql state = DB_SQL("SELECT account, acl, uidnext, modseq FROM mailbox WHERE id = ?1 AND sort IS NOT NULL");
static struct db_sql get = DB_SQL("SELECT rights FROM acl WHERE mailbox = ?1 AND subject = ?2 AND negative = ?3");
static struct db_sql put = DB_SQL("INSERT INTO acl (mailbox, subject, negative, rights) VALUES (?1, ?2, ?3, ?4)"
    " ON CONFLICT (mailbox, subject, negative) DO UPDATE SET rights = ?4");
static struct db_sql del = DB_SQL("DELETE FROM acl WHERE mailbox = ?1 AND subject = ?2 AND negative = ?3");
static struct db_sql count = DB_SQL("SELECT count(*) FROM acl WHERE mailbox = ?1");
static struct db_sql all = DB_SQL("SELECT subject, negative, rights FROM acl WHERE mailbox = ?1 ORDER BY subject, negative");
static struct db_sql moved = DB_SQL("UPDATE mailbox SET acl = acl + 1, modseq = modseq + 1 WHERE id = ?1");
static struct db_sql inherit = DB_SQL("INSERT INTO acl (mailbox, subject, negative, rights)"
    " SELECT ?2, subject, negative, rights FROM acl WHERE mailbox = ?1");
static struct db_sql inherited = DB_SQL("UPDATE mailbox SET acl = 1 WHERE id = ?1");
static struct db_sql drop = DB_SQL("DELETE FROM acl WHERE mailbox = ?1");

/* ---- as texts ---- */

static const char letters[] = "lrswipkxtea";

static unsigned
right_of(char c)
{
	const char *at;

	if (c == 'c')
		return RIGHT_CREATE | RIGHT_REMOVE;
	if (c == 'd')
		return RIGHT_DELETE | RIGHT_EXPUNGE;
	at = c != '\0' ? strchr(letters, c) : NULL;
	return at != NULL ? 1u << (at - letters) : 0;
}

enum status
rights_parse(struct str text, enum rights_op *op_r, unsigned *rights_r)
{
	unsigned rights = 0, right;
	size_t i = 0;

	*op_r = RIGHTS_REPLACE;
	if (text.n > 0 && (text.p[0] == '+' || text.p[0] == '-'))
		*op_r = text.p[i++] == '+' ? RIGHTS_ADD : RIGHTS_TAKE;
	for (; i < text.n; i++) {
		if ((right = right_of(text.p[i])) == 0)
			return ERR_BAD_INPUT;
		rights |= right;
	}
	*rights_r = rights;
	return OK;
}

void
rights_print(struct buf *out, unsigned rights)
{
	for (unsigned i = 0; letters[i] != '\0' && letters[i] != 'a'; i++)
		if (rights & 1u << i)
			buf_addc(out, letters[i]);
	if (rights & right_of('c'))
		buf_addc(out, 'c');
	if (rights & right_of('d'))
		buf_addc(out, 'd');
	if (rights & RIGHT_ADMIN)
		buf_addc(out, 'a');
}

/* ---- identifiers ---- */

struct subject {
	int64_t id;
	bool negative;
};

/* "group:staff@example.org" */
static enum status
group_of(struct store *store, struct db_txn *txn, struct str name, struct subject *s_r)
{
	struct arena arena = {0};
	struct address address;
	enum status st;

	if (!account_name_ok(name))
		return ERR_BAD_INPUT;
	st = address_find(store, txn, &arena, name, &address);
	if (st == OK && address.kind != ADDRESS_GROUP)
		st = ERR_NOT_FOUND;
	if (st == OK)
		s_r->id = -address.id;
	arena_free(&arena);
	return st == ERR_NOT_FOUND ? ERR_EXISTS : st;
}

static enum status
subject_of(struct store *store, struct db_txn *txn, struct str identifier, struct subject *s_r)
{
	struct arena arena = {0};
	struct account account;
	enum status st;

	*s_r = (struct subject){.negative = str_starts(identifier, STR("-"))};
	if (s_r->negative)
		identifier = str_from(identifier, 1);
	if (str_eq(identifier, STR("anyone")))
		return OK;
	if (str_starts(identifier, GROUP))
		return group_of(store, txn, str_from(identifier, GROUP.n), s_r);
	if (!account_name_ok(identifier))
		return ERR_BAD_INPUT;
	st = account_resolve(store, txn, &arena, identifier, &account);
	if (st == OK)
		s_r->id = account.id;
	arena_free(&arena);
	return st == ERR_NOT_FOUND ? ERR_EXISTS : st;
}

/* ERR_NOT_FOUND: it means nobody any more. */
static enum status
identifier_of(struct db_txn *txn, struct arena *arena, const struct subject *s, struct str *text_r)
{
	struct account account = {.name = STR("anyone")};
	struct str group;
	enum status st = s->id > 0 ? account_get(txn, arena, s->id, &account) : OK;

	if (s->id < 0 && (st = group_name(txn, arena, -s->id, &group)) == OK)
		account.name = arena_printf(arena, "%.*s%.*s", STR_FMT(GROUP), STR_FMT(group));
	if (st == OK)
		*text_r = arena_printf(arena, "%s%.*s", s->negative ? "-" : "", STR_FMT(account.name));
	return st;
}

/* ---- telling ---- */

struct entries {
	struct rights_entry *p;
	size_t n, cap;
};

static enum status
entries_add(struct entries *list, struct db_txn *txn, struct arena *arena, const struct subject *s, unsigned rights)
{
	struct str identifier;
	enum status st = identifier_of(txn, arena, s, &identifier);

	if (st != OK)
		return st == ERR_NOT_FOUND ? OK : st;
	if (list->n == list->cap) {
		list->p = arena_grow(arena, list->p, list->n, list->cap, 2 * list->cap + 8, sizeof(*list->p));
		list->cap = 2 * list->cap + 8;
	}
	list->p[list->n++] = (struct rights_entry){identifier, rights};
	return OK;
}

/* What the owner was given, or all. */
static enum status
own_rights(struct db_txn *txn, const struct grant *g, unsigned *rights_r)
{
	int64_t v = RIGHTS_ALL;
	enum status st = db_get_ints(txn, &get, &v, 1, "iii", g->mailbox, g->owner, (int64_t)0);

	*rights_r = (unsigned)v | OWNER_ALWAYS;
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
rights_list(const struct grant *grant, struct db_txn *txn, struct arena *arena, struct rights_entry **list_r, size_t *n_r)
{
	struct entries list = {0};
	struct db_stmt *q;
	unsigned own;
	enum status st;

	if ((st = grant_need(grant, RIGHT_ADMIN)) != OK || (st = own_rights(txn, grant, &own)) != OK ||
	    (st = entries_add(&list, txn, arena, &(struct subject){.id = grant->owner}, own)) != OK)
		return st;
	q = db_prepare(txn, &all);
	db_bind_int(q, 1, grant->mailbox);
	while ((st = db_step(q)) == OK) {
		struct subject s = {db_int(q, 0), db_int(q, 1) != 0};

		if ((s.id != grant->owner || s.negative) && (st = entries_add(&list, txn, arena, &s, (unsigned)db_int(q, 2) & RIGHTS_ALL)) != OK)
			break;
	}
	db_done(q);
	if (st != ERR_NOT_FOUND)
		return st;
	*list_r = list.p;
	*n_r = list.n;
	return OK;
}

enum status
rights_possible(const struct grant *grant, struct db_txn *txn, struct str identifier, unsigned *always_r, unsigned *can_r)
{
	struct subject s;
	enum status st;

	if ((st = grant_need(grant, RIGHT_ADMIN)) != OK || (st = subject_of(grant->actor.store, txn, identifier, &s)) != OK)
		return st;
	*always_r = s.id == grant->owner && !s.negative ? OWNER_ALWAYS : 0;
	/* Nothing takes these from an owner, either. */
	*can_r = RIGHTS_ALL & ~(s.id == grant->owner ? OWNER_ALWAYS : 0u);
	return OK;
}

/* ---- giving and taking ---- */

/* Asks for the right in this transaction and finds whom the identifier means; v: columns of the statement "state". */
static enum status
begin(const struct grant *grant, struct db_txn *txn, struct str identifier, struct grant *g, struct subject *s, int64_t v[4])
{
	enum status st = db_get_ints(txn, &state, v, 4, "i", grant->mailbox);

	if (st == OK && v[0] != grant->owner)
		st = ERR_NOT_FOUND;
	if (st == OK && (st = grant_renew(grant, txn, (uint32_t)v[1], g)) == OK && (st = grant_need(g, RIGHT_ADMIN)) == OK)
		st = subject_of(g->actor.store, txn, identifier, s);
	return st == OK ? access_declared(&g->actor, txn, g->owner) : st;
}

/* Rights differ from now on: clocks move and sessions look, those that have the mailbox open and those whose list may be another now. */
static enum status
tell(const struct grant *g, struct db_txn *txn, const struct subject *s, const int64_t v[4])
{
	enum status st = db_exec(txn, &moved, "i", g->mailbox);

	if (st != OK)
		return st;
	feed_messages(g->actor.store, txn, g->owner, g->mailbox, (uint64_t)v[3] + 1, (uint32_t)v[2]);
	feed_mailbox(g->actor.store, txn, EVENT_MAILBOX, g->owner, g->mailbox);
	if (s->id > 0 && s->id != g->owner)
		feed_mailbox(g->actor.store, txn, EVENT_MAILBOX, s->id, 0);
	return s->id < 0 ? group_members_told(g->actor.store, txn, -s->id) : OK;
}

static enum status
room(struct db_txn *txn, int64_t mailbox)
{
	int64_t n;
	enum status st = db_get_ints(txn, &count, &n, 1, "i", mailbox);

	return st == OK && n >= RIGHTS_ENTRIES_MAX ? ERR_LIMIT : st;
}

static enum status
write_entry(const struct grant *g, struct db_txn *txn, const struct subject *s, unsigned rights, bool is_new)
{
	bool keep = rights != 0 || (s->id == g->owner && !s->negative);
	enum status st = OK;

	if (!keep)
		return db_exec(txn, &del, "iii", g->mailbox, s->id, (int64_t)s->negative);
	if (is_new)
		st = room(txn, g->mailbox);
	return st == OK ? db_exec(txn, &put, "iiii", g->mailbox, s->id, (int64_t)s->negative, (int64_t)rights) : st;
}

/* Everybody's list of mailboxes is not for everybody to write on, nor a group's for who is not in it. */
static enum status
may_give(const struct grant *g, struct db_txn *txn, const struct subject *s)
{
	enum status st;

	if (s->id > 0 || g->actor.admin || g->actor.store->share_anyone)
		return OK;
	st = s->id < 0 ? group_has(txn, -s->id, g->actor.account) : ERR_NOT_FOUND;
	return st == ERR_NOT_FOUND ? ERR_CONFLICT : st;
}

static enum status
set(const struct grant *grant, struct db_txn *txn, struct str identifier, enum rights_op op, unsigned rights)
{
	int64_t v[4], was = 0;
	struct subject s;
	struct grant g;
	bool is_new;
	enum status st = begin(grant, txn, identifier, &g, &s, v);

	if (st != OK)
		return st;
	st = db_get_ints(txn, &get, &was, 1, "iii", g.mailbox, s.id, (int64_t)s.negative);
	is_new = st == ERR_NOT_FOUND;
	if (is_new && s.id == g.owner && !s.negative)
		was = RIGHTS_ALL;
	if (st != OK && !is_new)
		return st;
	rights = op == RIGHTS_ADD ? (unsigned)was | rights : op == RIGHTS_TAKE ? (unsigned)was & ~rights : rights;
	if (s.id == g.owner && !s.negative)
		rights |= OWNER_ALWAYS;
	if (!s.negative && (rights & ~(unsigned)was) && (st = may_give(&g, txn, &s)) != OK)
		return st;
	if (rights == (unsigned)was)
		return OK;
	if ((st = write_entry(&g, txn, &s, rights, is_new)) != OK)
		return st;
	return tell(&g, txn, &s, v);
}

enum status
rights_set(const struct grant *grant, struct db_txn *txn, struct str identifier, enum rights_op op, unsigned rights)
{
	return set(grant, txn, identifier, op, rights);
}

enum status
rights_delete(const struct grant *grant, struct db_txn *txn, struct str identifier)
{
	return set(grant, txn, identifier, RIGHTS_REPLACE, 0);
}

/* ---- with mailboxes ---- */

enum status
rights_inherit(struct db_txn *txn, const struct mailbox *parent, int64_t mailbox)
{
	enum status st;

	if (parent->acl == 0)
		return OK;
	if ((st = db_exec(txn, &inherit, "ii", parent->id, mailbox)) != OK || db_changed(txn) == 0)
		return st;
	return db_exec(txn, &inherited, "i", mailbox);
}

enum status
rights_drop(struct db_txn *txn, int64_t mailbox)
{
	return db_exec(txn, &drop, "i", mailbox);
}
