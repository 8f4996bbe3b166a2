/* SPDX-License-Identifier: Apache-2.0 */
/* Repair of who names which email: all pages and all expunged entries are read once. */
#include <stdlib.h>

#include "store/copied_priv.h"
#include "store/dir_priv.h"
#include "store/mend/repair_priv.h"
#include "store/store_priv.h"

static struct db_sql all_pages = DB_SQL("SELECT id, data FROM page");
static struct db_sql all_reap = DB_SQL("SELECT id, entries, moved FROM reap");
static struct db_sql drop_reap = DB_SQL("DELETE FROM reap WHERE id = ?1");

/* Twice named: the reaper must look before it removes such an email. */
struct twice {
	int64_t *email;
	size_t n, cap;
};

static void
name(struct repair *r, struct twice *t, int64_t email)
{
	if (repair_named(r, email)) {
		if (t->n == t->cap) {
			t->cap = t->cap * 2 + 256;
			t->email = x_realloc(t->email, t->cap * sizeof(*t->email));
		}
		t->email[t->n++] = email;
	}
	repair_name(r, email);
}

static enum status
name_all(struct repair *r, struct db_txn *txn, struct db_sql *sql, bool reap, struct twice *t)
{
	struct page *page = page_new();
	struct db_stmt *q = db_prepare(txn, sql);
	enum status st;

	while ((st = db_step(q)) == OK) {
		if (page_unpack(page, db_blob(q, 1), 0, 0) == OK) {
			/* Rows of MOVE name nothing: the email has its place elsewhere. */
			for (uint32_t i = 0; i < page->n && (!reap || db_int(q, 2) == 0); i++)
				name(r, t, page->e[i].email);
		} else if (reap) {
			repair_lost(r, "reap=%lld: some expunged messages", (long long)db_int(q, 0));
			if ((st = db_exec(txn, &drop_reap, "i", db_int(q, 0))) != OK)
				break;
		}
	}
	db_done(q);
	page_free(page);
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
write_names(struct db_txn *txn, void *arg)
{
	struct repair *r = arg;
	struct twice t = {0};
	enum status st;

	if ((st = name_all(r, txn, &all_pages, false, &t)) == OK && (st = name_all(r, txn, &all_reap, true, &t)) == OK && t.n > 0)
		st = copied_mark(txn, t.email, t.n);
	free(t.email);
	return st;
}

enum status
repair_names(struct repair *r)
{
	return db_write(r->store->db, write_names, r);
}
