/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts: made, found, changed, disabled, deleted. */
#include "store/account.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/account_priv.h"
#include "store/address_priv.h"
#include "store/domain_priv.h"
#include "store/feed_priv.h"
#include "store/mailbox_priv.h"
#include "store/reap_priv.h"
#include "store/store_priv.h"

#define COLUMNS "id, name, generation, disabled, created"

static struct db_sql by_fold = DB_SQL("SELECT " COLUMNS " FROM account WHERE fold = ?1");
static struct db_sql by_id = DB_SQL("SELECT " COLUMNS " FROM account WHERE id = ?1 AND deleted = 0");
static struct db_sql by_local = DB_SQL("SELECT " COLUMNS " FROM account WHERE local = ?1 AND deleted = 0 LIMIT 2");
static struct db_sql after_fold = DB_SQL("SELECT " COLUMNS " FROM account WHERE fold > ?1 ORDER BY fold LIMIT ?2");
static struct db_sql insert = DB_SQL("INSERT INTO account (name, fold, local, generation, disabled, deleted, created,"
    " next_email, last_uidvalidity, modseq, mailboxes, domain) VALUES (?1, ?2, ?3, 1, 0, 0, ?4, 1, 0, 1, 0, nullif(?5, ''))");
static struct db_sql remove_row = DB_SQL("UPDATE account SET fold = NULL, local = NULL, domain = NULL, deleted = 1,"
    " generation = generation + 1 WHERE id = ?1 AND deleted = 0");
static struct db_sql remove_credentials = DB_SQL("DELETE FROM credential WHERE account = ?1");
static struct db_sql set_disabled = DB_SQL("UPDATE account SET disabled = ?2, generation = generation + 1"
    " WHERE id = ?1 AND deleted = 0");
static struct db_sql touch = DB_SQL("UPDATE account SET generation = generation + 1 WHERE id = ?1 AND deleted = 0");
static struct db_sql credential_set = DB_SQL("INSERT INTO credential (account, kind, value) VALUES (?1, ?2, ?3)"
    " ON CONFLICT (account, kind) DO UPDATE SET value = ?3");
static struct db_sql credential_del = DB_SQL("DELETE FROM credential WHERE account = ?1 AND kind = ?2");
static struct db_sql keys_after = DB_SQL("SELECT a.id, (SELECT count(*) FROM credential c WHERE c.account = a.id AND c.kind IN ('argon2id', 'crypt', 'plain')),"
    " (SELECT value FROM credential c WHERE c.account = a.id AND c.kind = ?3)"
    " FROM account a WHERE a.id > ?1 AND a.deleted = 0 AND a.disabled = 0 ORDER BY a.id LIMIT ?2");
static struct db_sql get_state = DB_SQL("SELECT generation, disabled FROM account WHERE id = ?1 AND deleted = 0");
static struct db_sql setting_get = DB_SQL("SELECT value FROM account_setting WHERE account = ?1 AND name = ?2");
static struct db_sql setting_set = DB_SQL("INSERT INTO account_setting (account, name, value) VALUES (?1, ?2, ?3)"
    " ON CONFLICT (account, name) DO UPDATE SET value = ?3");
static struct db_sql setting_del = DB_SQL("DELETE FROM account_setting WHERE account = ?1 AND name = ?2");
static struct db_sql remove_settings = DB_SQL("DELETE FROM account_setting WHERE account = ?1");
static struct db_sql credential_get = DB_SQL("SELECT c.value FROM credential c JOIN account a ON a.id = c.account"
    " WHERE c.account = ?1 AND c.kind = ?2 AND a.deleted = 0");

/* ---- reading ---- */

static void
fill(struct db_stmt *q, struct arena *arena, struct account *a)
{
	a->id = db_int(q, 0);
	a->name = arena_str(arena, db_text(q, 1));
	a->generation = (uint64_t)db_int(q, 2);
	a->disabled = db_int(q, 3) != 0;
	a->created = db_int(q, 4);
}

static enum status
find_folded(struct db_txn *txn, struct arena *arena, struct str folded, struct account *account_r)
{
	struct db_stmt *q = db_prepare(txn, &by_fold);
	enum status st;

	db_bind_text(q, 1, folded);
	if ((st = db_step(q)) == OK)
		fill(q, arena, account_r);
	db_done(q);
	return st;
}

/* The account of that name, by either form; that of before first. */
static enum status
find_by(enum status (*find)(struct db_txn *, struct arena *, struct str, struct account *), struct db_txn *txn, struct arena *arena,
    struct str name, struct account *account_r)
{
	struct buf ascii = {0}, folded = {0};
	enum status st = ERR_NOT_FOUND;

	if (account_fold_ascii(&ascii, name) == OK)
		st = find(txn, arena, buf_str(&ascii), account_r);
	if (st == ERR_NOT_FOUND && account_fold(&folded, name) == OK && !str_eq(buf_str(&ascii), buf_str(&folded)))
		st = find(txn, arena, buf_str(&folded), account_r);
	buf_free(&ascii);
	buf_free(&folded);
	return st;
}

enum status
account_find(struct db_txn *txn, struct arena *arena, struct str name, struct account *account_r)
{
	return find_by(find_folded, txn, arena, name, account_r);
}

enum status
account_get(struct db_txn *txn, struct arena *arena, int64_t id, struct account *account_r)
{
	struct db_stmt *q = db_prepare(txn, &by_id);
	enum status st;

	db_bind_int(q, 1, id);
	if ((st = db_step(q)) == OK)
		fill(q, arena, account_r);
	db_done(q);
	return st;
}

enum status
account_usage(struct db_txn *txn, int64_t id, struct account_usage *usage_r)
{
	static struct db_sql sums = DB_SQL_KEPT("SELECT mailboxes, used_messages, used_bytes FROM account WHERE id = ?1");
	int64_t v[3];
	enum status st = db_get_ints(txn, &sums, v, 3, "i", id);

	if (st == OK)
		*usage_r = (struct account_usage){.mailboxes = (uint64_t)v[0], .messages = (uint64_t)v[1], .bytes = (uint64_t)v[2]};
	return st;
}

/* The only account with that local part; ERR_NOT_FOUND where there are several. */
static enum status
find_local(struct db_txn *txn, struct arena *arena, struct str folded, struct account *account_r)
{
	struct account a = {0};
	struct db_stmt *q = db_prepare(txn, &by_local);
	enum status st;

	db_bind_text(q, 1, folded);
	if ((st = db_step(q)) == OK) {
		fill(q, arena, &a);
		if ((st = db_step(q)) == OK)
			st = ERR_NOT_FOUND;
		else if (st == ERR_NOT_FOUND)
			st = OK;
	}
	db_done(q);
	if (st == OK)
		*account_r = a;
	return st;
}

enum status
account_find_local(struct db_txn *txn, struct arena *arena, struct str local, struct account *account_r)
{
	return find_by(find_local, txn, arena, local, account_r);
}

static struct db_sql fold_of_id = DB_SQL("SELECT fold FROM account WHERE id = ?1");

/* Adds the form that stands behind a name, as its account has it or would have it. */
static enum status
place_of(struct db_txn *txn, struct arena *arena, struct str name, struct buf *folded)
{
	struct account account;
	struct db_stmt *q;
	enum status st = account_find(txn, arena, name, &account);

	if (st == ERR_NOT_FOUND)
		return account_fold(folded, name);
	if (st != OK)
		return st;
	q = db_prepare(txn, &fold_of_id);
	db_bind_int(q, 1, account.id);
	if ((st = db_step(q)) == OK)
		buf_add(folded, db_text(q, 0));
	db_done(q);
	return st;
}

enum status
account_list(struct db_txn *txn, struct arena *arena, struct str after, size_t max, struct account **accounts_r, size_t *n_r)
{
	struct account *list = NULL;
	struct buf folded = {0};
	size_t n = 0, cap = 0;
	struct db_stmt *q;
	enum status st;

	if (after.n > 0 && (st = place_of(txn, arena, after, &folded)) != OK)
		goto out;
	q = db_prepare(txn, &after_fold);
	db_bind_text(q, 1, folded.n ? buf_str(&folded) : STR(""));
	db_bind_int(q, 2, max > INT32_MAX ? INT32_MAX : (int64_t)max);
	while ((st = db_step(q)) == OK) {
		if (n == cap) {
			cap = cap ? cap * 2 : 16;
			list = x_realloc(list, cap * sizeof(*list));
		}
		fill(q, arena, &list[n++]);
	}
	db_done(q);
	if (st != ERR_NOT_FOUND)
		goto out;
	st = OK;
	*accounts_r = arena_copy(arena, list, n, n ? n : 1, sizeof(*list));
	*n_r = n;
out:
	free(list);
	buf_free(&folded);
	return st;
}

enum status
account_credential(struct db_txn *txn, struct arena *arena, int64_t id, struct str kind, struct str *value_r)
{
	struct db_stmt *q = db_prepare(txn, &credential_get);
	enum status st;

	db_bind_int(q, 1, id);
	db_bind_text(q, 2, kind);
	if ((st = db_step(q)) == OK)
		*value_r = arena_str(arena, db_text(q, 0));
	db_done(q);
	return st;
}

enum status
account_keys(struct db_txn *txn, struct arena *arena, struct str kind, int64_t after, size_t max, struct account_keys **list_r, size_t *n_r)
{
	struct account_keys *list = arena_array(arena, max + 1, sizeof(*list));
	struct db_stmt *q = db_prepare(txn, &keys_after);
	size_t n = 0;
	enum status st;

	db_bind_int(q, 1, after);
	db_bind_int(q, 2, (int64_t)max);
	db_bind_text(q, 3, kind);
	while (n <= max && (st = db_step(q)) == OK) {
		struct account_keys *a = &list[n++];

		*a = (struct account_keys){.id = db_int(q, 0), .password = db_int(q, 1) > 0};
		if (!db_is_null(q, 2))
			a->scram = arena_str(arena, db_text(q, 2));
	}
	db_done(q);
	if (st != ERR_NOT_FOUND)
		return st;
	*list_r = list;
	*n_r = n;
	return OK;
}

/* ---- writing ---- */

/* RFC 6154; the names that clients make themselves when they find none (T26, T28). */
static const struct {
	struct str name;
	unsigned special;
} first_mailboxes[] = {
    {STR("INBOX"), 0},
    {STR("Drafts"), SPECIAL_DRAFTS},
    {STR("Sent"), SPECIAL_SENT},
    {STR("Junk"), SPECIAL_JUNK},
    {STR("Trash"), SPECIAL_TRASH},
    {STR("Archive"), SPECIAL_ARCHIVE},
};

static enum status
make_mailboxes(struct store *store, struct db_txn *txn, int64_t id)
{
	struct actor actor = {.store = store, .account = id};
	enum status st = OK;
	int64_t mb;

	for (size_t i = 0; st == OK && i < sizeof(first_mailboxes) / sizeof(*first_mailboxes); i++) {
		st = mailbox_create_first(&actor, txn, first_mailboxes[i].name, first_mailboxes[i].special, &mb);
		if (st == OK)
			st = mailbox_subscribe(&actor, txn, first_mailboxes[i].name, true);
	}
	return st;
}

enum status
account_create(struct store *store, struct db_txn *txn, struct str name, int64_t *id_r)
{
	struct buf nfc = {0}, folded = {0};
	struct arena arena = {0};
	struct account other;
	struct str f;
	int64_t id;
	enum status st;

	if ((st = account_full_name(store, name, &nfc)) != OK || (st = account_fold(&folded, buf_str(&nfc))) != OK)
		goto out;
	if ((st = account_taken(store, txn, &arena, buf_str(&nfc), &other)) != ERR_NOT_FOUND) {
		st = st == OK ? ERR_EXISTS : st;
		goto out;
	}
	if ((st = address_none(txn, buf_str(&nfc))) != OK)
		goto out;
	st = ERR_BAD_INPUT;
	if (account_name_fault(buf_str(&nfc)) != NULL)
		goto out;
	f = buf_str(&folded);
	if ((st = domain_admits(txn, f)) != OK)
		goto out;
	st = db_exec(txn, &insert, "tttit", buf_str(&nfc), f, str_head(f, str_chr(f, '@')), clock_seconds(), domain_of(f));
	if (st != OK)
		goto out;
	id = db_last_id(txn);
	if (id > INT32_MAX)
		st = ERR_LIMIT;
	else
		st = make_mailboxes(store, txn, id);
	if (st == OK)
		*id_r = id;
out:
	arena_free(&arena);
	buf_free(&nfc);
	buf_free(&folded);
	return st;
}

/* After an UPDATE of the account's row: announced, or ERR_NOT_FOUND where there was no row. */
static enum status
changed(struct store *store, struct db_txn *txn, int64_t id, enum account_event what)
{
	if (db_changed(txn) == 0)
		return ERR_NOT_FOUND;
	feed_account(store, txn, id, what);
	return OK;
}

enum status
account_delete(struct store *store, struct db_txn *txn, int64_t id)
{
	enum status st;

	if ((st = db_exec(txn, &remove_row, "i", id)) != OK || (st = changed(store, txn, id, ACCOUNT_CLOSED)) != OK)
		return st;
	if ((st = db_exec(txn, &remove_settings, "i", id)) != OK || (st = db_exec(txn, &remove_credentials, "i", id)) != OK ||
	    (st = address_forget_account(txn, id)) != OK)
		return st;
	return reap_doom(txn, clock_seconds() + store->grace, DOOMED_ACCOUNT, id);
}

enum status
account_set_disabled(struct store *store, struct db_txn *txn, int64_t id, bool disabled)
{
	enum status st = db_exec(txn, &set_disabled, "ii", id, (int64_t)disabled);
	return st == OK ? changed(store, txn, id, disabled ? ACCOUNT_CLOSED : ACCOUNT_RENEWED) : st;
}

static enum status
put_credential(struct db_txn *txn, int64_t id, struct str kind, struct str value)
{
	if (value.n == 0)
		return db_exec(txn, &credential_del, "it", id, kind);
	return db_exec(txn, &credential_set, "itt", id, kind, value);
}

enum status
account_renew_credential(struct store *store, struct db_txn *txn, int64_t id, uint64_t generation, struct str kind, struct str value)
{
	int64_t v[2];
	enum status st = db_get_ints(txn, &get_state, v, 2, "i", id);

	if (st != OK)
		return st;
	if ((uint64_t)v[0] != generation || v[1] != 0)
		return ERR_CONFLICT;
	feed_account(store, txn, id, ACCOUNT_RENEWED);
	return put_credential(txn, id, kind, value);
}

enum status
account_setting(struct db_txn *txn, struct arena *arena, int64_t id, struct str name, struct str *value_r)
{
	struct db_stmt *q = db_prepare(txn, &setting_get);
	enum status st;

	db_bind_int(q, 1, id);
	db_bind_text(q, 2, name);
	if ((st = db_step(q)) == OK)
		*value_r = arena_str(arena, db_text(q, 0));
	db_done(q);
	return st;
}

enum status
account_set_setting(struct db_txn *txn, int64_t id, struct str name, struct str value)
{
	int64_t v[2];
	enum status st = db_get_ints(txn, &get_state, v, 2, "i", id);

	if (st != OK)
		return st;
	if (value.n == 0)
		return db_exec(txn, &setting_del, "it", id, name);
	return db_exec(txn, &setting_set, "itt", id, name, value);
}

enum status
account_set_credential(struct store *store, struct db_txn *txn, int64_t id, struct str kind, struct str value)
{
	enum status st;

	if ((st = db_exec(txn, &touch, "i", id)) != OK || (st = changed(store, txn, id, ACCOUNT_PASSWORD)) != OK)
		return st;
	return put_credential(txn, id, kind, value);
}
