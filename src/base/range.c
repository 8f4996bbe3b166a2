/* SPDX-License-Identifier: Apache-2.0 */
/* Networks in text, and what lies in them. */
#include "base/range.h"

#include <arpa/inet.h>
#include <stdio.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool
range_address(struct str text, uint8_t out[16])
{
	char z[INET6_ADDRSTRLEN];

	if (text.n == 0 || text.n >= sizeof(z) || str_chr(text, '\0') < text.n)
		return false;
	(void)snprintf(z, sizeof(z), "%.*s", STR_FMT(text));
	memcpy(out, mapped, sizeof(mapped));
	return inet_pton(AF_INET, z, out + 12) == 1 || inet_pton(AF_INET6, z, out) == 1;
}

bool
range_parse(struct str text, struct range *r_r)
{
	struct str rest = text, address;
	struct range r = {.bits = 128};
	uint64_t bits;
	unsigned before;

	if (!str_split(&rest, '/', &address) || !range_address(address, r.address))
		return false;
	before = str_chr(address, ':') < address.n ? 0 : 96;
	if (rest.p != NULL) {
		if (!str_u64(rest, 128 - before, &bits))
			return false;
		r.bits = (uint8_t)(before + bits);
	}
	*r_r = r;
	return true;
}

bool
range_has(const struct range *r, const uint8_t address[16])
{
	unsigned whole = r->bits / 8, rest = r->bits % 8;

	return memcmp(r->address, address, whole) == 0 && (rest == 0 || (r->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}
