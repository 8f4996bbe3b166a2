/* SPDX-License-Identifier: Apache-2.0 */
/* Names from before that no account or mailbox is given today: they stay, and are told. */
#include "base/log.h"
#include "store/account.h"
#include "store/mailbox_priv.h"
#include "store/reserved_priv.h"
#include "store/store_priv.h"

#define TOLD_MOST 100 /* lines in the log */

static struct db_sql account_next = DB_SQL("SELECT id, name FROM account WHERE id > ?1 AND deleted = 0 ORDER BY id LIMIT 1");
/* Top levels only: what is below has its place from them. sort: see schema.h. */
static struct db_sql reserved_of = DB_SQL("SELECT DISTINCT substr(name, 1, CASE instr(name, '/') WHEN 0 THEN length(name) ELSE instr(name, '/') - 1 END)"
    " FROM mailbox WHERE account = ?1 AND (sort >= '#' AND sort < '$' OR sort >= 'Other Users' AND sort < 'Other Users' || char(2)"
    " OR sort >= 'Shared' AND sort < 'Shared' || char(2)) AND name IS NOT NULL");

/* tell(arg, account's name, mailbox's name or empty, why, "" for a mailbox) for each. */
static enum status
of_account(struct db_txn *txn, int64_t id, struct str name, reserved_fn *tell, void *arg)
{
	const char *why = account_name_fault(name);
	struct db_stmt *q;
	enum status st;

	if (why != NULL)
		tell(arg, name, STR(""), why);
	q = db_prepare(txn, &reserved_of);
	db_bind_int(q, 1, id);
	while ((st = db_step(q)) == OK)
		if (mailbox_name_reserved(db_text(q, 0)))
			tell(arg, name, db_text(q, 0), "");
	db_done(q);
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
reserved_next(struct db_txn *txn, int64_t *account, reserved_fn *tell, void *arg)
{
	struct db_stmt *q = db_prepare(txn, &account_next);
	struct arena arena = {0};
	struct str name = STR_NONE;
	int64_t before = *account;
	enum status st;

	db_bind_int(q, 1, before);
	if ((st = db_step(q)) == OK) {
		*account = db_int(q, 0);
		name = arena_str(&arena, db_text(q, 1));
	}
	db_done(q);
	/* A damaged tree may lead in circles. */
	if (st == OK)
		st = *account > before ? of_account(txn, *account, name, tell, arg) : ERR_CORRUPT;
	arena_free(&arena);
	return st;
}

static void
log_one(void *arg, struct str account, struct str mailbox, const char *why)
{
	size_t *n = arg;

	if ((*n)++ >= TOLD_MOST)
		return;
	if (mailbox.n > 0)
		log_event(EV_tool, "account=\"%.*s\" mailbox=\"%.*s\": the name is reserved now; it stays until it is renamed", STR_FMT(account), STR_FMT(mailbox));
	else
		log_event(EV_tool, "account=\"%.*s\": a name that is not given any more (%s); it stays", STR_FMT(account), why);
}

enum status
reserved_report(struct store *store, struct db_txn *txn)
{
	int64_t id = 0;
	size_t n = 0;
	enum status st;

	(void)store;
	do
		st = reserved_next(txn, &id, log_one, &n);
	while (st == OK);
	if (n > TOLD_MOST)
		log_event(EV_tool, "and %zu names more; mansio check tells them all", n - TOLD_MOST);
	return st == ERR_NOT_FOUND ? OK : st;
}
