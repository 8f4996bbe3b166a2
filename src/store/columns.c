/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of numbers, each as wide as its range needs; the seal of a row. */
#include "store/columns_priv.h"

#include "base/assert.h"

static unsigned
width_of(uint64_t n)
{
	return n == 0 ? 0 : (71 - (unsigned)__builtin_clzll(n)) / 8;
}

void
column_pack(struct buf *out, const uint64_t *v, size_t n)
{
	uint64_t min = n > 0 ? v[0] : 0, max = min;
	unsigned width;
	char *p;

	for (size_t i = 1; i < n; i++) {
		min = v[i] < min ? v[i] : min;
		max = v[i] > max ? v[i] : max;
	}
	width = width_of(max - min);
	ensure(width <= 8);
	buf_addc(out, (char)width);
	varint_add(out, min);
	if ((p = buf_room(out, n * width + 8)) == NULL)
		return;
	/* Each store writes 8 bytes; the next one overwrites what is too much. */
	for (size_t i = 0; i < n; i++) {
		uint64_t d = v[i] - min;

		memcpy(p + i * width, &d, 8);
	}
	buf_wrote(out, n * width);
}

/* One loop for each width, so that the compiler sees constants. load reads at least width bytes. */
#define UNPACK(width, type, mask)                                                                  \
	for (size_t i = 0; i < to - from; i++) {                                                   \
		type d;                                                                            \
                                                                                                   \
		memcpy(&d, p + i * (width), sizeof(d));                                            \
		v[i] = min + (d & (mask));                                                         \
	}

void
column_unpack(struct unpack *u, uint64_t *v, size_t n)
{
	column_unpack_part(u, v, n, 0, n);
}

void
column_unpack_part(struct unpack *u, uint64_t *v, size_t n, size_t from, size_t to)
{
	unsigned width = unpack_u8(u);
	uint64_t min = unpack_varint(u);
	const char *p;

	ensure(from <= to && to <= n);
	if (width > 8 || u->failed || u->rest.n < n * width) {
		u->failed = true;
		memset(v, 0, (to - from) * sizeof(*v));
		return;
	}
	p = unpack_bytes(u, n * width).p + from * width;
	switch (width) {
	case 0:
		for (size_t i = 0; i < to - from; i++)
			v[i] = min;
		break;
	case 1: UNPACK(1, uint8_t, 0xff) break;
	case 2: UNPACK(2, uint16_t, 0xffff) break;
	case 3: UNPACK(3, uint32_t, 0xffffff) break;
	case 4: UNPACK(4, uint32_t, 0xffffffff) break;
	case 5: UNPACK(5, uint64_t, 0xffffffffff) break;
	case 6: UNPACK(6, uint64_t, 0xffffffffffff) break;
	case 7: UNPACK(7, uint64_t, 0xffffffffffffff) break;
	default: UNPACK(8, uint64_t, UINT64_MAX) break;
	}
}

void
blob_seal(struct buf *out, size_t start)
{
	ensure(start <= out->n);
	pack_u32(out, crc32c(0, str_of(out->p + start, out->n - start)));
}

bool
blob_sealed(struct str blob, struct str *content_r)
{
	uint32_t sum;

	if (blob.n < 4)
		return false;
	memcpy(&sum, blob.p + blob.n - 4, 4);
	if (crc32c(0, str_head(blob, blob.n - 4)) != sum)
		return false;
	*content_r = str_head(blob, blob.n - 4);
	return true;
}
