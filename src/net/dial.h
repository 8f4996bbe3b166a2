/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dial: connections that go out: to a relay, a peer, a mailbox elsewhere. Afterwards one is a connection like any other (net/conn.h): the same struct,
 * poller, limits on memory, time-outs and TLS functions; only who began is different. Nothing waits in a thread of the caller's: the name is
 * looked up by threads of its own, and what is connected goes through the poller.
 *
 *	dial_options.handler->open(c)    it is connected, and with TLS the peer is who he should be; write the first words, or wait for his
 *	dial_options.handler->failed(c)  it came to nothing; conn_dial_fault() and conn_dial_why() tell; the last call
 *
 * Exactly one of the two is called, also when the net stops meanwhile, in a thread that runs the connection; failed() does not wait for whoever
 * holds the connection.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/conn.h"
#include "net/tls.h"

struct net;

enum dial_fault {
	DIAL_NONE,     /* none, so far */
	DIAL_NO_NAME,  /* the name has no address, or it cannot be looked up */
	DIAL_REFUSED,  /* no address could be connected to: the last one's reason */
	DIAL_TIMEOUT,  /* the deadline passed */
	DIAL_TLS,      /* the handshake failed */
	DIAL_UNTRUSTED, /* nobody whom we trust vouches for the peer, or the certificate is another name's, or it has ended */
	DIAL_LOST,     /* the peer went away in the handshake */
	DIAL_STOPPED,  /* conn_wake(c, CONN_EV_STOP), or the net stopped */
};

/* Whom a peer has to prove to be. */
struct dial_tls {
	struct tls_client *client; /* whom we trust; outlives the connection's handshake */
	const char *name;          /* what the certificate has to say, and what is asked for (SNI); NULL: the host that was dialled */
	/* Encrypts, whoever it is: for peers for which the alternative would be no TLS at all (RFC 7435). Off unless asked for. */
	bool unverified;
};

struct dial_options {
	const char *host;   /* a name, an address in numbers, or the path of a Unix socket */
	unsigned port;
	int64_t deadline;   /* seconds from now to open(): lookup, all addresses and TLS together; 0: 30 */
	const struct dial_tls *tls; /* TLS from the first byte; NULL: in the clear. Copied */
	const struct conn_handler *handler;
	void *arg, *user;   /* conn_arg(), conn_user() */
	const char *name;   /* conn_local(), for the log; a string that stays */
	uint64_t lane;      /* conn_set_lane(): whose work it is */
};
/* OK: one of the two calls will come; c_r, where it is not NULL, is held: to end it by conn_wake(c, CONN_EV_STOP), then conn_release(). ERR_LIMIT: there is no
 * room for another connection; ERR_UNAVAILABLE: the net stops; ERR_BAD_INPUT: a host or port that cannot be. Any thread. */
must_check enum status net_dial(struct net *net, const struct dial_options *o, struct conn **c_r);

/* In failed(), and in closed() of a connection that was dialled and whose handshake failed later. why: a few words for people, of the
 * system's or the library's; lives as long as the connection. Of others: DIAL_NONE and "". */
enum dial_fault conn_dial_fault(const struct conn *c);
const char *conn_dial_why(const struct conn *c);

/* TLS later on an open connection, as the client (RFC 3207, RFC 9051 6.2.1): call it when the peer's go-ahead has been eaten, append nothing, and
 * return CONN_INPUT; run() comes with CONN_EV_TLS, or closed(). ERR_BAD_INPUT: the peer sent bytes behind it in the clear (S1), or ours wait to be sent:
 * return CONN_ABORT. ERR_UNAVAILABLE: TLS is on already. name NULL: the host that was dialled. */
must_check enum status conn_dial_starttls(struct conn *c, const struct dial_tls *tls);

#endif
