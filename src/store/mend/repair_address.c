/* SPDX-License-Identifier: Apache-2.0 */
/* Repair of addresses: what leads nowhere goes, names that an account has too, and accounts are counted in their domains. */
#include "store/domain_priv.h"
#include "store/mend/repair_priv.h"
#include "store/store_priv.h"

static struct db_sql drop_twice = DB_SQL("DELETE FROM address WHERE fold IN (SELECT fold FROM account WHERE fold IS NOT NULL)");
static struct db_sql drop_dangling = DB_SQL("DELETE FROM address_target WHERE NOT EXISTS (SELECT 1 FROM address a WHERE a.id = address_target.address)"
    " OR CASE kind WHEN 0 THEN NOT EXISTS (SELECT 1 FROM account a WHERE a.id = target AND a.deleted = 0)"
    " ELSE NOT EXISTS (SELECT 1 FROM address a WHERE a.id = target) END");
static struct db_sql drop_empty = DB_SQL("DELETE FROM address WHERE kind = 1 AND NOT EXISTS (SELECT 1 FROM address_target t WHERE t.address = address.id)");

/* Tells how many rows the statement takes away. */
static enum status
drop(struct repair *r, struct db_txn *txn, struct db_sql *sql, const char *what, bool *any)
{
	enum status st = db_exec(txn, sql, "");

	if (st == OK && db_changed(txn) > 0) {
		repair_lost(r, "addresses: %lld %s", (long long)db_changed(txn), what);
		*any = true;
	}
	return st;
}

static enum status
write_addresses(struct db_txn *txn, void *arg)
{
	struct repair *r = arg;
	bool any = true, once = false;
	enum status st = drop(r, txn, &drop_twice, "whose names accounts have", &once);

	/* An alias that goes leaves others that led to it alone. */
	while (st == OK && any) {
		any = false;
		if ((st = drop(r, txn, &drop_dangling, "ways to what is lost", &any)) == OK)
			st = drop(r, txn, &drop_empty, "aliases that led to nothing else", &any);
	}
	return st == OK ? domains_fill(r->store, txn) : st;
}

enum status
repair_addresses(struct repair *r)
{
	return db_write(r->store->db, write_addresses, r);
}
