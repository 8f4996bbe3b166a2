/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of imported messages, looked up and noted. */
#include "store/imported.h"

enum status
imported_mark(struct db_txn *txn, int64_t account, struct str key)
{
	static struct db_sql sql = DB_SQL("INSERT OR IGNORE INTO imported (account, key) VALUES (?1, ?2)");
	enum status st = db_exec(txn, &sql, "ib", account, key);

	if (st == OK && db_changed(txn) == 0)
		return ERR_EXISTS;
	return st;
}

enum status
imported_keys(struct db_txn *txn, int64_t account, struct str after, size_t max, struct buf *out)
{
	static struct db_sql sql =
	    DB_SQL("SELECT key FROM imported WHERE account = ?1 AND key > ?2 ORDER BY key LIMIT ?3");
	struct db_stmt *s = db_prepare(txn, &sql);
	enum status st;

	db_bind_int(s, 1, account);
	db_bind_blob(s, 2, after);
	db_bind_int(s, 3, (int64_t)max);
	while ((st = db_step(s)) == OK)
		buf_add(out, db_blob(s, 0));
	db_done(s);
	return st == ERR_NOT_FOUND ? OK : st;
}
