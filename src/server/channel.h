/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel: what supervisor and worker say to each other: messages of one size, the rows of channel.tbl, over a socket pair that keeps their bounds
 * (SOCK_SEQPACKET). Each is checked when it comes: size, type, direction, number of descriptors, numbers, text. One thread an end.
 */
#ifndef SERVER_CHANNEL_H
#define SERVER_CHANNEL_H

#include <stdint.h>
#include "base/buf.h"
#include "base/status.h"

#define CHANNEL_TEXT 128
#define SOCKET_ADMIN 9999u /* not a listener's: the command line's */

enum channel_end { SUPERVISOR, WORKER };
enum channel_type {
	CHANNEL_NONE,
#define M(name, from, fds, index, value) CHANNEL_##name,
#include "server/channel.tbl"
#undef M
	CHANNEL_TYPES
};

struct message {
	enum channel_type type;
	uint32_t index, value;
	char text[CHANNEL_TEXT]; /* ends with NUL */
	int fd[2];               /* as many as the type has; of a message that came the caller's */
};

/* Sends one; the descriptors stay the caller's. ERR_UNAVAILABLE: the other end is gone, or does not listen (the socket's time-out). */
enum status channel_send(int ch, const struct message *m) must_check;
/*
 * The next of those that the other end may say. ERR_AGAIN: none is there, with wait false. ERR_NOT_FOUND: the other end is closed.
 * ERR_BAD_INPUT: what came is none of them; its descriptors are closed.
 */
enum status channel_receive(int ch, enum channel_end from, bool wait, struct message *m_r) must_check;
/* Closes what came with it. */
void message_close(struct message *m);
/* "READY" */
const char *channel_name(enum channel_type type);

/* A file in memory with these bytes, sealed: for a message. -1, with errno. */
int channel_file(struct str bytes);
/* All that is in one. ERR_LIMIT: more than max; ERR_IO. */
enum status channel_read_file(int fd, size_t max, struct buf *out) must_check;

#endif
