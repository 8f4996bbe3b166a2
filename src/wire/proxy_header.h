/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header that a load balancer sends before a connection's first byte, to say for whom it speaks: the PROXY protocol, versions 1 (text) and 2
 * (binary). No I/O, no memory. Strict: what is not as the specification writes it is no header, and whoever asks ends the connection.
 */
#ifndef WIRE_PROXY_HEADER_H
#define WIRE_PROXY_HEADER_H

#include "base/str.h"

/* Longest that is taken, with all that version 2 may say besides addresses. */
#define PROXY_HEADER_MAX 1024

struct proxy_header {
	bool own;           /* the proxy speaks for itself (LOCAL), or does not know for whom (UNKNOWN, AF_UNSPEC, a Unix socket) */
	uint8_t source[16]; /* else: the client's address, of IPv4 mapped into IPv6 */
	uint16_t port;      /* and port */
};

enum proxy_read {
	PROXY_READ_MORE,   /* it may be one, and is not whole */
	PROXY_READ_HEADER, /* *used_r bytes of it */
	PROXY_READ_BAD
};
/* in: the connection's bytes from the first on. */
enum proxy_read proxy_header(struct str in, struct proxy_header *h_r, size_t *used_r);

#endif
