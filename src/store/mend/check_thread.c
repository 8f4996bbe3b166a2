/* SPDX-License-Identifier: Apache-2.0 */
/* Check and repair of threads: all message-ids that an email names are known (thread_priv.h), or an answer to it would not find its thread. */
#include "store/mend/check_priv.h"
#include "store/mend/repair_priv.h"
#include "store/store_priv.h"
#include "store/thread_priv.h"

#define EMAILS_A_COMMIT 1000

static struct db_sql email_after = DB_SQL("SELECT id, thread, summary FROM email WHERE id > ?1 ORDER BY id LIMIT 1");
static struct db_sql account_lives = DB_SQL("SELECT 1 FROM account WHERE id = ?1 AND deleted = 0");

/* The next email. Where the summary is damaged it names nothing. */
static enum status
next_email(struct db_txn *txn, int64_t *id, int64_t *thread_r, struct thread_names *names_r)
{
	struct db_stmt *q = db_prepare(txn, &email_after);
	int64_t next;
	enum status st;

	db_bind_int(q, 1, *id);
	if ((st = db_step(q)) == OK) {
		next = db_int(q, 0);
		*thread_r = db_int(q, 1);
		if (!thread_names_of(db_blob(q, 2), names_r))
			names_r->n = 0;
		if (next <= *id)
			st = ERR_CORRUPT;
		*id = next;
	}
	db_done(q);
	return st;
}

enum status
check_threads(struct check *c)
{
	struct thread_names names;
	int64_t id = 0, thread;
	bool knows, lives;
	enum status st;

	while ((st = next_email(c->txn, &id, &thread, &names)) == OK) {
		if ((st = thread_knows(c->txn, id >> 32, &names, &knows)) != OK)
			return st;
		/* Those of a deleted account go before its last emails. */
		if (!knows && (st = check_exists(c, &account_lives, id >> 32, &lives)) != OK)
			return st;
		if (!knows && lives)
			check_fault(c, "email=%llx: its thread is not known", (unsigned long long)id);
		if ((st = check_breathe(c, NULL)) != OK)
			return st;
	}
	return st == ERR_NOT_FOUND ? OK : st;
}

struct walk {
	struct repair *r;
	int64_t at;
	uint64_t learnt;
	bool end;
};

static enum status
some_emails(struct db_txn *txn, void *arg)
{
	struct walk *w = arg;
	struct thread_names names;
	int64_t thread;
	enum status st = OK;

	for (int i = 0; i < EMAILS_A_COMMIT && st == OK; i++) {
		if ((st = next_email(txn, &w->at, &thread, &names)) == OK)
			st = thread_learn(txn, w->at >> 32, &names, thread, &w->learnt);
	}
	w->end = st == ERR_NOT_FOUND;
	return w->end ? OK : st;
}

enum status
repair_threads(struct repair *r)
{
	struct walk w = {.r = r};
	enum status st = OK;

	while (st == OK && !w.end)
		st = db_write(r->store->db, some_emails, &w);
	r->changed |= w.learnt > 0;
	return st;
}
