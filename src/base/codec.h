/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small codecs: base64 (RFC 4648 section 4), hexadecimal, CRC-32C, variable-length integers (LEB128) for the
 * store's packed formats. Pure functions, any thread.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include <endian.h>
#include <string.h>

#include "base/buf.h"
#include "base/status.h"

/* Adds the padded base64 of s. */
void base64_encode(struct buf *out, struct str s);
/* Adds the bytes that s stands for. Strict: padding, alphabet and length must be right; nothing is
 * added otherwise. ERR_BAD_INPUT. */
must_check enum status base64_decode(struct buf *out, struct str s);
void hex_encode(struct buf *out, struct str s);
must_check enum status hex_decode(struct buf *out, struct str s);

/* CRC-32C (Castagnoli). Start with 0, feed the result back in for more bytes. */
uint32_t crc32c(uint32_t crc, struct str s);

/* The CRC of all bytes behind them, into the four that were left for it at `at`; nothing where out has failed. */
void crc32c_put(struct buf *out, size_t at);

/* Unsigned LEB128 and zigzag for signed numbers. */
void varint_add(struct buf *out, uint64_t n);
void varint_add_signed(struct buf *out, int64_t n);

/* Little-endian numbers at any address. */
static inline uint32_t
load_u32(const char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return le32toh(n);
}

static inline uint64_t
load_u64(const char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return le64toh(n);
}

/* A reader over packed bytes with a sticky error: after failed is set every read gives 0. */
struct unpack {
	struct str rest;
	bool failed;
};
uint64_t unpack_varint(struct unpack *u);
int64_t unpack_signed(struct unpack *u);
uint8_t unpack_u8(struct unpack *u);
uint32_t unpack_u32(struct unpack *u); /* fixed, little-endian */
uint64_t unpack_u64(struct unpack *u);
struct str unpack_bytes(struct unpack *u, size_t n);
/* A varint length and that many bytes. */
struct str unpack_str(struct unpack *u);

void pack_u32(struct buf *out, uint32_t n);
void pack_u64(struct buf *out, uint64_t n);
void pack_str(struct buf *out, struct str s);

#endif
