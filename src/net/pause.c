/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pauses to the microsecond: a heap of moments and a timerfd of its own, for the wheel of timer.c counts in seconds, which makes of 12 ms
 * that somebody may not see a second that he does. An entry stays until its moment, also when its connection is gone: its
 * generation tells. There are as many at most as connections, and some that were closed during the last pause.
 */
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "net/net_priv.h"

struct pause {
	int64_t at; /* clock_mono() */
	uint32_t slot, generation;
};

static void
set_timer(struct net *net)
{
	struct itimerspec its = {0};

	if (net->n_pauses > 0) {
		its.it_value.tv_sec = net->pauses[0].at / 1000000;
		its.it_value.tv_nsec = net->pauses[0].at % 1000000 * 1000;
	}
	timerfd_settime(net->pauser, TFD_TIMER_ABSTIME, &its, NULL);
}

static void
push(struct net *net, struct pause p)
{
	size_t i = net->n_pauses++;

	if (i == net->cap_pauses) {
		net->cap_pauses = i > 0 ? 2 * i : 16;
		net->pauses = x_realloc(net->pauses, net->cap_pauses * sizeof(*net->pauses));
	}
	for (; i > 0 && net->pauses[(i - 1) / 2].at > p.at; i = (i - 1) / 2)
		net->pauses[i] = net->pauses[(i - 1) / 2];
	net->pauses[i] = p;
}

static void
pop(struct net *net)
{
	struct pause last = net->pauses[net->n_pauses - 1];
	size_t i = 0, child;

	ensure(net->n_pauses > 0 && net->pauses[0].at <= last.at);
	net->n_pauses--;
	while ((child = 2 * i + 1) < net->n_pauses) {
		if (child + 1 < net->n_pauses && net->pauses[child + 1].at < net->pauses[child].at)
			child++;
		if (net->pauses[child].at >= last.at)
			break;
		net->pauses[i] = net->pauses[child];
		i = child;
	}
	net->pauses[i] = last;
	if (net->n_pauses == 0 && net->cap_pauses > 1024) {
		free(net->pauses);
		net->pauses = NULL;
		net->cap_pauses = 0;
	}
}

void
pause_until(struct conn *c, int64_t at)
{
	struct net *net = c->net;

	lock_take(&net->pause_lock);
	push(net, (struct pause){at, c->slot, wake_generation(&c->word)});
	if (net->pauses[0].at == at)
		set_timer(net);
	lock_give(&net->pause_lock);
}

void
pause_fire(struct net *net)
{
	uint64_t ticks;
	int64_t now;

	if (read(net->pauser, &ticks, sizeof(ticks)) < 0)
		return;
	lock_take(&net->pause_lock);
	now = clock_mono();
	while (net->n_pauses > 0 && net->pauses[0].at <= now) {
		struct pause p = net->pauses[0];

		pop(net);
		conn_post(table_at(net, p.slot), p.generation, CONN_EV_TIMEOUT, true);
	}
	set_timer(net);
	lock_give(&net->pause_lock);
}
