/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the thread of an email by the ids that it names, and joins those that it ties together. */
#include "store/thread_priv.h"

#include "mime/summary.h"

void
thread_names(uint64_t id, const uint64_t *references, size_t n, struct thread_names *names_r)
{
	size_t skip = n > THREAD_NAMES - 1 ? n - (THREAD_NAMES - 2) : 0;

	names_r->n = 0;
	if (id != 0)
		names_r->hash[names_r->n++] = id;
	for (size_t i = 0; i < n; i++)
		if ((i == 0 || i >= skip) && references[i] != 0)
			names_r->hash[names_r->n++] = references[i];
}

bool
thread_names_of(struct str summary, struct thread_names *names_r)
{
	uint64_t references[MIME_REFS_MAX];
	struct mime_summary s;
	size_t n;

	if (mime_summary_open(summary, &s) != OK || mime_summary_verify(&s) != OK)
		return false;
	n = mime_summary_n_refs(&s);
	n = n < MIME_REFS_MAX ? n : MIME_REFS_MAX;
	for (size_t i = 0; i < n; i++)
		references[i] = mime_summary_ref(&s, i);
	thread_names(mime_summary_message_id(&s), references, n, names_r);
	return true;
}

static struct db_sql find = DB_SQL("SELECT thread FROM thread_ref WHERE account = ?1 AND hash = ?2");
static struct db_sql add =
    DB_SQL("INSERT INTO thread_ref (account, hash, thread) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING");

enum status
thread_join(struct db_txn *txn, int64_t account, const struct thread_names *names, int64_t email, int64_t *thread_r)
{
	bool known[THREAD_NAMES];
	int64_t thread = email;
	enum status st = OK;

	for (size_t i = 0; i < names->n; i++) {
		int64_t found;

		st = db_get_ints(txn, &find, &found, 1, "ii", account, (int64_t)names->hash[i]);
		if (st != OK && st != ERR_NOT_FOUND)
			return st;
		known[i] = st == OK;
		if (st == OK && found < thread)
			thread = found;
	}
	st = OK;
	for (size_t i = 0; i < names->n && st == OK; i++)
		if (!known[i])
			st = db_exec(txn, &add, "iii", account, (int64_t)names->hash[i], thread);
	*thread_r = thread;
	return st;
}

enum status
thread_learn(struct db_txn *txn, int64_t account, const struct thread_names *names, int64_t thread, uint64_t *n_r)
{
	enum status st = OK;

	for (size_t i = 0; i < names->n && st == OK; i++)
		if ((st = db_exec(txn, &add, "iii", account, (int64_t)names->hash[i], thread)) == OK)
			*n_r += db_changed(txn) > 0;
	return st;
}

enum status
thread_knows(struct db_txn *txn, int64_t account, const struct thread_names *names, bool *yes_r)
{
	int64_t found;
	enum status st = OK;

	for (size_t i = 0; i < names->n && st == OK; i++)
		st = db_get_ints(txn, &find, &found, 1, "ii", account, (int64_t)names->hash[i]);
	*yes_r = st == OK;
	return st == ERR_NOT_FOUND ? OK : st;
}
