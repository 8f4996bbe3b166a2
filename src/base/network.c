/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text and bytes, cut to the network that counts as one client. */
#include "base/network.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

struct network
network_of_bytes(const uint8_t ip6[16])
{
	struct network n = {{0}};

	memcpy(n.key, ip6, memcmp(ip6, mapped, sizeof(mapped)) == 0 ? 16 : 8);
	return n;
}

bool
network_of_text(struct str address, struct network *n_r)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t ip[16];

	address = str_head(address, str_chr(address, '%'));
	if (address.n == 0 || address.n >= sizeof(text))
		return false;
	memcpy(text, address.p, address.n);
	text[address.n] = '\0';
	if (inet_pton(AF_INET, text, ip + 12) == 1)
		memcpy(ip, mapped, sizeof(mapped));
	else if (inet_pton(AF_INET6, text, ip) != 1)
		return false;
	*n_r = network_of_bytes(ip);
	return true;
}
