/* SPDX-License-Identifier: Apache-2.0 */
/* range: addresses that a setting names: one, or all that begin with the same bits ("192.0.2.0/24", "2001:db8::/32"). Pure, any thread. */
#ifndef BASE_RANGE_H
#define BASE_RANGE_H

#include <stdint.h>
#include "base/str.h"

struct range {
	uint8_t address[16]; /* IPv4 mapped into IPv6 */
	uint8_t bits;        /* of these 128 that count */
};

/* The 16 bytes of an address in text, of IPv4 mapped. False: it is none. */
bool range_address(struct str text, uint8_t out[16]);
/* False: neither an address nor a network. */
bool range_parse(struct str text, struct range *r_r);
bool range_has(const struct range *r, const uint8_t address[16]);

#endif
