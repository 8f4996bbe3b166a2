/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that take a task, or wait in the poller. */
#include "session/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/thread.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "session/pool_priv.h"

#define THREADS_MOST 512u
/* After so many tasks, or microseconds, the poller is looked at although tasks wait. */
#define POLL_EVERY 16u
#define POLL_US 2000
#define STACK (1024u * 1024)

/* The thread is in task_end(): it comes round to the queue at once. */
static _Thread_local bool ending;

struct pool *
pool_new(const struct pool_options *o)
{
	struct pool *p = x_new(struct pool);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	p->o = *o;
	p->lane_key = random_u64() | 1;
	TAILQ_INIT(&p->active);
	p->n_threads = o->threads != 0 ? o->threads : cores > 2 ? 2 * (unsigned)cores : 4;
	if (p->n_threads > THREADS_MOST)
		p->n_threads = THREADS_MOST;
	lock_init(&p->lock, LOCK_pool);
	heavy_setup(p);
	return p;
}

/* Under the lock. */
static void
enqueue(struct pool *p, struct task *t)
{
	struct pool_lane *lane = &p->lanes[(t->lane * p->lane_key) >> 54];

	ensure(t->magic == MAGIC_TASK_IDLE && t->run != NULL);
	t->magic = MAGIC_TASK_QUEUED;
	t->next = NULL;
	if (lane->head == NULL) {
		lane->tail = &lane->head;
		TAILQ_INSERT_TAIL(&p->active, lane, link);
	}
	*lane->tail = t;
	lane->tail = &t->next;
}

/* The first task of the lane whose turn it is; NULL: there is none. Under the lock. */
static struct task *
dequeue(struct pool *p)
{
	struct pool_lane *lane = TAILQ_FIRST(&p->active);
	struct task *t;

	if (lane == NULL)
		return NULL;
	t = lane->head;
	ensure(t->magic == MAGIC_TASK_QUEUED);
	t->magic = MAGIC_TASK_IDLE;
	TAILQ_REMOVE(&p->active, lane, link);
	if ((lane->head = t->next) != NULL)
		TAILQ_INSERT_TAIL(&p->active, lane, link);
	return t;
}

void
pool_ready(void *arg, struct task *t, bool local)
{
	struct pool *p = arg;
	bool signal;

	lock_take(&p->lock);
	enqueue(p, t);
	/* One interrupt under way is enough: who takes a task and sees more behind it sends the
	 * next one. A local task is taken by the thread that queued it. */
	signal = !local && !ending && p->idle > 0 && !p->signalled;
	p->signalled = p->signalled || signal;
	lock_give(&p->lock);
	if (signal)
		net_interrupt(p->net);
}

void
pool_submit(struct pool *p, struct task *t)
{
	pool_ready(p, t, false);
}

/* The next task; NULL: none, and this thread now counts as idle. */
static struct task *
take(struct pool *p, bool *more_r)
{
	struct task *t;

	lock_none();
	lock_take(&p->lock);
	if ((t = dequeue(p)) != NULL) {
		*more_r = !TAILQ_EMPTY(&p->active) && p->idle > 0 && !p->signalled;
		p->signalled = p->signalled || *more_r;
	} else {
		p->idle++;
	}
	lock_give(&p->lock);
	return t;
}

/* Nothing queued: waits in the poller. False when the pool ends. */
static bool
idle(struct pool *p)
{
	bool stop;

	lock_take(&p->lock);
	stop = p->stop && TAILQ_EMPTY(&p->active);
	lock_give(&p->lock);
	if (!stop)
		net_poll(p->net, -1, 16);
	lock_take(&p->lock);
	ensure(p->idle > 0 && p->idle <= p->n_threads);
	p->idle--;
	p->signalled = false;
	stop = p->stop && TAILQ_EMPTY(&p->active);
	lock_give(&p->lock);
	if (stop)
		net_interrupt(p->net); /* the next one, too */
	return !stop;
}

/* Tasks wait, but so may the poller: those who came in the meantime join the queue. */
static void
glance(struct pool *p)
{
	if (net_poll(p->net, 0, 16) == 0)
		return;
	/* The interrupt meant for a sleeper may have been among them. */
	lock_take(&p->lock);
	p->signalled = false;
	lock_give(&p->lock);
}

static void
end_task(struct pool *p)
{
	if (p->o.task_end == NULL)
		return;
	ending = true;
	p->o.task_end(p->o.arg);
	ending = false;
}

static void *
pool_thread(void *arg)
{
	struct pool *p = arg;
	int64_t looked = 0;

	if (p->o.thread_start != NULL)
		p->o.thread_start(p->o.arg);
	for (unsigned n = 1;; n++) {
		bool more = false;
		struct task *t = take(p, &more);

		if (t == NULL) {
			if (!idle(p))
				break;
			n = 0;
			looked = clock_mono();
			continue;
		}
		if (more)
			net_interrupt(p->net);
		t->run(t);
		end_task(p);
		if (n >= POLL_EVERY || clock_mono() - looked > POLL_US) {
			glance(p);
			n = 0;
			looked = clock_mono();
		}
	}
	if (p->o.thread_end != NULL)
		p->o.thread_end(p->o.arg);
	net_thread_end();
	return NULL;
}

enum status
pool_start(struct pool *p, struct net *net)
{
	sigset_t before;
	pthread_attr_t attr;
	unsigned started = 0;

	p->net = net;
	p->threads = x_calloc(p->n_threads, sizeof(*p->threads));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	/* Signals are the main thread's. */
	thread_signals_off(&before);
	while (started < p->n_threads
	    && pthread_create(&p->threads[started], &attr, pool_thread, p) == 0)
		started++;
	thread_signals_back(&before);
	pthread_attr_destroy(&attr);
	if (started == p->n_threads)
		return OK;
	p->n_threads = started;
	pool_stop(p);
	return ERR_LIMIT;
}

void
pool_stop(struct pool *p)
{
	if (p->threads == NULL)
		return;
	lock_take(&p->lock);
	p->stop = true;
	lock_give(&p->lock);
	net_interrupt(p->net);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	free(p->threads);
	p->threads = NULL;
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	ensure(p->threads == NULL && TAILQ_EMPTY(&p->active));
	heavy_teardown(p);
	lock_fini(&p->lock);
	free(p);
}

unsigned
pool_threads(const struct pool *p)
{
	return p->n_threads;
}
