/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watchdog: says where a session worked for long without letting others have their turn. Compiled in always. A step is what a thread does for one
 * session between two looks at what else is to be done, or one write function inside a commit. One that used more than WATCHDOG_MS of its thread's own
 * CPU time (so that what else the machine does does not count) is logged as the event slow_step, with who, command and place, and counted.
 *
 * All but watchdog_count() are for the thread that makes the step, and cost a look at the coarse or the monotonic clock, no system
 * call: the CPU clock is read where that much time has passed only, so that the figure may be too low by some milliseconds, never too high.
 *
 *	watchdog_begin();
 *	... watchdog_place("FETCH", "updates") ...
 *	watchdog_end("imap", id);
 *
 * Steps do not nest. Outside of one the rest does nothing.
 */
#ifndef BASE_WATCHDOG_H
#define BASE_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

/* Sanitizers make code slower: the bound is larger in their builds. */
#if defined(__SANITIZE_THREAD__)
#define WATCHDOG_MS 1000
#elif defined(MANSIO_SANITIZE)
#define WATCHDOG_MS 400
#else
#define WATCHDOG_MS 50
#endif

void watchdog_begin(void);
/* From here on the step works on this: two static texts, a command and what of it. Of several places in one step the longest is named. */
void watchdog_place(const char *command, const char *place);
/* Where the running step is now, for the log; "-" outside of one. Static texts. */
void watchdog_where(const char **command_r, const char **place_r);
/* What lies between does not count: work that cannot be divided, is bounded, and has turns of its own (hashing a password). */
void watchdog_pause(void);
void watchdog_resume(void);
/* True: the step was slow, and has been logged and counted. who is the protocol, id the connection or account. */
bool watchdog_end(const char *who, uint64_t id);

/* Slow steps of this process so far. Any thread. */
uint64_t watchdog_count(void);

#endif
