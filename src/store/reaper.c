/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reaper: removes what is due, in commits of a few milliseconds; when the disk is full, also what is due later. A deleted mailbox or account is on its list (table
 * doomed) until nothing of it is left, so it may stop at any point and go on after the next start.
 */
#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/digest_priv.h"
#include "store/domain_priv.h"
#include "store/reap_priv.h"
#include "store/reparse_priv.h"
#include "store/store_priv.h"
#include "store/thread_priv.h"

#define MAILBOXES_A_STEP 200
#define ROWS_A_STEP 1000
#define LOOK_EVERY 5 /* seconds between two looks whether the disk is full */

static struct db_sql doom_add = DB_SQL("INSERT INTO doomed (due, kind, id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING");
static struct db_sql doom_next = DB_SQL("SELECT due, kind, id FROM doomed WHERE due <= ?1 ORDER BY due, kind, id LIMIT 1");
static struct db_sql doom_del = DB_SQL("DELETE FROM doomed WHERE due = ?1 AND kind = ?2 AND id = ?3");
static struct db_sql mailbox_rows[] = {
    DB_SQL("DELETE FROM acl WHERE mailbox = ?1"),
    DB_SQL("DELETE FROM reader_state WHERE mailbox = ?1"),
    DB_SQL("DELETE FROM annotation WHERE mailbox = ?1"),
    DB_SQL("DELETE FROM index_state WHERE mailbox = ?1"),
    DB_SQL("DELETE FROM metadata WHERE mailbox = ?1 AND account = (SELECT account FROM mailbox WHERE id = ?1)"),
    DB_SQL("DELETE FROM mailbox WHERE id = ?1 AND name IS NULL"),
};
static struct db_sql account_named = DB_SQL("SELECT id FROM mailbox WHERE account = ?1 AND sort > '' LIMIT ?2");
static struct db_sql account_any = DB_SQL("SELECT id FROM mailbox WHERE account = ?1 LIMIT 1");
static struct db_sql take_name = DB_SQL("UPDATE mailbox SET name = NULL, sort = NULL, special = 0 WHERE id = ?1");
static struct db_sql account_rows[] = {
    DB_SQL("DELETE FROM credential WHERE account = ?1"),
    DB_SQL("DELETE FROM account_setting WHERE account = ?1"),
    DB_SQL("DELETE FROM subscription WHERE account = ?1"),
    DB_SQL("DELETE FROM account_change WHERE account = ?1"),
    DB_SQL("DELETE FROM thread_sweep WHERE account = ?1"),
    DB_SQL("DELETE FROM copied WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32"),
    DB_SQL("DELETE FROM quota_due WHERE account = ?1"),
    DB_SQL("DELETE FROM metadata WHERE account = ?1"),
    DB_SQL("DELETE FROM account WHERE id = ?1 AND deleted = 1"),
};

/* Of these an account may have very many. */
static struct db_sql account_many[] = {
    DB_SQL("DELETE FROM thread_ref WHERE (account, hash) IN (SELECT account, hash FROM thread_ref WHERE account = ?1 LIMIT ?2)"),
    /* Rights that others gave it. */
    DB_SQL("DELETE FROM acl WHERE (mailbox, subject, negative) IN (SELECT mailbox, subject, negative FROM acl WHERE subject = ?1 LIMIT ?2)"),
    DB_SQL("DELETE FROM imported WHERE (account, key) IN (SELECT account, key FROM imported WHERE account = ?1 LIMIT ?2)"),
};

enum status
reap_doom(struct db_txn *txn, int64_t due, int kind, int64_t id)
{
	return db_exec(txn, &doom_add, "iii", due, (int64_t)kind, id);
}

static enum status
exec_all(struct db_txn *txn, struct db_sql *list, size_t n, int64_t id)
{
	enum status st = OK;

	for (size_t i = 0; i < n && st == OK; i++)
		st = db_exec(txn, &list[i], "i", id);
	return st;
}

static enum status
mailbox_step(struct store *s, struct db_txn *txn, int64_t id, bool *done_r)
{
	enum status st;

	if ((st = reap_mailbox(s, txn, id, done_r)) != OK || !*done_r)
		return st;
	return exec_all(txn, mailbox_rows, sizeof(mailbox_rows) / sizeof(*mailbox_rows), id);
}

/* Takes the names of some mailboxes and puts them on the list. *n_r: how many. */
static enum status
doom_mailboxes(struct db_txn *txn, int64_t account, int64_t due, size_t *n_r)
{
	int64_t id[MAILBOXES_A_STEP];
	struct db_stmt *q = db_prepare(txn, &account_named);
	size_t n = 0;
	enum status st;

	db_bind_int(q, 1, account);
	db_bind_int(q, 2, MAILBOXES_A_STEP);
	while (n < MAILBOXES_A_STEP && (st = db_step(q)) == OK)
		id[n++] = db_int(q, 0);
	db_done(q);
	if (n < MAILBOXES_A_STEP && st != ERR_NOT_FOUND)
		return st;
	st = OK;
	for (size_t i = 0; i < n && st == OK; i++) {
		if ((st = db_exec(txn, &take_name, "i", id[i])) == OK)
			st = reap_doom(txn, due, DOOMED_MAILBOX, id[i]);
	}
	*n_r = n;
	return st;
}

enum progress { MORE, DONE, LATER };

/* First the names go, then this waits for the mailboxes (they are due at the same time and come first), then the rest goes. */
static enum status
account_step(struct db_txn *txn, int64_t id, int64_t due, enum progress *progress_r)
{
	enum status st;
	int64_t any;
	size_t n = 0;

	*progress_r = MORE;
	if ((st = doom_mailboxes(txn, id, due, &n)) != OK || n > 0)
		return st;
	st = db_get_ints(txn, &account_any, &any, 1, "i", id);
	if (st == OK)
		*progress_r = LATER;
	if (st != ERR_NOT_FOUND)
		return st;
	for (size_t i = 0; i < sizeof(account_many) / sizeof(*account_many); i++)
		if ((st = db_exec(txn, &account_many[i], "ii", id, (int64_t)ROWS_A_STEP)) != OK || db_changed(txn) == ROWS_A_STEP)
			return st;
	*progress_r = DONE;
	return exec_all(txn, account_rows, sizeof(account_rows) / sizeof(*account_rows), id);
}

struct step {
	struct store *store;
	int64_t now, due, kind, id;
};

static enum status
reap_step(struct db_txn *txn, void *arg)
{
	struct step *s = arg;
	enum progress progress = MORE;
	bool done = false;
	enum status st;

	if (s->kind == DOOMED_ACCOUNT)
		st = account_step(txn, s->id, s->due, &progress);
	else if ((st = mailbox_step(s->store, txn, s->id, &done)) == OK && done)
		progress = DONE;
	if (st != OK || progress == MORE)
		return st;
	if ((st = db_exec(txn, &doom_del, "iii", s->due, s->kind, s->id)) == OK && progress == LATER)
		st = reap_doom(txn, s->now + STORE_REAP_EVERY, (int)s->kind, s->id);
	return st;
}

/* The next that is due. */
static enum status
next_doomed(struct store *s, int64_t now, struct step *next_r)
{
	struct db_txn *txn;
	int64_t v[3];
	enum status st;

	if ((st = db_read_begin(s->db, &txn)) != OK)
		return st;
	st = db_get_ints(txn, &doom_next, v, 3, "i", now);
	db_read_end(txn);
	if (st == OK)
		*next_r = (struct step){s, now, v[0], v[1], v[2]};
	return st;
}

/* Deleted mailboxes and accounts. Their messages become due expunged ones. */
static enum status
reap_doomed(struct store *s, int64_t now, bool *any_r)
{
	enum status st;

	while (!atomic_load(&s->stopping)) {
		struct step next;
		/* Removing makes room: it may use the reserve of a full disk. */
		struct db_write w = {.fn = reap_step, .what = "reaper", .arg = &next, .reserve = true};

		if ((st = next_doomed(s, now, &next)) != OK)
			return st == ERR_NOT_FOUND ? OK : st;
		*any_r = true;
		if ((st = db_write_and_wait(s->db, &w)) != OK) {
			log_event(EV_damage, "what=reaper kind=%d id=%lld status=\"%s\"", (int)next.kind, (long long)next.id,
			    status_word(st));
			return st;
		}
	}
	return OK;
}

enum status
store_reap(struct store *s, int64_t now)
{
	bool doomed = false;
	enum status st;

	if ((st = renames_finish(s)) == OK && (st = reap_messages(s, now)) == OK)
		st = reap_doomed(s, now, &doomed);
	if (st == OK && doomed)
		st = reap_messages(s, now);
	if (st == OK)
		st = keywords_sweep(s);
	if (st == OK)
		st = domains_sum(s, now);
	if (st == OK)
		st = threads_sweep(s, now);
	return st == OK ? reparse_sweep(s) : st;
}

/* ---- a full disk ---- */

static enum status
drop_digests(struct db_txn *txn, void *n)
{
	return digest_drop_some(txn, n);
}

/* Digests can be made again; mail that comes cannot. */
static enum status
make_room(struct store *s)
{
	enum status st = OK;
	int64_t n = 1;

	while (st == OK && n > 0 && !atomic_load(&s->stopping))
		st = db_write_reserve(s->db, drop_digests, &n);
	return st;
}

/* ---- the thread ---- */

static void
wait_a_round(struct store *s)
{
	struct timespec until;

	lock_take(&s->lock);
	for (int i = 0; i < STORE_REAP_EVERY / LOOK_EVERY && (i == 0 || !db_was_full(s->db, false)); i++) {
		/* Not the time of day: that may jump. */
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += LOOK_EVERY;
		while (!atomic_load(&s->stopping) && lock_wait_until(&s->lock, &s->wake, &until))
			;
		if (atomic_load(&s->stopping))
			break;
	}
	lock_give(&s->lock);
}

static void *
reaper_thread(void *arg)
{
	struct store *s = arg;

	while (!atomic_load(&s->stopping)) {
		bool full = db_was_full(s->db, true);
		/* What is gone must not keep out what comes: on a full disk the grace ends at once. */
		enum status st = store_reap(s, clock_seconds() + (full ? s->grace : 0));

		if (full && st == OK)
			st = make_room(s);

		if (st != OK)
			log_event(EV_io_error, "what=reaper status=\"%s\"", status_word(st));
		wait_a_round(s);
	}
	db_thread_end(s->db);
	return NULL;
}

enum status
reaper_start(struct store *s)
{
	if (pthread_create(&s->reaper, NULL, reaper_thread, s) != 0)
		return ERR_UNAVAILABLE;
	s->reaper_runs = true;
	return OK;
}

void
reaper_stop(struct store *s)
{
	lock_take(&s->lock);
	atomic_store(&s->stopping, true);
	pthread_cond_broadcast(&s->wake);
	lock_give(&s->lock);
	if (s->reaper_runs)
		pthread_join(s->reaper, NULL);
	s->reaper_runs = false;
}
