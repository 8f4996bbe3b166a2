/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests and fuzzers: a whole service with its store in memory, driven by one thread, and clients on socket pairs. The user alice has
 * the password "secret".
 */
#ifndef SESSION_PLAY_TEST_H
#define SESSION_PLAY_TEST_H

#include "db/vfs/faultvfs.h"
#include "net/net.h"
#include "session/door.h"

struct test_service {
	const struct conn_handler *handler;
	void *(*open)(const struct door *door); /* conn_arg() of its connections */
	void (*close)(void *service); /* NULL: nothing is to be freed */
	/* For tests of what fails: the store lies on a file layer that does as faultvfs_plan() says (db/vfs/faultvfs.h), its end is noted in fatal, and sessions are
	 * told of what happens to their accounts. One such door a process. */
	bool faulty;
};
struct test_door {
	struct store_subscriber *changes;
	struct store *store;
	struct door door;
	struct net *net;
	const struct test_service *kind;
	void *service;
	bool fatal; /* the store said that it cannot go on, where the process would end */
};
/* kind outlives the door. */
void test_door_open(struct test_door *t, const struct test_service *kind);
/* The same, on a store that is as fill() made it the first time: an image that is kept, and gone back to each time in some microseconds, with the
 * engine's connections and statements ready (db/vfs/memvfs.h). One fill() a process. anew: the service is opened anew. */
void test_door_open_image(struct test_door *t, const struct test_service *kind, void (*fill)(struct test_door *), bool anew);
/* What the write function does, in a commit during and after which the plan holds. */
must_check enum status test_write_planned(struct test_door *t, enum status (*fn)(struct db_txn *, void *arg), void *arg, const struct fault *plan);
/* All clients must be closed. */
void test_door_close(struct test_door *t);
/* For fuzzers, what costs much and shows nothing there: unknown users' passwords, and another thread for each change that comes alone (with
 * ThreadSanitizer it shows something). */
void test_door_cheap(void);

struct test_client {
	int fd;         /* ours; -1 when the server has closed */
	struct buf got; /* what it sent */
};
void test_client_open(struct test_door *t, struct test_client *c);
/* Sends bytes while reading what comes. */
void test_client_send(struct test_door *t, struct test_client *c, struct str bytes);
/* Lets the server work until it waits for input. */
void test_client_run(struct test_door *t, struct test_client *c);
/* The same without waiting for commits, and only until something has come. */
void test_client_turn(struct test_door *t, struct test_client *c);
/* No more input from this one. */
void test_client_shut(struct test_client *c);
/* The same, then runs until the server has closed every connection. False: it did not within ten seconds. */
bool test_client_end(struct test_door *t, struct test_client *c);

#endif
