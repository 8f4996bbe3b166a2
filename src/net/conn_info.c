/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers ask of their connection and set in it. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "base/arena.h"
#include "base/assert.h"
#include "net/net_priv.h"

struct str
conn_in(struct conn *c)
{
	/* A buffer that was given back has no address to add to. */
	return c->in_at == 0 ? buf_str(&c->in) : str_of(c->in.p + c->in_at, c->in.n - c->in_at);
}

void
conn_eat(struct conn *c, size_t n)
{
	ensure(n <= c->in.n - c->in_at);
	c->bytes_in += n;
	if (c->in.secret)
		explicit_bzero(c->in.p + c->in_at, n);
	c->in_at += (uint32_t)n;
	if (c->in_at == c->in.n)
		c->in_at = 0, c->in.n = 0;
}

void
conn_secret(struct conn *c, bool on)
{
	c->secret = c->in.secret = on;
}

void
conn_in_limit(struct conn *c, size_t n)
{
	c->in_limit = n > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)n;
}

void
conn_acknowledge(struct conn *c)
{
	int on = 1;

	setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on)); /* a Unix socket has none, and needs none */
}

struct buf *
conn_out(struct conn *c)
{
	return &c->out;
}

/* What a filter keeps: to inflate, 32 KB and some; to deflate, 16 KB. */
#define FILTER_BYTES (56u << 10)

size_t
conn_memory(const struct conn *c)
{
	const struct layer *l = c->layer;
	size_t n = c->in.n + c->out.n;

	if (l != NULL)
		n += l->raw.cap + l->wire.cap + FILTER_BYTES;
	return n;
}

bool
conn_out_full(struct conn *c)
{
	return io_pending(c) >= OUT_HIGH;
}

void
conn_flush(struct conn *c)
{
	/* A failure shows again at the next write. */
	if (c->stage == STAGE_OPEN && io_pending(c) > 0)
		(void)io_write(c);
}

bool
conn_gone(struct conn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

	/* Not by a look at what is to be read: before its end may stand what was sent ahead. */
	return c->fd < 0 || c->input == INPUT_ENDED || (poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)));
}

static uint32_t
in_seconds(struct conn *c, int64_t seconds)
{
	if (seconds <= 0)
		return 0;
	return net_now(c->net) + (seconds > INT32_MAX / 2 ? INT32_MAX / 2 : (uint32_t)seconds);
}

void
conn_timeout(struct conn *c, int64_t seconds)
{
	c->idle_at = in_seconds(c, seconds);
	c->idle_seconds = c->idle_at == 0 ? 0 : c->idle_at - net_now(c->net);
}

void
conn_timeout_batched(struct conn *c, int64_t seconds)
{
	uint32_t now = net_now(c->net), span, phase, at;

	conn_timeout(c, seconds);
	if (c->idle_at == 0)
		return;
	/* The seconds that are a multiple of the span, shifted by the client's address. */
	span = (uint32_t)(seconds > 3 ? seconds / 2 : 1);
	phase = (uint32_t)(hash_keyed(network_str(&c->address)) % span);
	at = now + span;
	at += span - (at + phase) % span;
	c->idle_at = at > now + seconds ? now + (uint32_t)seconds : at;
	c->idle_seconds = 0;
}

void
conn_deadline(struct conn *c, int64_t seconds)
{
	c->hard_at = in_seconds(c, seconds);
}

void
conn_pause_until(struct conn *c, int64_t at)
{
	c->pause_until = at;
	pause_until(c, at);
}

const char *
conn_peer(struct conn *c)
{
	return c->peer;
}

unsigned
conn_peer_port(struct conn *c)
{
	return c->port;
}

const char *
conn_local(struct conn *c)
{
	return c->local;
}

const char *
conn_where(struct conn *c)
{
	return c->where;
}

bool
conn_loopback(struct conn *c)
{
	return c->way != WAY_NETWORK;
}

bool
conn_private(struct conn *c)
{
	return conn_tls(c) || conn_loopback(c);
}

int64_t
conn_peer_uid(struct conn *c)
{
	return c->uid;
}

uint64_t
conn_id(struct conn *c)
{
	return c->id;
}

uint64_t
conn_bytes_in(const struct conn *c)
{
	return c->bytes_in;
}

uint64_t
conn_bytes_out(const struct conn *c)
{
	return c->bytes_out;
}

int64_t
conn_age(struct conn *c)
{
	return (int64_t)net_now(c->net) - c->born;
}

void
conn_known(struct conn *c)
{
	address_known(c);
}

void *
conn_user(struct conn *c)
{
	return c->user;
}

void
conn_set_user(struct conn *c, void *user)
{
	c->user = user;
}

void *
conn_arg(struct conn *c)
{
	return c->arg;
}

struct net *
conn_net(struct conn *c)
{
	return c->net;
}

enum status
conn_set_filter(struct conn *c, struct conn_filter *f)
{
	struct layer *l = c->layer;
	struct buf raw = {0};

	if (l != NULL && l->f != NULL)
		return ERR_CONFLICT;
	if (l == NULL)
		l = x_new(struct layer);
	l->f = f;
	l->out_ended = false;
	/* What was appended before goes out as it is; what was read before is the filter's. */
	buf_add(&l->wire, str_from(buf_str(&c->out), c->out_at));
	c->bytes_out += c->out.n - c->out_at;
	buf_clear(&c->out);
	c->out_at = 0;
	buf_add(&raw, conn_in(c));
	buf_add(&raw, buf_str(&l->raw));
	buf_free(&l->raw);
	l->raw = raw;
	conn_eat(c, conn_in(c).n);
	c->layer = l;
	input_is(c, INPUT_MAYBE);
	return OK;
}

bool
conn_compressed(struct conn *c)
{
	return c->layer != NULL && c->layer->f != NULL && !c->layer->out_ended;
}

enum status
conn_end_filter(struct conn *c)
{
	struct layer *l = c->layer;
	enum status st;

	if (!conn_compressed(c))
		return OK;
	/* What stands here came through the filter, behind the command after which the client had to end it. */
	if (conn_in(c).n > 0)
		return ERR_BAD_INPUT;
	if ((st = l->f->out(l->f, buf_str(&c->out), &l->wire, FILTER_LAST)) != OK)
		return st;
	c->bytes_out += c->out.n;
	buf_clear(&c->out);
	l->out_ended = true;
	input_is(c, INPUT_MAYBE);
	return OK;
}

uint64_t
conn_account(struct conn *c)
{
	return atomic_load_explicit(&c->account, memory_order_relaxed);
}

void
conn_set_account(struct conn *c, uint64_t account)
{
	ensure(account <= UINT32_MAX);
	atomic_store_explicit(&c->account, (uint32_t)account, memory_order_relaxed);
}

enum conn_plaintext
conn_plaintext(struct conn *c)
{
	return (enum conn_plaintext)c->plaintext;
}

uint32_t
conn_message_max(struct conn *c)
{
	return c->message_max;
}

int64_t
conn_allowed(struct conn *c)
{
	return c->allowed;
}
