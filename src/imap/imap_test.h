/* SPDX-License-Identifier: Apache-2.0 */
/* For tests and fuzzers: an IMAP service driven by one thread (session/play_test.h). */
#ifndef IMAP_IMAP_TEST_H
#define IMAP_IMAP_TEST_H

#include "imap/imap.h"
#include "session/play_test.h"

/* For the tests opened next: steps end as soon as they can, and this is called before each (struct imap_options); NULL: as usual. */
void test_imap_steps(void (*at_step)(void *arg), void *arg);
void test_imap_open(struct test_door *t);
/* With a store that can fail: struct test_service. */
void test_imap_open_faulty(struct test_door *t);
/* The same, on an image of what fill() made: see test_door_open_image(). */
void test_imap_open_image(struct test_door *t, void (*fill)(struct test_door *));
/* For fill(): in INBOX two messages, in Work/old too, with UIDs between them that are gone. */
void test_imap_fill(struct test_door *t);

/* The fault in what a server sent (lines, literals, no control characters and without utf8 7 bits outside them), or NULL. */
const char *test_fault(struct str got, bool utf8);

#endif
