/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task: a piece of work for some thread of the pool. Embedded in what it works on; it is in at most
 * one queue. The queue does not touch it after run() has begun, so run() may free or queue it.
 */
#ifndef NET_TASK_H
#define NET_TASK_H

#include <stdint.h>
#include "base/magic.h"

struct task {
	struct task *next;
	enum magic magic; /* MAGIC_TASK_IDLE or MAGIC_TASK_QUEUED */
	uint64_t lane; /* whose it is: the pool goes round the lanes. Not to be changed while it is queued */
	void (*run)(struct task *);
};

static inline void
task_init(struct task *t, void (*run)(struct task *), uint64_t lane)
{
	*t = (struct task){.magic = MAGIC_TASK_IDLE, .lane = lane, .run = run};
}

#endif
