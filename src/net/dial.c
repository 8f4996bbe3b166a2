/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going out, until there is a connection: the name is looked up (STAGE_LOOKUP), its addresses are tried in their order (RFC 6724), each with its share of the
 * time that is left (STAGE_CONNECT), TLS (STAGE_HANDSHAKE). conn.c goes from stage to stage.
 */
#include "net/dial_priv.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/map.h"

#define DEADLINE_SECONDS 30
#define HOST_MAX 255 /* RFC 1035 2.3.4; the path of a socket is shorter */

void
dial_blame(struct conn *c, enum dial_fault fault, const char *why)
{
	struct dial *d = c->dial;

	if (d == NULL || d->fault != DIAL_NONE)
		return;
	d->fault = fault;
	snprintf(d->why, sizeof(d->why), "%s", why != NULL ? why : "");
}

void
dial_over(struct conn *c)
{
	struct dial *d = c->dial;

	if (d == NULL)
		return;
	lookup_forget(d->lookup);
	d->lookup = NULL;
	/* Ours, for a Unix socket, is no list of the library's. */
	if (d->addresses != NULL && d->addresses->ai_family == AF_UNIX)
		free(d->addresses);
	else if (d->addresses != NULL)
		freeaddrinfo(d->addresses);
	d->addresses = d->next = NULL;
}

void
dial_free(struct conn *c)
{
	if (c->dial == NULL)
		return;
	dial_over(c);
	free(c->dial->host);
	free(c->dial->name);
	free(c->dial);
	c->dial = NULL;
}

/* ---- addresses ---- */

/* The path of a socket as a list of one address. */
static struct addrinfo *
local_address(const char *path)
{
	struct {
		struct addrinfo info;
		struct sockaddr_un un;
	} *a = x_calloc(1, sizeof(*a));

	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, path, strlen(path));
	a->info = (struct addrinfo){.ai_family = AF_UNIX, .ai_socktype = SOCK_STREAM, .ai_addr = (struct sockaddr *)&a->un, .ai_addrlen = sizeof(a->un)};
	return &a->info;
}

enum dial_step
dial_lookup(struct conn *c)
{
	struct dial *d = c->dial;
	int error = 0;

	if (d->addresses == NULL && d->host[0] == '/') {
		d->addresses = local_address(d->host);
	} else if (d->lookup == NULL) {
		d->lookup = lookup_begin(c, d->host, d->port);
	}
	if (d->lookup != NULL) {
		if (!lookup_over(d->lookup, &error, &d->addresses))
			return DIAL_WAITS;
		d->lookup = NULL;
	}
	if (d->addresses == NULL) {
		dial_blame(c, DIAL_NO_NAME, gai_strerror(error));
		return DIAL_FAILED;
	}
	d->next = d->addresses;
	return DIAL_CONNECTED;
}

/* ---- sockets ---- */

/* Those that are still to be tried share the time. */
static uint32_t
share(const struct conn *c, const struct addrinfo *from)
{
	uint32_t now = net_now(c->net), left = c->hard_at > now ? c->hard_at - now : 1, n = 0;

	for (; from != NULL; from = from->ai_next)
		n++;
	return now + (left / n > 0 ? left / n : 1);
}

static void
close_socket(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd); /* leaves the poller too */
	c->fd = -1;
	c->polled = false;
	c->armed = 0;
}

/* What the address under way came to goes into why; the last one's is told. */
static void
tried(struct conn *c, int error)
{
	close_socket(c);
	snprintf(c->dial->why, sizeof(c->dial->why), "%s: %s", c->peer, strerror(error));
}

static void
set_options(int fd, int family)
{
	int on = 1;

	if (family == AF_UNIX)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* Begins with the next address. */
static enum dial_step
begin(struct conn *c)
{
	struct dial *d = c->dial;
	const struct addrinfo *a = d->next;
	struct sockaddr_storage ss = {0};

	d->attempt_at = share(c, a);
	d->next = a->ai_next;
	memcpy(&ss, a->ai_addr, a->ai_addrlen < sizeof(ss) ? a->ai_addrlen : sizeof(ss));
	conn_name_peer(c, &ss);
	c->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		tried(c, errno);
		return DIAL_FAILED;
	}
	set_options(c->fd, a->ai_family);
	if (connect(c->fd, a->ai_addr, a->ai_addrlen) == 0)
		return DIAL_CONNECTED;
	if (errno == EINPROGRESS || errno == EINTR)
		return DIAL_WAITS;
	tried(c, errno);
	return DIAL_FAILED;
}

/* What became of the one under way. A word of the poller's may be that of the socket before. */
static enum dial_step
look(struct conn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLOUT};
	socklen_t n = sizeof(int);
	int error = 0;

	if (poll(&p, 1, 0) <= 0 || p.revents == 0)
		return DIAL_WAITS;
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
		error = errno;
	if (error == 0)
		return DIAL_CONNECTED;
	tried(c, error);
	return DIAL_FAILED;
}

enum dial_step
dial_connect(struct conn *c)
{
	struct dial *d = c->dial;
	enum dial_step step = c->fd >= 0 ? look(c) : DIAL_FAILED;

	while (step == DIAL_FAILED && d->next != NULL)
		step = begin(c);
	if (step == DIAL_FAILED)
		d->fault = DIAL_REFUSED;
	if (step == DIAL_CONNECTED)
		*d->why = '\0';
	return step;
}

bool
dial_overdue(struct conn *c, uint32_t now)
{
	struct dial *d = c->dial;

	if (now >= c->hard_at || (now >= d->attempt_at && d->next == NULL && c->stage == STAGE_CONNECT)) {
		dial_blame(c, DIAL_TIMEOUT, "it took too long");
		return false;
	}
	if (c->stage == STAGE_CONNECT && now >= d->attempt_at)
		tried(c, ETIMEDOUT);
	return true;
}

void
dial_handshake(struct conn *c, enum shake shake)
{
	c->stage = STAGE_HANDSHAKE;
	c->shake = (uint8_t)shake;
	input_is(c, INPUT_NONE);
	c->handshake_at = net_now(c->net) + HANDSHAKE_SECONDS;
}

/* ---- the caller's side ---- */

static bool
possible(const struct dial_options *o)
{
	size_t n = strlen(o->host);

	if (o->host[0] == '/')
		return n < sizeof(((struct sockaddr_un *)NULL)->sun_path);
	return n > 0 && n <= HOST_MAX && o->port > 0 && o->port <= 65535;
}

/* Names are compared without the dot that ends them. */
static char *
bare_name(const char *name)
{
	return x_strndup(str_trim_suffix(str_c(name), '.'));
}

static void
want_tls(struct dial *d, const struct dial_tls *tls)
{
	d->client = tls->client;
	d->unverified = tls->unverified;
	if (tls->name != NULL) {
		free(d->name);
		d->name = bare_name(tls->name);
	}
}

enum status
net_dial(struct net *net, const struct dial_options *o, struct conn **c_r)
{
	struct conn *c;
	struct dial *d;

	if (!possible(o))
		return ERR_BAD_INPUT;
	if (atomic_load(&net->stopping))
		return ERR_UNAVAILABLE;
	if ((c = conn_make(net, -1, o->handler, o->name != NULL ? o->name : "out", o->arg)) == NULL)
		return ERR_LIMIT;
	d = c->dial = x_new(struct dial);
	d->host = x_strdup(o->host);
	d->name = bare_name(o->host);
	d->port = o->port;
	if (o->tls != NULL) {
		want_tls(d, o->tls);
		d->wanted = true;
	}
	c->user = o->user;
	conn_deadline(c, o->deadline > 0 ? o->deadline : DEADLINE_SECONDS);
	conn_set_lane(c, o->lane);
	if (c_r != NULL) {
		conn_hold(c);
		*c_r = c;
	}
	c->stage = STAGE_LOOKUP;
	wake_open(&c->word, 0);
	table_publish(c);
	net->o.ready(net->o.ready_arg, &c->task, false);
	return OK;
}

enum dial_fault
conn_dial_fault(const struct conn *c)
{
	return c->dial != NULL ? c->dial->fault : DIAL_NONE;
}

const char *
conn_dial_why(const struct conn *c)
{
	return c->dial != NULL ? c->dial->why : "";
}

enum status
conn_dial_starttls(struct conn *c, const struct dial_tls *tls)
{
	if (c->dial == NULL || c->ssl != NULL || c->layer != NULL || c->stage != STAGE_OPEN)
		return ERR_UNAVAILABLE;
	/* S1: nothing that came in the clear may be taken for protected, and nothing of ours may go out in it. */
	if (conn_in(c).n > 0 || io_pending(c) > 0)
		return ERR_BAD_INPUT;
	want_tls(c->dial, tls);
	dial_handshake(c, SHAKE_UPGRADE);
	return OK;
}
