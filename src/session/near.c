/* SPDX-License-Identifier: Apache-2.0 */
#include "session/near.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
near_init(struct near *n)
{
	*n = (struct near){.bound = -1, .stat = -1, .seen = -1};
	if (sched_getaffinity(0, sizeof(n->all), &n->all) == 0 && CPU_COUNT(&n->all) > 1)
		n->stat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
}

void
near_end(struct near *n)
{
	if (n->stat >= 0)
		close(n->stat);
}

static void
let_go(struct near *n)
{
	if (n->bound >= 0)
		(void)sched_setaffinity(0, sizeof(n->all), &n->all);
	n->bound = -1;
}

static void
bind_to(struct near *n, int cpu)
{
	cpu_set_t one;

	if (n->bound == cpu)
		return;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) == 0)
		n->bound = cpu;
	else
		let_go(n);
}

/* What a task of the window cost and waited, on average; false: not known. The numbers are the kernel's own: "work wait slices". */
static bool
look(struct near *n, uint64_t *work_r, uint64_t *wait_r)
{
	char text[80], *end;
	ssize_t got = pread(n->stat, text, sizeof(text) - 1, 0);
	uint64_t work, wait;

	if (got <= 0)
		return false;
	text[got] = '\0';
	work = strtoull(text, &end, 10);
	wait = strtoull(end, NULL, 10);
	*work_r = (work - n->work_ns) / NEAR_WINDOW;
	*wait_r = (wait - n->wait_ns) / NEAR_WINDOW;
	n->work_ns = work;
	n->wait_ns = wait;
	return true;
}

static void
window(struct near *n, int (*cpu)(void))
{
	uint64_t work, wait;
	int before = n->seen;

	if (!look(n, &work, &wait))
		return;
	if (n->bound >= 0 && wait > NEAR_WAIT_NS)
		n->shy = NEAR_SHY;
	n->seen = cpu();
	if (n->shy > 0)
		n->shy--;
	/* In the first window the counters did not stand where it began; nothing was seen before it either. */
	else if (work <= NEAR_WORK_NS && wait <= NEAR_WAIT_NS && n->seen >= 0 && n->seen == before && n->seen < CPU_SETSIZE &&
	    CPU_ISSET(n->seen, &n->all)) {
		bind_to(n, n->seen);
		return;
	}
	let_go(n);
}

void
near_ran(struct near *n, bool alone, int (*cpu)(void))
{
	if (n->stat < 0)
		return;
	if (!alone) {
		let_go(n);
		n->alone = 0;
		n->seen = -1;
	} else if (++n->alone % NEAR_WINDOW == 0) {
		window(n, cpu);
	}
}
