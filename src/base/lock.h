/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock: a mutex with a name and a place in the order of lock.tbl. Two threads that take two locks in different orders wait for each
 * other for ever, once in a million times; the order is checked each time. A build for tests (MANSIO_CHECKS: every one but a release) keeps a list of the locks
 * that a thread holds, and ends the process where it takes one out of order, gives one that it has not, or waits with one in
 * its hand that is for a moment only. A release has plain mutexes.
 *
 * A lock is taken and given by one thread. It is not taken twice, nor together with another of its name.
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

enum lock_name {
#define L(name, held, words) LOCK_##name,
#include "base/lock.tbl"
#undef L
	LOCK_COUNT
};

struct lock {
	pthread_mutex_t mutex;
	enum lock_name name;
};

/* For a static lock. */
#define LOCK_INIT(lock_name) {.mutex = PTHREAD_MUTEX_INITIALIZER, .name = LOCK_##lock_name}

void lock_init(struct lock *l, enum lock_name name);
/* Nobody holds it any more. */
void lock_fini(struct lock *l);

#ifdef MANSIO_CHECKS
void lock_note_take(const struct lock *l);
void lock_note_give(const struct lock *l);
void lock_note_wait(const struct lock *l);
/* The calling thread holds no lock but such as may be held while it waits: it is about to wait for somebody, or to take up other work. */
void lock_none(void);
#else
#define lock_note_take(l) ((void)0)
#define lock_note_give(l) ((void)0)
#define lock_note_wait(l) ((void)0)
#define lock_none() ((void)0)
#endif

static inline void
lock_take(struct lock *l)
{
	lock_note_take(l);
	pthread_mutex_lock(&l->mutex);
}

static inline void
lock_give(struct lock *l)
{
	lock_note_give(l);
	pthread_mutex_unlock(&l->mutex);
}

/* Waits for the condition, which l guards: l is held before and after, and given meanwhile. May return for no reason. */
static inline void
lock_wait(struct lock *l, pthread_cond_t *condition)
{
	lock_note_wait(l);
	pthread_cond_wait(condition, &l->mutex);
}

/* The same until a moment of the condition's clock. False: it has come. */
static inline bool
lock_wait_until(struct lock *l, pthread_cond_t *condition, const struct timespec *until)
{
	lock_note_wait(l);
	return pthread_cond_timedwait(condition, &l->mutex, until) == 0;
}

#endif
