/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns of integers, packed: a byte width (0 to 8), the smallest value as a varint, and each value's distance
 * to it in width bytes, little-endian. Unpacking costs well under a nanosecond a value. Pure, any thread.
 */
#ifndef STORE_COLUMNS_PRIV_H
#define STORE_COLUMNS_PRIV_H

#include "base/codec.h"

void column_pack(struct buf *out, const uint64_t *v, size_t n);
/* Fills v[0..n). At least 4 bytes must be readable after the column (the checksum that ends every blob). */
void column_unpack(struct unpack *u, uint64_t *v, size_t n);
/* The same, but only the values from..to go into v[0..to - from). */
void column_unpack_part(struct unpack *u, uint64_t *v, size_t n, size_t from, size_t to);

/* Signed numbers as unsigned ones whose small magnitudes stay small. */
static inline uint64_t
zigzag(int64_t n)
{
	return (uint64_t)n << 1 ^ (uint64_t)(n >> 63);
}

static inline int64_t
unzigzag(uint64_t n)
{
	return (int64_t)(n >> 1 ^ -(n & 1));
}

/* Ends a blob with the CRC-32C of its bytes from start on; checks and cuts it off. */
void blob_seal(struct buf *out, size_t start);
bool blob_sealed(struct str blob, struct str *content_r);

#endif
