/* SPDX-License-Identifier: Apache-2.0 */
/* Packs births and unpacks them. */
#include "store/birth_priv.h"

#include "store/columns_priv.h"

#define BIRTH_VERSION 1

void
birth_pack(struct buf *out, const struct birth *birth)
{
	size_t start = out->n;

	buf_addc(out, BIRTH_VERSION);
	varint_add(out, (uint64_t)birth->mailbox);
	varint_add(out, birth->uid);
	varint_add_signed(out, birth->internal_date);
	varint_add_signed(out, birth->zone);
	varint_add(out, birth->flags);
	varint_add(out, birth->keywords_n);
	for (size_t i = 0; i < birth->keywords_n; i++)
		pack_str(out, birth->keywords[i]);
	blob_seal(out, start);
}

enum status
birth_unpack(struct arena *arena, struct str blob, struct birth *birth_r)
{
	struct birth b = {0};
	struct unpack u = {0};
	struct str *names;

	if (!blob_sealed(blob, &u.rest) || unpack_u8(&u) != BIRTH_VERSION)
		return ERR_CORRUPT;
	b.mailbox = (int64_t)unpack_varint(&u);
	b.uid = (uint32_t)unpack_varint(&u);
	b.internal_date = unpack_signed(&u);
	b.zone = (int16_t)unpack_signed(&u);
	b.flags = (uint8_t)unpack_varint(&u) & FLAG_ALL;
	b.keywords_n = unpack_varint(&u);
	if (u.failed || b.keywords_n > u.rest.n)
		return ERR_CORRUPT;
	names = arena_array(arena, b.keywords_n, sizeof(*names));
	for (size_t i = 0; i < b.keywords_n; i++)
		names[i] = unpack_str(&u);
	if (u.failed || u.rest.n != 0)
		return ERR_CORRUPT;
	b.keywords = names;
	*birth_r = b;
	return OK;
}
