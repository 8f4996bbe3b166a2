/* SPDX-License-Identifier: Apache-2.0 */
/* Names that could not have come in (admit_priv.h): of mailboxes, keywords, subscriptions. */
#include "store/admit_priv.h"
#include "store/mend/check_priv.h"
#include "store/mailbox_priv.h"
#include "store/store_priv.h"

static struct db_sql mailbox_name = DB_SQL("SELECT account, name, sort FROM mailbox WHERE id = ?1 AND name IS NOT NULL");
static struct db_sql keyword_names = DB_SQL("SELECT id, name, fold FROM keyword WHERE mailbox = ?1");
static struct db_sql subscriptions = DB_SQL("SELECT name FROM subscription WHERE account = ?1");

enum status
check_mailbox_names(struct check *c, int64_t mailbox)
{
	struct db_stmt *q = db_prepare(c->txn, &mailbox_name);
	struct sort_key key;
	enum status st;

	db_bind_int(q, 1, mailbox);
	if ((st = db_step(q)) == OK) {
		struct str name = db_text(q, 1), sort = db_text(q, 2);

		if (admit_mailbox_name(name) != OK)
			check_fault(c, "account=%lld mailbox=%lld: its name is none that a client could have given", (long long)db_int(q, 0),
			    (long long)mailbox);
		else if (!sort_key_make(&key, name) || !str_eq(str_of(key.p, key.n), sort))
			check_fault(c, "account=%lld mailbox=%lld: its name and the key of its name differ", (long long)db_int(q, 0),
			    (long long)mailbox);
	}
	db_done(q);
	if (st != OK && st != ERR_NOT_FOUND)
		return st;
	q = db_prepare(c->txn, &keyword_names);
	db_bind_int(q, 1, mailbox);
	while ((st = db_step(q)) == OK)
		if (admit_keyword(db_text(q, 1)) != OK || !admit_folded(db_text(q, 1), db_text(q, 2)))
			check_fault(c, "mailbox=%lld: keyword %lld has a name that no client could have given", (long long)mailbox,
			    (long long)db_int(q, 0));
	db_done(q);
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
check_subscriptions(struct check *c)
{
	struct str key;
	size_t at = 0;
	void *account;
	enum status st = OK;

	while (st == OK && map_next(&c->accounts, &at, &key, &account)) {
		int64_t id = ((struct check_account *)account)->id;
		struct db_stmt *q = db_prepare(c->txn, &subscriptions);

		db_bind_int(q, 1, id);
		while ((st = db_step(q)) == OK)
			if (admit_mailbox_name(db_text(q, 0)) != OK)
				check_fault(c, "account=%lld: a subscription to a name that no client could have given", (long long)id);
		db_done(q);
		if (st == ERR_NOT_FOUND)
			st = check_breathe(c, NULL);
	}
	return st;
}
