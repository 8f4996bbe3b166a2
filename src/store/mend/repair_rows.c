/* SPDX-License-Identifier: Apache-2.0 */
/* Repair of the list of mailboxes: rows that only pages tell of, and what belongs to no mailbox. */
#include "base/clock.h"
#include "store/dir_priv.h"
#include "store/mailbox_priv.h"
#include "store/mend/repair_priv.h"
#include "store/store_priv.h"

static struct db_sql page_mailbox_after = DB_SQL("SELECT id >> 32 FROM page WHERE id >= (?1 + 1) << 32 ORDER BY id LIMIT 1");
static struct db_sql mailbox_exists = DB_SQL("SELECT 1 FROM mailbox WHERE id = ?1");
static struct db_sql pages_of = DB_SQL("SELECT id, data FROM page WHERE id >= ?1 AND id < ?2 ORDER BY id");
static struct db_sql drop_pages = DB_SQL("DELETE FROM page WHERE id >= ?1 AND id < ?2");
static struct db_sql drop_strays[] = {
    DB_SQL("DELETE FROM dir WHERE NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.id = dir.id >> 32)"),
    DB_SQL("DELETE FROM change WHERE NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.id = change.mailbox)"),
    DB_SQL("DELETE FROM acl WHERE NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.id = acl.mailbox AND m.acl <> 0)"),
    DB_SQL("DELETE FROM keyword WHERE NOT EXISTS (SELECT 1 FROM mailbox m WHERE m.id = keyword.mailbox)"),
};
static struct db_sql add_mailbox = DB_SQL("INSERT INTO mailbox (id, account, name, sort, noselect, special, uidvalidity, uidnext,"
    " modseq, messages, unseen, deleted, size, deleted_size, recent_from, keywords, created, changed, oldest_change)"
    " VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, 1, 1, 0, 0, 0, 0, 0, 1, 0, ?5, 0, 1)");
static struct db_sql last_uidvalidity = DB_SQL("SELECT max(last_uidvalidity, coalesce((SELECT max(uidvalidity) FROM mailbox"
    " WHERE account = ?1), 0)) FROM account WHERE id = ?1");
static struct db_sql set_uidvalidity = DB_SQL("UPDATE account SET last_uidvalidity = ?2 WHERE id = ?1");

static enum status
next_uidvalidity(struct db_txn *txn, int64_t account, int64_t *v_r)
{
	int64_t last;
	enum status st;

	if ((st = db_get_ints(txn, &last_uidvalidity, &last, 1, "i", account)) != OK)
		return st;
	*v_r = uidvalidity_after(last, clock_seconds());
	return db_exec(txn, &set_uidvalidity, "ii", account, *v_r);
}

/* Whose mailbox was it? Its emails tell. 0: no page can be read. */
static enum status
owner_of_pages(struct db_txn *txn, int64_t mailbox, int64_t *account_r)
{
	struct page *page = page_new();
	struct db_stmt *q = db_prepare(txn, &pages_of);
	enum status st;

	*account_r = 0;
	db_bind_int(q, 1, page_id(mailbox, 0));
	db_bind_int(q, 2, page_id(mailbox + 1, 0));
	while (*account_r == 0 && (st = db_step(q)) == OK) {
		if (page_unpack(page, db_blob(q, 1), mailbox, (uint32_t)db_int(q, 0)) == OK)
			*account_r = page->e[0].email >> 32;
	}
	db_done(q);
	page_free(page);
	return *account_r != 0 || st == ERR_NOT_FOUND ? OK : st;
}

/* The new name cannot be taken: ids are never used again. UIDs are sound, but who knew the mailbox knew it under another name. */
static enum status
make_row(struct repair *r, struct db_txn *txn, int64_t mailbox, int64_t account)
{
	struct buf name = {0};
	struct sort_key key;
	int64_t validity;
	enum status st;

	buf_addf(&name, "Recovered mailbox %lld", (long long)mailbox);
	if ((st = next_uidvalidity(txn, account, &validity)) == OK && !sort_key_make(&key, buf_str(&name)))
		st = ERR_BAD_INPUT;
	if (st == OK) {
		repair_lost(r, "account=%lld mailbox=%lld: its name; it is called \"%.*s\" now", (long long)account,
		    (long long)mailbox, STR_FMT(buf_str(&name)));
		st = db_exec(txn, &add_mailbox, "iitti", mailbox, account, buf_str(&name), str_of(key.p, key.n), validity);
	}
	buf_free(&name);
	return st;
}

static enum status
mend_row(struct repair *r, struct db_txn *txn, int64_t mailbox)
{
	int64_t one, account;
	enum status st;

	if ((st = db_get_ints(txn, &mailbox_exists, &one, 1, "i", mailbox)) != ERR_NOT_FOUND)
		return st;
	if ((st = owner_of_pages(txn, mailbox, &account)) != OK)
		return st;
	if (account > 0 && db_get_ints(txn, &last_uidvalidity, &one, 1, "i", account) == OK)
		return make_row(r, txn, mailbox, account);
	repair_lost(r, "mailbox=%lld: none of its pages can be read", (long long)mailbox);
	return db_exec(txn, &drop_pages, "ii", page_id(mailbox, 0), page_id(mailbox + 1, 0));
}

static enum status
write_rows(struct db_txn *txn, void *arg)
{
	struct repair *r = arg;
	int64_t id = 0;
	enum status st;

	while ((st = db_get_ints(txn, &page_mailbox_after, &id, 1, "i", id)) == OK) {
		if ((st = mend_row(r, txn, id)) != OK)
			return st;
	}
	if (st != ERR_NOT_FOUND)
		return st;
	st = OK;
	for (size_t i = 0; i < sizeof(drop_strays) / sizeof(*drop_strays) && st == OK; i++) {
		if ((st = db_exec(txn, &drop_strays[i], "")) == OK && db_changed(txn) > 0)
			r->changed = true;
	}
	return st;
}

enum status
repair_mailbox_rows(struct repair *r)
{
	return db_write(r->store->db, write_rows, r);
}
