/* SPDX-License-Identifier: Apache-2.0 */
/* What dial.c shares with conn.c, resolve.c and tls_client.c. */
#ifndef NET_DIAL_PRIV_H
#define NET_DIAL_PRIV_H

#include <netdb.h>
#include "net/dial.h"
#include "net/net_priv.h"

#define DIAL_WHY_MAX 160

/* Beside a connection that was dialled, to its end. */
struct dial {
	char *host, *name;         /* as dialled; what the peer has to be */
	unsigned port;
	struct tls_client *client; /* NULL: no TLS yet */
	bool unverified;
	bool wanted;               /* TLS from the first byte */
	struct lookup *lookup;     /* under way */
	struct addrinfo *addresses, *next; /* what was found; the next to be tried */
	uint32_t attempt_at;       /* the one under way has until then, in seconds of the net's clock */
	enum dial_fault fault;
	char why[DIAL_WHY_MAX];
};

/* The steps of STAGE_LOOKUP and STAGE_CONNECT. */
enum dial_step { DIAL_WAITS, DIAL_CONNECTED, DIAL_FAILED };
enum dial_step dial_lookup(struct conn *c);
enum dial_step dial_connect(struct conn *c);
/* TLS comes next. */
void dial_handshake(struct conn *c, enum shake shake);
/* The time of the address under way is up. False: so is that of all. */
bool dial_overdue(struct conn *c, uint32_t now);
/* The first reason stays. why may be NULL. */
void dial_blame(struct conn *c, enum dial_fault fault, const char *why);
/* No lookup will come back to it, and its addresses are not needed any more. */
void dial_over(struct conn *c);
/* With the connection. */
void dial_free(struct conn *c);

/*
 * resolve.c: names are looked up by a few threads of its own, which may take as long as the system's resolver does. When it is over BIT_LOOKUP is posted
 * to the connection.
 */
struct lookup *lookup_begin(struct conn *c, const char *host, unsigned port);
/* False: not yet. Else error_r is getaddrinfo()'s, or 0 and list_r is the caller's, for freeaddrinfo(). */
bool lookup_over(struct lookup *l, int *error_r, struct addrinfo **list_r);
/* Whatever becomes of it: nothing is posted any more, and it frees itself. */
void lookup_forget(struct lookup *l);

/* tls_client.c: a session as the client, whose peer has to prove to be name. */
struct ssl_st *tls_client_session(struct tls_client *t, const char *name, bool unverified);
/* Why the handshake failed: into the dial. */
void tls_client_blame(struct conn *c);

#endif
