/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time-outs: a wheel of seconds, one timerfd. A connection does not move in the wheel with every
 * command: it stays where it was put, and when that second comes it is run, sees that its time is not
 * up, and is put further on. So a busy connection costs the wheel one visit a time-out, not one a command,
 * and an idle server sleeps until the next second that somebody waits for.
 */
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/assert.h"
#include "base/clock.h"
#include "net/net_priv.h"

uint32_t
net_now(const struct net *net)
{
	return (uint32_t)((clock_mono() - net->start) / 1000000) + 1;
}

void
timer_init(struct net *net)
{
	net->start = clock_mono();
	net->wheel_at = 0;
}

static void
set_timer(struct net *net, uint32_t when)
{
	struct itimerspec its = {0};
	int64_t at = net->start + ((int64_t)when - 1) * 1000000;

	net->wheel_next = when;
	if (when != 0) {
		/* A little later than the second begins: the clock must not read the one before. */
		at += 2000;
		its.it_value.tv_sec = at / 1000000;
		its.it_value.tv_nsec = at % 1000000 * 1000;
	}
	timerfd_settime(net->timer, TFD_TIMER_ABSTIME, &its, NULL);
}

static void
unlink_entry(struct net *net, struct conn *c, uint32_t place)
{
	struct conn *next = c->timer_next ? table_at(net, c->timer_next - 1) : NULL;

	ensure(net->wheel[place] != 0 && (c->timer_prev != 0 || net->wheel[place] == c->slot + 1));
	if (next != NULL)
		next->timer_prev = c->timer_prev;
	if (c->timer_prev)
		table_at(net, c->timer_prev - 1)->timer_next = c->timer_next;
	else
		net->wheel[place] = c->timer_next;
	if (net->wheel[place] == 0)
		net->wheel_map[place / 64] &= ~(UINT64_C(1) << place % 64);
	c->timer_next = c->timer_prev = 0;
}

static void
link_entry(struct net *net, struct conn *c, uint32_t when)
{
	uint32_t place = when % WHEEL_SLOTS;

	ensure(when > net->wheel_at && when - net->wheel_at < WHEEL_SLOTS);
	c->timer_prev = 0;
	if ((c->timer_next = net->wheel[place]) != 0)
		table_at(net, c->timer_next - 1)->timer_prev = c->slot + 1;
	net->wheel[place] = c->slot + 1;
	net->wheel_map[place / 64] |= UINT64_C(1) << place % 64;
	atomic_store_explicit(&c->timer_when, when, memory_order_relaxed);
}

void
timer_need(struct conn *c, uint32_t when)
{
	struct net *net = c->net;
	uint32_t there = atomic_load_explicit(&c->timer_when, memory_order_relaxed);

	/* It may fire this very moment: then the bit is posted, and this connection runs again. */
	if (there != 0 && there <= when)
		return;
	lock_take(&net->wheel_lock);
	there = atomic_load_explicit(&c->timer_when, memory_order_relaxed);
	if (there != 0)
		unlink_entry(net, c, there % WHEEL_SLOTS);
	if (net->wheel_next == 0) /* the wheel is empty and stood still */
		net->wheel_at = net_now(net) - 1;
	if (when <= net->wheel_at)
		when = net->wheel_at + 1;
	/* Further than the wheel reaches: it looks again half-way. */
	if (when - net->wheel_at >= WHEEL_SLOTS)
		when = net->wheel_at + WHEEL_SLOTS - 1;
	link_entry(net, c, when);
	if (net->wheel_next == 0 || when < net->wheel_next)
		set_timer(net, when);
	lock_give(&net->wheel_lock);
}

void
timer_drop(struct conn *c)
{
	struct net *net = c->net;
	uint32_t there;

	if (atomic_load_explicit(&c->timer_when, memory_order_relaxed) == 0)
		return;
	lock_take(&net->wheel_lock);
	there = atomic_load_explicit(&c->timer_when, memory_order_relaxed);
	if (there != 0) {
		unlink_entry(net, c, there % WHEEL_SLOTS);
		atomic_store_explicit(&c->timer_when, 0, memory_order_relaxed);
	}
	lock_give(&net->wheel_lock);
}

void
timer_kick(struct net *net, uint32_t when)
{
	lock_take(&net->wheel_lock);
	if (net->wheel_next == 0 || when < net->wheel_next)
		set_timer(net, when);
	lock_give(&net->wheel_lock);
}

/* The first second after wheel_at that has somebody; 0: none. */
static uint32_t
next_second(const struct net *net)
{
	uint32_t from = net->wheel_at + 1;

	for (uint32_t i = 0; i < WHEEL_SLOTS;) {
		uint32_t place = (from + i) % WHEEL_SLOTS;
		uint64_t rest = net->wheel_map[place / 64] >> place % 64;

		if (rest != 0)
			return from + i + (uint32_t)__builtin_ctzll(rest);
		i += 64 - place % 64;
	}
	return 0;
}

void
timer_fire(struct net *net)
{
	uint64_t ticks;
	uint32_t now = net_now(net), again = 0;

	if (read(net->timer, &ticks, sizeof(ticks)) < 0)
		return;
	lock_take(&net->wheel_lock);
	for (uint32_t at; (at = next_second(net)) != 0 && at <= now; net->wheel_at = at - 1) {
		uint32_t place = at % WHEEL_SLOTS;

		while (net->wheel[place] != 0) {
			struct conn *c = table_at(net, net->wheel[place] - 1);
			uint32_t generation = wake_generation(&c->word);

			unlink_entry(net, c, place);
			atomic_store_explicit(&c->timer_when, 0, memory_order_relaxed);
			/* Its slot cannot be taken anew meanwhile: timer_drop() waits for our lock. */
			conn_post(c, generation, CONN_EV_TIMEOUT, true);
		}
	}
	net->wheel_at = now;
	again = next_second(net);
	set_timer(net, again);
	lock_give(&net->wheel_lock);
	if (atomic_load(&net->n_paused) > 0)
		listeners_resume(net);
}
