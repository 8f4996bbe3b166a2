/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a connection: it begins (conn_begin.c), is open, runs and runs again, closes. conn_step() is what a pool
 * thread calls; it goes on until there is nothing to do now, then arms the poller and parks.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/watchdog.h"
#include "net/dial_priv.h"

/* Runs in a row before others get theirs: so many, or so many microseconds. */
#define TURNS 8u
#define TURNS_US 5000

struct conn *
conn_make(struct net *net, int fd, const struct conn_handler *h, const char *local, void *arg)
{
	struct conn *c = table_new(net);
	uint32_t slot;

	if (c == NULL)
		return NULL;
	/* All but the wake word and what belongs to the slot starts anew. */
	slot = c->slot;
	memset((char *)c + sizeof(c->word), 0, offsetof(struct conn, timer_when) - sizeof(c->word));
	memset((char *)c + offsetof(struct conn, stage), 0, sizeof(*c) - offsetof(struct conn, stage));
	c->magic = MAGIC_CONN;
	c->slot = slot;
	c->net = net;
	c->fd = fd;
	c->handler = h;
	c->local = local;
	c->where = "";
	c->tls = net->o.tls;
	c->arg = arg;
	c->uid = -1;
	c->in_limit = IN_LIMIT;
	c->next = CONN_INPUT;
	task_init(&c->task, conn_step, 0);
	c->born = net_now(net);
	c->id = atomic_fetch_add(&net->next_id, 1) + 1;
	return c;
}

void
conn_set_lane(struct conn *c, uint64_t lane)
{
	c->task.lane = lane;
}

void
conn_lane_of_address(struct conn *c)
{
	c->task.lane = hash_keyed(network_str(&c->address)) ^ hash_keyed(str_c(c->handler->name));
}

void
conn_start(struct conn *c, bool tls, bool local)
{
	ensure(c->handler != NULL && c->fd >= 0);
	conn_lane_of_address(c);
	c->stage = STAGE_NEW;
	if (tls || c->proxied) {
		c->stage = c->proxied ? STAGE_PROXY : STAGE_HANDSHAKE;
		c->proxied_tls = c->proxied && tls;
		c->handshake_at = c->born + HANDSHAKE_SECONDS;
	}
	wake_open(&c->word, 0);
	table_publish(c);
	c->net->o.ready(c->net->o.ready_arg, &c->task, local);
}

void
conn_post(struct conn *c, uint32_t generation, unsigned bits, bool local)
{
	if (wake_post(&c->word, generation, bits))
		c->net->o.ready(c->net->o.ready_arg, &c->task, local);
}

void
conn_wake(struct conn *c, unsigned events)
{
	ensure(c->magic == MAGIC_CONN);
	conn_post(c, wake_generation(&c->word), events, false);
}

void
conn_hold(struct conn *c)
{
	ensure(c->magic == MAGIC_CONN);
	atomic_fetch_add(&c->holds, 1);
}

void
conn_release(struct conn *c)
{
	uint32_t generation = wake_generation(&c->word);

	ensure(c->magic == MAGIC_CONN && atomic_load(&c->holds) > 0);
	/* From the decrement on it may go; the slot stays readable and the generation tells. */
	if (atomic_fetch_sub(&c->holds, 1) == 1)
		conn_post(c, generation, BIT_RELEASED, false);
}

enum turn
conn_drop(struct conn *c)
{
	tls_end(c);
	if (c->fd >= 0) {
		close(c->fd); /* leaves the poller too */
		c->fd = -1;
	}
	timer_drop(c);
	dial_over(c);
	address_leave(c);
	io_free(c);
	c->stage = STAGE_DEAD;
	c->armed = 0;
	if (atomic_load(&c->net->n_paused) > 0)
		listeners_resume(c->net);
	return TURN_MORE;
}

static enum turn
turn_dead(struct conn *c)
{
	ensure(c->fd < 0 && c->ssl == NULL && !c->stranger);
	io_free(c); /* what the thread lent */
	/* Whoever holds it hears of it, too. */
	if (c->dial != NULL && c->met == MET_NOTHING) {
		c->met = MET_FAILED;
		dial_blame(c, DIAL_LOST, "the peer went away");
		if (c->handler->failed != NULL)
			c->handler->failed(c);
	}
	if (!table_bury(c))
		return TURN_PARK;
	if (c->met == MET_OPENED)
		c->handler->closed(c);
	dial_free(c);
	table_free(c);
	return TURN_GONE;
}

static enum turn
turn_closing(struct conn *c)
{
	enum io io = io_write(c);

	if (io == IO_WAIT)
		return TURN_PARK;
	if (io != IO_OK)
		return conn_drop(c);
	tls_bye(c);
	if (c->input == INPUT_ENDED)
		return conn_drop(c);
	/* Bytes that nobody read make the kernel send a reset, which may destroy what was just
	 * sent before the client saw it. */
	if (io_discard(c) != IO_OK)
		return conn_drop(c);
	shutdown(c->fd, SHUT_WR);
	c->stage = STAGE_LINGER;
	c->hard_at = net_now(c->net) + LINGER_SECONDS;
	return TURN_MORE;
}

static enum turn
turn_linger(struct conn *c)
{
	for (unsigned i = 0; i < TURNS; i++) {
		enum io io = io_discard(c);

		if (io == IO_WAIT)
			return TURN_PARK;
		if (io != IO_OK)
			return conn_drop(c);
	}
	return TURN_MORE;
}

/* New bytes, if it waits for them. False: the connection broke. */
static bool
take_input(struct conn *c)
{
	enum io io;

	if (c->next != CONN_INPUT || c->input != INPUT_MAYBE || io_pending(c) > OUT_HIGH)
		return true;
	io = io_read(c);
	if (io == IO_OK) {
		c->events |= CONN_EV_INPUT;
		if (c->idle_seconds != 0)
			c->idle_at = net_now(c->net) + c->idle_seconds;
	} else if (io == IO_EOF) {
		c->input = INPUT_ENDED;
		c->events |= CONN_EV_EOF;
	} else if (io == IO_WAIT && c->in.n - c->in_at >= c->in_limit) {
		log_event(EV_client_error, "%s id=%llu peer=%s: more than %u bytes without an end",
		    c->handler->name, (unsigned long long)c->id, c->peer, c->in_limit);
		return false;
	}
	return io != IO_FAILED;
}

/* Is run() to be called now, and what is it told? */
static bool
due(struct conn *c, unsigned *events_r)
{
	unsigned events = c->events;

	switch ((enum conn_next)c->next) {
	case CONN_OUTPUT:
		if (io_pending(c) > OUT_LOW && !(events & CONN_EV_USER))
			return false;
		events |= CONN_EV_OUTPUT;
		break;
	case CONN_WAKE:
		if (!(events & CONN_EV_WAKE))
			return false;
		break;
	case CONN_AGAIN:
		if (io_pending(c) > OUT_HIGH && !(events & CONN_EV_USER))
			return false;
		break;
	default:
		/* Beyond the mark nothing more is asked of a handler that did not care about it. */
		if (events == 0 || io_pending(c) > OUT_HIGH)
			return false;
		break;
	}
	if (c->input == INPUT_ENDED)
		events |= CONN_EV_EOF;
	*events_r = events;
	return true;
}

/* Nothing to run: does it wait, or is it over? */
static enum turn
turn_idle(struct conn *c)
{
	if (c->next != CONN_INPUT || io_pending(c) > OUT_HIGH)
		return TURN_PARK;
	if (c->input == INPUT_ENDED) {
		c->stage = STAGE_CLOSING;
		return TURN_MORE;
	}
	return c->input == INPUT_MAYBE ? TURN_MORE : TURN_PARK;
}

static enum turn
turn_open(struct conn *c)
{
	unsigned events;
	enum io io;

	ensure(c->met == MET_OPENED && c->fd >= 0);
	if (c->writable) {
		c->writable = false;
		if ((io = io_write(c)) != IO_OK && io != IO_WAIT)
			return conn_drop(c);
	}
	if (!take_input(c))
		return conn_drop(c);
	if (!due(c, &events))
		return turn_idle(c);
	c->events = 0;
	c->next = (uint8_t)c->handler->run(c, events);
	if (c->next == CONN_ABORT)
		return conn_drop(c);
	if (c->next == CONN_CLOSE) {
		c->stage = STAGE_CLOSING;
		return TURN_MORE;
	}
	if (c->stage == STAGE_HANDSHAKE) /* STARTTLS */
		return TURN_MORE;
	if (io_pending(c) == 0)
		return TURN_MORE;
	io = io_write(c);
	/* A client on this machine may have taken the answer and asked again before the send was over, on the processor that this thread
	 * runs on: a look costs a tenth of the way through the poller. */
	if (events & CONN_EV_INPUT)
		input_is(c, INPUT_MAYBE);
	return io == IO_OK || io == IO_WAIT ? TURN_MORE : conn_drop(c);
}

/* Time-outs. True: the connection is to be dropped. */
static bool
overdue(struct conn *c)
{
	uint32_t now = net_now(c->net);

	if (c->stuck_at != 0 && now >= c->stuck_at && io_pending(c) > 0) {
		log_event(EV_client_error, "%s id=%llu peer=%s: takes no output", c->handler->name,
		    (unsigned long long)c->id, c->peer);
		return true;
	}
	if (c->stage < STAGE_HANDSHAKE)
		return !dial_overdue(c, now);
	if ((tls_shakes(c) || c->stage == STAGE_PROXY) && (now >= c->handshake_at || (c->hard_at != 0 && now >= c->hard_at))) {
		dial_blame(c, DIAL_TIMEOUT, "TLS took too long");
		return true;
	}
	if (c->stage == STAGE_LINGER)
		return c->hard_at != 0 && now >= c->hard_at;
	if (c->stage != STAGE_OPEN)
		return false;
	if (c->pause_until != 0 && clock_mono() >= c->pause_until) {
		c->pause_until = 0;
		c->events |= CONN_EV_WAKE;
	}
	if ((c->hard_at != 0 && now >= c->hard_at)
	    || (c->idle_at != 0 && now >= c->idle_at && c->next == CONN_INPUT)) {
		c->events |= CONN_EV_TIMEOUT;
		c->hard_at = c->idle_at = c->idle_seconds = 0;
	}
	return false;
}

static enum turn
turn(struct conn *c)
{
	switch ((enum stage)c->stage) {
	case STAGE_LOOKUP: return turn_lookup(c);
	case STAGE_CONNECT: return turn_connect(c);
	case STAGE_HANDSHAKE: return turn_handshake(c);
	case STAGE_GREETING: return turn_greeting(c);
	case STAGE_PROXY: return turn_proxy(c);
	case STAGE_NEW: return turn_new(c);
	case STAGE_OPEN: return turn_open(c);
	case STAGE_CLOSING: return turn_closing(c);
	case STAGE_LINGER: return turn_linger(c);
	case STAGE_DEAD: return turn_dead(c);
	}
	die("a connection in no stage");
}

/* One turn is one step of the session. */
static enum turn
watched_turn(struct conn *c)
{
	const char *who = c->handler->name;
	uint64_t id = c->id;
	enum turn next;

	watchdog_begin();
	next = turn(c); /* c may be gone then */
	watchdog_end(who, id);
	return next;
}

/* Asks the poller for what it waits for. */
static void
arm(struct conn *c, bool in, bool out)
{
	uint32_t want = (in ? EPOLLIN | EPOLLRDHUP : 0u) | (out ? (uint32_t)EPOLLOUT : 0u);
	struct epoll_event ev = {.events = want | EPOLLONESHOT,
	    .data.u64 = (uint64_t)wake_generation(&c->word) << 32 | c->slot};

	if (want == 0 || want == c->armed)
		return;
	/* The descriptor is ours and open: this cannot fail but for want of memory. */
	if (epoll_ctl(c->net->epoll, c->polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &ev) != 0)
		log_event(EV_io_error, "epoll_ctl: %m");
	c->polled = true;
	c->armed = want;
}

static void
set_timer(struct conn *c)
{
	uint32_t when = c->stage == STAGE_CLOSING ? 0 : c->hard_at;

	if (c->stage == STAGE_CONNECT && c->dial->attempt_at < when)
		when = c->dial->attempt_at;
	if ((tls_shakes(c) || c->stage == STAGE_PROXY) && (when == 0 || c->handshake_at < when))
		when = c->handshake_at;
	if (io_pending(c) > 0) {
		if (c->stuck_at == 0)
			c->stuck_at = net_now(c->net) + (uint32_t)c->net->o.write_seconds;
		if (when == 0 || c->stuck_at < when)
			when = c->stuck_at;
	} else {
		c->stuck_at = 0;
	}
	if (c->stage == STAGE_OPEN && c->next == CONN_INPUT && c->idle_at != 0
	    && (when == 0 || c->idle_at < when))
		when = c->idle_at;
	if (when != 0)
		timer_need(c, when);
}

/* Gives memory back, arms, parks. False: a bit came meanwhile. From a true on, c may be run by
 * another thread. */
static bool
park(struct conn *c)
{
	unsigned mask = CONN_EV_INPUT | CONN_EV_OUTPUT | CONN_EV_TIMEOUT | CONN_EV_USER | BIT_KILL;
	bool in = false, out = io_pending(c) > 0;

	switch ((enum stage)c->stage) {
	case STAGE_DEAD:
		return wake_park(&c->word, BIT_RELEASED);
	case STAGE_LOOKUP:
		mask |= BIT_LOOKUP | CONN_EV_STOP;
		break;
	case STAGE_CONNECT:
		mask |= CONN_EV_STOP;
		out = true;
		break;
	case STAGE_HANDSHAKE:
	case STAGE_GREETING:
		mask |= CONN_EV_STOP;
		in = !c->tls_want_write && !out;
		out = out || c->tls_want_write;
		break;
	case STAGE_PROXY:
		mask |= CONN_EV_STOP;
		in = true;
		break;
	case STAGE_LINGER:
		in = true;
		break;
	case STAGE_OPEN:
		if (c->next == CONN_INPUT) {
			in = c->input != INPUT_ENDED && io_pending(c) <= OUT_HIGH;
			mask = WAKE_ALL & ~BIT_RELEASED;
		} else if (c->next == CONN_WAKE) {
			mask = CONN_EV_WAKE | CONN_EV_OUTPUT | BIT_KILL;
			if (c->pause_until != 0)
				mask |= CONN_EV_TIMEOUT;
		}
		out = out || c->tls_want_write;
		if (in && !out && c->in.n == c->in_at) {
			if (c->handler->rest != NULL)
				c->handler->rest(c);
			if (c->layer != NULL && c->layer->f != NULL && c->layer->f->rest != NULL)
				c->layer->f->rest(c->layer->f);
		}
		break;
	default:
		break;
	}
	io_return(c);
	set_timer(c);
	arm(c, in, out);
	return wake_park(&c->word, mask);
}

/* Bits of the wake word become state. */
static void
absorb(struct conn *c, unsigned bits)
{
	if (bits & (CONN_EV_INPUT | CONN_EV_OUTPUT)) {
		c->armed = 0;
		if ((bits & CONN_EV_INPUT) || c->tls_want_write)
			input_is(c, INPUT_MAYBE);
		c->writable = (bits & CONN_EV_OUTPUT) != 0;
		c->tls_want_write = false;
	}
	c->events |= bits & (CONN_EV_WAKE | CONN_EV_CHANGE | CONN_EV_STOP | CONN_EV_USER);
	if (c->stage == STAGE_DEAD)
		return;
	/* Nobody is there yet to say goodbye to. */
	if ((bits & CONN_EV_STOP) && c->stage < STAGE_NEW)
		bits |= BIT_KILL;
	if (bits & BIT_KILL)
		dial_blame(c, DIAL_STOPPED, "it was given up");
	if ((bits & BIT_KILL) || ((bits & CONN_EV_TIMEOUT) && overdue(c)))
		conn_drop(c);
}

void
conn_step(struct task *t)
{
	struct conn *c = (struct conn *)(void *)((char *)t - offsetof(struct conn, task));
	struct net *net = c->net;
	int64_t start = clock_mono();

	ensure(c->magic == MAGIC_CONN && c->task.magic == MAGIC_TASK_IDLE);
	absorb(c, wake_run(&c->word));
	io_borrow(c);
	for (unsigned turns = 0; turns < TURNS; turns++) {
		if (turns > 0 && c->stage == STAGE_OPEN &&
		    ((c->next == CONN_AGAIN && io_pending(c) <= OUT_HIGH) || clock_mono() - start > TURNS_US))
			break;
		switch (watched_turn(c)) {
		case TURN_GONE: return;
		case TURN_PARK:
			if (park(c))
				return;
			absorb(c, wake_take(&c->word));
			io_borrow(c);
			break;
		case TURN_MORE: break;
		}
	}
	io_return(c);
	wake_yield(&c->word);
	net->o.ready(net->o.ready_arg, t, true);
}
