/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readahead: notices that a connection walks through the file, and says what to ask the system for in advance. Summaries of messages lie
 * among the bodies that came with them: a walk over a mailbox skips forward through the file, which the kernel does not take for
 * reading in order. Without this, each page that is not in its cache is one request to the disk.
 *
 * One a connection, one thread at a time. Only ever a hint: what is read does not depend on it.
 */
#ifndef DB_READAHEAD_H
#define DB_READAHEAD_H

#include <stdbool.h>
#include <stdint.h>

struct readahead {
	int64_t end;     /* of the last read of the walk */
	int64_t asked;   /* up to here the system was asked */
	unsigned steps;  /* reads that went forward */
	unsigned strays; /* reads since then that did not */
};

/* Notes a read of n bytes at the offset. True: the bytes from *from_r on, *n_r of them, will be wanted soon. */
bool readahead_note(struct readahead *r, int64_t at, int64_t n, int64_t *from_r, int64_t *n_r);

#endif
