/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link: one end of a control connection: frames over a socket, blocking. Used by both ends. One thread at a time.
 */
#ifndef ADMIN_LINK_H
#define ADMIN_LINK_H

#include "admin/frame.h"

struct link {
	int fd;
	struct buf in, out;
	size_t taken;      /* bytes of in that were handed out and not dropped yet */
	bool hold;         /* link_hold() */
	enum status status; /* sticky */
	/* While it waits to send it takes in what comes, so that two ends that both send much do not wait for each other. For an end that
	 * uses no payload while it sends. */
	bool takes_in;
	int give;          /* goes with the next bytes that are sent, and stays the sender's; -1: none. To be set before link_send(). */
	int given;         /* a descriptor that came from the other end, the last one; -1: none. The link closes it. */
};

/* Takes the descriptor. */
void link_init(struct link *l, int fd);
void link_close(struct link *l);
/* Queues a frame; sends when some tens of kilobytes are waiting. Errors show at the next link_flush or link_next. */
void link_send(struct link *l, enum frame_type type, struct str payload);
/* A frame of fields: link_fields(l, FRAME_RECORD, 2, (struct str[]){a, b}). */
void link_fields(struct link *l, enum frame_type type, size_t n, const struct str *fields);
void link_text(struct link *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* While set nothing is sent but by link_flush() and link_next(): what is queued then only grows, so whoever holds a snapshot does not wait for a peer that
 * stands still. The holder bounds it. */
void link_hold(struct link *l, bool on);
/* The other end is gone, or link_interrupt() was called. Does not wait; any thread that uses the link. */
bool link_gone(struct link *l);
must_check enum status link_flush(struct link *l);
/* Flushes, then waits for the next frame; its payload lives until the next call. ERR_NOT_FOUND: the other end closed; ERR_BAD_INPUT; ERR_IO. */
must_check enum status link_next(struct link *l, struct frame *frame_r);
/* The same without waiting: ERR_AGAIN when no whole frame is there. */
must_check enum status link_poll(struct link *l, struct frame *frame_r);
/* Wakes a thread that waits in link_next: it gets ERR_NOT_FOUND. Any thread. */
void link_interrupt(struct link *l);

#endif
