/* SPDX-License-Identifier: Apache-2.0 */
/* Starting threads. */
#include "base/thread.h"

#include <signal.h>
#include "base/assert.h"

void
thread_start(pthread_t *thread_r, void *(*fn)(void *), void *arg)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ensure(pthread_create(thread_r, NULL, fn, arg) == 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}
