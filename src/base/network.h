/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network: what a limit counts a client by. An IPv4 address is itself; an IPv6 address is its /64, which is the least that one client
 * has; an IPv4 address in IPv6's clothes (::ffff:192.0.2.1) is the IPv4 one. By the bytes of the address: its text has many forms.
 * Pure, any thread.
 */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include <stdint.h>
#include "base/str.h"

struct network {
	uint8_t key[16]; /* IPv4 mapped into IPv6; of IPv6 the upper half */
};

/* Of the 16 bytes of an IPv6 address, or of a mapped one. */
struct network network_of_bytes(const uint8_t ip6[16]);
/* Of the text of an address, with or without a zone ("fe80::1%eth0"). False: it is none; then *n_r is not set. */
bool network_of_text(struct str address, struct network *n_r);
static inline struct str
network_str(const struct network *n)
{
	return str_of(n->key, sizeof(n->key));
}

#endif
