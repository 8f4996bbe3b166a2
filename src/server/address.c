/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the addresses of settings: host, port, path. */
#include "server/address.h"

#include <string.h>
#include "base/str.h"

enum status
address_parse(const char *text, struct address *a_r)
{
	struct str s = str_c(text), host;
	struct address a = {0};
	uint64_t port;
	size_t colon;

	if (memchr(s.p, '/', s.n) != NULL) {
		if (s.n >= sizeof(a.host))
			return ERR_BAD_INPUT;
		memcpy(a.host, s.p, s.n);
		a.local = true;
		*a_r = a;
		return OK;
	}
	for (colon = s.n; colon > 0 && s.p[colon - 1] != ':'; colon--)
		;
	if (colon == 0 || !str_u64(str_from(s, colon), 65535, &port))
		return ERR_BAD_INPUT;
	host = str_head(s, colon - 1);
	if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_of(host.p + 1, host.n - 2);
	else if (memchr(host.p, ':', host.n) != NULL)
		return ERR_BAD_INPUT; /* IPv6 without brackets: which colon is the port's? */
	if (host.n >= sizeof(a.host))
		return ERR_BAD_INPUT;
	a.any = host.n == 0 || str_eq(host, STR("*"));
	if (!a.any)
		memcpy(a.host, host.p, host.n);
	a.port = (unsigned)port;
	*a_r = a;
	return OK;
}
