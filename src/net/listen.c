/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners: TCP over IPv4 and IPv6, Unix sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/net_priv.h"

#define ACCEPTS 16 /* in a row */

static enum status
from_errno(void)
{
	switch (errno) {
	case EACCES:
	case EPERM: return ERR_NO_PERM;
	case EADDRINUSE: return ERR_EXISTS;
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT: return ERR_UNAVAILABLE;
	default: return ERR_IO;
	}
}

static enum status
bind_tcp(const struct listener_options *o, int *fd_r)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *in4 = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	socklen_t n;
	int fd, on = 1;
	enum status st;

	if (o->port > 65535)
		return ERR_BAD_INPUT;
	if (inet_pton(AF_INET, o->address, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons((uint16_t)o->port);
		n = sizeof(*in4);
	} else if (inet_pton(AF_INET6, o->address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)o->port);
		n = sizeof(*in6);
	} else {
		return ERR_BAD_INPUT;
	}
	if ((fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
		return from_errno();
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* IPv4 has listeners of its own. */
	if (ss.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	/* Inherited by what is accepted. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&ss, n) != 0 || listen(fd, 4096) != 0) {
		st = from_errno();
		close(fd);
		return st;
	}
	*fd_r = fd;
	return OK;
}

static enum status
bind_unix(const struct listener_options *o, int *fd_r)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd, probe;
	enum status st;
	mode_t mask;
	int bound;

	if (strlen(o->address) >= sizeof(un.sun_path))
		return ERR_BAD_INPUT;
	strcpy(un.sun_path, o->address);
	/* A socket file that nobody answers at is what a crash left behind. */
	if ((probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return from_errno();
	if (connect(probe, (struct sockaddr *)&un, sizeof(un)) == 0) {
		close(probe);
		return ERR_EXISTS;
	}
	if (errno == ECONNREFUSED)
		unlink(o->address);
	close(probe);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
		return from_errno();
	/* Born closed; opened as far as asked for below. */
	mask = umask(0177);
	bound = bind(fd, (struct sockaddr *)&un, sizeof(un));
	umask(mask);
	if (bound != 0 || (o->group > 0 && chown(o->address, (uid_t)-1, (gid_t)o->group) != 0) ||
	    chmod(o->address, o->mode ? o->mode : 0600) != 0 || listen(fd, 1024) != 0) {
		st = from_errno();
		close(fd);
		return st;
	}
	*fd_r = fd;
	return OK;
}

enum status
net_listening(int fd, char text_r[LISTENING_MAX], bool *unix_r)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} a = {0};
	char host[INET6_ADDRSTRLEN];
	socklen_t n = sizeof(int);
	int listens = 0, type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) != 0 || !listens)
		return ERR_BAD_INPUT;
	n = sizeof(int);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) != 0 || type != SOCK_STREAM)
		return ERR_BAD_INPUT;
	n = sizeof(a) - 1; /* a path may fill its place without an end */
	if (getsockname(fd, &a.any, &n) != 0)
		return ERR_BAD_INPUT;
	*unix_r = a.any.sa_family == AF_UNIX;
	switch (a.any.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &a.in4.sin_addr, host, sizeof(host));
		snprintf(text_r, LISTENING_MAX, "%s:%u", host, ntohs(a.in4.sin_port));
		return OK;
	case AF_INET6:
		inet_ntop(AF_INET6, &a.in6.sin6_addr, host, sizeof(host));
		snprintf(text_r, LISTENING_MAX, "[%s]:%u", host, ntohs(a.in6.sin6_port));
		return OK;
	case AF_UNIX:
		/* One of the abstract names begins with a NUL. */
		snprintf(text_r, LISTENING_MAX, "%s%s", *a.un.sun_path ? "" : "@", a.un.sun_path + (*a.un.sun_path ? 0 : 1));
		return OK;
	default:
		return ERR_BAD_INPUT;
	}
}

/* What is inherited by the connections is set anew: whoever made the socket may not have. */
static enum status
take_given(const struct listener_options *o, int *fd_r)
{
	char text[LISTENING_MAX];
	int on = 1, flags;
	bool local;

	if (net_listening(o->fd, text, &local) != OK || local != (o->kind == LISTEN_UNIX))
		goto refuse;
	if ((flags = fcntl(o->fd, F_GETFL)) < 0 || fcntl(o->fd, F_SETFL, flags | O_NONBLOCK) != 0 || fcntl(o->fd, F_SETFD, FD_CLOEXEC) != 0)
		goto refuse;
	if (!local) {
		setsockopt(o->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(o->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	*fd_r = o->fd;
	return OK;
refuse:
	close(o->fd);
	return ERR_BAD_INPUT;
}

enum status
net_bind(const struct listener_options *o, int *fd_r)
{
	return o->kind == LISTEN_UNIX ? bind_unix(o, fd_r) : bind_tcp(o, fd_r);
}

static enum status
open_socket(const struct listener_options *o, int *fd_r)
{
	return o->given ? take_given(o, fd_r) : net_bind(o, fd_r);
}

/* Edge: who is told accepts until nobody is left; MOD makes it tell again. */
static void
arm(struct listener *l, int op)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.u64 = POLL_LISTENER | l->index};

	if (epoll_ctl(l->net->epoll, op, l->fd, &ev) != 0)
		log_event(EV_io_error, "epoll_ctl of listener %s: %m", l->name);
}

enum status
net_listen(struct net *net, const struct listener_options *o, struct listener **l_r)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	struct listener *l;
	enum status st;
	int fd;

	if (net->n_listeners == LISTENERS) {
		if (o->given)
			close(o->fd);
		return ERR_LIMIT;
	}
	if ((st = open_socket(o, &fd)) != OK)
		return st;
	l = x_new(struct listener);
	l->net = net;
	l->name = o->name;
	l->kind = o->kind;
	l->handler = o->handler;
	l->arg = o->arg;
	l->fd = fd;
	l->deadline = o->deadline;
	l->late_greeting = o->late_greeting;
	l->tls = o->tls;
	l->ask = o->ask;
	l->plaintext = o->plaintext;
	l->message_max = o->message_max;
	l->where = x_strdup(o->where ? o->where : "");
	l->n_proxies = o->n_proxies;
	if (o->n_proxies > 0) {
		l->proxies = x_calloc(o->n_proxies, sizeof(*l->proxies));
		memcpy(l->proxies, o->proxies, o->n_proxies * sizeof(*l->proxies));
	}
	l->given = o->given;
	l->path = o->kind == LISTEN_UNIX && !o->given ? x_strdup(o->address) : NULL;
	if (o->kind != LISTEN_UNIX && getsockname(fd, (struct sockaddr *)&ss, &n) == 0)
		l->port = ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port
		                                        : ((struct sockaddr_in6 *)&ss)->sin6_port);
	lock_take(&net->listener_lock);
	ensure(net->n_listeners < LISTENERS);
	l->index = net->n_listeners;
	net->listeners[net->n_listeners++] = l;
	lock_give(&net->listener_lock);
	if (l_r != NULL)
		*l_r = l;
	arm(l, EPOLL_CTL_ADD);
	return OK;
}

unsigned
net_listener_port(const struct listener *l)
{
	return l->port;
}

void
conn_name_peer(struct conn *c, const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

	switch (ss->ss_family) {
	case AF_INET:
		inet_ntop(AF_INET, &in4->sin_addr, c->peer, sizeof(c->peer));
		(void)network_of_text(str_c(c->peer), &c->address);
		c->port = ntohs(in4->sin_port);
		c->way = ntohl(in4->sin_addr.s_addr) >> 24 == 127 ? WAY_LOOPBACK : WAY_NETWORK;
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &in6->sin6_addr, c->peer, sizeof(c->peer));
		c->address = network_of_bytes(in6->sin6_addr.s6_addr);
		c->port = ntohs(in6->sin6_port);
		c->way = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) ? WAY_LOOPBACK : WAY_NETWORK;
		break;
	default:
		strcpy(c->peer, "unix");
		c->way = WAY_SOCKET;
		break;
	}
}

static void
name_user(struct conn *c)
{
	struct ucred who;
	socklen_t n = sizeof(who);

	if (c->way == WAY_SOCKET && getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0)
		c->uid = (int32_t)who.uid;
}

/* At most one line a minute: a flood of connections must not become one of lines (S13). */
void
net_complain(struct net *net, const char *what, const char *who)
{
	int64_t now = clock_mono(), last = atomic_load(&net->last_complaint);

	if ((last == 0 || now - last > 60 * 1000000LL)
	    && atomic_compare_exchange_strong(&net->last_complaint, &last, now))
		log_event(EV_refused, "%s %s", what, who);
}

static void
take(struct listener *l, int fd, const struct sockaddr_storage *ss)
{
	struct net *net = l->net;
	struct conn *c = conn_make(net, fd, l->handler, l->name, l->arg);

	if (c == NULL) {
		net_complain(net, "too many connections at", l->name);
		goto refuse;
	}
	c->where = l->where;
	c->plaintext = (uint8_t)l->plaintext;
	c->ask = l->ask;
	/* What is on offer hangs on the certificate, which comes with the client's part of the handshake. */
	c->shake = l->late_greeting || l->ask != NULL ? SHAKE_FIRST : SHAKE_EARLY;
	c->message_max = l->message_max;
	if (l->tls != NULL)
		c->tls = l->tls;
	conn_deadline(c, l->deadline);
	c->allowed = l->deadline < UINT16_MAX ? (uint16_t)l->deadline : UINT16_MAX;
	conn_name_peer(c, ss);
	name_user(c);
	c->proxied = proxied(l, c);
	if (c->proxied || address_enter(c) == OK) {
		conn_start(c, l->kind == LISTEN_TLS, true);
		return;
	}
	net_complain(net, "too many connections from", c->peer);
	c->fd = -1;
	wake_open(&c->word, 0);
	wake_run(&c->word);
	table_free(c);
refuse:
	if (l->handler->refused != NULL && l->kind != LISTEN_TLS)
		(void)!send(fd, l->handler->refused, strlen(l->handler->refused), MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

/* Out of descriptors or memory: stops accepting until a connection closes or a second has passed, so that
 * the backlog does not make the poller spin (S13). */
static void
pause_listener(struct listener *l)
{
	struct net *net = l->net;

	net_complain(net, "cannot accept: out of descriptors or memory at", l->name);
	lock_take(&net->listener_lock);
	if (!l->paused) {
		l->paused = true;
		atomic_fetch_add(&net->n_paused, 1);
	}
	lock_give(&net->listener_lock);
	timer_kick(net, net_now(net) + 1);
}

void
listeners_resume(struct net *net)
{
	lock_take(&net->listener_lock);
	for (unsigned i = 0; i < net->n_listeners; i++) {
		struct listener *l = net->listeners[i];

		if (l->paused && l->fd >= 0) {
			l->paused = false;
			atomic_fetch_sub(&net->n_paused, 1);
			arm(l, EPOLL_CTL_MOD);
		}
	}
	lock_give(&net->listener_lock);
}

void
listener_ready(struct listener *l)
{
	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage ss = {0};
		socklen_t n = sizeof(ss);
		int fd;

		if (atomic_load(&l->net->stopping))
			return;
		fd = accept4(l->fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			take(l, fd, &ss);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			pause_listener(l);
			return;
		}
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
	/* More wait, perhaps; those who came have their turn first. */
	arm(l, EPOLL_CTL_MOD);
}

void
listeners_close(struct net *net)
{
	lock_take(&net->listener_lock);
	for (unsigned i = 0; i < net->n_listeners; i++) {
		struct listener *l = net->listeners[i];

		if (l->fd < 0)
			continue;
		/* Shut, not closed: a thread may be in accept() with it. net_free() closes. */
		epoll_ctl(net->epoll, EPOLL_CTL_DEL, l->fd, NULL);
		if (!l->given)
			shutdown(l->fd, SHUT_RDWR);
		if (l->path != NULL)
			unlink(l->path);
	}
	lock_give(&net->listener_lock);
}
