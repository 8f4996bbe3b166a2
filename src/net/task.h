/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task: a piece of work for some thread of the pool. Embedded in what it works on; it is in at most
 * one queue. The queue does not touch it after run() has begun, so run() may free or queue it.
 */
#ifndef NET_TASK_H
#define NET_TASK_H

#include <stdint.h>

struct task {
	struct task *next;
	uint64_t lane; /* whose it is: the pool goes round the lanes. Not to be changed while it is queued */
	void (*run)(struct task *);
};

#endif
