/* SPDX-License-Identifier: Apache-2.0 */
/* Starting threads. */
#include "base/thread.h"

#include <signal.h>
#include "base/assert.h"

void
thread_signals_off(sigset_t *before_r)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, THREAD_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &all, before_r);
}

void
thread_signals_back(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

void
thread_start(pthread_t *thread_r, void *(*fn)(void *), void *arg)
{
	sigset_t before;

	thread_signals_off(&before);
	ensure(pthread_create(thread_r, NULL, fn, arg) == 0);
	thread_signals_back(&before);
}
