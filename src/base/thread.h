/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that live as long as the thing that they serve. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

/* The one signal that all threads take, when it is sent to each of them (server/sandbox_threads.c); nothing else uses it. */
#define THREAD_SIGNAL SIGRTMIN

/* Between the two the caller makes threads that take no signals but that one. */
void thread_signals_off(sigset_t *before_r);
void thread_signals_back(const sigset_t *before);
/* Starts fn(arg) in a thread that takes no signals but THREAD_SIGNAL: those are the server's. Without threads the process ends. */
void thread_start(pthread_t *thread_r, void *(*fn)(void *), void *arg);

#endif
