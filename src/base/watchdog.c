/* SPDX-License-Identifier: Apache-2.0 */
/* Measures each step by the thread's own CPU clock, and remembers where it was. */
#include "base/watchdog.h"

#include <stdatomic.h>
#include <time.h>
#include "base/clock.h"
#include "base/log.h"

#define LIMIT_US (WATCHDOG_MS * INT64_C(1000))
#define FRESH_US 5000 /* a reading of the CPU clock serves steps that begin so long after it */

struct place {
	const char *command, *name;
};

static _Atomic uint64_t slow_steps;

static _Thread_local struct {
	bool running;
	int64_t begun;             /* clock_mono() */
	int64_t cpu, cpu_at;       /* a reading of the CPU clock, and clock_mono() then */
	int64_t excused, paused;   /* CPU time that does not count; where it began to be paused */
	struct place now, longest;
	int64_t now_since, longest_us; /* coarse */
} self;

/* Some milliseconds coarse, and for next to nothing. */
static int64_t
coarse(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
read_cpu(void)
{
	self.cpu = clock_thread_cpu();
	self.cpu_at = clock_mono();
}

void
watchdog_begin(void)
{
	self.begun = clock_mono();
	if (self.cpu == 0 || self.begun - self.cpu_at > FRESH_US) {
		read_cpu();
		self.begun = self.cpu_at;
	}
	self.running = true;
	self.excused = 0;
	self.now = self.longest = (struct place){"-", "-"};
	self.now_since = coarse();
	self.longest_us = -1;
}

/* The place ends, and another begins. */
static void
move(struct place to)
{
	int64_t at = coarse();

	if (at - self.now_since > self.longest_us) {
		self.longest_us = at - self.now_since;
		self.longest = self.now;
	}
	self.now = to;
	self.now_since = at;
}

void
watchdog_place(const char *command, const char *place)
{
	if (self.running)
		move((struct place){command, place});
}

void
watchdog_where(const char **command_r, const char **place_r)
{
	*command_r = self.running ? self.now.command : "-";
	*place_r = self.running ? self.now.name : "-";
}

void
watchdog_pause(void)
{
	if (self.running)
		self.paused = clock_thread_cpu();
}

void
watchdog_resume(void)
{
	if (self.running)
		self.excused += clock_thread_cpu() - self.paused;
}

bool
watchdog_end(const char *who, uint64_t id)
{
	int64_t used, before;

	if (!self.running)
		return false;
	self.running = false;
	if (clock_mono() - self.begun <= LIMIT_US)
		return false;
	/* Between the reading and the step it cannot have used more than the time that passed. */
	before = self.cpu + (self.begun - self.cpu_at);
	read_cpu();
	used = self.cpu - before - self.excused;
	if (used <= LIMIT_US)
		return false;
	move(self.now);
	atomic_fetch_add_explicit(&slow_steps, 1, memory_order_relaxed);
	log_event(EV_slow_step, "%s id=%llu command=\"%s\" place=\"%s\" cpu_ms=%lld", who, (unsigned long long)id, self.longest.command,
	    self.longest.name, (long long)(used / 1000));
	return true;
}

uint64_t
watchdog_count(void)
{
	return atomic_load_explicit(&slow_steps, memory_order_relaxed);
}
