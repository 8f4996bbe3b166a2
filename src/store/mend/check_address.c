/* SPDX-License-Identifier: Apache-2.0 */
/* Check of what addresses lead to, and of the domains that accounts are counted by. */
#include "store/domain_priv.h"
#include "store/mend/check_priv.h"

static struct db_sql address_next = DB_SQL("SELECT id FROM address WHERE id > ?1 ORDER BY id LIMIT 1");
static struct db_sql account_next = DB_SQL("SELECT id FROM account WHERE id > ?1 AND deleted = 0 ORDER BY id LIMIT 1");
static struct db_sql dangling = DB_SQL("SELECT 1 FROM address_target t WHERE t.address = ?1 AND CASE t.kind"
    " WHEN 0 THEN NOT EXISTS (SELECT 1 FROM account a WHERE a.id = t.target AND a.deleted = 0)"
    " ELSE NOT EXISTS (SELECT 1 FROM address a WHERE a.id = t.target) END LIMIT 1");
static struct db_sql empty = DB_SQL("SELECT 1 FROM address a WHERE a.id = ?1 AND a.kind = 1"
    " AND NOT EXISTS (SELECT 1 FROM address_target t WHERE t.address = a.id)");
static struct db_sql twice = DB_SQL("SELECT 1 FROM address a JOIN account b ON b.fold = a.fold WHERE a.id = ?1");
static struct db_sql orphan = DB_SQL("SELECT 1 FROM address_target t WHERE ?1 = 0 AND NOT EXISTS (SELECT 1 FROM address a WHERE a.id = t.address) LIMIT 1");
static struct db_sql domain_get = DB_SQL("SELECT fold, domain FROM account WHERE id = ?1");

static enum status
fault_if(struct check *c, struct db_sql *sql, int64_t id, const char *what)
{
	bool yes = false;
	enum status st = check_exists(c, sql, id, &yes);

	if (st == OK && yes)
		check_fault(c, "address=%lld: %s", (long long)id, what);
	return st;
}

static enum status
check_one(struct check *c, int64_t id)
{
	enum status st = fault_if(c, &dangling, id, "leads to what is not there");

	if (st == OK)
		st = fault_if(c, &empty, id, "an alias that leads nowhere");
	return st == OK ? fault_if(c, &twice, id, "an account has its name") : st;
}

/* Domains are counted by a column of its own. */
static enum status
check_domain(struct check *c, int64_t id)
{
	struct db_stmt *q = db_prepare(c->txn, &domain_get);
	enum status st;

	db_bind_int(q, 1, id);
	if ((st = db_step(q)) == OK && !str_eq(domain_of(db_text(q, 0)), db_is_null(q, 1) ? STR("") : db_text(q, 1)))
		check_fault(c, "account=%lld: not counted in its domain", (long long)id);
	db_done(q);
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
check_addresses(struct check *c)
{
	int64_t id = 0;
	enum status st = fault_if(c, &orphan, 0, "targets without an address");

	while (st == OK && (st = check_next(c, &address_next, &id)) == OK)
		if ((st = check_one(c, id)) == OK)
			st = check_breathe(c, NULL);
	for (id = 0, st = st == ERR_NOT_FOUND ? OK : st; st == OK && (st = check_next(c, &account_next, &id)) == OK;)
		if ((st = check_domain(c, id)) == OK)
			st = check_breathe(c, NULL);
	return st == ERR_NOT_FOUND ? OK : st;
}
