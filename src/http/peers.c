/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask: words of a setting against the address of a connection. */
#include <arpa/inet.h>
#include <stdio.h>
#include "http/session_priv.h"

/* The 16 bytes of an address, of IPv4 mapped into IPv6, and how many bits stand before those that it has of its own. */
static bool
address_of(struct str text, uint8_t out[16], unsigned *before_r)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	char z[INET6_ADDRSTRLEN];

	if (text.n >= sizeof(z))
		return false;
	(void)snprintf(z, sizeof(z), "%.*s", STR_FMT(text));
	*before_r = 96;
	memcpy(out, mapped, 12);
	if (inet_pton(AF_INET, z, out + 12) == 1)
		return true;
	*before_r = 0;
	return inet_pton(AF_INET6, z, out) == 1;
}

/* The address of a word and how many of its bits count. */
static bool
network_of(const char *word, uint8_t out[16], unsigned *bits_r)
{
	struct str rest = str_c(word), address;
	unsigned before;
	uint64_t bits;

	(void)str_split(&rest, '/', &address);
	if (!address_of(address, out, &before))
		return false;
	*bits_r = 128;
	if (rest.p == NULL)
		return true;
	if (!str_u64(rest, 128 - before, &bits))
		return false;
	*bits_r = before + (unsigned)bits;
	return true;
}

static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

bool
http_peer_word(const char *word)
{
	uint8_t network[16];
	unsigned bits;

	return strcmp(word, "loopback") == 0 || strcmp(word, "any") == 0 || network_of(word, network, &bits);
}

bool
http_peer_in(struct conn *c, const char *const *word, size_t n)
{
	struct str peer = str_c(conn_peer(c));
	uint8_t address[16], network[16];
	unsigned bits, before;
	bool known = address_of(str_head(peer, str_chr(peer, '%')), address, &before);

	for (size_t i = 0; i < n; i++)
		if (strcmp(word[i], "any") == 0 || (strcmp(word[i], "loopback") == 0 && conn_loopback(c)) ||
		    (known && network_of(word[i], network, &bits) && same_bits(address, network, bits)))
			return true;
	return false;
}
