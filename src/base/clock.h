/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock: the time of day and the monotonic time. Any thread. Tests may shift the time of day.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Time of day in microseconds since 1970-01-01 UTC; may jump. */
int64_t clock_now(void);
/* The same in whole seconds. */
int64_t clock_seconds(void);
/* Monotonic microseconds since some start: for time-outs and durations. */
int64_t clock_mono(void);
/* Microseconds of CPU that the calling thread has used: for bounds in which what else the machine does must not count. */
int64_t clock_thread_cpu(void);
/* Tests only: adds offset microseconds to what clock_now() tells. */
void clock_shift(int64_t offset);
/* Tests only: the offset is what stands in this file of eight bytes from now on, whoever writes it. Once, before there are
 * threads. */
bool clock_follow(const char *path);

#endif
