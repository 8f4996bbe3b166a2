/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between supervisor and worker, checked as they come. */
#include "server/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/assert.h"

#define CHUNK 65536

static const struct {
	const char *name;
	enum channel_end from;
	unsigned fds;
	uint32_t index, value;
} rows[CHANNEL_TYPES] = {
#define M(name, from, fds, index, value) [CHANNEL_##name] = {#name, from, fds, index, value},
#include "server/channel.tbl"
#undef M
};

/* As it lies in the socket. */
struct packet {
	uint32_t type, index, value, zero;
	char text[CHANNEL_TEXT];
};

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(2 * sizeof(int))];
};

const char *
channel_name(enum channel_type type)
{
	return type > CHANNEL_NONE && type < CHANNEL_TYPES ? rows[type].name : "none";
}

static bool
good(const struct packet *p, enum channel_end from, size_t fds)
{
	return p->type > CHANNEL_NONE && p->type < CHANNEL_TYPES && rows[p->type].from == from && rows[p->type].fds == fds && p->zero == 0 &&
	    p->index <= rows[p->type].index && p->value <= rows[p->type].value && memchr(p->text, '\0', sizeof(p->text)) != NULL;
}

enum status
channel_send(int ch, const struct message *m)
{
	struct packet p = {.type = (uint32_t)m->type, .index = m->index, .value = m->value};
	struct iovec iov = {&p, sizeof(p)};
	union control control = {0};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	unsigned fds = rows[m->type].fds;
	ssize_t n;

	memcpy(p.text, m->text, sizeof(p.text));
	ensure(good(&p, rows[m->type].from, fds));
	if (fds > 0) {
		struct cmsghdr *c;

		h.msg_control = control.room;
		h.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(c), m->fd, fds * sizeof(int));
	}
	do
		n = sendmsg(ch, &h, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(p) ? OK : ERR_UNAVAILABLE;
}

/* Takes the descriptors that came; those for which there is no room are closed. How many there are. */
static size_t
take_descriptors(struct msghdr *h, int fd[2])
{
	size_t got = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		size_t n = c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

		for (size_t i = 0; i < n; i++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (got < 2)
				fd[got++] = one;
			else
				close(one);
		}
	}
	return got;
}

enum status
channel_receive(int ch, enum channel_end from, bool wait, struct message *m_r)
{
	struct packet p = {0};
	struct iovec iov = {&p, sizeof(p)};
	union control control = {0};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	struct message m = {.fd = {-1, -1}};
	size_t fds;
	ssize_t n;

	do
		n = recvmsg(ch, &h, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? ERR_AGAIN : ERR_NOT_FOUND;
	fds = take_descriptors(&h, m.fd);
	if (n != (ssize_t)sizeof(p) || (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || !good(&p, from, fds)) {
		message_close(&m);
		return ERR_BAD_INPUT;
	}
	m.type = (enum channel_type)p.type;
	m.index = p.index;
	m.value = p.value;
	memcpy(m.text, p.text, sizeof(m.text));
	*m_r = m;
	return OK;
}

void
message_close(struct message *m)
{
	for (size_t i = 0; i < 2; i++) {
		if (m->fd[i] >= 0)
			close(m->fd[i]);
		m->fd[i] = -1;
	}
}

int
channel_file(struct str bytes)
{
	int fd = memfd_create("mansio", MFD_CLOEXEC | MFD_ALLOW_SEALING), e;

	while (fd >= 0 && bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			goto fail;
		bytes = str_from(bytes, (size_t)n);
	}
	if (fd < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
		return fd;
fail:
	e = errno;
	close(fd);
	errno = e;
	return -1;
}

enum status
channel_read_file(int fd, size_t max, struct buf *out)
{
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buf_room(out, CHUNK), CHUNK, at)) > 0) {
		buf_wrote(out, (size_t)n);
		at += n;
		if ((size_t)at > max)
			return ERR_LIMIT;
	}
	return n == 0 ? OK : ERR_IO;
}
