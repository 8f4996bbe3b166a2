/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net: one set of connections with its poller, timers and listeners. It has no threads: the threads
 * of the pool (session/pool.h) call net_poll() when nothing is queued, and run the tasks that
 * become ready. Any thread, unless said otherwise.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/range.h"
#include "base/status.h"
#include "net/conn.h"
#include "net/task.h"
#include "net/tls.h"

struct net_options {
	/* Called when a task must be run by some thread; must not run it itself. local: the calling
	 * thread is in net_poll() and looks into the queue next. */
	void (*ready)(void *arg, struct task *t, bool local);
	void *ready_arg;
	struct tls *tls;           /* for STARTTLS and implicit TLS; may be NULL. Not owned */
	unsigned max_connections;  /* 0: what RLIMIT_NOFILE gives, which is the most in any case */
	unsigned kept;             /* descriptors that connections leave to others, at least */
	unsigned max_strangers;    /* of one client address, not logged in; 0: no limit. Loopback and Unix sockets are not counted */
	int64_t write_seconds;     /* a client that takes nothing this long is closed; 0: 300 */
};

/* NULL, with errno: there were no descriptors for the poller and its timer. */
struct net *net_new(const struct net_options *o);
/* All connections must be gone (net_stop(), then run until net_connections() is 0). */
void net_free(struct net *net);

enum listener_kind { LISTEN_PLAIN, LISTEN_TLS, LISTEN_UNIX };
struct listener_options {
	const char *name;                  /* "imap"; a string that stays */
	const char *where;                 /* conn_where() of its connections: as the settings have it; copied; NULL: "" */
	enum listener_kind kind;
	const char *address;               /* "127.0.0.1", "::", or the path of a Unix socket */
	unsigned port;                     /* 0: the kernel chooses, see net_listener_port() */
	unsigned mode;                     /* Unix sockets: permissions, 0: 0600 */
	int64_t group;                     /* Unix sockets: whose group they are; 0: the process's */
	/* A socket that listens already, from a service manager or a supervisor, in place of address, port, mode and group: taken, also where this
	 * fails. It is never shut and its path never removed: others hold it, and what comes between two processes waits in it. */
	bool given;
	int fd;
	struct tls *tls;                   /* its certificate; NULL: that of the net. Not owned */
	struct tls_ask *ask;               /* its clients are asked for a certificate; NULL: they are not. Not owned */
	enum conn_plaintext plaintext;     /* conn_plaintext() of its connections */
	int64_t deadline;                  /* conn_deadline() of its connections, from accept() on, a TLS handshake included;
	                                    * the handler may set another. 0: none */
	/* With LISTEN_TLS: open() is called when the handshake is done. Else with the server's own Finished, where TLS 1.3 allows it, so that what
	 * it says comes a round trip earlier; the client is not proved to be one yet. */
	bool late_greeting;
	uint32_t message_max;              /* conn_message_max() of its connections */
	/* Who connects from there is a load balancer, and says first whom it speaks for (the PROXY protocol, wire/proxy_header.h): conn_peer() and all
	 * limits are the client's then. Copied. */
	const struct range *proxies;
	size_t n_proxies;
	const struct conn_handler *handler;
	void *arg;                         /* conn_arg() of its connections */
};
struct listener;
/* What is listening on a descriptor, in words: "127.0.0.1:143", "[::]:993", or a path; text_r has room for so many bytes. ERR_BAD_INPUT: it is no
 * stream socket that listens, or of another family than these. */
#define LISTENING_MAX 112
enum status net_listening(int fd, char text_r[LISTENING_MAX], bool *unix_r) must_check;
/* With a given socket: ERR_BAD_INPUT, it is none that listens, or a Unix socket and a port are taken for each other. ERR_NO_PERM: the port needs privileges. ERR_EXISTS: somebody listens there. ERR_BAD_INPUT: not
 * an address. ERR_UNAVAILABLE: this machine has no such address (family). */
enum status net_listen(struct net *net, const struct listener_options *o, struct listener **l_r)
    must_check;
/* A socket that listens where o says (kind, address, port, mode, group), for a listener to which it is given; the caller's to close. Errors as above. */
enum status net_bind(const struct listener_options *o, int *fd_r) must_check;
unsigned net_listener_port(const struct listener *l);

/* Makes a connection of a socket that is there already (tests, socket pairs, a pipe pair's end).
 * Takes the descriptor. */
struct conn *net_adopt(struct net *net, int fd, const struct conn_handler *handler, void *arg,
    bool tls);

/* Waits up to timeout_ms (-1: for ever) for something to do, hands at most max tasks to ready(),
 * and returns how many. Signals and net_interrupt() end the wait early. */
unsigned net_poll(struct net *net, int timeout_ms, unsigned max);
/* Makes one thread that waits in net_poll(), or the next that comes to wait, return. */
void net_interrupt(struct net *net);
/* A pool thread ends: frees the buffers that it kept for its connections. */
void net_thread_end(void);

/* Closes the listeners and posts CONN_EV_STOP to every connection; those that are not logged in, or
 * do not go within some seconds, are closed by net_stop_now(). */
void net_stop(struct net *net);
void net_stop_now(struct net *net);
unsigned net_connections(struct net *net);
/* net_stop() was called. */
bool net_stopping(struct net *net);
/* Calls fn for each open connection, held during the call; fn uses "any thread" functions and the
 * texts of who is there only. */
void net_each(struct net *net, void (*fn)(void *arg, struct conn *c), void *arg);

#endif
