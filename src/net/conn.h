/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn: one connection: a socket, perhaps TLS and a filter on it, a handler that speaks the
 * protocol. It is parked while it waits and costs a small struct then; when something is to be done
 * a thread of the pool runs it. run() is ordinary straight-line code that may block on reads from
 * the store; it belongs to one thread at a time, and never runs twice at once.
 *
 * Functions are for the thread that runs the connection, unless marked "any thread".
 *
 *	run(): look at the events; take complete commands from conn_in(), conn_eat() them, append
 *	replies to conn_out(); stop when conn_out_full() says so (CONN_OUTPUT), when no complete
 *	command is left (CONN_INPUT), when it waits for its commit or its turn (CONN_WAKE), or after a few
 *	milliseconds (CONN_AGAIN).
 *
 * The bytes of conn_in() and conn_out() may move between calls of run(): keep no pointers to them.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "base/buf.h"
#include "base/status.h"

struct conn;
struct net;

enum conn_next {
	CONN_INPUT,  /* wait for more input than conn_in() shows now (or another event) */
	CONN_OUTPUT, /* wait until the client took output, down to the low-water mark */
	CONN_WAKE,   /* wait for CONN_EV_WAKE only: a commit, a turn, a moment; input is not read, other events stay pending */
	CONN_AGAIN,  /* run me again after others had their turn */
	CONN_CLOSE,  /* send what is in conn_out(), then close */
	CONN_ABORT,  /* close at once */
};

/* Why run() is called: any of these together. */
enum conn_event {
	CONN_EV_INPUT = 1 << 0,   /* new bytes in conn_in() */
	CONN_EV_OUTPUT = 1 << 1,  /* after CONN_OUTPUT: there is room again */
	CONN_EV_TIMEOUT = 1 << 2, /* conn_timeout() or conn_deadline() passed; both are unset now */
	CONN_EV_EOF = 1 << 3,     /* the client sends no more. Set in every run from then on; finish
	                           * what is in conn_in(). CONN_INPUT then means close. */
	CONN_EV_WAKE = 1 << 4,    /* what CONN_WAKE waits for may be there: a change's outcome (session/change.h), a turn (session/pool.h),
	                           * the moment of conn_pause_until(). It does not say which: look */
	CONN_EV_CHANGE = 1 << 5,  /* something watched has changed (session/hub.h) */
	CONN_EV_STOP = 1 << 6,    /* the server stops, or an administrator ends this one: say BYE.
	                           * Comes once; it is not repeated when it arrives mid-command. */
	CONN_EV_TLS = 1 << 7,     /* the handshake after conn_starttls() is done: forget all state */
	/* 0, no event at all: after CONN_AGAIN. */
	CONN_EV_USER = 1 << 8,    /* free for the handler's own use; run() is called for it also after CONN_OUTPUT and CONN_AGAIN,
	                           * however full the output is */
};

struct conn_handler {
	const char *name; /* for the log: "imap" */
	/* A connection begins (with implicit TLS: its handshake is done, or our part of it, see late_greeting in net/net.h: conn_tls() is true, and run()
	 * comes after the client's). Sets conn_user(), appends the greeting. An error closes it; closed() is called also then. */
	enum status (*open)(struct conn *);
	enum conn_next (*run)(struct conn *, unsigned events);
	/* About to park with nothing read and nothing to send: give memory back. May be NULL. */
	void (*rest)(struct conn *);
	/* The last call, once if open() was called: free conn_user(). Comes after the last
	 * conn_release(). */
	void (*closed)(struct conn *);
	/* What a client is sent that cannot be served for want of room ("* BYE ..."), or NULL. */
	const char *refused;
	/* Of a connection that goes out (net/dial.h): it came to nothing, and no other call comes. May be NULL. */
	void (*failed)(struct conn *);
};

/* Input: what has been read and not eaten yet, in the clear. */
struct str conn_in(struct conn *c);
void conn_eat(struct conn *c, size_t n);
/* What comes in may hold a secret: bytes that were eaten are overwritten, in all memory that they went through. Off in a new connection. */
void conn_secret(struct conn *c, bool on);
/* Most uneaten bytes that are held, 64 KiB until told. A handler that returns CONN_INPUT with this
 * many uneaten bytes is closed: check and refuse overlong lines before. */
void conn_in_limit(struct conn *c, size_t n);
/* Has the kernel acknowledge now what came in. For a moment at which more is expected that a client may be holding back until then (RFC 1122
 * 4.2.3.2, 4.2.3.4): a delayed acknowledgement is 40 ms. One system call. */
void conn_acknowledge(struct conn *c);

/* Output: append to this buffer. It is sent after run(). */
struct buf *conn_out(struct conn *c);
/* Bytes of memory that its buffers and layers take now. */
size_t conn_memory(const struct conn *c);
/* Past the high-water mark (128 KiB): stop producing and return CONN_OUTPUT; run() comes again with
 * CONN_EV_OUTPUT below the low-water mark (32 KiB). One reply may go past the mark by its size. */
bool conn_out_full(struct conn *c);
/* Tries to send now what is in conn_out(), without waiting: before a long computation. */
void conn_flush(struct conn *c);
/* Did the client go away, or say that it sends no more? Also while what it sent ahead has not been read. One system call: for long computations to
 * ask now and then. */
bool conn_gone(struct conn *c);

/* Posts events (WAKE, CHANGE, STOP, USER). Any thread; harmless at any time while the caller
 * knows the connection open or holds it. */
void conn_wake(struct conn *c, unsigned events);
/* Keeps the struct and its handler's memory alive: for callbacks of the committer. When the peer
 * vanishes the socket closes at once, closed() waits for the last release. conn_hold() in the
 * running thread, conn_release() in any thread: wake first, then release, then touch it no more. */
void conn_hold(struct conn *c);
void conn_release(struct conn *c);

/* CONN_EV_TIMEOUT after this many seconds without input; each input begins it anew. 0: none. It
 * is not measured while the connection waits for output (the write deadline of some minutes is)
 * or for a commit. */
void conn_timeout(struct conn *c, int64_t seconds);
/* The same, but rounded so that all connections of one client address fire together, some time
 * between seconds / 2 and seconds from now: for IDLE's keep-alive (T91). */
void conn_timeout_batched(struct conn *c, int64_t seconds);
/* CONN_EV_TIMEOUT in this many seconds, whatever comes: for the login. 0: none. */
void conn_deadline(struct conn *c, int64_t seconds);
/* An answer waits: return CONN_WAKE after it; CONN_EV_WAKE comes at that moment of clock_mono(), in microseconds and not before; no
 * thread is held. What else wakes the connection with that event comes too: look at the clock. */
void conn_pause_until(struct conn *c, int64_t at);

/* TLS. conn_starttls(): call it after the command was eaten, and append the go-ahead after it
 * returned OK, then return CONN_INPUT: the output goes out in the clear, then the handshake is
 * made, and run() comes with CONN_EV_TLS. ERR_BAD_INPUT: the client sent bytes behind the command
 * (S1): return CONN_CLOSE. ERR_UNAVAILABLE: no certificate, or TLS is on already. */
enum status conn_starttls(struct conn *c);
bool conn_tls(struct conn *c);
/* STARTTLS can be offered: a certificate is there and TLS is not on. */
bool conn_tls_offer(struct conn *c);
const char *conn_tls_version(struct conn *c); /* "TLSv1.3", or "" */
const char *conn_tls_cipher(struct conn *c);
/* RFC 5705 / RFC 9266 exporter, for SCRAM-PLUS with tls-exporter. False below TLS 1.3 without the
 * extended master secret. */
bool conn_tls_exporter(struct conn *c, struct str label, uint8_t *out, size_t n);
/* RFC 5929 tls-unique, for TLS 1.2 with the extended master secret only. Up to 64 bytes; returns
 * how many, 0: not available. */
size_t conn_tls_unique(struct conn *c, uint8_t out[64]);
/* RFC 5929 4.1 tls-server-end-point: the hash of the certificate that this client was shown, by its signature's hash, SHA-256 for MD5 and SHA-1. Up to
 * 64 bytes; returns how many, 0: not available (a signature without one hash, as Ed25519's). */
size_t conn_tls_end_point(struct conn *c, uint8_t out[64]);
/* The certificate that the client showed, where its listener asks for one. */
struct conn_tls_peer {
	char fingerprint[65]; /* SHA-256 of the whole certificate (DER), in hex */
	bool trusted;         /* somebody vouches for it whom the listener trusts, for a client, now */
	struct buf addresses; /* of mail: its subjectAltName's rfc822Names, with a line feed between them; the caller's to free */
};
/* False: there is none; peer_r is zeroes. Takes some milliseconds where there is a chain to be checked. */
bool conn_tls_peer(struct conn *c, struct conn_tls_peer *peer_r);
/* Is there one? Costs nothing. */
bool conn_tls_has_peer(struct conn *c);

/* Whose work this connection is from now on: the pool goes round them, however many connections each has. Until told, the client's address. */
void conn_set_lane(struct conn *c, uint64_t lane);
/* The client's address again. */
void conn_lane_of_address(struct conn *c);

/* Who is there. The texts live as long as the connection. */
const char *conn_peer(struct conn *c);        /* "192.0.2.1", "2001:db8::1", "unix" */
unsigned conn_peer_port(struct conn *c);      /* 0 for Unix sockets */
const char *conn_local(struct conn *c);       /* the listener's name: "imap", "imaps" */
const char *conn_where(struct conn *c);       /* the listener's address as the settings have it: "*:143"; or "" */
/* The deadline, in seconds, that the listener gives its connections; 0: none. */
int64_t conn_allowed(struct conn *c);
/* Bytes of a message that may be brought, as the listener has it; 0: it has no say. The protocol's matter. */
uint32_t conn_message_max(struct conn *c);
/* What the listener was told of passwords without TLS; the login floor's matter. */
enum conn_plaintext { CONN_PLAINTEXT_DEFAULT, CONN_PLAINTEXT_NO, CONN_PLAINTEXT_LOOPBACK, CONN_PLAINTEXT_YES };
enum conn_plaintext conn_plaintext(struct conn *c);
bool conn_loopback(struct conn *c);           /* 127/8, ::1 or a Unix socket */
/* True if the bytes cannot be read on the way: TLS, loopback or a Unix socket. */
bool conn_private(struct conn *c);
/* Unix sockets: the peer's user id, as it was at connect. -1 otherwise. */
int64_t conn_peer_uid(struct conn *c);
uint64_t conn_id(struct conn *c);             /* unique in this process; for the log */
/* Bytes of the protocol so far, without TLS and filter: eaten; taken from conn_out(). */
uint64_t conn_bytes_in(const struct conn *c);
uint64_t conn_bytes_out(const struct conn *c);
/* Seconds since it was accepted. */
int64_t conn_age(struct conn *c);
/* The login succeeded: it no longer counts among its address's strangers. */
void conn_known(struct conn *c);

/* The account that is logged in; 0: nobody. Any thread. */
uint64_t conn_account(struct conn *c);
void conn_set_account(struct conn *c, uint64_t account);

void *conn_user(struct conn *c);
void conn_set_user(struct conn *c, void *user);
/* What the listener was given as its arg (net/net.h). */
void *conn_arg(struct conn *c);
struct net *conn_net(struct conn *c);

/*
 * A filter between TLS and the buffers, for COMPRESS=DEFLATE (RFC 4978). One at a time, set while running, after the
 * reply to COMPRESS was appended: that reply still goes out plain, bytes that wait in conn_in() are taken for filtered ones.
 *
 * Changes of layer (STARTTLS, a filter that begins or ends) are made when the command's bytes were eaten and its answer was appended, one
 * at a time. A client that sent bytes in the old layer where the new one has to be is found out there: an error that leaves all as it was,
 * after which the handler ends the connection.
 */
enum filter_how {
	FILTER_LAST = 1 << 0,    /* nothing more will follow */
	FILTER_WAITING = 1 << 1, /* what was sent before still waits for the way to the client: time that makes this smaller is not lost */
};
struct conn_filter {
	/* Takes bytes of raw (counted in *used_r), appends up to room bytes to plain. It stops where the client may have
	 * ended the filter, and is called again with what it left over. An error closes the connection. */
	enum status (*in)(struct conn_filter *f, struct str raw, size_t room, struct buf *plain,
	    size_t *used_r);
	/* Whether the bytes behind those used so far may be plain ones: nothing of the filter's is under way. */
	bool (*ended)(struct conn_filter *f);
	/* Appends all of plain, flushed, to wire. how: bits of enum filter_how. */
	enum status (*out)(struct conn_filter *f, struct str plain, struct buf *wire, unsigned how);
	/* About to park idle: give back what can be rebuilt. May be NULL. */
	void (*rest)(struct conn_filter *f);
	void (*free)(struct conn_filter *f);
};
/* ERR_CONFLICT: there is one, or one has ended that the client has not; f is still the caller's. */
must_check enum status conn_set_filter(struct conn *c, struct conn_filter *f);
/* COMPRESS=DEFLATE itself (net/deflate.c): ERR_EXISTS when it is on already, else as conn_set_filter(). */
must_check enum status conn_compress(struct conn *c);
bool conn_compressed(struct conn *c);
/* UNAUTHENTICATE (RFC 8437 4.1) ends the filter: what was appended before still goes through it, the client's bytes behind the
 * command are plain. Does nothing where there is none. ERR_BAD_INPUT: bytes behind the command came through the filter; other errors: the
 * output cannot be closed. The filter is on as before then. */
must_check enum status conn_end_filter(struct conn *c);

#endif
