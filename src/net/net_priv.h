/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of net/ share. */
#ifndef NET_NET_PRIV_H
#define NET_NET_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include "base/lock.h"
#include "base/map.h"
#include "base/network.h"
#include "net/net.h"
#include "net/wake.h"

#define OUT_HIGH (128u * 1024)
#define OUT_LOW (32u * 1024)
#define IN_LIMIT (64u * 1024)
#define READ_STEP (16u * 1024)
#define HANDSHAKE_SECONDS 30
#define TLS_QUIET 64u /* records */
/*
 * A record can be read only when all of it has come, and what a peer takes at once of a connection that was silent is some 14 kB (ten segments,
 * RFC 6928): one record of 16 kB would be complete a round trip later. So the first bytes of a burst go in small records. It begins anew
 * when nothing went out for about the time after which TCP itself begins anew (RFC 5681 4.1: its retransmission time-out, at least 200 ms in Linux).
 */
#define TLS_BURST (16u * 1024)
#define TLS_RECORD_FIRST (4u * 1024)
#define TLS_RECORD (16u * 1024)
#define TLS_SILENCE_US 250000
#define LINGER_SECONDS 3

/* Bits of the wake word beyond enum conn_event. */
#define BIT_RELEASED (1u << 9)
#define BIT_KILL (1u << 10)
#define BIT_LOOKUP (1u << 11)

/* Poller data: generation << 32 | slot for connections; these for the rest. */
#define POLL_INTERRUPT (UINT64_MAX)
#define POLL_TIMER (UINT64_MAX - 1)
#define POLL_PAUSER (UINT64_MAX - 2)
#define POLL_LISTENER UINT64_C(0xffffffff00000000) /* | index; generations never get there */

#define WHEEL_SLOTS 4096u

enum stage {
	STAGE_LOOKUP,    /* going out (dial.c): the name */
	STAGE_CONNECT,   /* the addresses */
	STAGE_HANDSHAKE, /* TLS first */
	STAGE_GREETING,  /* our part of the handshake is done (TLS 1.3) and the greeting goes out with it; the client's Finished is awaited */
	STAGE_PROXY,     /* whom the connection is from is still to be said (net/proxied.c) */
	STAGE_NEW,       /* open() comes next */
	STAGE_OPEN,
	STAGE_CLOSING,   /* what waits in out is sent, then it closes */
	STAGE_LINGER,    /* everything is sent; reads and forgets until the client closes too, so that
	                  * no reset overtakes our last words */
	STAGE_DEAD,      /* the socket is closed; waits for the last release */
};

/* Which handshake it is that STAGE_HANDSHAKE stands for. */
enum shake {
	SHAKE_FIRST,    /* the first thing; open() follows */
	SHAKE_EARLY,    /* the same, where open() may come before the client's Finished */
	SHAKE_GO_AHEAD, /* of STARTTLS: its answer has to leave in the clear before */
	SHAKE_UPGRADE,  /* of STARTTLS or of one that goes out, on an open connection */
};

/* What is known of what comes in. */
enum input {
	INPUT_NONE,  /* nothing is there; the poller tells when */
	INPUT_MAYBE, /* a read may find something */
	INPUT_ENDED, /* the peer sends no more, and all that it sent was read; for good */
};

/* What the handler has been told of the connection. */
enum met {
	MET_NOTHING,
	MET_OPENED, /* open() was called, closed() will be */
	MET_FAILED, /* failed() was called, nothing else will be */
};

enum way { WAY_NETWORK, WAY_LOOPBACK, WAY_SOCKET };

/* A filter and the bytes on its other side. When the filter has ended the layer stays until these are gone. */
struct layer {
	struct conn_filter *f; /* NULL: ended in both directions */
	struct buf raw;        /* read, not yet decoded */
	struct buf wire;       /* encoded, not yet sent */
	size_t wire_at;
	bool out_ended;        /* what goes out is plain again; what comes in, once f->ended() says so */
};

struct conn {
	wake_word word;          /* must stay valid for ever: slots are never given back */
	enum magic magic;        /* MAGIC_CONN from conn_make() to table_free() */
	struct task task;
	struct net *net;
	const struct conn_handler *handler;
	const char *local, *where;
	void *arg, *user;
	struct tls *tls;         /* its listener's, or the net's; NULL: there is none */
	struct tls_ask *ask;     /* its listener asks for a certificate; NULL: it does not */
	struct ssl_st *ssl;
	struct layer *layer;
	struct dial *dial;       /* it goes out; NULL: it came in */
	struct buf in, out;      /* memory lent by the thread while running, see conn_io.c */
	uint32_t in_at;          /* eaten of in */
	uint32_t out_at;         /* sent of out */
	uint32_t in_limit;
	unsigned events;         /* not yet told to the handler */
	int fd;
	uint32_t slot;
	uint32_t armed;          /* what the poller waits for; 0 once it fired */
	/* Seconds of the net's clock; 0: none */
	uint32_t idle_at, hard_at, stuck_at, born;
	uint32_t idle_seconds;   /* what new input sets idle_at to from then; 0: it stays as it is */
	uint32_t handshake_at;
	int64_t pause_until;     /* clock_mono(); 0: it does not pause */
	uint32_t tls_quiet;      /* records without data, less what data makes up for */
	uint32_t tls_burst;      /* bytes that went out since it last had nothing to say for a while; not counted beyond TLS_BURST */
	uint32_t tls_record;     /* a record of so many bytes waits for room; 0: none */
	int64_t tls_wrote_at;    /* clock_mono() of the last record */
	/* The wheel's, under its lock; timer_when is read without. */
	_Atomic uint32_t timer_when;
	uint32_t timer_next, timer_prev; /* slot + 1; 0: none */
	_Atomic uint32_t holds;
	bool live;               /* under the table's lock: net_each() may hold it */
	/* From here on all is zero in a new connection. */
	uint8_t stage;           /* enum stage */
	uint8_t next;            /* enum conn_next: what run() said last */
	uint8_t input;           /* enum input */
	uint8_t met;             /* enum met */
	uint8_t way;             /* enum way */
	bool polled;             /* the poller knows the socket */
	bool writable;           /* the poller said that there is room again */
	bool tls_want_write;     /* TLS waits for room to write, whatever it was asked for */
	uint8_t shake;           /* enum shake */
	bool ticketed;           /* what the client said lets it have a ticket */
	bool secret;             /* conn_secret() */
	uint8_t plaintext;       /* enum conn_plaintext */
	bool stranger;           /* not logged in, and in its address's count */
	bool proxied;            /* it began with a proxy's word for whom it is */
	bool proxied_tls;        /* TLS comes first behind that */
	struct network address;  /* the key for limits */
	uint16_t port;
	uint16_t allowed;        /* conn_allowed() */
	uint32_t message_max;    /* conn_message_max() */
	int32_t uid;
	_Atomic uint32_t account; /* who is logged in, for others to see; 0: nobody */
	uint64_t id;
	uint64_t bytes_in, bytes_out; /* of the protocol: without TLS and filter */
	char peer[46];
};

struct listener {
	struct net *net;
	const char *name;
	enum listener_kind kind;
	const struct conn_handler *handler;
	void *arg;
	char *path, *where;
	struct tls *tls;
	struct tls_ask *ask;
	enum conn_plaintext plaintext;
	uint32_t message_max;
	int fd;
	unsigned port, index;
	int64_t deadline;
	bool late_greeting;
	struct range *proxies; /* n_proxies of them */
	size_t n_proxies;
	bool given;  /* others hold its socket too */
	bool paused; /* out of descriptors: not armed (S13) */
};

#define CHUNK 256u
#define CHUNKS 4096u
#define LISTENERS 32u

struct net {
	struct net_options o;
	int epoll, interrupt, timer, pauser;
	int64_t start; /* clock_mono() at second 1 of the net's clock */

	struct lock table_lock;
	_Atomic(struct conn *) chunks[CHUNKS];
	uint32_t slots, n_free, *free; /* slots handed out so far; those free again */
	_Atomic unsigned connections;
	_Atomic uint64_t next_id;
	_Atomic bool stopping;

	struct lock wheel_lock;
	uint32_t wheel[WHEEL_SLOTS]; /* slot + 1 of the first */
	uint64_t wheel_map[WHEEL_SLOTS / 64];
	uint32_t wheel_at;   /* seconds up to here have been looked at */
	uint32_t wheel_next; /* what the timer is set to; 0: nothing */

	struct lock pause_lock;
	struct pause *pauses; /* a heap: the next first */
	size_t n_pauses, cap_pauses;

	struct lock address_lock;
	struct map addresses;

	struct lock listener_lock;
	struct listener *listeners[LISTENERS];
	unsigned n_listeners;
	_Atomic unsigned n_paused;
	_Atomic int64_t last_complaint;
};

/* table.c */
struct conn *table_new(struct net *net);
void table_free(struct conn *c);
struct conn *table_at(struct net *net, uint32_t slot);
/* Shows it to net_each(). */
void table_publish(struct conn *c);
/* Hides it again; false while somebody holds it. */
bool table_bury(struct conn *c);

/* pause.c: posts CONN_EV_TIMEOUT at that moment of clock_mono(). */
void pause_until(struct conn *c, int64_t at);
void pause_fire(struct net *net);

/* address.c: the limit of strangers per client address. enter: ERR_LIMIT when there are too many. */
enum status address_enter(struct conn *c);
void address_known(struct conn *c);
void address_leave(struct conn *c);

/* timer.c. Seconds of the net's clock start at 1. */
uint32_t net_now(const struct net *net);
void timer_init(struct net *net);
/* The connection's own thread: a BIT TIMEOUT no later than this second. */
void timer_need(struct conn *c, uint32_t when);
void timer_drop(struct conn *c);
/* The poller's timer fired: posts to those whose second has come. */
void timer_fire(struct net *net);
/* Something other than a connection wants the timer to fire then. */
void timer_kick(struct net *net, uint32_t when);

/* listen.c */
void listener_ready(struct listener *l);
/* Who is at the other end: its texts, its key for limits. */
void conn_name_peer(struct conn *c, const struct sockaddr_storage *ss);
/* Whoever made this connection says first for whom it is (proxied.c). */
bool proxied(const struct listener *l, const struct conn *c);
/* Says in the log that somebody is refused, once a minute at most. */
void net_complain(struct net *net, const char *what, const char *who);
void listeners_resume(struct net *net);
void listeners_close(struct net *net);

/* conn.c */
void conn_step(struct task *t);
/* A connection of a socket: not yet queued. */
struct conn *conn_make(struct net *net, int fd, const struct conn_handler *h, const char *local, void *arg);
void conn_start(struct conn *c, bool tls, bool local);
void conn_post(struct conn *c, uint32_t generation, unsigned bits, bool local);
/* What a stage's function has done: there is more to do at once, it waits, it is gone. */
enum turn { TURN_MORE, TURN_PARK, TURN_GONE };
/* The socket goes now, whatever waits; the rest when nobody holds the connection any more. */
enum turn conn_drop(struct conn *c);
/* conn_begin.c */
enum turn turn_lookup(struct conn *c);
enum turn turn_connect(struct conn *c);
enum turn turn_handshake(struct conn *c);
enum turn turn_greeting(struct conn *c);
enum turn turn_proxy(struct conn *c);
enum turn turn_new(struct conn *c);

/* A read may find something, or nothing for now; the end stays the end. */
static inline void
input_is(struct conn *c, enum input input)
{
	if (c->input != INPUT_ENDED)
		c->input = (uint8_t)input;
}

/* conn_io.c: reads and writes without waiting. */
enum io { IO_OK, IO_WAIT, IO_EOF, IO_FAILED };
/* Reads into in; IO_OK: something came, IO_WAIT: nothing there. Keeps c->input. */
enum io io_read(struct conn *c);
/* Sends what it can; IO_OK: all gone. */
enum io io_write(struct conn *c);
/* Bytes that wait to be sent. */
size_t io_pending(const struct conn *c);
/* Reads and forgets; IO_OK: something was there. */
enum io io_discard(struct conn *c);
/* The thread lends its buffers. */
void io_borrow(struct conn *c);
/* Gives buffers back as far as they are empty. */
void io_return(struct conn *c);
void io_free(struct conn *c);

/* pack.c: what a connection keeps of what COMPRESS sent. One thread at a time. */
struct pack {
	uint64_t stream, sent;  /* which one, and bytes of it so far */
	unsigned char *window;  /* the last of them, 16 kB at most */
	unsigned n, cap;
};
/* Up to here an answer is made the same with and without FILTER_WAITING. */
#define PACK_SHORT 4096u
void pack_init(struct pack *s);
/* conn_filter.out(). ERR_LIMIT, ERR_UNAVAILABLE: no memory; the stream cannot go on. */
must_check enum status pack_out(struct pack *s, struct str plain, struct buf *wire, unsigned how);
void pack_fini(struct pack *s);

/* deflate.c: the unpacker that the thread kept. */
void deflate_thread_end(void);

/* tls_conn.c */
/* A handshake is under way. */
bool tls_shakes(const struct conn *c);
/* The library's callback: what the client's hello says. */
int tls_saw_hello(struct ssl_st *ssl, int *alert, void *arg);
enum status tls_begin(struct conn *c);
/* Goes on with it; IO_OK: it is done. */
enum io tls_handshake(struct conn *c);
/* The same as a server, but IO_OK comes as soon as something may be sent: in TLS 1.3 with our Finished. */
enum io tls_accept(struct conn *c);
/* After that: it may be, now, and the handshake is still under way. */
bool tls_may_greet(struct conn *c);
enum io tls_read(struct conn *c, char *p, size_t room, size_t *n_r);
enum io tls_write(struct conn *c, const char *p, size_t n, size_t *n_r);
/* Sends the closing alert, once, without waiting. */
void tls_bye(struct conn *c);
void tls_end(struct conn *c);
/* tls.c */
struct ssl_st *tls_session(struct tls *tls);
struct x509_st;
/* The client will be asked for a certificate, which need not come. */
void tls_ask_client(struct ssl_st *ssl);
/* A certificate's SHA-256 in hex. */
enum status tls_print_digest(const struct x509_st *x, char text_r[65]) must_check;
struct ssl_ctx_st;
/* "cannot use the WHAT FILE: why": after the library could not load it. */
void tls_explain(struct buf *why, const char *what, const char *file);
/* tls_pem.c: false, and why was added to. */
bool tls_use_pem(struct ssl_ctx_st *ctx, const struct tls_pem *pem, struct buf *why);

#endif
