/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing without waiting, and the memory for it. Each pool thread keeps one big input
 * and one big output buffer and lends them to the connection it runs; what is empty afterwards comes
 * back. So a parked connection holds no buffer, a busy one needs no allocation, and what a client
 * left half sent is kept in just the bytes it needs.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/log.h"
#include "net/net_priv.h"

#define KEEP_MOST (512u * 1024) /* a buffer that grew beyond this goes back to the system */

static _Thread_local struct buf spare_in, spare_out;

static void
lend(struct buf *b, struct buf *spare)
{
	if (b->p != NULL)
		return;
	*b = *spare;
	*spare = (struct buf){0};
}

static void
give_back(struct buf *b, struct buf *spare)
{
	buf_clear(b); /* what is secret of it is overwritten */
	if (spare->p == NULL && b->cap <= KEEP_MOST && b->cap >= READ_STEP)
		*spare = (struct buf){.p = b->p, .cap = b->cap};
	else
		free(b->p);
	*b = (struct buf){0};
}

/* Something is left in a buffer: keeps it in as much memory as it needs. */
static void
shrink(struct buf *b, uint32_t *at, struct buf *spare)
{
	struct buf small = {.secret = b->secret};

	if (b->cap < 2048 || b->n - *at > b->cap / 2) {
		return;
	}
	buf_add(&small, str_of(b->p + *at, b->n - *at));
	*at = 0;
	give_back(b, spare);
	*b = small;
}

void
io_borrow(struct conn *c)
{
	lend(&c->in, &spare_in);
	c->in.secret = c->secret;
	lend(&c->out, &spare_out);
	/* Of a size that comes back: small answers need no allocation either. */
	if (c->out.p == NULL)
		(void)buf_room(&c->out, READ_STEP);
}

static void
free_layer(struct conn *c)
{
	struct layer *l = c->layer;

	ensure(l->wire_at <= l->wire.n);
	if (l->f != NULL)
		l->f->free(l->f);
	buf_free(&l->raw);
	buf_free(&l->wire);
	free(l);
	c->layer = NULL;
}

static void
return_layer(struct conn *c)
{
	struct layer *l = c->layer;

	if (l->raw.n == 0)
		buf_free(&l->raw);
	if (l->wire.n == 0)
		buf_free(&l->wire);
	if (l->f == NULL && l->raw.n == 0 && l->wire.n == 0)
		free_layer(c);
}

void
io_return(struct conn *c)
{
	if (c->in.n == c->in_at) {
		c->in_at = 0;
		give_back(&c->in, &spare_in);
	} else {
		shrink(&c->in, &c->in_at, &spare_in);
	}
	if (c->out.n == c->out_at) {
		c->out_at = 0;
		give_back(&c->out, &spare_out);
	} else {
		shrink(&c->out, &c->out_at, &spare_out);
	}
	if (c->layer != NULL)
		return_layer(c);
}

void
io_free(struct conn *c)
{
	c->in_at = c->out_at = 0;
	give_back(&c->in, &spare_in);
	give_back(&c->out, &spare_out);
	if (c->layer != NULL)
		free_layer(c);
}

void
net_thread_end(void)
{
	buf_free(&spare_in);
	buf_free(&spare_out);
	deflate_thread_end();
}

static enum io
from_errno(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? IO_WAIT : IO_FAILED;
}

/* One read from the socket or from TLS. Tells c->input when there is nothing more for now. */
static enum io
read_some(struct conn *c, char *p, size_t room, size_t *n_r)
{
	ssize_t n;

	if (c->ssl != NULL)
		return tls_read(c, p, room, n_r);
	n = recv(c->fd, p, room, MSG_DONTWAIT);
	if (n == 0)
		return IO_EOF;
	if (n < 0) {
		input_is(c, INPUT_NONE);
		return from_errno();
	}
	*n_r = (size_t)n;
	/* A stream socket that gave less than was asked for is empty; epoll tells about more. */
	if (*n_r < room)
		input_is(c, INPUT_NONE);
	return IO_OK;
}

/* Moves the uneaten bytes to the front when there is little room behind them. */
static void
compact(struct conn *c)
{
	if (c->in_at > 0 && (c->in_at == c->in.n || c->in.cap - c->in.n < READ_STEP)) {
		buf_consume(&c->in, c->in_at);
		c->in_at = 0;
	}
}

/* The handler has ended the filter, and so has the client at this byte. */
static void
drop_ended(struct layer *l)
{
	if (l->f == NULL || !l->out_ended || !l->f->ended(l->f))
		return;
	l->f->free(l->f);
	l->f = NULL;
}

/* The filter over what was read, until something came out. IO_WAIT: it wants more. */
static enum io
unfilter(struct conn *c, size_t room)
{
	struct layer *l = c->layer;
	size_t before = c->in.n, used;

	do {
		drop_ended(l);
		used = 0;
		if (l->f == NULL)
			break;
		if (l->f->in(l->f, buf_str(&l->raw), room, &c->in, &used) != OK)
			return IO_FAILED;
		ensure(used <= l->raw.n && c->in.n >= before);
		buf_consume(&l->raw, used);
		if (l->out_ended && c->in.n > before)
			return IO_FAILED; /* it had ended */
	} while (c->in.n == before && used > 0 && l->raw.n > 0);
	drop_ended(l);
	if (l->f == NULL) {
		used = l->raw.n < room ? l->raw.n : room;
		buf_add(&c->in, str_head(buf_str(&l->raw), used));
		buf_consume(&l->raw, used);
	}
	return c->in.n > before ? IO_OK : IO_WAIT;
}

/* Fills in from the filter, reading raw bytes when it asks for them. */
static enum io
read_filtered(struct conn *c, size_t room)
{
	struct layer *l = c->layer;
	size_t before = c->in.n, n = 0;
	enum io io;

	l->raw.secret = c->secret;
	if (room > READ_STEP)
		room = READ_STEP;
	/* First without new bytes: what it had no room for the last time comes now. */
	while ((io = unfilter(c, room)) == IO_WAIT) {
		if (l->raw.n >= READ_STEP)
			return IO_FAILED; /* a filter must take what it gets */
		if ((io = read_some(c, buf_room(&l->raw, READ_STEP), READ_STEP, &n)) != IO_OK)
			return io;
		buf_wrote(&l->raw, n);
	}
	if (io == IO_OK)
		input_is(c, c->input == INPUT_MAYBE || l->raw.n > 0 || c->in.n - before == room ? INPUT_MAYBE : INPUT_NONE);
	return io;
}

enum io
io_read(struct conn *c)
{
	size_t held, room, n = 0;
	enum io io;

	compact(c);
	ensure(c->in_at <= c->in.n);
	held = c->in.n - c->in_at;
	room = c->in_limit > held ? c->in_limit - held : 0;
	if (room == 0)
		return IO_WAIT;
	if (c->layer != NULL)
		return read_filtered(c, room);
	if (room > READ_STEP) {
		/* All that the memory at hand takes, at least a step. */
		size_t there = c->in.cap - c->in.n;

		room = there > READ_STEP && there < room ? there : room < READ_STEP ? room : READ_STEP;
	}
	io = read_some(c, buf_room(&c->in, room), room, &n);
	if (io == IO_OK)
		buf_wrote(&c->in, n);
	return io;
}

enum io
io_discard(struct conn *c)
{
	char trash[4096];
	ssize_t n = recv(c->fd, trash, sizeof(trash), MSG_DONTWAIT);

	return n > 0 ? IO_OK : n == 0 ? IO_EOF : from_errno();
}

size_t
io_pending(const struct conn *c)
{
	return c->out.n - c->out_at + (c->layer ? c->layer->wire.n - c->layer->wire_at : 0);
}

static enum io
write_some(struct conn *c, const char *p, size_t n, size_t *n_r)
{
	ssize_t w;

	if (c->ssl != NULL)
		return tls_write(c, p, n, n_r);
	w = send(c->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (w < 0)
		return from_errno();
	*n_r = (size_t)w;
	return IO_OK;
}

static enum io
write_all(struct conn *c, struct buf *b, size_t *at)
{
	enum io io = IO_OK;
	size_t n = 0;

	while (*at < b->n && (io = write_some(c, b->p + *at, b->n - *at, &n)) == IO_OK) {
		*at += n;
		c->stuck_at = 0; /* the client takes something */
	}
	if (*at == b->n) {
		*at = 0;
		buf_clear(b);
	}
	return io;
}

/* For the way to the client, not for the client's next question: the kernel holds bytes that it may not send yet. */
static bool
unsent(struct conn *c)
{
	int n = 0;

	return ioctl(c->fd, SIOCOUTQNSD, &n) == 0 && n > 0; /* a Unix socket does not know */
}

enum io
io_write(struct conn *c)
{
	struct layer *l = c->layer;
	size_t at, had;
	enum io io;

	/* An answer that was not made whole: buf_clear() below would hide that. */
	if (c->out.failed) {
		log_event(EV_internal, "%s id=%llu peer=%s: an answer too large to be made", c->handler->name, (unsigned long long)c->id,
		    c->peer);
		return IO_FAILED;
	}
	if (l != NULL) {
		if ((io = write_all(c, &l->wire, &l->wire_at)) != IO_OK || c->out.n == 0)
			return io;
		if (l->out_ended || l->f == NULL)
			buf_add(&l->wire, buf_str(&c->out));
		else if (l->f->out(l->f, buf_str(&c->out), &l->wire, c->out.n > PACK_SHORT && unsent(c) ? FILTER_WAITING : 0) != OK)
			return IO_FAILED;
		c->bytes_out += c->out.n;
		buf_clear(&c->out);
		return write_all(c, &l->wire, &l->wire_at);
	}
	at = c->out_at;
	ensure(at <= c->out.n);
	had = c->out.n - at;
	io = write_all(c, &c->out, &at);
	c->bytes_out += had - (c->out.n - at);
	c->out_at = (uint32_t)at;
	return io;
}
