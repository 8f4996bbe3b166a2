/* SPDX-License-Identifier: Apache-2.0 */
/* account_rename(): another name, and nothing else. */
#include "store/address_priv.h"
#include "store/domain_priv.h"
#include "store/feed_priv.h"

static struct db_sql set = DB_SQL("UPDATE account SET name = ?2, fold = ?3, local = ?4, domain = ?5, generation = generation + 1 WHERE id = ?1 AND deleted = 0");

/* Is the new name somebody else's? */
static enum status
taken(struct store *store, struct db_txn *txn, struct arena *arena, int64_t id, struct str nfc)
{
	struct account other;
	enum status st = account_taken(store, txn, arena, nfc, &other);

	if (st == OK && other.id != id)
		return ERR_EXISTS;
	return st == OK || st == ERR_NOT_FOUND ? address_none(txn, nfc) : st;
}

static enum status
set_name(struct db_txn *txn, int64_t id, struct str nfc, struct str fold)
{
	struct str domain = domain_of(fold), local = str_head(fold, str_chr(fold, '@'));

	return domain.n > 0 ? db_exec(txn, &set, "itttt", id, nfc, fold, local, domain) : db_exec(txn, &set, "itttn", id, nfc, fold, local);
}

enum status
account_rename(struct store *store, struct db_txn *txn, int64_t id, struct str name, bool keep)
{
	struct arena arena = {0};
	struct buf nfc = {0}, fold = {0}, old = {0};
	struct address_fault fault;
	struct account a;
	enum status st = account_get(txn, &arena, id, &a);

	if (st == OK && ((st = account_full_name(store, name, &nfc)) != OK || (st = account_fold(&fold, buf_str(&nfc))) != OK ||
	    (st = account_fold(&old, a.name)) != OK || account_name_fault(buf_str(&nfc)) != NULL))
		st = ERR_BAD_INPUT;
	if (st == OK)
		st = taken(store, txn, &arena, id, buf_str(&nfc));
	if (st == OK && !str_eq(domain_of(buf_str(&fold)), domain_of(buf_str(&old))))
		st = domain_admits(txn, buf_str(&fold));
	if (st == OK && (st = set_name(txn, id, buf_str(&nfc), buf_str(&fold))) == OK)
		feed_account(store, txn, id, ACCOUNT_CLOSED);
	/* The old address is free now, unless only its spelling changed. */
	if (st == OK && keep && !str_eq(buf_str(&fold), buf_str(&old)))
		st = address_add(store, txn, ADDRESS_ALIAS, a.name, (struct str[]){buf_str(&nfc)}, 1, &fault);
	buf_free(&nfc);
	buf_free(&fold);
	buf_free(&old);
	arena_free(&arena);
	return st;
}
