/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http: the door for what speaks HTTP/1.1 (RFC 9110, RFC 9112): metrics for Prometheus, health, and the settings that mail programs ask for when
 * somebody types his address. Nothing is behind a login; bodies and answers are small and bounded.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "session/door.h"

/* conn_arg() of HTTP connections; outlives them. */
struct http_service {
	const struct door *door;
};

extern const struct conn_handler http_handler;

/* Is it a word of http.metrics_from: "loopback", "any", an address, or a network as "192.0.2.0/24"? */
bool http_peer_word(const char *word);

#endif
