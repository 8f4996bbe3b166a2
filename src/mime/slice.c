/* SPDX-License-Identifier: Apache-2.0 */
/* Slices of summaries. */
#include "mime/find.h"
#include "base/assert.h"
#include "mime/header.h"
#include "mime/summary_priv.h"

#define FIND(slice) [slice] = 1 << ITEM_FOUND

/* The items of each slice, a bit each. */
static const uint16_t slice_items[MIME_SLICES] = {
	[MIME_SLICE_ENVELOPE] = 1 << ITEM_ENVELOPE | 1 << ITEM_ENVELOPE_UTF8,
	[MIME_SLICE_HEADER] = 1 << ITEM_FIXED | 1 << ITEM_HEADER,
	[MIME_SLICE_KEYS] = 1 << ITEM_FIXED | 1 << ITEM_SUBJECT | 1 << ITEM_FROM | 1 << ITEM_TO | 1 << ITEM_CC | 1 << ITEM_DISPLAY_FROM |
	    1 << ITEM_DISPLAY_TO | 1 << ITEM_REFS,
	FIND(MIME_SLICE_SUBJECT),
	FIND(MIME_SLICE_FROM),
	FIND(MIME_SLICE_TO),
	FIND(MIME_SLICE_CC),
	FIND(MIME_SLICE_BCC),
	FIND(MIME_SLICE_MESSAGE_ID),
};

/* ---- reading ---- */

static unsigned
load16(const char *p)
{
	return (unsigned char)p[0] | (unsigned)(unsigned char)p[1] << 8;
}

/* Of sixteen. __builtin_popcount is a call where the processor may lack the instruction, and this is asked for each item of each message. */
static inline unsigned
ones(unsigned x)
{
	x -= x >> 1 & 0x5555;
	x = (x & 0x3333) + (x >> 2 & 0x3333);
	x = (x + (x >> 4)) & 0x0f0f;
	return (x + (x >> 8)) & 0x1f;
}

static enum mime_slice
slice_of(const struct mime_summary *s)
{
	ensure(s->packed.n >= 2 && s->packed.p[0] == SLICED);
	return (enum mime_slice)s->packed.p[1];
}

struct str
slice_item(const struct mime_summary *s, enum item i)
{
	static const char nothing[FIXED_SIZE];
	unsigned items = slice_items[slice_of(s)];
	unsigned at = ones(items & ((1u << i) - 1));
	unsigned table = 2 + 2 * ones(items);
	unsigned from = at ? load16(s->packed.p + 2 * at) : 0;

	if (!(items & 1u << i))
		return str_of(nothing, i == ITEM_FIXED ? FIXED_SIZE : 0);
	return str_of(s->packed.p + table + from, load16(s->packed.p + 2 + 2 * at) - from);
}

enum status
mime_summary_open_slice(struct str packed, struct mime_summary *s_r)
{
	unsigned items, table, last = 0;

	if (packed.n < 2 || packed.p[0] != SLICED || (unsigned char)packed.p[1] >= MIME_SLICES)
		return ERR_CORRUPT;
	items = slice_items[(unsigned char)packed.p[1]];
	table = 2 + 2 * ones(items);
	if (packed.n < table)
		return ERR_CORRUPT;
	for (unsigned at = 2; at < table; at += 2) {
		unsigned end = load16(packed.p + at);

		if (end < last || (at == 2 && items & 1 << ITEM_FIXED && end != FIXED_SIZE))
			return ERR_CORRUPT;
		last = end;
	}
	if (last != packed.n - table)
		return ERR_CORRUPT;
	s_r->packed = packed;
	return OK;
}

bool
mime_summary_found(const struct mime_summary *s, struct str *values_r)
{
	if (s->packed.p[0] != SLICED || !(slice_items[slice_of(s)] & 1 << ITEM_FOUND))
		return false;
	*values_r = slice_item(s, ITEM_FOUND);
	return true;
}

/* ---- cutting ---- */

#define N(z) {z, sizeof(z) - 1}
static const struct str found_in[MIME_SLICES] = {
	[MIME_SLICE_SUBJECT] = N("subject"),
	[MIME_SLICE_FROM] = N("from"),
	[MIME_SLICE_TO] = N("to"),
	[MIME_SLICE_CC] = N("cc"),
	[MIME_SLICE_BCC] = N("bcc"),
	[MIME_SLICE_MESSAGE_ID] = N("message-id"),
};

/* Puts n where there is room for it. */
static void
set16(struct buf *out, size_t at, size_t n)
{
	if (out->failed)
		return;
	ensure(at + 2 <= out->n && n <= UINT16_MAX);
	out->p[at] = (char)n;
	out->p[at + 1] = (char)(n >> 8);
}

/* What is looked for in each value of the field. */
static void
found_add(struct buf *out, struct str header, struct str name)
{
	bool addresses = mime_find_is_address(name);
	struct mime_find work = {0};
	size_t start = out->n;
	struct mime_field f;

	/* Longer than that, the slice is refused. */
	while (out->n - start <= MIME_SLICE_MAX && mime_field_next(&header, &f))
		if (str_caseeq(f.name, name))
			mime_found_add(out, &work, f.value, addresses);
	mime_find_free(&work);
}

/* Those that list views ask for. */
static void
fields_add(struct buf *out, struct str header)
{
	struct mime_field f;

	while (mime_field_next(&header, &f))
		if (mime_summary_often(f.name))
			buf_add(out, f.full);
}

static void
cut(struct buf *out, const struct mime_summary *s, enum mime_slice slice, enum item i)
{
	size_t start = out->n;

	switch (i) {
	case ITEM_HEADER:
		fields_add(out, summary_item(s, i));
		return;
	case ITEM_FOUND:
		found_add(out, summary_item(s, ITEM_HEADER), found_in[slice]);
		return;
	default:
		buf_add(out, summary_item(s, i));
	}
	/* What a slice keeps of a header is not the whole. */
	if (i == ITEM_FIXED && slice == MIME_SLICE_HEADER && !out->failed && out->p[start + FIXED_FLAGS] & HEADER_WHOLE)
		out->p[start + FIXED_FLAGS] ^= HEADER_WHOLE | HEADER_LISTED;
}

bool
mime_summary_cut(struct buf *out, const struct mime_summary *s, enum mime_slice slice)
{
	size_t start = out->n, table = 2 + 2 * (size_t)ones(slice_items[slice]), at = start + 2;
	char *room = buf_room(out, table);
	struct str header;

	ensure(slice < MIME_SLICES);
	if (room == NULL)
		return false;
	(void)mime_summary_header(s, &header);
	memset(room, 0, table);
	room[0] = SLICED;
	room[1] = (char)slice;
	buf_wrote(out, table);
	for (enum item i = ITEM_FIXED; i <= ITEM_FOUND && out->n - start <= MIME_SLICE_MAX; i++)
		if (slice_items[slice] & 1u << i) {
			cut(out, s, slice, i);
			set16(out, at, out->n - start - table);
			at += 2;
		}
	/* Where the summary does not know the fields, nothing is found by it. */
	if (out->n - start <= MIME_SLICE_MAX && (found_in[slice].n == 0 || header.p != NULL))
		return true;
	out->n = start;
	return false;
}
