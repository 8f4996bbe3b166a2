/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forgetting message-ids that no email of an account names any more. To find out, all its emails must be read; so that is done when
 * as many have gone since the last time as are there, and THREAD_SWEEP_AFTER more: a mail that goes pays for the reading of one that stays.
 *
 * First a filter is filled with what the emails name, in short snapshots; then the names are gone through in steps, each a short commit of at
 * most STEP changes. A name that the filter does not have is marked idle; one that was idle already is forgotten: so it outlives the emails
 * by one sweep. What the filter has by chance stays until a later sweep, whose filter is another one. Emails that came in meanwhile are
 * always those with the highest ids: each step sees to them before it judges. Of an email whose summary is damaged nobody
 * knows what it names: all names of its thread stay.
 *
 * A sweep that is broken off is begun anew. One thread, the reaper's.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "store/copied_priv.h"
#include "store/store_priv.h"
#include "store/thread_priv.h"

#ifndef THREAD_SWEEP_AFTER
#define THREAD_SWEEP_AFTER 10000
#endif
#define IDLE_FOR (30 * 86400)  /* seconds after which what is idle is forgotten even if little has gone */
#define EMAILS_A_READ 500
#define EMAILS_A_STEP 200      /* that came in since the step's snapshot */
#define NAMES_A_READ 5000
#define STEP 500
#define ACCOUNTS_A_ROUND 1000
#define FILTER_MIN (1 << 16)   /* bytes */
#define FILTER_MAX (8 << 20)
#define PROBES 4

struct sweep {
	struct store *store;
	int64_t account, now;
	int64_t emails, live, idle; /* as the row of the sweep tells */
	uint8_t *filter;
	uint64_t mask, salt; /* bits, less one */
	bool keeps_threads;  /* there are damaged summaries */
	int64_t scanned;     /* emails up to this id are in the filter */
	int64_t from;        /* the next name */
	bool end;
	struct judged {
		int64_t hash, thread;
		enum { MARK, UNMARK, DROP } what;
	} step[STEP];
	size_t n;
	bool behind;         /* more emails came in than a step can see to */
};

/* ---- the filter ---- */

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void
filter_add(struct sweep *w, uint64_t key)
{
	uint64_t h = mix(key ^ w->salt), step = mix(h) | 1;

	for (int i = 0; i < PROBES; i++, h += step)
		w->filter[(h & w->mask) / 8] |= (uint8_t)(1 << (h & 7));
}

static bool
filter_has(const struct sweep *w, uint64_t key)
{
	uint64_t h = mix(key ^ w->salt), step = mix(h) | 1;

	for (int i = 0; i < PROBES; i++, h += step)
		if (!(w->filter[(h & w->mask) / 8] & 1 << (h & 7)))
			return false;
	return true;
}

static uint64_t
thread_key(int64_t thread)
{
	return mix((uint64_t)thread + 1);
}

static bool
needed(const struct sweep *w, int64_t hash, int64_t thread)
{
	return filter_has(w, (uint64_t)hash) || (w->keeps_threads && filter_has(w, thread_key(thread)));
}

/* Four bytes for each email: with three names each one in a hundred is kept by chance. */
static void
filter_make(struct sweep *w, int64_t emails)
{
	uint64_t bytes = FILTER_MIN;

	while (bytes < FILTER_MAX && bytes < (uint64_t)emails * 4)
		bytes *= 2;
	w->filter = x_calloc(bytes, 1);
	w->mask = bytes * 8 - 1;
	w->salt = random_u64();
}

/* ---- emails ---- */

static struct db_sql emails_after =
    DB_SQL("SELECT id, thread, summary FROM email WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3");

/* Puts what the next emails after *at name into the filter. *n_r: how many there were. */
static enum status
see_emails(struct sweep *w, struct db_txn *txn, int64_t *at, int max, int *n_r)
{
	struct db_stmt *q = db_prepare(txn, &emails_after);
	struct thread_names names;
	enum status st;

	*n_r = 0;
	db_bind_int(q, 1, *at);
	db_bind_int(q, 2, (w->account + 1) << 32);
	db_bind_int(q, 3, max);
	while ((st = db_step(q)) == OK) {
		*at = db_int(q, 0);
		++*n_r;
		if (thread_names_of(db_blob(q, 2), &names)) {
			for (size_t i = 0; i < names.n; i++)
				filter_add(w, names.hash[i]);
		} else {
			w->keeps_threads = true;
			filter_add(w, thread_key(db_int(q, 1)));
		}
	}
	db_done(q);
	return st == ERR_NOT_FOUND ? OK : st;
}

static bool
stopping(const struct sweep *w)
{
	return atomic_load(&w->store->stopping);
}

/* All that are there, a snapshot for some. */
static enum status
see_all(struct sweep *w)
{
	enum status st = OK;
	int n = EMAILS_A_READ;

	while (st == OK && n == EMAILS_A_READ && !stopping(w)) {
		struct db_txn *txn;

		if ((st = db_read_begin(w->store->db, &txn)) != OK)
			return st;
		st = see_emails(w, txn, &w->scanned, EMAILS_A_READ, &n);
		db_read_end(txn);
		w->live += n;
	}
	return st;
}

/* ---- names ---- */

static struct db_sql names_from =
    DB_SQL("SELECT hash, thread, idle FROM thread_ref WHERE account = ?1 AND hash >= ?2 ORDER BY hash LIMIT ?3");
static struct db_sql set_idle = DB_SQL("UPDATE thread_ref SET idle = ?3 WHERE account = ?1 AND hash = ?2");
static struct db_sql forget = DB_SQL("DELETE FROM thread_ref WHERE account = ?1 AND hash = ?2 AND idle = 1");

/* Judges the next names. *next_r: where to go on. */
static enum status
judge(struct sweep *w, struct db_txn *txn, int64_t *next_r, bool *end_r)
{
	struct db_stmt *q = db_prepare(txn, &names_from);
	int64_t last = INT64_MAX;
	int n = 0;
	enum status st;

	w->n = 0;
	db_bind_int(q, 1, w->account);
	db_bind_int(q, 2, w->from);
	db_bind_int(q, 3, NAMES_A_READ);
	while (w->n < STEP && (st = db_step(q)) == OK) {
		struct judged j = {.hash = db_int(q, 0), .thread = db_int(q, 1)};
		bool idle = db_int(q, 2) != 0, yes = needed(w, j.hash, j.thread);

		last = j.hash;
		n++;
		j.what = yes ? UNMARK : idle ? DROP : MARK;
		if (!yes || idle)
			w->step[w->n++] = j;
	}
	db_done(q);
	*end_r = (n < NAMES_A_READ && w->n < STEP) || last == INT64_MAX;
	*next_r = *end_r ? last : last + 1;
	return w->n < STEP && st != ERR_NOT_FOUND ? st : OK;
}

/* Within a write: what came in since the snapshot may name again what no email named. It may be undone and its ids given anew: the place in
 * w stays. */
static enum status
sweep_apply(struct db_txn *txn, void *arg)
{
	struct sweep *w = arg;
	int64_t at = w->scanned;
	int n;
	enum status st = see_emails(w, txn, &at, EMAILS_A_STEP, &n);

	w->behind = n == EMAILS_A_STEP;
	for (size_t i = 0; i < w->n && st == OK && !w->behind; i++) {
		const struct judged *j = &w->step[i];

		if (j->what == UNMARK)
			st = db_exec(txn, &set_idle, "iii", w->account, j->hash, (int64_t)0);
		else if (needed(w, j->hash, j->thread))
			continue;
		else if (j->what == MARK)
			st = db_exec(txn, &set_idle, "iii", w->account, j->hash, (int64_t)1);
		else
			st = db_exec(txn, &forget, "ii", w->account, j->hash);
	}
	return st;
}

static enum status
sweep_step(struct sweep *w)
{
	/* Nothing was promised to anybody: the next sync is early enough. */
	struct db_write write = {.fn = sweep_apply, .arg = w, .lane = (uint64_t)w->account, .lazy = true, .soon = true, .reserve = true};
	struct db_txn *txn;
	int64_t next;
	bool end;
	enum status st;

	if ((st = see_all(w)) != OK || (st = db_read_begin(w->store->db, &txn)) != OK)
		return st;
	st = judge(w, txn, &next, &end);
	db_read_end(txn);
	if (st == OK && w->n > 0)
		st = db_write_and_wait(w->store->db, &write);
	if (st != OK || (w->n > 0 && w->behind))
		return st;
	for (size_t i = 0; i < w->n; i++)
		w->idle += w->step[i].what == MARK;
	w->from = next;
	w->end = end;
	return OK;
}

/* ---- marks of copies ---- */

struct marks {
	int64_t row;
	struct runs dead;
};

static enum status
forget_marks(struct db_txn *txn, void *arg)
{
	struct marks *m = arg;

	return copied_forget(txn, m->row, &m->dead);
}

/* Emails that are gone need no marks that they were copied, either. */
static enum status
sweep_copied(struct sweep *w)
{
	struct marks m = {0};
	struct db_write write = {.fn = forget_marks, .arg = &m, .lane = (uint64_t)w->account, .lazy = true, .soon = true, .reserve = true};
	enum status st = OK;

	while (st == OK && !stopping(w)) {
		struct db_txn *txn;

		runs_clear(&m.dead);
		if ((st = db_read_begin(w->store->db, &txn)) != OK)
			break;
		st = copied_dead(txn, w->account, w->account << 32 | w->emails, &m.row, &m.dead);
		db_read_end(txn);
		if (st == OK && m.dead.n > 0)
			st = db_write_and_wait(w->store->db, &write);
	}
	runs_free(&m.dead);
	return st == ERR_NOT_FOUND ? OK : st;
}

/* ---- an account ---- */

static struct db_sql note = DB_SQL("INSERT INTO thread_sweep (account, at, emails, live, idle) VALUES (?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT (account) DO UPDATE SET at = ?2, emails = ?3, live = ?4, idle = ?5");

static enum status
write_note(struct db_txn *txn, void *arg)
{
	struct sweep *w = arg;

	return db_exec(txn, &note, "iiiii", w->account, w->now, w->emails, w->live, w->idle);
}

static enum status
sweep(struct sweep *w)
{
	enum status st = see_all(w);
	int64_t live = w->live; /* the count of those that come later belongs to the next sweep */

	w->from = INT64_MIN;
	while (st == OK && !w->end && !stopping(w))
		st = sweep_step(w);
	w->live = live;
	if (st == OK && w->end)
		st = sweep_copied(w);
	return st == OK && w->end ? db_write_reserve(w->store->db, write_note, w) : st;
}

static struct db_sql account_after = DB_SQL("SELECT a.id, a.next_email, coalesce(s.emails, 1), coalesce(s.live, 0),"
    " coalesce(s.idle, 0), coalesce(s.at, 0) FROM account a LEFT JOIN thread_sweep s ON s.account = a.id"
    " WHERE a.id > ?1 AND a.deleted = 0 ORDER BY a.id LIMIT 1");
static struct db_sql messages_of = DB_SQL("SELECT coalesce(sum(messages), 0) FROM mailbox WHERE account = ?1");

/* Is it worth it? v: as account_after gives it. Emails outlive their messages by the grace, and so does what they name. */
static enum status
due(struct store *s, struct db_txn *txn, int64_t now, const int64_t *v, bool *due_r)
{
	int64_t came = v[1] - v[2], live, passed = now - v[5];
	enum status st;

	*due_r = false;
	if (passed >= 0 && passed < s->grace)
		return OK;
	if (v[4] > 0 && (passed < 0 || passed >= IDLE_FOR))
		*due_r = true;
	if (*due_r || came + v[3] < THREAD_SWEEP_AFTER)
		return OK;
	if ((st = db_get_ints(txn, &messages_of, &live, 1, "i", v[0])) == OK)
		*due_r = came + v[3] - live >= live + THREAD_SWEEP_AFTER;
	return st;
}

/* The next account in which it is worth it, of those that this round looks at. ERR_NOT_FOUND: none. */
static enum status
next_due(struct store *s, int64_t now, int *left, struct sweep *w)
{
	struct db_txn *txn;
	int64_t v[6];
	bool yes = false;
	enum status st = db_read_begin(s->db, &txn);

	if (st != OK)
		return st;
	while (!yes && st == OK && --*left >= 0) {
		if ((st = db_get_ints(txn, &account_after, v, 6, "i", s->swept)) == OK) {
			s->swept = v[0];
			st = due(s, txn, now, v, &yes);
		} else if (st == ERR_NOT_FOUND)
			s->swept = 0;
	}
	db_read_end(txn);
	if (!yes)
		return st == OK ? ERR_NOT_FOUND : st;
	*w = (struct sweep){.store = s, .account = v[0], .now = now, .emails = v[1], .scanned = v[0] << 32};
	filter_make(w, v[1] - v[2] + v[3]);
	return OK;
}

enum status
threads_sweep(struct store *s, int64_t now)
{
	struct sweep *w = x_new(struct sweep);
	int left = ACCOUNTS_A_ROUND;
	enum status st = OK;

	while (!atomic_load(&s->stopping) && (st = next_due(s, now, &left, w)) == OK) {
		st = sweep(w);
		free(w->filter);
		if (st != OK)
			break;
	}
	free(w);
	return st == ERR_NOT_FOUND ? OK : st;
}
