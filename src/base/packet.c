/* SPDX-License-Identifier: Apache-2.0 */
/* Messages with descriptors. */
#include "base/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/assert.h"

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(PACKET_FDS * sizeof(int))];
};

enum status
packet_send(int ch, struct str bytes, const int *fd, unsigned fds)
{
	struct iovec iov = {(void *)(uintptr_t)bytes.p, bytes.n};
	union control control = {0};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	ensure(fds <= PACKET_FDS && bytes.n > 0);
	if (fds > 0) {
		struct cmsghdr *c;

		h.msg_control = control.room;
		h.msg_controllen = CMSG_SPACE(fds * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fds * sizeof(int));
		memcpy(CMSG_DATA(c), fd, fds * sizeof(int));
	}
	do
		n = sendmsg(ch, &h, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)bytes.n ? OK : ERR_UNAVAILABLE;
}

/* Those for which there is no room are closed. */
static void
take_descriptors(struct msghdr *h, struct packet_got *got)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		size_t n = c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

		for (size_t i = 0; i < n; i++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (got->fds < PACKET_FDS)
				got->fd[got->fds++] = one;
			else
				close(one);
		}
	}
}

enum status
packet_receive(int ch, bool wait, void *p, size_t room, struct packet_got *got_r)
{
	struct iovec iov = {p, room};
	union control control = {0};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof(control.room)};
	struct packet_got got = {.fd = {-1, -1}};
	ssize_t n;

	do
		n = recvmsg(ch, &h, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? ERR_AGAIN : ERR_NOT_FOUND;
	got.n = (size_t)n;
	take_descriptors(&h, &got);
	if (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		packet_close(&got);
		return ERR_BAD_INPUT;
	}
	*got_r = got;
	return OK;
}

void
packet_close(struct packet_got *got)
{
	while (got->fds > 0) {
		got->fds--;
		if (got->fd[got->fds] >= 0)
			close(got->fd[got->fds]);
		got->fd[got->fds] = -1;
	}
}
