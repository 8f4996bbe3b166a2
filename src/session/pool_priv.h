/* SPDX-License-Identifier: Apache-2.0 */
/* What pool.c and heavy.c share. */
#ifndef SESSION_POOL_PRIV_H
#define SESSION_POOL_PRIV_H

#include <pthread.h>
#include <sys/queue.h>
#include "base/lock.h"
#include "base/map.h"
#include "session/pool.h"

/* An account that has turns, waits for some, or did a moment ago. */
struct heavy_account {
	uint64_t id;
	unsigned inside;
	int64_t seen;                      /* clock_mono() when it last asked or left */
	struct heavy *waiting, **tail;     /* in order of asking */
	TAILQ_ENTRY(heavy_account) asking; /* while some wait */
	TAILQ_ENTRY(heavy_account) known;
};
TAILQ_HEAD(heavy_accounts, heavy_account);

/* Who has a turn of one kind, and who waits for one. */
struct heavy_room {
	unsigned max, max_each;
	unsigned now;
	struct heavy_accounts asking; /* the first has its turn next */
	struct heavy_accounts known;  /* the one seen last is the last */
	unsigned known_n;
	struct map accounts;          /* id: struct heavy_account */
};

/* Tasks of one lane, or of several that share a place. Under the pool's lock. */
#define POOL_LANES 1024
struct pool_lane {
	struct task *head, **tail;
	TAILQ_ENTRY(pool_lane) link; /* while there are tasks */
};

struct pool {
	struct pool_options o;
	struct net *net;
	pthread_t *threads;
	unsigned n_threads;

	struct lock lock;
	struct pool_lane lanes[POOL_LANES];
	TAILQ_HEAD(, pool_lane) active; /* lanes with tasks: the first has its turn next */
	uint64_t lane_key;
	unsigned idle;   /* threads that wait in net_poll(), or are about to */
	bool signalled;  /* one of them has been interrupted and has not come back yet */
	bool stop;

	struct lock heavy_lock;
	struct heavy_room rooms[HEAVY_KINDS];
};

void heavy_setup(struct pool *p);
void heavy_teardown(struct pool *p);

#endif
