/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that live as long as the thing that they serve. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/* Starts fn(arg) in a thread that takes no signals: those are the server's. Without threads the process ends. */
void thread_start(pthread_t *thread_r, void *(*fn)(void *), void *arg);

#endif
