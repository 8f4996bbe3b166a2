/* SPDX-License-Identifier: Apache-2.0 */
/* What pool.c and heavy.c share. */
#ifndef SESSION_POOL_PRIV_H
#define SESSION_POOL_PRIV_H

#include <pthread.h>
#include "base/map.h"
#include "session/pool.h"

/* Who has a turn of one kind, and who waits for one. */
struct heavy_room {
	unsigned max, max_each;
	unsigned now;
	struct heavy *waiting, **waiting_tail; /* in order of asking */
	struct map accounts;                   /* account: how many are inside */
};

struct pool {
	struct pool_options o;
	struct net *net;
	pthread_t *threads;
	unsigned n_threads;

	pthread_mutex_t lock;
	struct task *head, **tail;
	unsigned idle;   /* threads that wait in net_poll(), or are about to */
	bool signalled;  /* one of them has been interrupted and has not come back yet */
	bool stop;

	pthread_mutex_t heavy_lock;
	struct heavy_room rooms[HEAVY_KINDS];
};

void heavy_setup(struct pool *p);
void heavy_teardown(struct pool *p);

#endif
