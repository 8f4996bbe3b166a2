/* SPDX-License-Identifier: Apache-2.0 */
/* Cells and records as they lie in pages: https://www.sqlite.org/fileformat2.html */
#include "db/salvage/salvage_leaves_priv.h"

#include <stdlib.h>
#include "base/arena.h"

#define PAYLOAD_MAX (64 << 20)

/* A varint of the file format; 0 bytes read: it runs past the end. */
static size_t
get_varint(const unsigned char *p, size_t n, uint64_t *v_r)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n && i < 9; i++) {
		if (i == 8) {
			*v_r = v << 8 | p[i];
			return 9;
		}
		v = v << 7 | (p[i] & 0x7f);
		if (!(p[i] & 0x80)) {
			*v_r = v;
			return i + 1;
		}
	}
	return 0;
}

/* Bytes of a payload that lie on the page itself. */
static size_t
local_size(const struct walk *w, int type, size_t payload)
{
	size_t u = w->usable, most = type == TABLE_LEAF ? u - 35 : (u - 12) * 64 / 255 - 23;
	size_t least = (u - 12) * 32 / 255 - 23, k;

	if (payload <= most)
		return payload;
	k = least + (payload - least) % (u - 4);
	return k <= most ? k : least;
}

bool
record_payload(struct walk *w, int type, const unsigned char *p, size_t n, struct buf *out, int64_t *rowid_r)
{
	unsigned char *page;
	uint64_t len, rowid = 0;
	size_t used = 0, step, local;
	uint32_t next;

	buf_clear(out);
	if (type == INDEX_INTERIOR)
		used = 4;
	if (used > n || (step = get_varint(p + used, n - used, &len)) == 0 || len > PAYLOAD_MAX)
		return false;
	used += step;
	if (type == TABLE_LEAF) {
		if ((step = get_varint(p + used, n - used, &rowid)) == 0)
			return false;
		used += step;
	}
	local = local_size(w, type, (size_t)len);
	if (local > n - used)
		return false;
	buf_add(out, str_of(p + used, local));
	*rowid_r = (int64_t)rowid;
	if (local == len)
		return true;
	if (local + 4 > n - used)
		return false;
	next = be32(p + used + local);
	page = x_malloc(w->size);
	/* Each turn adds bytes, so that a loop in the chain comes to an end. */
	while (out->n < len && pages_read(w->pages, next, page)) {
		size_t left = (size_t)len - out->n, part = left < w->usable - 4 ? left : w->usable - 4;

		buf_add(out, str_of(page + 4, part));
		next = be32(page);
	}
	free(page);
	return out->n == len;
}

static size_t
value_size(uint64_t type)
{
	static const size_t small[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};

	return type < 12 ? small[type] : (size_t)((type - 12) / 2);
}

int
record_values(const struct buf *payload, struct value *v, int max)
{
	const unsigned char *p = (const unsigned char *)payload->p;
	uint64_t head, type;
	size_t at = payload->n > 0 ? get_varint(p, payload->n, &head) : 0, body;
	int n = 0;

	if (at == 0 || head > payload->n)
		return -1;
	body = (size_t)head;
	while (at < head) {
		size_t step = get_varint(p + at, (size_t)head - at, &type);

		if (step == 0 || n == max || type == 10 || type == 11 || value_size(type) > payload->n - body)
			return -1;
		v[n++] = (struct value){type, p + body, value_size(type)};
		body += value_size(type);
		at += step;
	}
	return body == payload->n ? n : -1;
}
