/* SPDX-License-Identifier: Apache-2.0 */
/* The line that tells how far a long verb is: on a terminal only. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include "base/clock.h"
#include "cli/cli.h"

#define BAR 30
#define REDRAW_US 100000

void
progress_begin(struct progress *p, const char *what, uint64_t total, bool quiet)
{
	*p = (struct progress){.what = what, .total = total, .started = clock_mono(), .tty = !quiet && isatty(2)};
}

static void
draw(struct progress *p, int64_t now)
{
	double seconds = (double)(now - p->started) / 1e6, rate = seconds > 0 ? (double)p->done / seconds : 0;
	uint64_t left = rate > 0 && p->total > p->done ? (uint64_t)((double)(p->total - p->done) / rate) : 0;
	unsigned filled = p->total ? (unsigned)(BAR * p->done / p->total) : 0;
	char bar[BAR + 1];

	for (unsigned i = 0; i < BAR; i++)
		bar[i] = i < filled ? '#' : '-';
	bar[BAR] = '\0';
	fprintf(stderr, "\r[%s] %" PRIu64 "/%" PRIu64 " %s  %.1f MB  %.0f/s  %" PRIu64 ":%02" PRIu64 " left ", bar, p->done,
	    p->total, p->what, (double)p->bytes / 1e6, rate, left / 60, left % 60);
}

void
progress_add(struct progress *p, uint64_t n, uint64_t bytes)
{
	int64_t now;

	p->done += n;
	p->bytes += bytes;
	if (!p->tty || (now = clock_mono()) - p->shown < REDRAW_US)
		return;
	p->shown = now;
	draw(p, now);
}

void
progress_end(struct progress *p)
{
	if (!p->tty)
		return;
	draw(p, clock_mono());
	fputc('\n', stderr);
}
