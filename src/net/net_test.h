/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a net that one thread drives step by step, and a handler that speaks a small protocol
 * of lines:
 *
 *	echo TEXT      answers TEXT
 *	big N          N bytes of 'x' in steps, then "."
 *	wait           CONN_WAKE; answers "done" at CONN_EV_WAKE
 *	pause          the same after a second, by itself
 *	starttls       "go", then TLS
 *	compress       "ok", then deflate
 *	plain          "plain", then no deflate any more; "no" and the end where that cannot be
 *	idle           nothing; every change answers "change"
 *	again N        N times CONN_AGAIN, then "again"
 *	bye            "bye", then close
 *	abort          closes at once
 *
 * An overlong line (1,000 bytes) answers "long" and closes.
 */
#ifndef NET_NET_TEST_H
#define NET_NET_TEST_H

#include "net/net.h"

struct talk {
	struct conn *conn;
	size_t big, again;
	bool waiting, in_big, closed;
	unsigned runs, rests, events;
};

extern const struct conn_handler talk_handler;
/* The latest connection that opened, how many did and were closed, and how often any was run. */
extern struct talk *talk_last;
extern unsigned talk_opened, talk_closed, talk_all_runs;
/* So many bytes of 'x' before the greeting; the greeting is the last word. */
extern size_t talk_padding;
extern bool talk_refuses;

struct net *test_net(const struct net_options *o);
/* Runs whatever is ready until nothing is, without waiting. */
void test_run(struct net *net);
/* The same for up to ms milliseconds, or until *until. */
void test_wait(struct net *net, int ms, const bool *until);
/* A certificate in a folder of its own, and what is made of it. */
struct test_certificate {
	char dir[40], cert[80], key[80];
};
void test_certificate_make(struct test_certificate *at, struct tls **tls_r);
void test_certificate_remove(struct test_certificate *at);

/* True: makes as many compressors as are kept, so that what follows needs no more; false: they may go. */
void test_compressors(bool on);

#endif
