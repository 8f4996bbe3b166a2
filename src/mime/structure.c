/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packed part: u8 kind and attachment, u8 encoding, varint flags, varint depth, varint distance of its header
 * from where the body of its parent begins (the root: 0), varint length of its header, of its body, varint
 * lines, then type, subtype, charset, file name as strings.
 */
#include "mime/structure.h"

#include "base/assert.h"
#include "base/codec.h"
#include "mime/bodystructure.h"

#define VERSION 1
#define NAME_BYTES 128
#define FILENAME_BYTES 1024
#define ATTACHMENT 0x10
/* What is packed of all parts together, with their names; and of the names. */
#define PARTS_MAX (512u << 10)
#define NAMES_MAX (256u << 10)
/* A packed part takes at least this many bytes: bounds what damaged bytes can make us allocate. */
#define PART_BYTES 12

static struct str
lower(struct arena *a, struct str s)
{
	return arena_lower(a, str_head(s, NAME_BYTES));
}

static struct str
filename_of(struct arena *a, const struct mime_part *part)
{
	struct buf name = {0};
	struct str s = STR("");

	if (mime_part_filename(&name, part) && name.n > 0) {
		size_t n = name.n < FILENAME_BYTES ? name.n : FILENAME_BYTES;

		while (n > 0 && n < name.n && (name.p[n] & 0xc0) == 0x80)
			n--;
		s = arena_str(a, str_of(name.p, n));
	}
	buf_free(&name);
	return s;
}

/* bare: without what may be long, and takes long to decode. */
static void
part_of(struct arena *a, const struct mime_part *part, bool bare, struct mime_spart *sp)
{
	*sp = (struct mime_spart){
		.parent = part->parent, .child = part->child, .next = part->next, .number = part->number,
		.kind = part->kind, .flags = part->flags, .cte = part->cte,
		.header_start = part->header_start, .body_start = part->body_start, .body_end = part->body_end,
		.lines = part->lines,
		.type = lower(a, part->type), .subtype = lower(a, part->subtype),
		.charset = !bare && part->kind == MIME_LEAF_TEXT && part->charset.n > 0 ? str_head(part->charset, NAME_BYTES) : STR(""),
		.filename = bare ? STR("") : filename_of(a, part),
		.attachment = str_caseeq(part->disposition, STR("attachment")),
	};
}

void
mime_structure_of(struct arena *a, const struct mime_message *m, struct mime_structure *s_r)
{
	struct buf text = {0};
	size_t names = 0;

	*s_r = (struct mime_structure){.n_parts = m->n_parts, .size = m->size, .lines = m->lines};
	s_r->parts = arena_array(a, m->n_parts, sizeof(*s_r->parts));
	for (uint32_t i = 0; i < m->n_parts; i++) {
		part_of(a, &m->parts[i], names > NAMES_MAX, &s_r->parts[i]);
		names += s_r->parts[i].charset.n + s_r->parts[i].filename.n;
	}
	for (int mode = 0; mode < MIME_TEXT_COUNT; mode++) {
		buf_clear(&text);
		mime_bodystructure_add(&text, m, (enum mime_text)mode);
		s_r->bodystructure[mode] = arena_str(a, buf_str(&text));
	}
	buf_free(&text);
}

static void
part_pack(struct buf *out, const struct mime_structure *s, const struct mime_spart *p, uint32_t depth)
{
	uint64_t base = p->parent == MIME_NO_PART ? 0 : s->parts[p->parent].body_start;

	ensure(base <= p->header_start && p->header_start <= p->body_start && p->body_start <= p->body_end);
	buf_addc(out, (char)(p->kind | (p->attachment ? ATTACHMENT : 0)));
	buf_addc(out, (char)p->cte);
	varint_add(out, p->flags);
	varint_add(out, depth);
	varint_add(out, p->header_start - base);
	varint_add(out, p->body_start - p->header_start);
	varint_add(out, p->body_end - p->body_start);
	varint_add(out, p->lines);
	pack_str(out, p->type);
	pack_str(out, p->subtype);
	pack_str(out, p->charset);
	pack_str(out, p->filename);
}

/* Without what may be long: many parts with long names would be too much. */
static void
make_bare(struct mime_structure *s, const struct mime_message *m)
{
	for (uint32_t i = 0; i < s->n_parts; i++) {
		struct str type, subtype;

		mime_bare_type(&m->parts[i], &type, &subtype);
		if (type.n != s->parts[i].type.n)
			s->parts[i].type = type;
		if (subtype.n != s->parts[i].subtype.n)
			s->parts[i].subtype = subtype;
		s->parts[i].charset = s->parts[i].filename = STR("");
	}
}

static void
parts_pack(struct buf *out, struct mime_structure *s, const struct mime_message *m)
{
	size_t start = out->n;
	uint32_t i;

	for (i = 0; i < s->n_parts && out->n - start <= PARTS_MAX; i++)
		part_pack(out, s, &s->parts[i], m->parts[i].depth);
	if (out->n - start <= PARTS_MAX)
		return;
	out->n = start;
	make_bare(s, m);
	for (i = 0; i < s->n_parts; i++)
		part_pack(out, s, &s->parts[i], m->parts[i].depth);
}

void
mime_structure_pack(struct buf *out, const struct mime_message *m)
{
	struct arena arena = {0};
	struct mime_structure s;
	size_t start = out->n;

	mime_structure_of(&arena, m, &s);
	buf_addc(out, VERSION);
	pack_u32(out, 0);
	varint_add(out, s.size);
	varint_add(out, s.lines);
	pack_str(out, s.bodystructure[MIME_ASCII]);
	pack_str(out, str_eq(s.bodystructure[0], s.bodystructure[1]) ? STR("") : s.bodystructure[MIME_UTF8]);
	varint_add(out, s.n_parts);
	parts_pack(out, &s, m);
	crc32c_put(out, start + 1);
	arena_free(&arena);
}

/* The root's header is longer by n; all else counts from where a parent's body begins. */
static void
root_longer(struct buf *out, struct unpack *u, uint64_t n)
{
	buf_addc(out, (char)unpack_u8(u));
	buf_addc(out, (char)unpack_u8(u));
	for (int i = 0; i < 3; i++) /* flags, depth, distance */
		varint_add(out, unpack_varint(u));
	varint_add(out, unpack_varint(u) + n);
	buf_add(out, u->rest);
}

enum status
mime_structure_prefixed(struct buf *out, struct str packed, uint64_t n, uint64_t lines)
{
	struct unpack u = {.rest = packed};
	size_t start = out->n;

	if (unpack_u8(&u) != VERSION)
		return ERR_CORRUPT;
	(void)unpack_u32(&u);
	buf_addc(out, VERSION);
	pack_u32(out, 0);
	varint_add(out, unpack_varint(&u) + n);
	varint_add(out, unpack_varint(&u) + lines);
	pack_str(out, unpack_str(&u));
	pack_str(out, unpack_str(&u));
	varint_add(out, unpack_varint(&u));
	root_longer(out, &u, n);
	crc32c_put(out, start + 1);
	if (!u.failed)
		return OK;
	out->n = start;
	return ERR_CORRUPT;
}

/* Hangs part i, at this depth, into the tree; `path` holds the newest part of each depth. */
static bool
part_link(struct mime_structure *s, uint32_t *path, uint32_t *n_path, uint32_t depth, uint32_t i)
{
	struct mime_spart *p = &s->parts[i], *parent;
	uint32_t before = depth < *n_path ? path[depth] : MIME_NO_PART;

	p->parent = p->child = p->next = MIME_NO_PART;
	p->number = 1;
	if (depth > *n_path || (depth == 0) != (i == 0))
		return false;
	ensure(depth < s->n_parts && i < s->n_parts);
	path[depth] = i;
	*n_path = depth + 1;
	if (depth == 0)
		return true;
	p->parent = path[depth - 1];
	parent = &s->parts[p->parent];
	if (parent->child == MIME_NO_PART) {
		parent->child = i;
		return parent->kind == MIME_MULTIPART || parent->kind == MIME_MESSAGE;
	}
	/* Of parts that came before, the one at this depth is a sibling as long as n_path reached it. */
	if (before == MIME_NO_PART || parent->kind != MIME_MULTIPART)
		return false;
	s->parts[before].next = i;
	p->number = s->parts[before].number + 1;
	return true;
}

static bool
part_unpack(struct unpack *u, struct mime_structure *s, uint32_t *path, uint32_t *n_path, uint32_t i)
{
	struct mime_spart *p = &s->parts[i];
	uint8_t kind = unpack_u8(u), cte = unpack_u8(u);
	uint64_t flags = unpack_varint(u), depth = unpack_varint(u), start, header, body, top, base = 0;

	start = unpack_varint(u);
	header = unpack_varint(u);
	body = unpack_varint(u);
	p->kind = (enum mime_kind)(kind & 3);
	p->attachment = kind & ATTACHMENT;
	p->cte = (enum mime_cte)cte;
	p->flags = (uint32_t)flags;
	p->lines = unpack_varint(u);
	p->type = unpack_str(u);
	p->subtype = unpack_str(u);
	p->charset = unpack_str(u);
	p->filename = unpack_str(u);
	if (u->failed || (kind & ~(3 | ATTACHMENT)) || cte > MIME_CTE_UNKNOWN || depth >= s->n_parts ||
	    !part_link(s, path, n_path, (uint32_t)depth, i))
		return false;
	top = s->size;
	if (p->parent != MIME_NO_PART) {
		base = s->parts[p->parent].body_start;
		top = s->parts[p->parent].body_end;
	}
	if (start > top - base || header > top - base - start || body > top - base - start - header)
		return false;
	p->header_start = base + start;
	p->body_start = p->header_start + header;
	p->body_end = p->body_start + body;
	return true;
}

static bool
has_children(const struct mime_structure *s)
{
	for (uint32_t i = 0; i < s->n_parts; i++)
		if (s->parts[i].kind >= MIME_MULTIPART && s->parts[i].child == MIME_NO_PART)
			return false;
	return true;
}

static bool
head_unpack(struct unpack *u, struct mime_structure *s)
{
	s->size = unpack_varint(u);
	s->lines = unpack_varint(u);
	s->bodystructure[MIME_ASCII] = unpack_str(u);
	s->bodystructure[MIME_UTF8] = unpack_str(u);
	if (s->bodystructure[MIME_UTF8].n == 0)
		s->bodystructure[MIME_UTF8] = s->bodystructure[MIME_ASCII];
	return !u->failed;
}

enum status
mime_structure_unpack(struct arena *a, struct str packed, struct mime_structure *s_r)
{
	struct unpack u = {.rest = packed};
	struct mime_structure s = {0};
	uint32_t *path, n_path = 0, crc;
	uint64_t n;

	if (unpack_u8(&u) != VERSION)
		return ERR_CORRUPT;
	crc = unpack_u32(&u);
	if (u.failed || crc != crc32c(0, u.rest) || !head_unpack(&u, &s))
		return ERR_CORRUPT;
	n = unpack_varint(&u);
	if (u.failed || n == 0 || n > u.rest.n / PART_BYTES)
		return ERR_CORRUPT;
	s.n_parts = (uint32_t)n;
	s.parts = arena_array(a, n, sizeof(*s.parts));
	path = arena_array(a, n, sizeof(*path));
	for (uint32_t i = 0; i < n; i++)
		if (!part_unpack(&u, &s, path, &n_path, i))
			return ERR_CORRUPT;
	if (u.rest.n > 0 || !has_children(&s))
		return ERR_CORRUPT;
	*s_r = s;
	return OK;
}

struct str
mime_structure_bodystructure(struct str packed, enum mime_text mode)
{
	struct unpack u = {.rest = packed};
	struct mime_structure s;

	if (unpack_u8(&u) != VERSION)
		return STR_NONE;
	(void)unpack_u32(&u);
	return head_unpack(&u, &s) ? s.bodystructure[mode] : STR_NONE;
}

/* The k-th part of the body that begins at part i: a child of a multipart, or the body itself. */
static uint32_t
nth(const struct mime_structure *s, uint32_t i, uint32_t k)
{
	if (s->parts[i].kind != MIME_MULTIPART)
		return k == 1 ? i : MIME_NO_PART;
	for (i = s->parts[i].child; i != MIME_NO_PART; i = s->parts[i].next)
		if (s->parts[i].number == k)
			return i;
	return MIME_NO_PART;
}

uint32_t
mime_find_part(const struct mime_structure *s, const uint32_t *path, size_t n)
{
	uint32_t i = 0;

	ensure(s->n_parts > 0);
	for (size_t k = 0; k < n && i != MIME_NO_PART; k++) {
		/* What comes after a number lies inside that part. */
		if (k > 0 && s->parts[i].kind == MIME_MESSAGE)
			i = s->parts[i].child;
		else if (k > 0 && s->parts[i].kind != MIME_MULTIPART)
			return MIME_NO_PART;
		i = nth(s, i, path[k]);
	}
	return i;
}

enum status
mime_find_section(const struct mime_structure *s, const uint32_t *path, size_t n, enum mime_section section,
    struct mime_range *range_r, uint32_t *part_r)
{
	uint32_t i = mime_find_part(s, path, n);
	const struct mime_spart *p;

	if (i == MIME_NO_PART)
		return ERR_NOT_FOUND;
	if (n > 0 && (section == MIME_SECTION_HEADER || section == MIME_SECTION_TEXT)) {
		if (s->parts[i].kind != MIME_MESSAGE)
			return ERR_NOT_FOUND;
		i = s->parts[i].child;
		ensure(i < s->n_parts);
	}
	p = &s->parts[i];
	if (n == 0 && section == MIME_SECTION_ALL)
		*range_r = (struct mime_range){0, s->size};
	else if (section == MIME_SECTION_MIME || section == MIME_SECTION_HEADER)
		*range_r = (struct mime_range){p->header_start, p->body_start - p->header_start};
	else
		*range_r = (struct mime_range){p->body_start, p->body_end - p->body_start};
	if (part_r != NULL)
		*part_r = i;
	return OK;
}
