/* SPDX-License-Identifier: Apache-2.0 */
/* base64, hexadecimal, CRC-32C, varints. */
#include "base/codec.h"

#include <pthread.h>

static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(struct buf *out, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	for (; s.n >= 3; p += 3, s.n -= 3) {
		char q[4] = {b64[p[0] >> 2], b64[(p[0] & 3) << 4 | p[1] >> 4],
		    b64[(p[1] & 15) << 2 | p[2] >> 6], b64[p[2] & 63]};
		buf_add(out, str_of(q, 4));
	}
	if (s.n == 1) {
		char q[4] = {b64[p[0] >> 2], b64[(p[0] & 3) << 4], '=', '='};
		buf_add(out, str_of(q, 4));
	} else if (s.n == 2) {
		char q[4] = {b64[p[0] >> 2], b64[(p[0] & 3) << 4 | p[1] >> 4], b64[(p[1] & 15) << 2], '='};
		buf_add(out, str_of(q, 4));
	}
}

static int
b64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

enum status
base64_decode(struct buf *out, struct str s)
{
	size_t start = out->n, pad = 0;

	if (s.n % 4 != 0)
		return ERR_BAD_INPUT;
	if (s.n > 0 && s.p[s.n - 1] == '=')
		pad = s.p[s.n - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < s.n; i += 4) {
		size_t keep = i + 4 == s.n ? 4 - pad : 4;
		uint32_t word = 0;

		for (size_t k = 0; k < 4; k++) {
			int v = k < keep ? b64_value(s.p[i + k]) : 0;

			if (v < 0)
				goto bad;
			word = word << 6 | (uint32_t)v;
		}
		/* The bits that padding cuts off must be zero. */
		if ((keep == 3 && (word & 0xff)) || (keep == 2 && (word & 0xffff)))
			goto bad;
		for (size_t k = 0; k + 1 < keep; k++)
			buf_addc(out, (char)(word >> (16 - 8 * k)));
	}
	return out->failed ? ERR_LIMIT : OK;
bad:
	out->n = start;
	return ERR_BAD_INPUT;
}

void
hex_encode(struct buf *out, struct str s)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n; i++) {
		buf_addc(out, digits[(unsigned char)s.p[i] >> 4]);
		buf_addc(out, digits[s.p[i] & 15]);
	}
}

enum status
hex_decode(struct buf *out, struct str s)
{
	size_t start = out->n;

	if (s.n % 2 != 0)
		return ERR_BAD_INPUT;
	for (size_t i = 0; i < s.n; i += 2) {
		int hi = ascii_hex(s.p[i]), lo = ascii_hex(s.p[i + 1]);

		if (hi < 0 || lo < 0) {
			out->n = start;
			return ERR_BAD_INPUT;
		}
		buf_addc(out, (char)(hi << 4 | lo));
	}
	return out->failed ? ERR_LIMIT : OK;
}

static uint32_t crc_table[8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void
crc_fill(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		crc_table[0][i] = c;
	}
	for (int t = 1; t < 8; t++)
		for (uint32_t i = 0; i < 256; i++)
			crc_table[t][i] =
			    crc_table[t - 1][i] >> 8 ^ crc_table[0][crc_table[t - 1][i] & 0xff];
}

#ifdef __x86_64__
/*
 * The processor's own instruction. It gives its result after three cycles and could begin another each cycle: of long strings three lanes are summed at once,
 * each from a register of zero but the first, and put together. A sum is linear, so the register after LANE more bytes is what LANE bytes of zero make of
 * it, xored with the lane's own sum; crc_skip tells that for each byte of a register.
 */
#define LANE 256
static uint32_t crc_skip[4][256];
static pthread_once_t skip_once = PTHREAD_ONCE_INIT;

__attribute__((target("sse4.2"))) static void
skip_fill(void)
{
	for (unsigned i = 0; i < 1024; i++) {
		uint64_t c = (uint64_t)(i & 255) << (i >> 8) * 8;

		for (int k = 0; k < LANE / 8; k++)
			c = __builtin_ia32_crc32di(c, 0);
		crc_skip[i >> 8][i & 255] = (uint32_t)c;
	}
}

static inline uint64_t
skip(uint64_t c)
{
	return crc_skip[0][c & 255] ^ crc_skip[1][c >> 8 & 255] ^ crc_skip[2][c >> 16 & 255] ^ crc_skip[3][c >> 24 & 255];
}

__attribute__((target("sse4.2"))) static inline uint64_t
crc_word(uint64_t c, const char *p)
{
	uint64_t word;

	memcpy(&word, p, 8);
	return __builtin_ia32_crc32di(c, word);
}

__attribute__((target("sse4.2"))) static uint32_t
crc_fast(uint32_t crc, struct str s)
{
	uint64_t c = ~crc;

	if (s.n >= 3 * LANE)
		pthread_once(&skip_once, skip_fill);
	for (; s.n >= 3 * LANE; s.p += 3 * LANE, s.n -= 3 * LANE) {
		uint64_t second = 0, third = 0;

		for (int i = 0; i < LANE; i += 8) {
			c = crc_word(c, s.p + i);
			second = crc_word(second, s.p + LANE + i);
			third = crc_word(third, s.p + 2 * LANE + i);
		}
		c = skip(skip(c) ^ second) ^ third;
	}
	for (; s.n >= 8; s.p += 8, s.n -= 8)
		c = crc_word(c, s.p);
	for (; s.n > 0; s.p++, s.n--)
		c = __builtin_ia32_crc32qi((uint32_t)c, (unsigned char)*s.p);
	return ~(uint32_t)c;
}
#endif

static uint32_t
crc_plain(uint32_t crc, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = s.n;

	pthread_once(&crc_once, crc_fill);
	crc = ~crc;
	for (; n >= 8; p += 8, n -= 8) {
		uint32_t lo, hi;

		memcpy(&lo, p, 4);
		memcpy(&hi, p + 4, 4);
		lo ^= crc;
		crc = crc_table[7][lo & 0xff] ^ crc_table[6][lo >> 8 & 0xff] ^
		    crc_table[5][lo >> 16 & 0xff] ^ crc_table[4][lo >> 24] ^
		    crc_table[3][hi & 0xff] ^ crc_table[2][hi >> 8 & 0xff] ^
		    crc_table[1][hi >> 16 & 0xff] ^ crc_table[0][hi >> 24];
	}
	while (n-- > 0)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *p++) & 0xff];
	return ~crc;
}

uint32_t
crc32c(uint32_t crc, struct str s)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return crc_fast(crc, s);
#endif
	return crc_plain(crc, s);
}

void
crc32c_put(struct buf *out, size_t at)
{
	uint32_t crc;

	if (out->failed)
		return;
	crc = htole32(crc32c(0, str_from(buf_str(out), at + 4)));
	memcpy(out->p + at, &crc, 4);
}

void
varint_add(struct buf *out, uint64_t n)
{
	char b[10];
	size_t i = 0;

	while (n >= 0x80) {
		b[i++] = (char)(n | 0x80);
		n >>= 7;
	}
	b[i++] = (char)n;
	buf_add(out, str_of(b, i));
}

void
varint_add_signed(struct buf *out, int64_t n)
{
	varint_add(out, (uint64_t)n << 1 ^ (uint64_t)(n >> 63));
}

uint64_t
unpack_varint(struct unpack *u)
{
	uint64_t n = 0;

	for (unsigned i = 0, shift = 0; i < u->rest.n && shift < 64; i++, shift += 7) {
		unsigned char b = (unsigned char)u->rest.p[i];

		if (shift == 63 && b > 1)
			break;
		n |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			u->rest = str_from(u->rest, i + 1);
			return u->failed ? 0 : n;
		}
	}
	u->failed = true;
	return 0;
}

int64_t
unpack_signed(struct unpack *u)
{
	uint64_t n = unpack_varint(u);

	return (int64_t)(n >> 1 ^ -(n & 1));
}

struct str
unpack_bytes(struct unpack *u, size_t n)
{
	struct str s;

	if (u->failed || n > u->rest.n) {
		u->failed = true;
		return STR_NONE;
	}
	s = str_head(u->rest, n);
	u->rest = str_from(u->rest, n);
	return s;
}

struct str
unpack_str(struct unpack *u)
{
	uint64_t n = unpack_varint(u);

	return unpack_bytes(u, n > SIZE_MAX ? SIZE_MAX : (size_t)n);
}

uint8_t
unpack_u8(struct unpack *u)
{
	struct str s = unpack_bytes(u, 1);

	return s.n ? (uint8_t)s.p[0] : 0;
}

uint64_t
unpack_u64(struct unpack *u)
{
	uint64_t lo = unpack_u32(u);

	return lo | (uint64_t)unpack_u32(u) << 32;
}

uint32_t
unpack_u32(struct unpack *u)
{
	const char *p = unpack_bytes(u, 4).p;

	return p ? load_u32(p) : 0;
}

void
pack_u32(struct buf *out, uint32_t n)
{
	char b[4] = {(char)n, (char)(n >> 8), (char)(n >> 16), (char)(n >> 24)};

	buf_add(out, str_of(b, 4));
}

void
pack_u64(struct buf *out, uint64_t n)
{
	pack_u32(out, (uint32_t)n);
	pack_u32(out, (uint32_t)(n >> 32));
}

void
pack_str(struct buf *out, struct str s)
{
	varint_add(out, s.n);
	buf_add(out, s);
}
