/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task: a piece of work for some thread of the pool. Embedded in what it works on; it is in at most
 * one queue. The queue does not touch it after run() has begun, so run() may free or queue it.
 */
#ifndef NET_TASK_H
#define NET_TASK_H

struct task {
	struct task *next;
	void (*run)(struct task *);
};

#endif
