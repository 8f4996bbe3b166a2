/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The committer: one thread that runs all writes. It takes the waiting functions lane by lane, runs them in one
 * transaction, commits with one sync, and tells their outcomes; what is submitted meanwhile makes the next group.
 *
 * Undoing one function. A savepoint costs a copy of each page changed in it, and hardly any function fails after it
 * changed something. So a group begins without savepoints: a function that fails and changed nothing just
 * leaves; if it changed something (or the engine rolled back by itself) the transaction is rolled back, the others
 * run again, and the rest of the group uses savepoints.
 *
 * A commit that fails takes nobody along who would succeed alone: each of the group then gets a commit of its own.
 *
 * A lone change. Where one client at a time changes something, waking this thread and being woken by it is a third of what a change
 * costs. So a thread that asked for it (db_thread_commits) keeps a change that nobody else's stands beside: it has promised to run the
 * group itself, at once, when its task is over. Whatever else is submitted before that takes the promise back and wakes the thread; and where
 * changes come together there are no promises at all, since a commit of one would only split the groups.
 */
#include "db/db_priv.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/random.h"

#define LANES 1024
#define LAZY_US 1000000     /* longest time a lazy write waits for a durable one */
#define OP_BITS 12          /* of an operation id: its place in the group */
#define OP_KEPT_US (24 * 3600 * INT64_C(1000000))
#define OP_PURGE_US (3600 * INT64_C(1000000))
#define PENDING STATUS_COUNT /* no outcome yet */
#define LONE_MIN 3          /* groups of one in a row, before threads commit their own */

STAILQ_HEAD(write_list, db_write);

struct lane {
	struct write_list writes;
	TAILQ_ENTRY(lane) link;
	bool active;
};

struct hook {
	void (*fn)(void *arg);
	void (*drop)(void *arg);
	void *arg;
};

struct committer {
	struct db *db;
	struct db_conn *conn;
	const struct db_driver *drv;
	pthread_t thread;
	unsigned group_max;
	int64_t group_us;

	pthread_mutex_t lock; /* guards the lanes */
	pthread_cond_t wake;
	struct lane lanes[LANES];
	TAILQ_HEAD(, lane) active;
	uint64_t lane_key;
	size_t durable, lazy, soon; /* soon ones are lazy ones too */
	int64_t lazy_since;
	bool stop;
	bool running;  /* somebody runs a group: the thread, or one that commits its own */
	bool promised; /* a thread will come for the only write that waits */
	unsigned lone; /* groups of one durable write in a row */

	/* Who runs the group has it for himself. */
	struct write_list group;
	struct db_write *current;
	unsigned size, size_durable, good;
	bool savepoints, op_asked;
	bool full; /* only writes that may use the reserve are run */
	int64_t group_id, purged;
	bool ids_known; /* group_id is above all that are stored */
	struct hook *hooks;
	size_t hooks_n, hooks_cap;
};

/* What a thread is to its committer. */
static _Thread_local struct {
	bool commits;               /* it comes for its own */
	struct committer *promised; /* it is to come now, if the promise still stands */
	struct committer *runs;     /* it runs a group */
} self;

/* ---- the queue ---- */

static struct lane *
lane_of(struct committer *c, uint64_t lane)
{
	return &c->lanes[(lane * c->lane_key) >> 54];
}

static void
enqueue(struct committer *c, struct db_write *w)
{
	struct lane *lane = lane_of(c, w->lane);

	STAILQ_INSERT_TAIL(&lane->writes, w, link);
	if (!lane->active) {
		lane->active = true;
		TAILQ_INSERT_TAIL(&c->active, lane, link);
	}
	if (!w->lazy)
		c->durable++;
	else if (c->lazy++ == 0)
		c->lazy_since = clock_mono();
	if (w->lazy && w->soon)
		c->soon++;
}

static void
finish_one(struct committer *c, struct db_write *w, enum status st)
{
	atomic_fetch_add_explicit(&c->db->writes, 1, memory_order_relaxed);
	if (st != OK)
		atomic_fetch_add_explicit(&c->db->failed, 1, memory_order_relaxed);
	if (st == ERR_FULL)
		atomic_store(&c->db->was_full, true);
	if (w->done != NULL)
		w->done(w, st);
}

/* Is the thread, which just queued w, to come for it itself? */
static bool
promise(struct committer *c, const struct db_write *w)
{
	if (!self.commits || w->lazy || c->durable + c->lazy > 1 || c->running || c->stop || c->lone < LONE_MIN)
		return false;
	if (self.promised != NULL && self.promised != c)
		return false;
	c->promised = true;
	self.promised = c;
	return true;
}

void
committer_submit(struct committer *c, struct db_write *w)
{
	bool wake;

	w->outcome = PENDING;
	pthread_mutex_lock(&c->lock);
	/* At the end only the committer's own callbacks submit: it comes round to that. */
	ensure(!c->stop || committer_is_self(c));
	enqueue(c, w);
	wake = !w->lazy ? c->durable == 1 : w->soon ? c->soon == 1 : c->lazy == 1;
	/* The thread that promised may be about to wait for this very write. */
	wake |= c->promised;
	c->promised = false;
	if (wake && promise(c, w))
		wake = false;
	pthread_mutex_unlock(&c->lock);
	if (wake)
		pthread_cond_signal(&c->wake);
}

/* The next write, lane after lane, or NULL. */
static struct db_write *
dequeue(struct committer *c, bool only_lazy)
{
	struct db_write *w = NULL;
	struct lane *lane;

	pthread_mutex_lock(&c->lock);
	TAILQ_FOREACH(lane, &c->active, link) {
		w = STAILQ_FIRST(&lane->writes);
		if (!only_lazy || w->lazy)
			break;
		w = NULL;
	}
	if (w != NULL) {
		STAILQ_REMOVE_HEAD(&lane->writes, link);
		TAILQ_REMOVE(&c->active, lane, link);
		lane->active = !STAILQ_EMPTY(&lane->writes);
		if (lane->active)
			TAILQ_INSERT_TAIL(&c->active, lane, link);
		if (w->lazy)
			c->lazy--;
		else
			c->durable--;
		if (w->lazy && w->soon)
			c->soon--;
	}
	pthread_mutex_unlock(&c->lock);
	return w;
}

/* ---- hooks ---- */

void
db_after_commit(struct db_txn *txn, void (*fn)(void *arg), void (*drop)(void *arg), void *arg)
{
	struct committer *c = txn->committer;

	ensure(c != NULL);
	if (c->hooks_n == c->hooks_cap) {
		c->hooks_cap = c->hooks_cap * 2 + 64;
		c->hooks = x_realloc(c->hooks, c->hooks_cap * sizeof(*c->hooks));
	}
	c->hooks[c->hooks_n++] = (struct hook){fn, drop, arg};
}

/* Undoes the hooks from number from on. */
static void
hooks_drop(struct committer *c, size_t from)
{
	for (size_t i = from; i < c->hooks_n; i++) {
		if (c->hooks[i].drop != NULL)
			c->hooks[i].drop(c->hooks[i].arg);
	}
	c->hooks_n = from;
}

static void
hooks_call(struct committer *c)
{
	for (size_t i = 0; i < c->hooks_n; i++)
		c->hooks[i].fn(c->hooks[i].arg);
	c->hooks_n = 0;
}

/* ---- operation ids ---- */

uint64_t
db_op_id(struct db_txn *txn)
{
	struct committer *c = txn->committer;

	ensure(c != NULL && c->current != NULL);
	c->op_asked = true;
	return c->current->op_id;
}

enum status
db_op_outcome(struct db_txn *txn, uint64_t op_id)
{
	static struct db_sql find = DB_SQL("SELECT n FROM db_op WHERE id = ?1");
	int64_t n;
	enum status st = db_get_ints(txn, &find, &n, 1, "i", (int64_t)(op_id >> OP_BITS));

	if (st != OK)
		return st;
	return (int64_t)(op_id & ((1U << OP_BITS) - 1)) < n ? OK : ERR_NOT_FOUND;
}

/* One row a group, and only if one of its functions asked for its id. */
static enum status
op_store(struct committer *c)
{
	static struct db_sql add = DB_SQL("INSERT INTO db_op (id, n) VALUES (?1, ?2)");
	static struct db_sql purge = DB_SQL("DELETE FROM db_op WHERE id < ?1");
	struct db_txn *txn = &c->conn->txn;
	enum status st;

	if (!c->op_asked)
		return OK;
	st = db_exec(txn, &add, "ii", c->group_id, (int64_t)c->good);
	if (st == OK && c->group_id - c->purged > OP_PURGE_US) {
		c->purged = c->group_id;
		st = db_exec(txn, &purge, "i", c->group_id - OP_KEPT_US);
	}
	return st;
}

/* ---- running ---- */

enum turn { TURN_GOES_ON, TURN_AGAIN };

/* The clock may have been ahead of what it tells now when the last ids were given out. */
static enum status
ids_above(struct committer *c)
{
	static struct db_sql highest = DB_SQL("SELECT coalesce(max(id), 0) FROM db_op");
	int64_t id;
	enum status st = db_get_ints(&c->conn->txn, &highest, &id, 1, "");

	if (st == OK && id >= c->group_id)
		c->group_id = id + 1;
	c->ids_known = st == OK;
	return st;
}

static enum status
group_begin(struct committer *c, bool sync)
{
	int64_t now = clock_now();
	enum status st;

	c->group_id = now > c->group_id ? now : c->group_id + 1;
	c->good = 0;
	c->op_asked = false;
	ensure(c->hooks_n == 0);
	c->full = c->drv->is_full(c->conn);
	if ((st = c->drv->begin(c->conn, sync)) != OK || c->ids_known)
		return st;
	if ((st = ids_above(c)) != OK)
		c->drv->rollback(c->conn);
	return st;
}

/* Runs w as the next of the group. TURN_AGAIN: the transaction has to be rolled back, the others run again. */
static enum turn
run_one(struct committer *c, struct db_write *w)
{
	int64_t changes = c->drv->changes(c->conn), scripts = c->conn->txn.scripts;
	size_t hooks = c->hooks_n;
	enum status st;
	bool alive;

	if (c->full && !w->reserve) {
		w->outcome = ERR_FULL;
		return TURN_GOES_ON;
	}
	c->conn->last_error = OK;
	if (c->savepoints && (st = c->drv->savepoint(c->conn)) != OK) {
		w->outcome = st;
		return TURN_AGAIN;
	}
	w->op_id = (uint64_t)c->group_id << OP_BITS | c->good;
	c->current = w;
	st = w->fn(&c->conn->txn, w->arg);
	c->current = NULL;
	alive = c->drv->in_txn(c->conn);
	if (st == OK && !alive)
		st = c->conn->last_error != OK ? c->conn->last_error : ERR_IO;
	w->outcome = st;
	if (st == OK) {
		c->good++;
		if (c->savepoints && (w->outcome = c->drv->release(c->conn)) != OK)
			return TURN_AGAIN;
		return TURN_GOES_ON;
	}
	hooks_drop(c, hooks);
	if (!alive)
		return TURN_AGAIN;
	if (c->savepoints)
		return c->drv->rollback_to(c->conn) == OK ? TURN_GOES_ON : TURN_AGAIN;
	return c->drv->changes(c->conn) == changes && c->conn->txn.scripts == scripts ? TURN_GOES_ON :
	                                                                                TURN_AGAIN;
}

static void
fail_pending(struct committer *c, enum status st)
{
	struct db_write *w;

	STAILQ_FOREACH(w, &c->group, link) {
		if (w->outcome == PENDING)
			w->outcome = st;
	}
}

/* Those that had run well have to run again. */
static void
unmark(struct committer *c)
{
	struct db_write *w;

	hooks_drop(c, 0);
	STAILQ_FOREACH(w, &c->group, link) {
		if (w->outcome == OK)
			w->outcome = PENDING;
	}
}

/* Without space: it is tried again if some could be made. */
static void
reconsider(struct committer *c, struct db_write *w)
{
	if (w->outcome == ERR_FULL && c->drv->on_full(c->conn, w->reserve))
		w->outcome = PENDING;
}

/*
 * Runs w and what follows it in the group, and all of the group again if need be. Each round ends at least one
 * write or takes the reserve, so the rounds come to an end. False: no transaction is open.
 */
static bool
run_from(struct committer *c, struct db_write *w, bool sync)
{
	enum status st;

	while (w != NULL) {
		if (w->outcome != PENDING || run_one(c, w) == TURN_GOES_ON) {
			w = STAILQ_NEXT(w, link);
			continue;
		}
		unmark(c);
		c->drv->rollback(c->conn);
		c->savepoints = true;
		reconsider(c, w);
		if ((st = group_begin(c, sync)) != OK) {
			fail_pending(c, st);
			return false;
		}
		w = STAILQ_FIRST(&c->group);
	}
	return true;
}

static enum commit_result
group_commit(struct committer *c, bool sync, enum status *why_r)
{
	enum commit_result result;

	if ((*why_r = op_store(c)) != OK) {
		c->drv->rollback(c->conn);
		return COMMIT_FAILED;
	}
	result = c->drv->commit(c->conn, why_r);
	if (result == COMMIT_DONE) {
		atomic_fetch_add_explicit(&c->db->commits, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&c->db->syncs, sync, memory_order_relaxed);
	}
	return result;
}

/* The outcomes stand: hooks first, then the callbacks, in the order in which the functions ran. */
static void
group_finish(struct committer *c, enum commit_result result)
{
	struct db_write *w;

	if (result == COMMIT_UNKNOWN) {
		hooks_drop(c, 0);
		db_fatal(c->db, "a commit failed at its sync");
	}
	hooks_call(c);
	while ((w = STAILQ_FIRST(&c->group)) != NULL) {
		STAILQ_REMOVE_HEAD(&c->group, link);
		finish_one(c, w, w->outcome == OK && result == COMMIT_UNKNOWN ? ERR_UNKNOWN : w->outcome);
	}
}

/* A commit of its own for w. */
static void
run_alone(struct committer *c, struct db_write *w, bool sync)
{
	enum commit_result result = COMMIT_DONE;
	enum status st;

	w->outcome = PENDING;
	STAILQ_INIT(&c->group);
	STAILQ_INSERT_TAIL(&c->group, w, link);
	while (w->outcome == PENDING) {
		result = COMMIT_DONE;
		if ((st = group_begin(c, sync)) != OK)
			w->outcome = st;
		else if (run_from(c, w, sync))
			result = group_commit(c, sync, &st);
		if (result != COMMIT_FAILED)
			break;
		unmark(c);
		w->outcome = st;
		reconsider(c, w);
	}
	group_finish(c, result);
}

/* The group could not be committed as a whole. */
static void
run_each_alone(struct committer *c, bool sync)
{
	struct write_list list = STAILQ_HEAD_INITIALIZER(list);
	struct db_write *w;

	unmark(c);
	STAILQ_CONCAT(&list, &c->group);
	while ((w = STAILQ_FIRST(&list)) != NULL) {
		STAILQ_REMOVE_HEAD(&list, link);
		if (w->outcome == PENDING && !atomic_load(&c->db->dead))
			run_alone(c, w, sync);
		else
			finish_one(c, w, w->outcome == PENDING ? ERR_UNAVAILABLE : w->outcome);
	}
}

/* Everything that waits fails: there is not even a transaction. */
static void
fail_waiting(struct committer *c, enum status st)
{
	struct db_write *w;

	while ((w = dequeue(c, false)) != NULL)
		finish_one(c, w, st);
}

/* Takes waiting writes into the open transaction until there are enough. False: it is not open any more. */
static bool
group_fill(struct committer *c, bool sync)
{
	int64_t until = clock_mono() + c->group_us;
	struct db_write *w;

	c->size = c->size_durable = 0;
	while ((w = dequeue(c, !sync)) != NULL) {
		STAILQ_INSERT_TAIL(&c->group, w, link);
		c->size_durable += !w->lazy;
		if (!run_from(c, w, sync))
			return false;
		if (++c->size >= c->group_max || clock_mono() >= until)
			break;
	}
	return true;
}

static void
run_group(struct committer *c, bool sync)
{
	enum commit_result result = COMMIT_DONE;
	enum status st;

	STAILQ_INIT(&c->group);
	c->savepoints = false;
	if (atomic_load(&c->db->dead)) {
		fail_waiting(c, ERR_UNAVAILABLE);
		return;
	}
	if ((st = group_begin(c, sync)) != OK) {
		fail_waiting(c, st);
		return;
	}
	if (group_fill(c, sync))
		result = group_commit(c, sync, &st);
	if (result == COMMIT_FAILED)
		run_each_alone(c, sync);
	else
		group_finish(c, result);
	c->drv->between(c->conn);
}

/* The next group, by a thread that has set running, under the lock. */
static void
lead(struct committer *c, bool sync)
{
	bool more;

	self.runs = c;
	run_group(c, sync);
	self.runs = NULL;
	pthread_mutex_lock(&c->lock);
	if (sync)
		c->lone = c->size_durable == 1 ? c->lone + 1 : 0;
	c->running = false;
	more = c->durable + c->lazy > 0 || c->stop;
	pthread_mutex_unlock(&c->lock);
	if (more)
		pthread_cond_signal(&c->wake);
}

void
committer_commits(bool on)
{
	self.commits = on;
}

void
committer_come(struct committer *c)
{
	bool stands;

	if (self.promised != c)
		return;
	self.promised = NULL;
	pthread_mutex_lock(&c->lock);
	stands = c->promised;
	c->promised = false;
	c->running |= stands;
	pthread_mutex_unlock(&c->lock);
	if (stands)
		lead(c, true);
}

/* ---- the thread ---- */

enum work { WORK_DURABLE, WORK_LAZY, WORK_END };

static enum work
wait_for_work(struct committer *c)
{
	enum work work = WORK_END;

	pthread_mutex_lock(&c->lock);
	for (;;) {
		int64_t due = c->lazy_since + LAZY_US;
		struct timespec at = {due / 1000000, due % 1000000 * 1000};

		if (c->running || c->promised) {
			pthread_cond_wait(&c->wake, &c->lock);
			continue;
		}
		if (c->durable > 0) {
			work = WORK_DURABLE;
			break;
		}
		if (c->soon > 0 || (c->lazy > 0 && (c->stop || clock_mono() >= due))) {
			work = WORK_LAZY;
			break;
		}
		if (c->stop)
			break;
		if (c->lazy > 0)
			pthread_cond_timedwait(&c->wake, &c->lock, &at);
		else
			pthread_cond_wait(&c->wake, &c->lock);
	}
	c->running = work != WORK_END;
	pthread_mutex_unlock(&c->lock);
	return work;
}

static void *
run(void *arg)
{
	struct committer *c = arg;
	enum work work;

	pthread_setname_np(pthread_self(), "committer");
	while ((work = wait_for_work(c)) != WORK_END)
		lead(c, work == WORK_DURABLE);
	/* What its functions read in snapshots of their own. */
	db_thread_end(c->db);
	return NULL;
}

bool
committer_is_self(const struct committer *c)
{
	return c != NULL && self.runs == c;
}

/* Threads of ours take no signals: those are the server's. */
void
thread_start(pthread_t *thread_r, void *(*fn)(void *), void *arg)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ensure(pthread_create(thread_r, NULL, fn, arg) == 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void
committer_free(struct committer *c)
{
	conn_close(c->conn);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->wake);
	free(c->hooks);
	free(c);
}

enum status
committer_start(struct db *db)
{
	struct committer *c = x_new(struct committer);
	pthread_condattr_t attr;
	enum status st;

	c->db = db;
	c->drv = db->drv;
	c->group_max = db->options.group_max != 0 ? db->options.group_max : 500;
	if (c->group_max >= 1U << OP_BITS)
		c->group_max = (1U << OP_BITS) - 1;
	c->group_us = (db->options.group_ms != 0 ? db->options.group_ms : 5) * INT64_C(1000);
	c->lane_key = random_u64() | 1;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &attr);
	pthread_condattr_destroy(&attr);
	TAILQ_INIT(&c->active);
	STAILQ_INIT(&c->group);
	for (int i = 0; i < LANES; i++)
		STAILQ_INIT(&c->lanes[i].writes);
	if ((st = conn_open(db, CONN_WRITER, &c->conn)) != OK) {
		committer_free(c);
		return st;
	}
	c->conn->txn.committer = c;
	db->committer = c;
	thread_start(&c->thread, run, c);
	return OK;
}

void
committer_stop(struct db *db)
{
	struct committer *c = db->committer;

	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	db->committer = NULL;
	committer_free(c);
}
