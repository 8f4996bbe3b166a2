/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between supervisor and worker, checked as they come. */
#include "server/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/assert.h"
#include "base/packet.h"

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
	unsigned fds = rows[m->type].fds;

	memcpy(p.text, m->text, sizeof(p.text));
	ensure(good(&p, rows[m->type].from, fds));
	return packet_send(ch, str_of((const char *)&p, sizeof(p)), m->fd, fds);
}

enum status
channel_receive(int ch, enum channel_end from, bool wait, struct message *m_r)
{
	struct packet p = {0};
	struct packet_got got;
	enum status st = packet_receive(ch, wait, &p, sizeof(p), &got);

	if (st != OK)
		return st;
	if (got.n != sizeof(p) || !good(&p, from, got.fds)) {
		packet_close(&got);
		return ERR_BAD_INPUT;
	}
	*m_r = (struct message){.type = (enum channel_type)p.type, .index = p.index, .value = p.value, .fd = {got.fd[0], got.fd[1]}};
	memcpy(m_r->text, p.text, sizeof(m_r->text));
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
