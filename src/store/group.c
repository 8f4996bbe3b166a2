/* SPDX-License-Identifier: Apache-2.0 */
/* Names of groups, and who has to hear when their members change. */
#include "store/group_priv.h"

#include <stdlib.h>
#include "store/feed_priv.h"

/* So many hear of it at once; others when they look next. A mailbox is written to for that, and one line of a verb must not hold the writer long. */
#define TOLD_MAX 1000
#define MOVED_MAX 100
#define DROPPED_MAX 5000

static struct db_sql name = DB_SQL("SELECT name FROM address WHERE id = ?1 AND kind = 2");
static struct db_sql members = DB_SQL("WITH RECURSIVE below(kind, id) AS (SELECT 1, ?1 UNION SELECT t.kind, t.target FROM below JOIN address_target t"
    " ON below.kind = 1 AND t.address = below.id) SELECT id FROM below WHERE kind = 0 LIMIT ?2");
static struct db_sql mailboxes = DB_SQL("WITH RECURSIVE up(id) AS (SELECT ?1 UNION SELECT t.address FROM up JOIN address_target t"
    " ON t.kind = 1 AND t.target = up.id) SELECT DISTINCT m.id, m.account, m.modseq, m.uidnext FROM up JOIN acl ON acl.subject = -up.id"
    " JOIN mailbox m ON m.id = acl.mailbox WHERE m.sort IS NOT NULL LIMIT ?2");
static struct db_sql moved = DB_SQL("UPDATE mailbox SET acl = acl + 1, modseq = modseq + 1 WHERE id = ?1");
static struct db_sql drop = DB_SQL("DELETE FROM acl WHERE subject = -?1 AND mailbox IN (SELECT mailbox FROM acl WHERE subject = -?1 LIMIT ?2)");
static struct db_sql member = DB_SQL("SELECT 1 WHERE -?2 IN (" GROUPS_OF("?1") ")");

enum status
group_name(struct db_txn *txn, struct arena *arena, int64_t id, struct str *name_r)
{
	struct db_stmt *q = db_prepare(txn, &name);
	enum status st;

	db_bind_int(q, 1, id);
	if ((st = db_step(q)) == OK)
		*name_r = arena_str(arena, db_text(q, 0));
	db_done(q);
	return st;
}

enum status
group_members_told(struct store *store, struct db_txn *txn, int64_t address)
{
	struct db_stmt *q = db_prepare(txn, &members);
	enum status st;

	db_bind_int(q, 1, address);
	db_bind_int(q, 2, TOLD_MAX);
	while ((st = db_step(q)) == OK)
		feed_mailbox(store, txn, EVENT_MAILBOX, db_int(q, 0), 0);
	db_done(q);
	return st == ERR_NOT_FOUND ? OK : st;
}

struct named {
	int64_t mailbox, account, modseq, uidnext;
};

/* They are written to, so all are read before. */
static enum status
read_named(struct db_txn *txn, int64_t address, struct named *list, size_t *n_r)
{
	struct db_stmt *q = db_prepare(txn, &mailboxes);
	size_t n = 0;
	enum status st = OK;

	db_bind_int(q, 1, address);
	db_bind_int(q, 2, MOVED_MAX);
	while (n < MOVED_MAX && (st = db_step(q)) == OK)
		list[n++] = (struct named){db_int(q, 0), db_int(q, 1), db_int(q, 2), db_int(q, 3)};
	db_done(q);
	*n_r = n;
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
group_rights_told(struct store *store, struct db_txn *txn, int64_t address)
{
	struct named *list = x_calloc(MOVED_MAX, sizeof(*list));
	size_t n = 0;
	enum status st = read_named(txn, address, list, &n);

	for (size_t i = 0; i < n && st == OK; i++)
		if ((st = db_exec(txn, &moved, "i", list[i].mailbox)) == OK)
			feed_messages(store, txn, list[i].account, list[i].mailbox, (uint64_t)list[i].modseq + 1, (uint32_t)list[i].uidnext);
	free(list);
	return st;
}

enum status
group_drop(struct db_txn *txn, int64_t address)
{
	return db_exec(txn, &drop, "ii", address, (int64_t)DROPPED_MAX);
}

enum status
group_has(struct db_txn *txn, int64_t address, int64_t account)
{
	int64_t one;

	return db_get_ints(txn, &member, &one, 1, "ii", account, address);
}
