/* SPDX-License-Identifier: Apache-2.0 */
/* Repair of accounts: those that only their mailboxes tell of, INBOX, counters. */
#include <stdio.h>

#include "base/clock.h"
#include "store/mailbox_priv.h"
#include "store/reap_priv.h"
#include "store/mend/repair_priv.h"
#include "store/store_priv.h"

static struct db_sql lost_account = DB_SQL("SELECT DISTINCT account FROM mailbox m WHERE sort > '' AND account > ?1"
    " AND NOT EXISTS (SELECT 1 FROM account a WHERE a.id = m.account) ORDER BY account LIMIT 1");
static struct db_sql lost_account_of_email = DB_SQL("SELECT id >> 32 FROM email WHERE id >= (?1 + 1) << 32"
    " AND NOT EXISTS (SELECT 1 FROM account a WHERE a.id = email.id >> 32) ORDER BY id LIMIT 1");
static struct db_sql add_account = DB_SQL("INSERT INTO account (id, name, fold, local, generation, disabled, deleted, created,"
    " next_email, last_uidvalidity, modseq, mailboxes) VALUES (?1, ?2, ?2, ?2, 1, 1, 0, ?3, 1, ?3, 1, 0)");
static struct db_sql next_account = DB_SQL("SELECT id, deleted FROM account WHERE id > ?1 ORDER BY id LIMIT 1");
static struct db_sql has_inbox = DB_SQL("SELECT id FROM mailbox WHERE account = ?1 AND sort = '\002'");
enum { FACT_SUMS = 4, FACTS = 6 };
static struct db_sql facts[FACTS] = {
    DB_SQL("SELECT count(*) FROM mailbox WHERE account = ?1 AND sort > ''"),
    DB_SQL("SELECT coalesce(max(id) & 4294967295, 0) + 1 FROM email WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32"),
    DB_SQL("SELECT coalesce(max(uidvalidity), 0) FROM mailbox WHERE account = ?1"),
    DB_SQL("SELECT coalesce(max(modseq), 0) FROM account_change WHERE account = ?1"),
    DB_SQL("SELECT coalesce(sum(messages), 0) FROM mailbox WHERE account = ?1 AND sort > ''"),
    DB_SQL("SELECT coalesce(sum(size), 0) FROM mailbox WHERE account = ?1 AND sort > ''"),
};
static struct db_sql get_counters = DB_SQL("SELECT mailboxes, next_email, last_uidvalidity, modseq, used_messages, used_bytes FROM account"
    " WHERE id = ?1");
static struct db_sql set_counters = DB_SQL("UPDATE account SET mailboxes = ?2, next_email = ?3, last_uidvalidity = ?4,"
    " modseq = ?5, used_messages = ?6, used_bytes = ?7 WHERE id = ?1");
static struct db_sql doom_again[] = {
    DB_SQL("INSERT INTO doomed (due, kind, id) SELECT ?1, 1, id FROM mailbox m WHERE name IS NULL"
           " AND NOT EXISTS (SELECT 1 FROM doomed d WHERE d.kind = 1 AND d.id = m.id)"),
    DB_SQL("INSERT INTO doomed (due, kind, id) SELECT ?1, 2, id FROM account a WHERE deleted = 1"
           " AND NOT EXISTS (SELECT 1 FROM doomed d WHERE d.kind = 2 AND d.id = a.id)"),
};
/* Ids that rows still tell of are never given out again. */
static struct db_sql beyond[] = {
    DB_SQL("UPDATE sqlite_sequence SET seq = max(seq, coalesce((SELECT max(mailbox) FROM change), 0),"
           " coalesce((SELECT max(id) >> 32 FROM page), 0), coalesce((SELECT max(mailbox) FROM account_change), 0))"
           " WHERE name = 'mailbox'"),
    DB_SQL("UPDATE sqlite_sequence SET seq = max(seq, coalesce((SELECT max(id) >> 32 FROM email), 0),"
           " coalesce((SELECT max(account) FROM subscription), 0)) WHERE name = 'account'"),
};
/* Some rows were lost, perhaps with the highest ids of all: a gap is left. */
static struct db_sql gap = DB_SQL("UPDATE sqlite_sequence SET seq = seq + 1000 WHERE name IN ('mailbox', 'account')");

static enum status
make_account(struct repair *r, struct db_txn *txn, int64_t id)
{
	char name[64];

	snprintf(name, sizeof(name), "recovered-%lld", (long long)id);
	repair_lost(r, "account=%lld: its name and passwords; it is called %s now, and disabled", (long long)id, name);
	return db_exec(txn, &add_account, "iti", id, str_c(name), clock_seconds());
}

static enum status
missing_accounts(struct repair *r, struct db_txn *txn, struct db_sql *sql)
{
	int64_t id = 0;
	enum status st;

	while ((st = db_get_ints(txn, sql, &id, 1, "i", id)) == OK) {
		if (id <= 0 || id > INT32_MAX)
			return ERR_CORRUPT;
		if ((st = make_account(r, txn, id)) != OK)
			return st;
	}
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
write_accounts(struct db_txn *txn, void *arg)
{
	enum status st = missing_accounts(arg, txn, &lost_account);

	return st == OK ? missing_accounts(arg, txn, &lost_account_of_email) : st;
}

enum status
repair_accounts(struct repair *r)
{
	return db_write(r->store->db, write_accounts, r);
}

/* ---- at the end ---- */

static enum status
mend_inbox(struct repair *r, struct db_txn *txn, int64_t id)
{
	struct actor actor = {.store = r->store, .account = id};
	int64_t mb;
	enum status st;

	if ((st = db_get_ints(txn, &has_inbox, &mb, 1, "i", id)) != ERR_NOT_FOUND)
		return st;
	repair_lost(r, "account=%lld: INBOX; a new one is made", (long long)id);
	if ((st = mailbox_create_first(&actor, txn, STR("INBOX"), 0, &mb)) != OK)
		return st;
	return mailbox_subscribe(&actor, txn, STR("INBOX"), true);
}

static enum status
mend_counters(struct repair *r, struct db_txn *txn, int64_t id)
{
	int64_t have[FACTS], want[FACTS];
	enum status st;

	if ((st = db_get_ints(txn, &get_counters, have, FACTS, "i", id)) != OK)
		return st;
	for (size_t i = 0; i < FACTS; i++) {
		if ((st = db_get_ints(txn, &facts[i], &want[i], 1, "i", id)) != OK)
			return st;
		/* What is counted is as it is; what was given out is never given again. */
		if (i > 0 && i < FACT_SUMS && want[i] < have[i])
			want[i] = have[i];
	}
	if (memcmp(have, want, sizeof(have)) == 0)
		return OK;
	r->changed = true;
	return db_exec(txn, &set_counters, "iiiiiii", id, want[0], want[1], want[2], want[3], want[4], want[5]);
}

static enum status
write_counters(struct db_txn *txn, void *arg)
{
	struct repair *r = arg;
	int64_t v[2] = {0};
	enum status st;

	while ((st = db_get_ints(txn, &next_account, v, 2, "i", v[0])) == OK) {
		if ((st = mend_counters(r, txn, v[0])) != OK)
			return st;
		if (v[1] == 0 && (st = mend_inbox(r, txn, v[0])) != OK)
			return st;
	}
	if (st != ERR_NOT_FOUND)
		return st;
	st = OK;
	for (size_t i = 0; i < 2 && st == OK; i++) {
		if ((st = db_exec(txn, &doom_again[i], "i", clock_seconds() + r->store->grace)) == OK && db_changed(txn) > 0)
			r->changed = true;
	}
	for (size_t i = 0; i < 2 && st == OK; i++)
		st = db_exec(txn, &beyond[i], "");
	if (st == OK && r->changed)
		st = db_exec(txn, &gap, "");
	return st;
}

enum status
repair_counters(struct repair *r)
{
	return db_write(r->store->db, write_counters, r);
}
