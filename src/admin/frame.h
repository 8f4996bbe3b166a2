/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame: the units of the control socket. A frame is a length (u32, little-endian, of type and payload), a type
 * byte and a payload of at most FRAME_MAX bytes. Payloads of fields are packed strings (pack_str). Both sides
 * check all that they read. Pure, any thread.
 *
 *   to the server                           to the command line
 *   REQUEST  verb, arguments                RECORD   what the verb says it is
 *   RECORD   what the verb says it is       DATA     bytes
 *   DATA     bytes                          TEXT     a line for a person
 *   END      no more input                  PROGRESS done and total, as decimal text
 *                                           EXIT     status, a line for a person; the last frame
 */
#ifndef ADMIN_FRAME_H
#define ADMIN_FRAME_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/codec.h"
#include "base/status.h"

#define FRAME_MAX (1u << 20)
#define FRAME_FIELDS_MAX 10000 /* strings in one payload */

enum frame_type {
	FRAME_REQUEST = 'Q',
	FRAME_RECORD = 'R',
	FRAME_DATA = 'D',
	FRAME_END = 'E',
	FRAME_TEXT = 'T',
	FRAME_PROGRESS = 'P',
	FRAME_EXIT = 'X',
};

struct frame {
	enum frame_type type;
	struct str payload;
};

void frame_add(struct buf *out, enum frame_type type, struct str payload);
/* Takes a frame off the front of *in; its payload is borrowed from there. ERR_AGAIN: more bytes are needed (*in is
 * as it was); ERR_BAD_INPUT: not a frame, the connection is of no more use. */
must_check enum status frame_take(struct str *in, struct frame *frame_r);
/* The strings of a payload, borrowed; the array lies in the arena. ERR_BAD_INPUT. */
must_check enum status frame_fields(struct arena *arena, struct str payload, struct str **fields_r, size_t *n_r);

#endif
