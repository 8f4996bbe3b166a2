/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking socket with frames on it. */
#include "admin/link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_AT (64 * 1024)
#define READ_SIZE (64 * 1024)

void
link_init(struct link *l, int fd)
{
	/* Passwords go both ways. */
	*l = (struct link){.fd = fd, .give = -1, .given = -1, .in = {.secret = true}, .out = {.secret = true}};
}

void
link_close(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	if (l->given >= 0)
		close(l->given);
	l->fd = l->given = -1;
	buf_free(&l->in);
	buf_free(&l->out);
}

void
link_interrupt(struct link *l)
{
	if (l->fd >= 0)
		shutdown(l->fd, SHUT_RDWR);
}

void
link_hold(struct link *l, bool on)
{
	l->hold = on;
}

bool
link_gone(struct link *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLRDHUP};

	return l->status != OK || (poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0);
}

static enum status fill(struct link *l, int flags);

/* There is no room to send: waits until there is, and reads meanwhile. */
static void
wait_for_room(struct link *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN | POLLOUT};

	if (poll(&p, 1, -1) > 0 && (p.revents & (POLLIN | POLLHUP)))
		(void)!fill(l, MSG_DONTWAIT);
}

/* Room for the one descriptor that goes with bytes. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static ssize_t
send_some(struct link *l, char *p, size_t n, int flags)
{
	union control c = {0};
	struct iovec iov = {p, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *h;
	ssize_t sent;

	if (l->give < 0)
		return send(l->fd, p, n, flags);
	m.msg_control = c.bytes;
	m.msg_controllen = sizeof(c.bytes);
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &l->give, sizeof(int));
	if ((sent = sendmsg(l->fd, &m, flags)) > 0)
		l->give = -1;
	return sent;
}

static ssize_t
receive_some(struct link *l, char *p, size_t n, int flags)
{
	union control c = {0};
	struct iovec iov = {p, n};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.bytes, .msg_controllen = sizeof(c.bytes)};
	ssize_t got = recvmsg(l->fd, &m, flags | MSG_CMSG_CLOEXEC);
	struct cmsghdr *h = got >= 0 ? CMSG_FIRSTHDR(&m) : NULL;

	if (h != NULL && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS && h->cmsg_len == CMSG_LEN(sizeof(int))) {
		if (l->given >= 0)
			close(l->given);
		memcpy(&l->given, CMSG_DATA(h), sizeof(int));
	}
	return got;
}

enum status
link_flush(struct link *l)
{
	size_t at = 0;

	while (l->status == OK && at < l->out.n) {
		ssize_t n = send_some(l, l->out.p + at, l->out.n - at, MSG_NOSIGNAL | (l->takes_in ? MSG_DONTWAIT : 0));

		if (n > 0)
			at += (size_t)n;
		else if (n < 0 && l->takes_in && (errno == EAGAIN || errno == EWOULDBLOCK))
			wait_for_room(l);
		else if (n < 0 && errno != EINTR)
			l->status = errno == EPIPE || errno == ECONNRESET ? ERR_NOT_FOUND : ERR_IO;
	}
	buf_clear(&l->out);
	return l->status;
}

void
link_send(struct link *l, enum frame_type type, struct str payload)
{
	if (l->status != OK)
		return;
	frame_add(&l->out, type, payload);
	if (!l->hold && l->out.n >= SEND_AT && link_flush(l) != OK)
		return;
}

void
link_fields(struct link *l, enum frame_type type, size_t n, const struct str *fields)
{
	struct buf b = {.limit = FRAME_MAX, .secret = true};

	for (size_t i = 0; i < n; i++)
		pack_str(&b, fields[i]);
	if (b.failed)
		l->status = ERR_LIMIT;
	else
		link_send(l, type, buf_str(&b));
	buf_free(&b);
}

void
link_text(struct link *l, const char *fmt, ...)
{
	struct buf b = {.limit = FRAME_MAX};
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	link_send(l, FRAME_TEXT, buf_str(&b));
	buf_free(&b);
}

static enum status
take(struct link *l, struct frame *frame_r)
{
	struct str in;
	enum status st;

	if (l->taken > 0) {
		buf_consume(&l->in, l->taken);
		l->taken = 0;
	}
	in = buf_str(&l->in);
	st = frame_take(&in, frame_r);
	if (st == OK)
		l->taken = l->in.n - in.n;
	return st;
}

/* The frames of one read are all handed out before anything moves: the payload just given stays. */
static enum status
fill(struct link *l, int flags)
{
	char *room = buf_room(&l->in, READ_SIZE);
	ssize_t n;

	do
		n = receive_some(l, room, READ_SIZE, flags);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		buf_wrote(&l->in, (size_t)n);
		return OK;
	}
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return ERR_AGAIN;
	return l->status = n == 0 || errno == ECONNRESET ? ERR_NOT_FOUND : ERR_IO;
}

static enum status
next(struct link *l, struct frame *frame_r, int flags)
{
	for (;;) {
		enum status st = take(l, frame_r);

		if (st == ERR_BAD_INPUT)
			l->status = st;
		if (st != ERR_AGAIN)
			return st;
		if (l->status != OK)
			return l->status;
		if ((st = fill(l, flags)) != OK)
			return st;
	}
}

enum status
link_next(struct link *l, struct frame *frame_r)
{
	enum status st = link_flush(l);

	return st == OK ? next(l, frame_r, 0) : st;
}

enum status
link_poll(struct link *l, struct frame *frame_r)
{
	return next(l, frame_r, MSG_DONTWAIT);
}
