/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool: the bounded set of threads that run connections and other tasks. Threads without work wait
 * in net_poll() themselves; there is no poller thread and no hand-over between threads on the way
 * of a command. Any thread, unless said otherwise.
 */
#ifndef SESSION_POOL_H
#define SESSION_POOL_H

#include "base/status.h"
#include "net/net.h"
#include "net/task.h"

struct pool;

struct pool_options {
	unsigned threads;              /* 0: twice the cores, at least four */
	void (*thread_start)(void *arg); /* in each thread, at its begin: open a database reader */
	void (*thread_end)(void *arg);
	/* After each task, in its thread; what it makes ready this thread runs next. NULL is allowed. */
	void (*task_end)(void *arg);
	void *arg;
	unsigned heavy;                /* heavy tasks at once; 0: half of the threads */
	unsigned heavy_per_account;    /* while nobody else asks; 0: two */
};

/* The threads start with pool_start(), when net is there. */
struct pool *pool_new(const struct pool_options *o);
/* net_options.ready with ready_arg = the pool. */
void pool_ready(void *pool, struct task *t, bool local);
enum status pool_start(struct pool *p, struct net *net) must_check;
/* Ends the threads after the tasks in the queue have run; call it from outside the pool. */
void pool_stop(struct pool *p);
void pool_free(struct pool *p);
unsigned pool_threads(const struct pool *p);

/* Runs t->run in some thread of the pool. Tasks of one lane run in the order in which they came; between lanes each has its turn, so that an account with
 * two hundred connections that all work keeps another one waiting for one task, not for two hundred. */
void pool_submit(struct pool *p, struct task *t);

/*
 * Heavy reading (body search, THREAD, rebuilding): limited per account and in all, so that it never
 * takes every thread. A command asks for its turn, does a step, lets go between steps:
 *
 *	if (!heavy_enter(&s->heavy))
 *		return CONN_WAKE;  (CONN_EV_WAKE comes when it is its turn; ask again then)
 *	... some milliseconds of work ...
 *	heavy_leave(&s->heavy);
 *
 * Turns go round the accounts, and within each in order of asking. Accounts that ask at the same time, or did so a moment ago, have equal shares of the
 * turns, one at least: sixty searches of one account slow another's no more than one would. One thread at a time per ticket.
 *
 * Nobody keeps a turn while it waits for anything, least of all for its client (S20); also not one to which it was called and did not come yet.
 *
 * Logins that hash a password have turns of their own, a quarter of the threads, so that a flood of them
 * takes neither the threads nor the turns of those who are in (S13). Their account is any number for the client's
 * address: half of the turns at most are one address's.
 */
enum heavy_kind { HEAVY_READING, HEAVY_LOGIN, HEAVY_KINDS };
struct heavy {
	struct pool *pool;
	struct conn *conn;
	uint64_t account;
	struct heavy *next;
	unsigned char state, kind;
};
void heavy_init(struct heavy *h, struct pool *p, struct conn *c, uint64_t account);
void heavy_init_login(struct heavy *h, struct pool *p, struct conn *c, uint64_t account);
bool heavy_enter(struct heavy *h);
/* Also cancels waiting; harmless when neither waiting nor inside. Call it before freeing. */
void heavy_leave(struct heavy *h);

#endif
