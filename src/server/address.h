/* SPDX-License-Identifier: Apache-2.0 */
/* address: where to listen, as the settings write it. */
#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include <stdbool.h>
#include "base/status.h"

struct address {
	char host[108]; /* an IPv4 or IPv6 address, or the path of a Unix socket */
	unsigned port;
	bool any;       /* "*": all IPv4 and IPv6 addresses; host is empty */
	bool local;     /* a Unix socket */
};

/* ADDRESS:PORT, [IPv6]:PORT, *:PORT, :PORT, or (anything with a slash) a path. Whether the address is one
 * shows when it is bound. ERR_BAD_INPUT. */
must_check enum status address_parse(const char *text, struct address *a_r);

#endif
