/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The committer: one thread that runs all writes. It takes the waiting functions lane by lane, runs them in one
 * transaction, commits with one sync, and tells their outcomes; what is submitted meanwhile makes the next group.
 *
 * A lone change. Where one client at a time changes something, waking this thread and being woken by it is a third of what a change
 * costs. So a thread that asked for it (db_thread_commits) keeps a change that nobody else's stands beside: it has promised to run the
 * group itself, at once, when its task is over. Whatever else is submitted before that takes the promise back and wakes the thread; and where
 * changes come together there are no promises at all, since a commit of one would only split the groups.
 */
#include "db/committer_priv.h"

#include <stdlib.h>
#include <time.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/thread.h"

#define LAZY_US 1000000 /* longest time a lazy write waits for a durable one */
#define LONE_MIN 3      /* groups of one in a row, before threads commit their own */

/* What a thread is to its committer. */
static _Thread_local struct {
	bool commits;               /* it comes for its own */
	struct committer *promised; /* it is to come now, if the promise still stands */
	struct committer *runs;     /* it runs a group */
	void (*told)(void);         /* db_when_told() */
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

void
committer_finish(struct committer *c, struct db_write *w, enum status st)
{
	ensure(w->magic == MAGIC_WRITE && st != PENDING);
	w->magic = MAGIC_DEAD;
	atomic_fetch_add_explicit(&c->db->writes, 1, memory_order_relaxed);
	if (st != OK)
		atomic_fetch_add_explicit(&c->db->failed, 1, memory_order_relaxed);
	if (st == ERR_FULL)
		atomic_store(&c->db->was_full, true);
	if (w->done != NULL)
		w->done(w, st);
}

void
db_when_told(void (*fn)(void))
{
	ensure(self.runs != NULL && (self.told == NULL || self.told == fn));
	self.told = fn;
}

void
committer_told(void)
{
	void (*fn)(void) = self.told;

	self.told = NULL;
	if (fn != NULL)
		fn();
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

	ensure(c->magic == MAGIC_COMMITTER && w->fn != NULL && w->magic != MAGIC_WRITE);
	w->magic = MAGIC_WRITE;
	w->outcome = PENDING;
	lock_take(&c->lock);
	/* At the end only the committer's own callbacks submit: it comes round to that. */
	ensure(!c->stop || committer_is_self(c));
	enqueue(c, w);
	wake = !w->lazy ? c->durable == 1 : w->soon ? c->soon == 1 : c->lazy == 1;
	/* The thread that promised may be about to wait for this very write. */
	wake |= c->promised;
	c->promised = false;
	if (wake && promise(c, w))
		wake = false;
	lock_give(&c->lock);
	if (wake)
		pthread_cond_signal(&c->wake);
}

bool
committer_idle(struct committer *c)
{
	bool idle;

	lock_take(&c->lock);
	idle = c->durable + c->lazy == 0 && !c->running;
	lock_give(&c->lock);
	return idle;
}

struct db_write *
committer_next(struct committer *c, bool only_lazy)
{
	struct db_write *w = NULL;
	struct lane *lane;

	lock_take(&c->lock);
	TAILQ_FOREACH(lane, &c->active, link) {
		w = STAILQ_FIRST(&lane->writes);
		if (!only_lazy || w->lazy)
			break;
		w = NULL;
	}
	if (w != NULL) {
		ensure(w->magic == MAGIC_WRITE && (w->lazy ? c->lazy : c->durable) > 0);
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
	lock_give(&c->lock);
	return w;
}

/* ---- who runs a group ---- */

/* The next group, by a thread that has set running, under the lock. */
static void
lead(struct committer *c, bool sync)
{
	bool more;

	ensure(self.runs == NULL);
	self.runs = c;
	group_run(c, sync);
	committer_told();
	self.runs = NULL;
	lock_take(&c->lock);
	if (sync)
		c->lone = c->size_durable == 1 ? c->lone + 1 : 0;
	c->running = false;
	more = c->durable + c->lazy > 0 || c->stop;
	lock_give(&c->lock);
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
	lock_take(&c->lock);
	stands = c->promised;
	c->promised = false;
	c->running |= stands;
	lock_give(&c->lock);
	if (stands) {
		lock_none();
		lead(c, true);
	}
}

/* ---- the thread ---- */

enum work { WORK_DURABLE, WORK_LAZY, WORK_END };

static enum work
wait_for_work(struct committer *c)
{
	enum work work = WORK_END;

	lock_take(&c->lock);
	for (;;) {
		int64_t due = c->lazy_since + LAZY_US;
		struct timespec at = {due / 1000000, due % 1000000 * 1000};

		if (c->running || c->promised) {
			lock_wait(&c->lock, &c->wake);
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
			(void)lock_wait_until(&c->lock, &c->wake, &at);
		else
			lock_wait(&c->lock, &c->wake);
	}
	c->running = work != WORK_END;
	lock_give(&c->lock);
	return work;
}

static void *
committer_thread(void *arg)
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

static void
committer_free(struct committer *c)
{
	c->magic = MAGIC_DEAD;
	conn_close(c->conn);
	lock_fini(&c->lock);
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

	c->magic = MAGIC_COMMITTER;
	c->db = db;
	c->drv = db->drv;
	c->group_max = db->options.group_max != 0 ? db->options.group_max : 500;
	if (c->group_max >= 1U << OP_BITS)
		c->group_max = (1U << OP_BITS) - 1;
	c->group_us = (db->options.group_ms != 0 ? db->options.group_ms : 5) * INT64_C(1000);
	c->lane_key = random_u64() | 1;
	lock_init(&c->lock, LOCK_db_committer);
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
	thread_start(&c->thread, committer_thread, c);
	return OK;
}

void
committer_stop(struct db *db)
{
	struct committer *c = db->committer;

	if (c == NULL)
		return;
	lock_take(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	lock_give(&c->lock);
	pthread_join(c->thread, NULL);
	ensure(c->durable + c->lazy == 0 && !c->running && TAILQ_EMPTY(&c->active));
	db->committer = NULL;
	committer_free(c);
}
