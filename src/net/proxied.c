/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections through a load balancer that says for whom they are, before anything else (wire/proxy_header.h). Only those whom the listener trusts are
 * believed, and they must say it: an address that could be told by anybody would be no address. Its bytes are looked at where they wait in the kernel
 * and exactly they are taken, so that what follows, TLS perhaps, finds the beginning of its own; what came of a header in pieces is kept in c->in.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include "base/assert.h"
#include "base/log.h"
#include "net/dial_priv.h"
#include "wire/proxy_header.h"

bool
proxied(const struct listener *l, const struct conn *c)
{
	uint8_t address[16];

	if (c->way == WAY_SOCKET || !range_address(str_head(str_c(c->peer), str_chr(str_c(c->peer), '%')), address))
		return false;
	for (size_t i = 0; i < l->n_proxies; i++)
		if (range_has(&l->proxies[i], address))
			return true;
	return false;
}

/* The client in place of the proxy. */
static void
name_client(struct conn *c, const struct proxy_header *h)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *in4 = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;

	if (memcmp(h->source, mapped, sizeof(mapped)) == 0) {
		in4->sin_family = AF_INET;
		memcpy(&in4->sin_addr, h->source + 12, 4);
		in4->sin_port = htons(h->port);
	} else {
		in6->sin6_family = AF_INET6;
		memcpy(&in6->sin6_addr, h->source, 16);
		in6->sin6_port = htons(h->port);
	}
	conn_name_peer(c, &ss);
	/* The proxy's loopback is not this machine's: nobody who comes through it is trusted as if he sat here. */
	c->way = WAY_NETWORK;
}

static enum turn
refuse(struct conn *c, const char *why)
{
	log_event(EV_client_error, "%s id=%llu peer=%s: %s", c->handler->name, (unsigned long long)c->id, c->peer, why);
	return conn_drop(c);
}

/* Whose it is is known: what would have come first comes now. */
static enum turn
go_on(struct conn *c)
{
	if (address_enter(c) != OK) {
		net_complain(c->net, "too many connections from", c->peer);
		return conn_drop(c);
	}
	conn_lane_of_address(c);
	input_is(c, INPUT_MAYBE); /* behind the header, perhaps */
	c->handshake_at = 0;
	c->stage = STAGE_NEW;
	if (c->proxied_tls) {
		c->stage = STAGE_HANDSHAKE;
		c->handshake_at = net_now(c->net) + HANDSHAKE_SECONDS;
	}
	return TURN_MORE;
}

enum turn
turn_proxy(struct conn *c)
{
	char head[PROXY_HEADER_MAX];
	struct proxy_header h;
	size_t used = 0, had = c->in.n;
	ssize_t n;

	ensure(had < sizeof(head));
	if (had > 0)
		memcpy(head, c->in.p, had);
	n = recv(c->fd, head + had, sizeof(head) - had, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return TURN_PARK;
	if (n <= 0)
		return conn_drop(c);
	switch (proxy_header(str_of(head, had + (size_t)n), &h, &used)) {
	case PROXY_READ_MORE:
		if (recv(c->fd, head + had, (size_t)n, MSG_DONTWAIT) != n)
			return conn_drop(c);
		buf_add(&c->in, str_of(head + had, (size_t)n));
		return TURN_PARK;
	case PROXY_READ_BAD:
		return refuse(c, "no header of the PROXY protocol, which listener.proxies has its load balancers say first");
	case PROXY_READ_HEADER:
		break;
	}
	ensure(used > had && used <= had + (size_t)n);
	if (recv(c->fd, head, used - had, MSG_DONTWAIT) != (ssize_t)(used - had))
		return conn_drop(c);
	buf_free(&c->in);
	if (!h.own)
		name_client(c, &h);
	return go_on(c);
}
