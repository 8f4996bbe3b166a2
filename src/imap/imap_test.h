/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests and fuzzers: a whole IMAP service with its store in memory, driven by one thread, and clients on socket pairs. The user alice has
 * the password "secret".
 */
#ifndef IMAP_IMAP_TEST_H
#define IMAP_IMAP_TEST_H

#include "imap/imap.h"
#include "net/net.h"

struct test_imap {
	struct store_subscriber *changes;
	struct store *store;
	struct door door;
	struct net *net;
	struct imap *imap;
};
/* For the tests opened next: steps end as soon as they can, and this is called before each (struct imap_options); NULL: as usual. */
void test_imap_steps(void (*at_step)(void *arg), void *arg);
void test_imap_open(struct test_imap *t);
/* The same, on a store that is as fill() made it the first time: an image that is kept, and gone back to each time in some microseconds, with the
 * engine's connections and statements ready (db/vfs/memvfs.h). One fill() a process. */
void test_imap_open_image(struct test_imap *t, void (*fill)(struct test_imap *));
/* For fill(): in INBOX two messages, in Work/old too, with UIDs between them that are gone. */
void test_imap_fill(struct test_imap *t);
/* All clients must be closed. */
void test_imap_close(struct test_imap *t);

struct test_client {
	int fd;         /* ours; -1 when the server has closed */
	struct buf got; /* what it sent */
};
void test_client_open(struct test_imap *t, struct test_client *c);
/* Sends bytes while reading what comes. */
void test_client_send(struct test_imap *t, struct test_client *c, struct str bytes);
/* Lets the server work until it waits for input. */
void test_client_run(struct test_imap *t, struct test_client *c);
/* No more input from this one. */
void test_client_shut(struct test_client *c);
/* The same, then runs until the server has closed every connection. False: it did not within ten seconds. */
bool test_client_end(struct test_imap *t, struct test_client *c);

/* The fault in what a server sent (lines, literals, no control characters and without utf8 7 bits outside them), or NULL. */
const char *test_fault(struct str got, bool utf8);

#endif
