/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the header of either version. */
#include "wire/proxy_header.h"

#include <arpa/inet.h>
#include <stdio.h>

#define V1_MAX 107 /* with its CRLF */
#define V2_FIXED 16

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* ---- version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 1234 993\r\n" ---- */

static bool
v1_address(struct str word, bool ip6, uint8_t out[16])
{
	char text[INET6_ADDRSTRLEN];

	if (word.n == 0 || word.n >= sizeof(text) || str_chr(word, '\0') < word.n)
		return false;
	(void)snprintf(text, sizeof(text), "%.*s", STR_FMT(word));
	if (ip6)
		return inet_pton(AF_INET6, text, out) == 1;
	memcpy(out, mapped, sizeof(mapped));
	return inet_pton(AF_INET, text, out + 12) == 1;
}

static bool
v1_port(struct str word, uint16_t *port_r)
{
	uint64_t n;

	if (word.n == 0 || word.n > 5 || (word.n > 1 && word.p[0] == '0') || !str_u64(word, 65535, &n))
		return false;
	*port_r = (uint16_t)n;
	return true;
}

static bool
v1_line(struct str line, struct proxy_header *h)
{
	uint8_t to[16];
	uint16_t port;
	struct str word, family, source, target, source_port;

	if (!str_split(&line, ' ', &word) || !str_split(&line, ' ', &family))
		return false;
	if (str_eq(family, STR("UNKNOWN"))) {
		h->own = true;
		return true;
	}
	if (!str_eq(family, STR("TCP4")) && !str_eq(family, STR("TCP6")))
		return false;
	if (!str_split(&line, ' ', &source) || !str_split(&line, ' ', &target) || !str_split(&line, ' ', &source_port) || line.p == NULL)
		return false;
	return v1_address(source, family.p[3] == '6', h->source) && v1_address(target, family.p[3] == '6', to) && v1_port(source_port, &h->port) &&
	    v1_port(line, &port);
}

static enum proxy_read
v1(struct str in, struct proxy_header *h, size_t *used_r)
{
	size_t end = str_find(str_head(in, V1_MAX), STR("\r\n"), 0);

	if (end == SIZE_MAX)
		return in.n < V1_MAX ? PROXY_READ_MORE : PROXY_READ_BAD;
	*used_r = end + 2;
	return v1_line(str_head(in, end), h) ? PROXY_READ_HEADER : PROXY_READ_BAD;
}

/* ---- version 2 ---- */

static const char signature[12] = {'\r', '\n', '\r', '\n', '\0', '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

static uint16_t
two(const char *p)
{
	return (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

/* What stands behind the fixed part; whatever else follows the addresses is passed over. */
static bool
v2_addresses(unsigned family, struct str rest, struct proxy_header *h)
{
	switch (family) {
	case 0x11: /* TCP over IPv4 */
		if (rest.n < 12)
			return false;
		memcpy(h->source, mapped, sizeof(mapped));
		memcpy(h->source + 12, rest.p, 4);
		h->port = two(rest.p + 8);
		return true;
	case 0x21: /* TCP over IPv6 */
		if (rest.n < 36)
			return false;
		memcpy(h->source, rest.p, 16);
		h->port = two(rest.p + 32);
		return true;
	case 0x31: /* a Unix socket */
		h->own = true;
		return rest.n >= 216;
	case 0x00:
		h->own = true;
		return true;
	default:
		return false;
	}
}

static enum proxy_read
v2(struct str in, struct proxy_header *h, size_t *used_r)
{
	size_t n;

	if (in.n < V2_FIXED)
		return PROXY_READ_MORE;
	n = two(in.p + 14);
	if ((unsigned char)in.p[12] >> 4 != 2 || ((unsigned char)in.p[12] & 15) > 1 || n > PROXY_HEADER_MAX - V2_FIXED)
		return PROXY_READ_BAD;
	if (in.n < V2_FIXED + n)
		return PROXY_READ_MORE;
	*used_r = V2_FIXED + n;
	/* LOCAL: whatever the addresses say. */
	if (((unsigned char)in.p[12] & 15) == 0) {
		h->own = true;
		return PROXY_READ_HEADER;
	}
	return v2_addresses((unsigned char)in.p[13], str_of(in.p + V2_FIXED, n), h) ? PROXY_READ_HEADER : PROXY_READ_BAD;
}

static bool
begins(struct str in, struct str with)
{
	size_t n = in.n < with.n ? in.n : with.n;

	return str_eq(str_head(in, n), str_head(with, n));
}

enum proxy_read
proxy_header(struct str in, struct proxy_header *h_r, size_t *used_r)
{
	*h_r = (struct proxy_header){0};
	if (in.n == 0)
		return PROXY_READ_MORE;
	if (begins(in, STR("PROXY ")))
		return in.n < 6 ? PROXY_READ_MORE : v1(in, h_r, used_r);
	if (begins(in, str_of(signature, sizeof(signature))))
		return v2(in, h_r, used_r);
	return PROXY_READ_BAD;
}
