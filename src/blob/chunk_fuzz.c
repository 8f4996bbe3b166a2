/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes the unpacking of stored chunks, with their CRC set right, so that the damage gets past it; and that what is packed comes back.
 * The first two bytes are the size that the body's row tells, the next the method.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/codec.h"
#include "blob/blob_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY = 1, NUMBER = 0, METHODS = 4 };

static void
damaged(struct str s, size_t size, char method)
{
	uint64_t place = (uint64_t)BODY << 16 | NUMBER;
	uint32_t sum = crc32c(crc32c(crc32c(0, str_of(&place, 8)), str_of(&method, 1)), s);
	struct buf chunk = {0}, out = {0};
	enum status st;

	buf_addc(&chunk, method);
	for (int i = 0; i < 4; i++)
		buf_addc(&chunk, (char)(sum >> 8 * i));
	buf_add(&chunk, s);
	st = chunk_decode(BODY, NUMBER, buf_str(&chunk), size, &out);
	ensure(st == OK || st == ERR_CORRUPT);
	ensure(out.n == (st == OK ? size : 0));
	buf_free(&out);
	buf_free(&chunk);
}

static void
roundtrip(struct str s)
{
	struct blob_store bs = {.level = 1};
	struct buf chunk = {0}, out = {0};

	chunk_encode(&bs, BODY, NUMBER, s, &chunk);
	ensure(chunk.n <= CHUNK_HEAD + s.n);
	ensure(chunk_decode(BODY, NUMBER, buf_str(&chunk), s.n, &out) == OK);
	ensure(str_eq(buf_str(&out), s));
	buf_free(&out);
	buf_free(&chunk);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest;

	if (size < 3)
		return 0;
	rest = str_of(data + 3, size - 3);
	damaged(rest, (size_t)data[0] << 8 | data[1], (char)(data[2] % METHODS));
	roundtrip(rest);
	return 0;
}
