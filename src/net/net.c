/* SPDX-License-Identifier: Apache-2.0 */
/* Making and ending it, and the poller: whose event it is. */
#include "net/net.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/log.h"
#include "net/net_priv.h"

#define EVENTS 16

static void
watch(struct net *net, int fd, uint64_t data)
{
	/* Edge: each write, each expiry wakes one waiter, and nothing must be read for it. */
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u64 = data};

	ensure(epoll_ctl(net->epoll, EPOLL_CTL_ADD, fd, &ev) == 0);
}

/* Each connection is a descriptor: the soft limit goes up to the hard one. */
static void
raise_limit(struct net *net)
{
	struct rlimit rl;
	rlim_t n;

	if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
		return;
	if (rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	if (getrlimit(RLIMIT_NOFILE, &rl) != 0 || rl.rlim_cur == RLIM_INFINITY)
		return;
	/* Some descriptors are for the store: without them nobody could be served who is let in. */
	n = rl.rlim_cur > 256 ? rl.rlim_cur - 128 : rl.rlim_cur / 2;
	if (n + net->o.kept > rl.rlim_cur)
		n = rl.rlim_cur > net->o.kept ? rl.rlim_cur - net->o.kept : 1;
	n = n > 1000000 ? 1000000 : n > 0 ? n : 1;
	if (net->o.max_connections == 0 || net->o.max_connections > n)
		net->o.max_connections = (unsigned)n;
}

static void
close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

struct net *
net_new(const struct net_options *o)
{
	struct net *net = x_new(struct net);

	net->o = *o;
	if (net->o.write_seconds == 0)
		net->o.write_seconds = 300;
	raise_limit(net);
	/* Writing to a socket that the peer closed is an error, not a signal: TLS writes cannot say
	 * MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	net->epoll = epoll_create1(EPOLL_CLOEXEC);
	net->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	net->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	net->pauser = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	lock_init(&net->table_lock, LOCK_net_table);
	lock_init(&net->wheel_lock, LOCK_net_wheel);
	lock_init(&net->pause_lock, LOCK_net_pause);
	lock_init(&net->address_lock, LOCK_net_addresses);
	lock_init(&net->listener_lock, LOCK_net_listeners);
	timer_init(net);
	if (net->epoll < 0 || net->interrupt < 0 || net->timer < 0 || net->pauser < 0) {
		int e = errno;

		net_free(net);
		errno = e;
		return NULL;
	}
	watch(net, net->interrupt, POLL_INTERRUPT);
	watch(net, net->timer, POLL_TIMER);
	watch(net, net->pauser, POLL_PAUSER);
	return net;
}

void
net_free(struct net *net)
{
	if (net == NULL)
		return;
	ensure(net_connections(net) == 0);
	for (unsigned i = 0; i < net->n_listeners; i++) {
		close(net->listeners[i]->fd);
		free(net->listeners[i]->path);
		free(net->listeners[i]->where);
		free(net->listeners[i]->proxies);
		free(net->listeners[i]);
	}
	for (unsigned i = 0; i < CHUNKS; i++)
		free(atomic_load(&net->chunks[i]));
	free(net->free);
	map_free(&net->addresses);
	free(net->pauses);
	close_if(net->pauser);
	close_if(net->timer);
	close_if(net->interrupt);
	close_if(net->epoll);
	lock_fini(&net->table_lock);
	lock_fini(&net->wheel_lock);
	lock_fini(&net->pause_lock);
	lock_fini(&net->address_lock);
	lock_fini(&net->listener_lock);
	free(net);
}

struct conn *
net_adopt(struct net *net, int fd, const struct conn_handler *handler, void *arg, bool tls)
{
	struct conn *c = conn_make(net, fd, handler, "adopted", arg);

	if (c == NULL) {
		close(fd);
		return NULL;
	}
	strcpy(c->peer, "unix");
	c->way = WAY_SOCKET;
	c->shake = SHAKE_EARLY;
	conn_start(c, tls, false);
	return c;
}

static void
dispatch(struct net *net, const struct epoll_event *ev)
{
	uint64_t data = ev->data.u64;
	unsigned bits = 0;
	struct conn *c;

	if (data == POLL_INTERRUPT)
		return;
	if (data == POLL_TIMER) {
		timer_fire(net);
		return;
	}
	if (data == POLL_PAUSER) {
		pause_fire(net);
		return;
	}
	if (data >= POLL_LISTENER) {
		listener_ready(net->listeners[data & 0xff]);
		return;
	}
	if ((c = table_at(net, (uint32_t)data)) == NULL)
		return;
	if (ev->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		bits |= CONN_EV_INPUT;
	if (ev->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		bits |= CONN_EV_OUTPUT;
	conn_post(c, (uint32_t)(data >> 32), bits, true);
}

unsigned
net_poll(struct net *net, int timeout_ms, unsigned max)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(net->epoll, ev, max > EVENTS ? EVENTS : (int)max, timeout_ms);

	for (int i = 0; i < n; i++)
		dispatch(net, &ev[i]);
	return n > 0 ? (unsigned)n : 0;
}

void
net_interrupt(struct net *net)
{
	uint64_t one = 1;

	(void)!write(net->interrupt, &one, sizeof(one));
}

static void
post_stop(void *arg, struct conn *c)
{
	conn_wake(c, *(unsigned *)arg);
}

void
net_stop(struct net *net)
{
	unsigned bits = CONN_EV_STOP;

	atomic_store(&net->stopping, true);
	listeners_close(net);
	net_each(net, post_stop, &bits);
}

bool
net_stopping(struct net *net)
{
	return atomic_load(&net->stopping);
}

void
net_stop_now(struct net *net)
{
	unsigned bits = BIT_KILL;

	atomic_store(&net->stopping, true);
	net_each(net, post_stop, &bits);
}
