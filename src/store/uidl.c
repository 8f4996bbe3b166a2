/* SPDX-License-Identifier: Apache-2.0 */
/* UIDLs of imported messages, kept and looked up. */
#include "store/uidl.h"

#include "store/store.h"

bool
uidl_valid(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < 0x21 || value.p[i] > 0x7e)
			return false;
	return value.n > 0 && value.n <= UIDL_MAX;
}

enum status
uidl_keep(struct db_txn *txn, int64_t mailbox, uint32_t uid, int64_t email, struct str value)
{
	static struct db_sql sql = DB_SQL("INSERT OR IGNORE INTO uidl (email, mailbox, uid, value) VALUES (?1, ?2, ?3, ?4)");

	return uidl_valid(value) ? db_exec(txn, &sql, "iiit", email, mailbox, (int64_t)uid, value) : OK;
}

enum status
uidl_get(struct uidl_reader *r, struct db_txn *txn, int64_t mailbox, uint32_t uid, int64_t email, struct buf *out)
{
	static struct db_sql sql = DB_SQL("SELECT email, mailbox, uid, value FROM uidl WHERE email >= ?1 ORDER BY email LIMIT 1");
	struct db_stmt *q;
	enum status st;

	if (email >= r->from && email < r->next)
		return OK;
	q = db_prepare(txn, &sql);
	db_bind_int(q, 1, email);
	r->from = email;
	r->next = INT64_MAX;
	if ((st = db_step(q)) == OK) {
		r->next = db_int(q, 0);
		if (r->next == email && db_int(q, 1) == mailbox && db_int(q, 2) == (int64_t)uid && uidl_valid(db_text(q, 3)))
			buf_add(out, db_text(q, 3));
	}
	db_done(q);
	return st == ERR_NOT_FOUND ? OK : st;
}
