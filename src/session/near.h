/* SPDX-License-Identifier: Apache-2.0 */
/*
 * near: a thread that serves one small command after the other stays on the processor on which their bytes come in.
 *
 * A small command is a few microseconds of work between two wakes: the client's bytes wake the thread, its answer wakes the client.
 * The kernel spreads the two over idle processors, and then each wake is an interrupt to another processor, which on a
 * virtual machine costs more than the command. On the processor where the bytes come in (the client's, if it is on this machine, else that
 * of the network card's interrupt) neither is needed.
 *
 * As soon as there is work for two, a processor more is worth more. So a thread binds itself only while it alone has work: it takes
 * NEAR_WINDOW tasks in a row and finds no other thread of the pool at work; on average they cost at most NEAR_WORK_NS, waited at most
 * NEAR_WAIT_NS for a processor, and their bytes came in where those of the window before did. It lets go at the first task that finds
 * another thread at work, and at the end of a window that was otherwise; when it had to wait where it was bound it stays
 * free for NEAR_SHY windows. Where the kernel does not tell or refuses, the thread is as any other.
 *
 * Cost: a few instructions a task, two system calls a window. A struct near belongs to its thread.
 */
#ifndef SESSION_NEAR_H
#define SESSION_NEAR_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#define NEAR_WINDOW 16u
#define NEAR_WORK_NS 60000
#define NEAR_WAIT_NS 30000
#define NEAR_SHY 256u

struct near {
	cpu_set_t all;    /* where the thread may run */
	int bound;        /* the processor, -1: any */
	int stat;         /* /proc/thread-self/schedstat, -1: not to be had, or there is one processor only */
	int seen;         /* where the bytes of the last window came in, -1: nothing seen */
	unsigned shy;     /* windows for which it stays free */
	unsigned alone;   /* tasks in a row that found no other thread at work */
	uint64_t work_ns, wait_ns; /* on a processor, and waiting for one, at the end of the last window */
};

/* In the thread, as is all that follows. */
void near_init(struct near *n);
void near_end(struct near *n);
/* A task was run. alone: no other thread was at work when it began. cpu(): where the bytes came in that the thread read last; -1: not known. */
void near_ran(struct near *n, bool alone, int (*cpu)(void));

#endif
