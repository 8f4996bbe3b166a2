/* SPDX-License-Identifier: Apache-2.0 */
/* Names that could not have come in (admit_priv.h) get others, before mailboxes are looked at. */
#include <stdlib.h>

#include "store/admit_priv.h"
#include "store/mailbox_priv.h"
#include "store/mend/repair_priv.h"
#include "store/store_priv.h"

static struct db_sql all_mailboxes = DB_SQL("SELECT id, account, name, sort FROM mailbox WHERE name IS NOT NULL");
static struct db_sql all_keywords = DB_SQL("SELECT mailbox, id, name, fold FROM keyword");
static struct db_sql all_subscriptions = DB_SQL("SELECT account, name FROM subscription");
static struct db_sql set_name = DB_SQL("UPDATE mailbox SET name = ?2, sort = ?3 WHERE id = ?1");
static struct db_sql key_taken = DB_SQL("SELECT id FROM mailbox WHERE account = ?1 AND sort = ?2 AND id <> ?3");
static struct db_sql fold_taken = DB_SQL("SELECT id FROM keyword WHERE mailbox = ?1 AND fold = ?2 AND id <> ?3");
static struct db_sql set_keyword = DB_SQL("UPDATE keyword SET name = ?3, fold = ?4 WHERE mailbox = ?1 AND id = ?2");
static struct db_sql drop_subscription = DB_SQL("DELETE FROM subscription WHERE account = ?1 AND name = ?2");

/* A row whose name has to go. */
struct bad {
	int64_t a, b;
	struct str name;
};
struct bads {
	struct arena arena;
	struct bad *row;
	size_t n, cap;
};

static void
add(struct bads *l, int64_t a, int64_t b, struct str name)
{
	if (l->n == l->cap) {
		l->cap = l->cap * 2 + 64;
		l->row = x_realloc(l->row, l->cap * sizeof(*l->row));
	}
	l->row[l->n++] = (struct bad){a, b, arena_str(&l->arena, name)};
}

static void
bads_free(struct bads *l)
{
	free(l->row);
	arena_free(&l->arena);
}

/* The stand-in, or with a number behind it: a client may have given somebody else that name. */
static struct str
stand_in(struct bads *l, const char *what, int64_t id, unsigned tries)
{
	struct str name = admit_stand_in(&l->arena, what, id);

	return tries <= 1 ? name : arena_printf(&l->arena, "%.*s-%u", STR_FMT(name), tries);
}

static enum status
rename_mailbox(struct repair *r, struct db_txn *txn, struct bads *l, const struct bad *bad)
{
	bool good = admit_mailbox_name(bad->name) == OK;
	struct sort_key key;
	struct str name;
	int64_t other;
	enum status st = OK;

	/* A name that is good had a wrong key; two mailboxes of one name cannot be. */
	for (unsigned tries = good ? 0 : 1; st == OK; tries++) {
		name = tries == 0 ? bad->name : stand_in(l, "Recovered", bad->a, tries);
		if (!sort_key_make(&key, name))
			return ERR_CORRUPT;
		st = db_get_ints(txn, &key_taken, &other, 1, "iti", bad->b, str_of(key.p, key.n), bad->a);
	}
	if (st != ERR_NOT_FOUND)
		return st;
	repair_lost(r, "account=%lld mailbox=%lld: its name; it is \"%.*s\" now", (long long)bad->b, (long long)bad->a, STR_FMT(name));
	return db_exec(txn, &set_name, "itt", bad->a, name, str_of(key.p, key.n));
}

static enum status
admit_mailboxes(struct repair *r, struct db_txn *txn, struct bads *l)
{
	struct db_stmt *q = db_prepare(txn, &all_mailboxes);
	struct sort_key key;
	enum status st;

	while ((st = db_step(q)) == OK) {
		struct str name = db_text(q, 2);

		if (admit_mailbox_name(name) != OK || !sort_key_make(&key, name) || !str_eq(str_of(key.p, key.n), db_text(q, 3)))
			add(l, db_int(q, 0), db_int(q, 1), name);
	}
	db_done(q);
	st = st == ERR_NOT_FOUND ? OK : st;
	for (size_t i = 0; i < l->n && st == OK; i++)
		st = rename_mailbox(r, txn, l, &l->row[i]);
	return st;
}

/* A name that is good had a wrong form to compare: it keeps the name, if no other keyword has it. */
static enum status
rename_keyword(struct repair *r, struct db_txn *txn, struct bads *l, const struct bad *bad)
{
	char fold[KEYWORD_MAX];
	struct str name;
	int64_t other;
	enum status st = OK;

	for (unsigned tries = bad->name.n > 0 ? 0 : 1; st == OK; tries++) {
		name = tries == 0 ? bad->name : stand_in(l, "recovered", bad->b, tries);
		ascii_lower_copy(fold, name);
		st = db_get_ints(txn, &fold_taken, &other, 1, "iti", bad->a, str_of(fold, name.n), bad->b);
	}
	if (st != ERR_NOT_FOUND)
		return st;
	repair_lost(r, "mailbox=%lld: the name of a keyword; it is %.*s now", (long long)bad->a, STR_FMT(name));
	return db_exec(txn, &set_keyword, "iitt", bad->a, bad->b, name, str_of(fold, name.n));
}

static enum status
admit_keywords(struct repair *r, struct db_txn *txn, struct bads *l)
{
	struct db_stmt *q = db_prepare(txn, &all_keywords);
	enum status st;

	while ((st = db_step(q)) == OK)
		if (admit_keyword(db_text(q, 2)) != OK)
			add(l, db_int(q, 0), db_int(q, 1), STR(""));
		else if (!admit_folded(db_text(q, 2), db_text(q, 3)))
			add(l, db_int(q, 0), db_int(q, 1), db_text(q, 2));
	db_done(q);
	st = st == ERR_NOT_FOUND ? OK : st;
	for (size_t i = 0; i < l->n && st == OK; i++)
		st = rename_keyword(r, txn, l, &l->row[i]);
	return st;
}

static enum status
admit_subscriptions(struct repair *r, struct db_txn *txn, struct bads *l)
{
	struct db_stmt *q = db_prepare(txn, &all_subscriptions);
	enum status st;

	while ((st = db_step(q)) == OK)
		if (admit_mailbox_name(db_text(q, 1)) != OK)
			add(l, db_int(q, 0), 0, db_text(q, 1));
	db_done(q);
	st = st == ERR_NOT_FOUND ? OK : st;
	for (size_t i = 0; i < l->n && st == OK; i++) {
		repair_lost(r, "account=%lld: a subscription to what is no name", (long long)l->row[i].a);
		st = db_exec(txn, &drop_subscription, "it", l->row[i].a, l->row[i].name);
	}
	return st;
}

static enum status
write_all(struct db_txn *txn, void *arg)
{
	static enum status (*const parts[])(struct repair *, struct db_txn *, struct bads *) = {admit_mailboxes, admit_keywords, admit_subscriptions};
	enum status st = OK;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && st == OK; i++) {
		struct bads l = {0};

		st = parts[i](arg, txn, &l);
		if (l.n > 0)
			((struct repair *)arg)->changed = true;
		bads_free(&l);
	}
	return st;
}

enum status
repair_admitted(struct repair *r)
{
	return db_write(r->store->db, write_all, r);
}
