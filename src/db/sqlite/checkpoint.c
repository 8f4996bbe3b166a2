/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: a thread copies committed pages from the WAL into the database file while readers and the
 * writer go on. When the WAL gets long under constant writing, the rest is copied while the committer
 * stands still for a moment, so that the next commit can begin the WAL anew.
 *
 * turn and gate: the committer takes turn, then gate, and lets go of turn. Who wants it to stand still keeps
 * turn until it has the gate: a committer that comes round at once cannot overtake.
 */
#include "db/sqlite/sqlite_priv.h"

#include <stdlib.h>
#include <time.h>
#include "base/arena.h"
#include "base/lock.h"
#include "base/thread.h"

/* In multiples of sq_options.checkpoint_pages (8 MiB). What the WAL has after FORCE and a little more fits into what is kept of its
 * file (WAL_KEPT): under a constant load frames go into blocks that the file has, which costs a sync half of what new ones do. */
#define FORCE 3   /* the WAL is so long: hold the writer for the rest */
#define HOLD 24   /* hold the writer until a checkpoint that runs has ended */
#define RETRY_MS 1000 /* after a failure */
#define IDLE_MS 60000
#define READERS_MS 200 /* how long the end of those who read the WAL is waited for when it is to be cut off */

struct checkpointer {
	struct sq_engine *e;
	sqlite3 *h;
	pthread_t thread;
	struct lock lock;
	pthread_cond_t wake;
	pthread_cond_t ended;
	bool wanted, stop, failing;
	unsigned rounds;
	int start; /* frames in the WAL: begin to copy */
	atomic_bool busy; /* wanted or running: no need to wake it */
	unsigned idle_ms; /* after so long without a commit the WAL's file is cut (idle.c) */
	unsigned seen;    /* commits after which nothing is left to do until the next */
	atomic_bool asleep; /* the next commit is to wake it, for that */
};

void
sq_doubt(struct sq_engine *e, const char *why)
{
	atomic_store(&e->doubtful, true);
	e->host->fatal(e->host->arg, why);
}

/* A failed sync may have lost pages that later commits build on: as fatal as that of a commit. */
int
sq_copy(struct sq_engine *e, sqlite3 *h, int mode, int *left_r)
{
	int in_wal = 0, copied = 0, rc;

	/* One at a time: the engine would answer that it is busy. */
	lock_take(&e->copying);
	rc = sqlite3_wal_checkpoint_v2(h, NULL, mode, &in_wal, &copied);
	lock_give(&e->copying);
	*left_r = rc == SQLITE_OK ? in_wal - copied : 1;
	if (rc == SQLITE_OK)
		atomic_store(&e->wal_copied, copied);
	if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY)
		return SQLITE_OK;
	if (sq_error(h, rc, "checkpoint") == ERR_FULL)
		atomic_store(&e->copy_full, true);
	if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC)
		sq_doubt(e, "a sync of a checkpoint failed");
	return rc;
}

/* With the committer held. */
static int
copy_rest(struct sq_engine *e, sqlite3 *h, int mode)
{
	int left, rc;

	sq_hold(e);
	rc = sq_copy(e, h, mode, &left);
	/* The next commit begins the WAL anew, unless a reader is still in it. */
	if (rc == SQLITE_OK && left == 0)
		sq_wal_is(e, 0);
	sq_let_go(e);
	return rc;
}

static int
checkpoint(struct checkpointer *cp)
{
	struct sq_engine *e = cp->e;
	int left, rc = sq_copy(e, cp->h, SQLITE_CHECKPOINT_PASSIVE, &left);

	/* The engine begins the WAL anew only when all of it was copied, and what came while that was done is not. */
	if (rc == SQLITE_OK && atomic_load(&e->wal_frames) > FORCE * cp->start)
		rc = copy_rest(e, cp->h, SQLITE_CHECKPOINT_PASSIVE);
	return rc;
}

/* With a connection of its own: the thread may be using its. */
static enum status
copy_held(struct sq_engine *e, int mode)
{
	sqlite3 *h;
	enum status st = sq_handle(e, true, &h);
	int rc;

	if (st != OK)
		return st;
	sqlite3_busy_timeout(h, READERS_MS);
	rc = copy_rest(e, h, mode);
	sqlite3_close(h);
	return rc == SQLITE_OK ? OK : sq_status(rc);
}

enum status
sq_checkpoint_now(struct sq_engine *e)
{
	return copy_held(e, SQLITE_CHECKPOINT_PASSIVE);
}

enum status
sq_checkpoint_all(struct sq_engine *e)
{
	return copy_held(e, SQLITE_CHECKPOINT_TRUNCATE);
}

/* With the lock. False: the time is over. */
static bool
wait_for_ms(struct checkpointer *cp, unsigned ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return lock_wait_until(&cp->lock, &cp->wake, &until);
}

/* Nothing is wanted: until something is, with a look at the WAL's file when nobody has committed for a while. A server that nobody uses is
 * not woken for it: after that look only the next commit wakes. */
static void
rest(struct checkpointer *cp)
{
	struct sq_engine *e = cp->e;
	unsigned commits = atomic_load(&e->commits);

	if (commits == cp->seen) {
		atomic_store(&cp->asleep, true);
		if (atomic_load(&e->commits) == commits)
			lock_wait(&cp->lock, &cp->wake);
		atomic_store(&cp->asleep, false);
		return;
	}
	if (wait_for_ms(cp, cp->idle_ms) || cp->wanted || cp->stop || atomic_load(&e->commits) != commits)
		return;
	lock_give(&cp->lock);
	if (!sq_is_long(e, cp->h) || sq_cut(e, commits))
		commits = atomic_load(&e->commits);
	else
		commits--; /* once more, after as long */
	lock_take(&cp->lock);
	cp->seen = commits;
}

static void *
checkpoint_thread(void *arg)
{
	struct checkpointer *cp = arg;
	int rc;

	lock_take(&cp->lock);
	while (!cp->stop) {
		if (!cp->wanted) {
			atomic_store(&cp->busy, false);
			rest(cp);
			continue;
		}
		cp->wanted = false;
		lock_give(&cp->lock);
		rc = checkpoint(cp);
		lock_take(&cp->lock);
		cp->failing = rc != SQLITE_OK;
		cp->rounds++;
		pthread_cond_broadcast(&cp->ended);
		if (cp->failing && !cp->stop)
			(void)wait_for_ms(cp, RETRY_MS);
	}
	lock_give(&cp->lock);
	return NULL;
}

/* A checkpoint costs two syncs, however little it copies: not after each commit because the WAL is long. */
static bool
is_due(const struct checkpointer *cp, struct sq_engine *e, int frames)
{
	int due = frames - atomic_load_explicit(&e->wal_copied, memory_order_relaxed);

	return due >= (frames > FORCE * cp->start ? cp->start / 8 : cp->start);
}

void
sq_checkpointer_note(struct sq_engine *e)
{
	struct checkpointer *cp = e->checkpointer;
	int frames = atomic_load_explicit(&e->wal_frames, memory_order_relaxed);
	bool wait = frames >= HOLD * cp->start;
	unsigned round;

	if (atomic_load(&cp->asleep)) {
		lock_take(&cp->lock);
		pthread_cond_signal(&cp->wake);
		lock_give(&cp->lock);
	}
	if (!wait && (!is_due(cp, e, frames) || atomic_exchange(&cp->busy, true)))
		return;
	lock_take(&cp->lock);
	atomic_store(&cp->busy, true);
	cp->wanted = true;
	pthread_cond_signal(&cp->wake);
	/* Writing faster than the disk takes it: what is not copied must not grow without end. */
	round = cp->rounds;
	while (wait && cp->rounds == round && !cp->failing && !cp->stop)
		lock_wait(&cp->lock, &cp->ended);
	lock_give(&cp->lock);
}

enum status
sq_checkpointer_start(struct sq_engine *e)
{
	struct checkpointer *cp = x_new(struct checkpointer);
	enum status st = sq_handle(e, true, &cp->h);
	pthread_condattr_t attr;

	if (st != OK) {
		free(cp);
		return st;
	}
	/* Opens the file, and with it takes our share of the lock. */
	(void)sq_number(cp->h, "PRAGMA schema_version", 0);
	cp->e = e;
	lock_init(&cp->lock, LOCK_sqlite_checkpointer);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&cp->wake, &attr);
	pthread_condattr_destroy(&attr);
	pthread_cond_init(&cp->ended, NULL);
	cp->start = e->options.checkpoint_pages > 0 ? (int)e->options.checkpoint_pages : 1000;
	cp->idle_ms = e->options.idle_ms > 0 ? e->options.idle_ms : IDLE_MS;
	cp->seen = atomic_load(&e->commits) - 1; /* a start may find a long one */
	e->checkpointer = cp;
	thread_start(&cp->thread, checkpoint_thread, cp);
	return OK;
}

void
sq_checkpointer_stop(struct sq_engine *e)
{
	struct checkpointer *cp = e->checkpointer;

	if (cp == NULL)
		return;
	lock_take(&cp->lock);
	cp->stop = true;
	pthread_cond_signal(&cp->wake);
	lock_give(&cp->lock);
	pthread_join(cp->thread, NULL);
	sqlite3_close(cp->h);
	lock_fini(&cp->lock);
	pthread_cond_destroy(&cp->wake);
	pthread_cond_destroy(&cp->ended);
	free(cp);
	e->checkpointer = NULL;
}
