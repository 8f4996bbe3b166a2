/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: their heads, and fields packed into them. */
#include "admin/frame.h"

#include "base/assert.h"

void
frame_add(struct buf *out, enum frame_type type, struct str payload)
{
	ensure(payload.n <= FRAME_MAX);
	pack_u32(out, (uint32_t)payload.n + 1);
	buf_addc(out, (char)type);
	buf_add(out, payload);
}

static bool
known(enum frame_type type)
{
	switch (type) {
	case FRAME_REQUEST:
	case FRAME_RECORD:
	case FRAME_DATA:
	case FRAME_END:
	case FRAME_TEXT:
	case FRAME_PROGRESS:
	case FRAME_EXIT: return true;
	}
	return false;
}

enum status
frame_take(struct str *in, struct frame *frame_r)
{
	struct unpack u = {*in, false};
	uint32_t n;
	enum frame_type type;

	if (in->n < 5)
		return ERR_AGAIN;
	n = unpack_u32(&u);
	type = unpack_u8(&u);
	if (n == 0 || n > FRAME_MAX + 1 || !known(type))
		return ERR_BAD_INPUT;
	if (u.rest.n < n - 1)
		return ERR_AGAIN;
	frame_r->type = type;
	frame_r->payload = unpack_bytes(&u, n - 1);
	*in = u.rest;
	return OK;
}

enum status
frame_fields(struct arena *arena, struct str payload, struct str **fields_r, size_t *n_r)
{
	struct unpack u = {payload, false};
	struct str *fields;
	size_t n = 0;

	while (u.rest.n > 0 && !u.failed && n <= FRAME_FIELDS_MAX) {
		(void)unpack_str(&u);
		n++;
	}
	if (u.failed || n > FRAME_FIELDS_MAX)
		return ERR_BAD_INPUT;
	fields = arena_array(arena, n, sizeof(*fields));
	u = (struct unpack){payload, false};
	for (size_t i = 0; i < n; i++)
		fields[i] = unpack_str(&u);
	*fields_r = fields;
	*n_r = n;
	return OK;
}
