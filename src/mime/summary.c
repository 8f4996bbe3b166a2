/* SPDX-License-Identifier: Apache-2.0 */
/* Packs what lists of messages ask for, and opens it again without unpacking. */
#include "mime/summary.h"

#include <endian.h>

#include "base/codec.h"
#include "mime/date.h"
#include "mime/envelope.h"
#include "mime/preview.h"
#include "mime/subject.h"
#include "mime/summary_priv.h"

#define VERSION 1
#define LISTED_MAX 32768 /* listed fields that are longer together are left out */

#define TABLE (6 + 4 * ITEM_COUNT)

#define N(z) {z, sizeof(z) - 1}

/* Writing. */

static void
item_end(struct buf *out, size_t start, enum item item)
{
	uint32_t end = (uint32_t)(out->n - start - TABLE);

	if (out->failed)
		return;
	end = htole32(end);
	memcpy(out->p + start + 6 + 4 * (size_t)item, &end, 4);
}

/* What lists need, so that rows stay small; tells in a flag whether it is all there is. Behind what stands there from start on. */
static int
header_add(struct buf *out, size_t start, struct str rest)
{
	struct mime_field f;
	bool whole = true;

	while (mime_field_next(&rest, &f)) {
		if (!mime_summary_lists(f.name)) {
			whole = false;
			continue;
		}
		if (out->n - start + f.full.n > LISTED_MAX) {
			out->n = start;
			return 0;
		}
		buf_add(out, f.full);
	}
	return whole ? HEADER_WHOLE : HEADER_LISTED;
}

/* The values that keys are made of, by one pass over the header. */
enum source { SRC_SUBJECT, SRC_FROM, SRC_TO, SRC_CC, SRC_DATE, SRC_ID, SRC_REFERENCES, SRC_REPLY, SOURCES };

static void
sources_find(struct str header, struct str value[SOURCES])
{
	static const struct str names[SOURCES] = {N("subject"), N("from"), N("to"), N("cc"), N("date"),
		N("message-id"), N("references"), N("in-reply-to")};
	struct mime_names set;
	struct mime_field f;

	memset(value, 0, SOURCES * sizeof(*value));
	mime_names_init(&set, names, SOURCES);
	while (mime_field_next(&header, &f)) {
		if (!mime_names_has(&set, f.name))
			continue;
		for (int i = 0; i < SOURCES; i++)
			if (value[i].p == NULL && str_caseeq(f.name, names[i]))
				value[i] = f.value;
	}
}

static const enum source key_source[] = {
	[MIME_KEY_SUBJECT] = SRC_SUBJECT,
	[MIME_KEY_FROM] = SRC_FROM,
	[MIME_KEY_TO] = SRC_TO,
	[MIME_KEY_CC] = SRC_CC,
	[MIME_KEY_DISPLAY_FROM] = SRC_FROM,
	[MIME_KEY_DISPLAY_TO] = SRC_TO,
};

/*
 * Raw bytes that are not UTF-8 are of no charset: the one that the body has tells nothing about the header. Returns whether a subject is
 * one of a reply.
 */
static bool
key_add(struct buf *out, enum mime_key key, enum mime_collation c, struct str value)
{
	bool reply = false;

	switch (key) {
	case MIME_KEY_SUBJECT:
		mime_subject_key(out, c, value, STR_NONE, &reply);
		break;
	case MIME_KEY_FROM:
	case MIME_KEY_TO:
	case MIME_KEY_CC:
		mime_address_key(out, c, value);
		break;
	case MIME_KEY_DISPLAY_FROM:
	case MIME_KEY_DISPLAY_TO:
		mime_display_key(out, c, value, STR_NONE);
		break;
	}
	return reply;
}

void
mime_header_key(struct buf *out, struct str header, enum mime_key key, enum mime_collation c)
{
	struct str value[SOURCES];

	sources_find(header, value);
	(void)key_add(out, key, c, value[key_source[key]]);
}

static void
hash_add(struct buf *out, uint64_t hash)
{
	pack_u64(out, hash);
}

static void
refs_add(struct buf *out, struct arena *a, const struct str value[SOURCES])
{
	struct str rest = value[SRC_REFERENCES], id;
	size_t start = out->n, n = 0, last = start + (MIME_REFS_MAX - 1) * 8;

	for (; mime_msgid_next(a, &rest, &id); n++) {
		hash_add(out, mime_msgid_hash(id));
		/* Full: the second goes, so that the first and the newest stay. Moving happens once for many. */
		if (out->n - start >= MIME_REFS_MAX * 8 * 8) {
			memmove(out->p + start + 8, out->p + out->n - (MIME_REFS_MAX - 1) * 8,
			    (MIME_REFS_MAX - 1) * 8);
			out->n = last + 8;
		}
	}
	if (n > MIME_REFS_MAX && out->n - start > MIME_REFS_MAX * 8) {
		memmove(out->p + start + 8, out->p + out->n - (MIME_REFS_MAX - 1) * 8, (MIME_REFS_MAX - 1) * 8);
		out->n = last + 8;
	}
	rest = value[SRC_REPLY];
	if (n == 0 && mime_msgid_next(a, &rest, &id))
		hash_add(out, mime_msgid_hash(id));
}

static uint64_t
own_id(struct arena *a, struct str raw)
{
	struct str rest = raw, id;

	return mime_msgid_next(a, &rest, &id) ? mime_msgid_hash(id) : 0;
}

static void
fixed_set(struct buf *out, size_t at, int flags, const struct str value[SOURCES], uint64_t id)
{
	int64_t utc = 0;
	int zone = 0;

	if (mime_date_parse(value[SRC_DATE], &utc, &zone))
		flags |= HAS_DATE;
	if (out->failed)
		return;
	out->p[at + FIXED_FLAGS] = (char)flags;
	out->p[at + FIXED_ZONE] = (char)zone;
	out->p[at + FIXED_ZONE + 1] = (char)(zone >> 8);
	utc = (int64_t)htole64((uint64_t)utc);
	id = htole64(id);
	memcpy(out->p + at + FIXED_DATE, &utc, 8);
	memcpy(out->p + at + FIXED_MESSAGE_ID, &id, 8);
}

static void
envelopes_add(struct buf *out, size_t start, const struct mime_message *m)
{
	size_t ascii = out->n, utf8;

	mime_envelope_add(out, m, 0, MIME_ASCII);
	item_end(out, start, ITEM_ENVELOPE);
	/* Plain ASCII headers give the same in both modes. */
	utf8 = out->n;
	if (m->parts[0].flags & MIME_HEADER_8BIT) {
		mime_envelope_add(out, m, 0, MIME_UTF8);
		if (str_eq(str_of(out->p + ascii, utf8 - ascii), str_of(out->p + utf8, out->n - utf8)))
			out->n = utf8;
	}
	item_end(out, start, ITEM_ENVELOPE_UTF8);
}

void
mime_summary_pack(struct buf *out, const struct mime_message *m, struct str preview)
{
	struct str value[SOURCES];
	struct arena arena = {0};
	size_t start = out->n, fixed = start + TABLE;
	char *room;
	int flags;

	if ((room = buf_room(out, TABLE + FIXED_SIZE)) == NULL)
		return;
	memset(room, 0, TABLE + FIXED_SIZE);
	buf_wrote(out, TABLE + FIXED_SIZE);
	out->p[start] = VERSION;
	out->p[start + 1] = ITEM_COUNT;
	item_end(out, start, ITEM_FIXED);
	sources_find(m->parts[0].header, value);
	envelopes_add(out, start, m);
	flags = m->parts[0].flags & MIME_HEADER_CUT ? 0 : header_add(out, out->n, m->parts[0].header);
	item_end(out, start, ITEM_HEADER);
	for (int k = MIME_KEY_SUBJECT; k <= MIME_KEY_DISPLAY_TO; k++) {
		if (key_add(out, (enum mime_key)k, MIME_UNICODE_CASEMAP, value[key_source[k]]))
			flags |= IS_REPLY;
		item_end(out, start, (enum item)(ITEM_SUBJECT + k));
	}
	refs_add(out, &arena, value);
	item_end(out, start, ITEM_REFS);
	buf_add(out, str_head(preview, MIME_PREVIEW_MAX));
	item_end(out, start, ITEM_PREVIEW);
	fixed_set(out, fixed, flags, value, own_id(&arena, value[SRC_ID]));
	arena_free(&arena);
	crc32c_put(out, start + 2);
}

/* The header fields of both; the flag as header_add(). */
static int
headers_join(struct buf *out, const struct mime_summary *s, struct str prefix)
{
	size_t start = out->n;
	struct str header;
	bool whole = mime_summary_header(s, &header);
	int flags;

	if (header.p == NULL || (flags = header_add(out, start, prefix)) == 0)
		return 0;
	if (out->n - start + header.n > LISTED_MAX) {
		out->n = start;
		return 0;
	}
	buf_add(out, header);
	return whole ? flags : HEADER_LISTED;
}

void
mime_summary_prefixed(struct buf *out, const struct mime_summary *s, struct str prefix)
{
	size_t start = out->n;
	char *room = buf_room(out, TABLE);
	int flags = 0;

	if (room == NULL)
		return;
	memcpy(room, s->packed.p, TABLE);
	buf_wrote(out, TABLE);
	for (enum item i = ITEM_FIXED; i < ITEM_COUNT; i++) {
		if (i == ITEM_HEADER)
			flags = headers_join(out, s, prefix);
		else
			buf_add(out, summary_item(s, i));
		item_end(out, start, i);
	}
	if (out->failed)
		return;
	out->p[start + TABLE + FIXED_FLAGS] = (char)((out->p[start + TABLE + FIXED_FLAGS] & ~(HEADER_WHOLE | HEADER_LISTED)) | flags);
	crc32c_put(out, start + 2);
}

/* Reading. */

struct str
summary_item(const struct mime_summary *s, enum item i)
{
	uint32_t from = i ? load_u32(s->packed.p + 6 + 4 * ((size_t)i - 1)) : 0;
	uint32_t to = load_u32(s->packed.p + 6 + 4 * (size_t)i);

	return str_of(s->packed.p + TABLE + from, to - from);
}

static struct str
item(const struct mime_summary *s, enum item i)
{
	return s->packed.p[0] == SLICED ? slice_item(s, i) : summary_item(s, i);
}

static int
fixed_flags(const struct mime_summary *s)
{
	return item(s, ITEM_FIXED).p[FIXED_FLAGS];
}

enum status
mime_summary_open(struct str packed, struct mime_summary *s_r)
{
	uint32_t last = 0;

	if (packed.n < TABLE || packed.p[0] != VERSION || packed.p[1] != ITEM_COUNT)
		return ERR_CORRUPT;
	for (size_t i = 0; i < ITEM_COUNT; i++) {
		uint32_t end = load_u32(packed.p + 6 + 4 * i);

		if (end < last || (i == ITEM_FIXED && end != FIXED_SIZE))
			return ERR_CORRUPT;
		last = end;
	}
	if (last != packed.n - TABLE)
		return ERR_CORRUPT;
	s_r->packed = packed;
	return OK;
}

enum status
mime_summary_verify(const struct mime_summary *s)
{
	return load_u32(s->packed.p + 2) == crc32c(0, str_from(s->packed, 6)) ? OK : ERR_CORRUPT;
}

struct str
mime_summary_envelope(const struct mime_summary *s, enum mime_text mode)
{
	struct str e = mode == MIME_UTF8 ? item(s, ITEM_ENVELOPE_UTF8) : STR("");

	return e.n > 0 ? e : item(s, ITEM_ENVELOPE);
}

bool
mime_summary_header(const struct mime_summary *s, struct str *header_r)
{
	int flags = fixed_flags(s);

	*header_r = flags & (HEADER_WHOLE | HEADER_LISTED) ? item(s, ITEM_HEADER) : STR_NONE;
	return flags & HEADER_WHOLE;
}

enum status
mime_summary_select(const struct mime_summary *s, struct buf *out, const struct mime_names *set, bool not)
{
	bool known = s->packed.p[0] == SLICED ? set->often : set->listed;
	struct str header;

	if (!mime_summary_header(s, &header) && (header.p == NULL || not || !known))
		return ERR_NOT_FOUND;
	mime_header_select(out, header, set, not);
	return OK;
}

bool
mime_summary_date(const struct mime_summary *s, int64_t *utc_r, int *zone_r)
{
	struct str f = item(s, ITEM_FIXED);

	if (!(f.p[FIXED_FLAGS] & HAS_DATE))
		return false;
	*utc_r = (int64_t)load_u64(f.p + FIXED_DATE);
	*zone_r = (int16_t)((unsigned char)f.p[FIXED_ZONE] | (unsigned)(unsigned char)f.p[FIXED_ZONE + 1] << 8);
	return true;
}

struct str
mime_summary_key(const struct mime_summary *s, enum mime_key key)
{
	return item(s, (enum item)(ITEM_SUBJECT + key));
}

bool
mime_summary_is_reply(const struct mime_summary *s)
{
	return fixed_flags(s) & IS_REPLY;
}

uint64_t
mime_summary_message_id(const struct mime_summary *s)
{
	return load_u64(item(s, ITEM_FIXED).p + FIXED_MESSAGE_ID);
}

size_t
mime_summary_n_refs(const struct mime_summary *s)
{
	return item(s, ITEM_REFS).n / 8;
}

uint64_t
mime_summary_ref(const struct mime_summary *s, size_t i)
{
	return load_u64(item(s, ITEM_REFS).p + 8 * i);
}

struct str
mime_summary_preview(const struct mime_summary *s)
{
	return item(s, ITEM_PREVIEW);
}
