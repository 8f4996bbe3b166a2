/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask: words of a setting against the address of a connection. */
#include "base/range.h"
#include "http/session_priv.h"

bool
http_peer_word(const char *word)
{
	struct range r;

	return strcmp(word, "loopback") == 0 || strcmp(word, "any") == 0 || range_parse(str_c(word), &r);
}

bool
http_peer_in(struct conn *c, const char *const *word, size_t n)
{
	struct str peer = str_c(conn_peer(c));
	uint8_t address[16];
	struct range r;
	bool known = range_address(str_head(peer, str_chr(peer, '%')), address);

	for (size_t i = 0; i < n; i++)
		if (strcmp(word[i], "any") == 0 || (strcmp(word[i], "loopback") == 0 && conn_loopback(c)) ||
		    (known && range_parse(str_c(word[i]), &r) && range_has(&r, address)))
			return true;
	return false;
}
