/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet: messages with descriptors over a pair of sockets that keeps their bounds (SOCK_SEQPACKET), between processes of which one may be an intruder's: what
 * comes is whole, of a size and with a number of descriptors that the caller looks at. One thread an end.
 */
#ifndef BASE_PACKET_H
#define BASE_PACKET_H

#include "base/status.h"
#include "base/str.h"

#define PACKET_FDS 2

struct packet_got {
	size_t n;             /* bytes */
	int fd[PACKET_FDS];   /* the caller's; -1: none */
	unsigned fds;
};

/* The descriptors stay the caller's. ERR_UNAVAILABLE: the other end is gone, or takes nothing (the socket's time-out). */
enum status packet_send(int ch, struct str bytes, const int *fd, unsigned fds) must_check;
/*
 * ERR_AGAIN: none is there, with wait false. ERR_NOT_FOUND: the other end is closed. ERR_BAD_INPUT: it was longer than room, or had more descriptors than
 * PACKET_FDS; all are closed.
 */
enum status packet_receive(int ch, bool wait, void *p, size_t room, struct packet_got *got_r) must_check;
/* Closes the descriptors that came. */
void packet_close(struct packet_got *got);

#endif
