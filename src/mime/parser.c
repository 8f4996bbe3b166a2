/* SPDX-License-Identifier: Apache-2.0 */
/* Line by line through a message that comes in pieces: headers are kept, bodies counted, delimiters looked for. */
#include "mime/parser.h"

#include "base/assert.h"
#include "base/utf8.h"
#include "mime/header.h"
#include "mime/params.h"
#include "mime/scan.h"

/* Longest line, line end included, that can be a delimiter. RFC 2046 5.1.1 allows boundaries of 70. */
#define DELIMITER_MAX 8192
/* Content-... fields looked at in one header. */
#define CONTENT_MAX 16

const struct mime_limits mime_limits_default = {
	.depth = 100, .parts = 10000, .params = 100, .total_params = 30000,
	.header_bytes = 1u << 20, .field_bytes = 256u << 10, .total_header = 2u << 20,
};

/* An open multipart. */
struct level {
	uint32_t part, last; /* last: its newest child */
	struct str boundary;
};

struct mime_parser {
	struct arena *arena;
	struct mime_limits limits;
	struct mime_message *m;
	uint32_t cap; /* parts there is room for */
	uint32_t cur; /* the part whose header or body comes next */
	bool in_header;
	bool mid_line; /* of a header line too long for held[] */
	uint64_t pos;  /* offset of the next byte, held ones not counted */
	struct mime_scan scan;
	char tail[2];            /* the last two bytes before pos */
	struct level *levels;
	uint32_t n_levels, cap_levels;
	/* The header being gathered. */
	char *header;
	uint32_t n_header, cap_header, n_field, total_header;
	uint32_t total_params;
	bool cut;
	uint32_t content[CONTENT_MAX]; /* where its Content-... fields begin */
	uint32_t n_content;
	/* The beginning of a line that the next chunk goes on with. */
	uint32_t n_held;
	char *held; /* DELIMITER_MAX, made when needed */
};

/* Room for twice as many. */
static void *
grown(struct arena *a, void *old, size_t n, uint32_t *cap, size_t size)
{
	uint32_t was = *cap;

	*cap *= 2;
	return arena_grow(a, old, n, was, *cap, size);
}

static uint32_t
part_add(struct mime_parser *p, uint32_t parent)
{
	struct mime_message *m = p->m;
	struct mime_part *part;

	ensure(parent == MIME_NO_PART ? m->n_parts == 0 : parent < m->n_parts);
	if (m->n_parts == p->cap)
		m->parts = grown(p->arena, m->parts, m->n_parts, &p->cap, sizeof(*m->parts));
	part = &m->parts[m->n_parts];
	*part = (struct mime_part){.parent = parent, .child = MIME_NO_PART, .next = MIME_NO_PART, .number = 1};
	if (parent != MIME_NO_PART)
		part->depth = m->parts[parent].depth + 1;
	part->header_start = p->pos;
	part->header_lines = p->scan.lf;
	p->cur = m->n_parts++;
	p->in_header = true;
	p->n_header = p->n_field = p->n_content = 0;
	p->cut = false;
	return p->cur;
}

struct mime_parser *
mime_parser_new(struct arena *a, const struct mime_limits *limits)
{
	struct mime_parser *p = arena_new(a, struct mime_parser);

	p->arena = a;
	p->limits = limits ? *limits : mime_limits_default;
	p->m = arena_new(a, struct mime_message);
	p->cap = 8;
	p->m->parts = arena_array(a, p->cap, sizeof(struct mime_part));
	p->cap_levels = 4;
	p->levels = arena_array(a, p->cap_levels, sizeof(struct level));
	p->cap_header = 4096;
	p->header = arena_alloc(a, p->cap_header);
	part_add(p, MIME_NO_PART);
	return p;
}

/* Gathering a header. */

static uint32_t
header_room(const struct mime_parser *p, bool field)
{
	uint32_t room = p->limits.header_bytes - p->n_header;
	uint32_t total = p->limits.total_header - p->total_header;

	if (p->n_header >= p->limits.header_bytes || p->total_header >= p->limits.total_header)
		return 0;
	if (total < room)
		room = total;
	if (field && p->limits.field_bytes - p->n_field < room)
		room = p->limits.field_bytes - p->n_field;
	return room;
}

static void
header_keep(struct mime_parser *p, struct str s)
{
	ensure(p->n_header <= p->cap_header && s.n <= header_room(p, false));
	while (p->cap_header - p->n_header < s.n)
		p->header = grown(p->arena, p->header, p->n_header, &p->cap_header, 1);
	memcpy(p->header + p->n_header, s.p, s.n);
	p->n_header += (uint32_t)s.n;
	p->total_header += (uint32_t)s.n;
}

/* A piece of a header line; first: it is where the line begins. */
static void
header_add(struct mime_parser *p, struct str s, bool first)
{
	bool folded = s.p[0] == ' ' || s.p[0] == '\t';
	uint32_t room;

	ensure(s.n > 0);
	if (first && !folded) {
		/* A field that was cut must not run into this one. */
		if (p->n_header > 0 && p->header[p->n_header - 1] != '\n' && header_room(p, false) >= 2)
			header_keep(p, STR("\r\n"));
		p->n_field = 0;
		if ((s.p[0] | 0x20) == 'c' && p->n_content < CONTENT_MAX && str_case_starts(s, STR("content-")))
			p->content[p->n_content++] = p->n_header;
	}
	room = header_room(p, true);
	if (s.n > room) {
		p->cut = true;
		p->m->limited = true;
		s.n = room;
		/* Nothing of what follows may be taken for a field of its own. */
		if (room == 0)
			return;
	}
	header_keep(p, s);
	p->n_field += (uint32_t)s.n;
}

/* Opening and closing parts. */

static void
level_add(struct mime_parser *p, uint32_t part, struct str boundary)
{
	ensure(part < p->m->n_parts && p->n_levels <= p->limits.depth);
	if (p->n_levels == p->cap_levels)
		p->levels = grown(p->arena, p->levels, p->n_levels, &p->cap_levels, sizeof(*p->levels));
	p->levels[p->n_levels++] = (struct level){part, MIME_NO_PART, boundary};
}

static void
become(struct mime_part *part, enum mime_kind kind, const char *type, const char *subtype)
{
	part->kind = kind;
	part->type = str_c(type);
	part->subtype = str_c(subtype);
	part->flags |= MIME_TYPE_CHANGED;
}

/* A multipart that has no parts: the boundary and the like say nothing any more. */
static void
become_text(struct mime_part *part)
{
	become(part, MIME_LEAF_TEXT, "text", "plain");
	part->n_params = 0;
}

/* Whether the part may have children, or has to be a leaf for the limits' sake (T63, S4). */
static bool
may_nest(struct mime_parser *p, const struct mime_part *part)
{
	if (part->depth < p->limits.depth && p->m->n_parts < p->limits.parts)
		return true;
	p->m->limited = true;
	return false;
}

/* What the Content-... fields say, with as many parameters as may still be kept. */
static void
read_fields(struct mime_parser *p, struct mime_part *part)
{
	const struct mime_part *parent = part->parent == MIME_NO_PART ? NULL : &p->m->parts[part->parent];
	bool digest = parent != NULL && parent->kind == MIME_MULTIPART && str_caseeq(parent->subtype, STR("digest"));
	uint32_t left = p->limits.total_params - p->total_params, max = p->limits.params;

	if (left < 3 * max) {
		max = left / 3;
		p->m->limited = true;
	}
	mime_part_read(p->arena, part, p->content, p->n_content, max, digest);
	p->total_params += part->n_params + part->n_disposition_params + part->n_languages;
	ensure(p->total_params <= p->limits.total_params);
}

/* A header is complete: what kind of part it is, and what comes next. */
static void
part_begin_body(struct mime_parser *p)
{
	struct mime_part *part = &p->m->parts[p->cur];
	struct str boundary;

	part->header = arena_str(p->arena, str_of(p->header, p->n_header));
	if (p->cut)
		part->flags |= MIME_HEADER_CUT;
	if (!str_is_ascii(part->header))
		part->flags |= MIME_HEADER_8BIT;
	if (part->header.n > 0 && memchr(part->header.p, 0, part->header.n) != NULL)
		part->flags |= MIME_HEADER_NUL;
	part->body_start = p->pos;
	part->header_lines = p->scan.lf - part->header_lines;
	part->lines = p->scan.lf;
	p->in_header = false;
	p->scan.nul = p->scan.high = false;
	read_fields(p, part);
	if (part->kind == MIME_MULTIPART) {
		boundary = str_trim(mime_param_octets(p->arena, part->params, part->n_params, STR("boundary")));
		if (boundary.n == 0 || boundary.n > DELIMITER_MAX - 6 || !may_nest(p, part))
			become_text(part);
		else
			level_add(p, p->cur, boundary);
	} else if (part->kind == MIME_MESSAGE) {
		/* RFC 2046 5.2.1 forbids to encode it; where it is, there is nothing to look into. */
		if (part->cte == MIME_CTE_QP || part->cte == MIME_CTE_BASE64 || !may_nest(p, part)) {
			become(part, MIME_LEAF, "application", "octet-stream");
			return;
		}
		part->child = p->m->n_parts;
		part_add(p, p->cur);
	}
}

static void
part_close(struct mime_parser *p, uint64_t end, uint64_t lf)
{
	struct mime_part *part = &p->m->parts[p->cur];

	part->body_end = end > part->body_start ? end : part->body_start;
	ensure(part->header_start <= part->body_start && part->body_end <= p->pos);
	part->lines = end > part->body_start ? lf - part->lines : 0;
	if (p->scan.nul)
		part->flags |= MIME_HAS_NUL;
	if (p->scan.high)
		part->flags |= MIME_HAS_8BIT;
	if (part->cte == MIME_CTE_BINARY || (part->flags & MIME_HAS_NUL))
		part->flags |= MIME_IS_BINARY;
	if (part->kind == MIME_MULTIPART && part->child == MIME_NO_PART)
		become_text(part);
	/* What is in a part is in those around it. */
	p->scan.nul = part->flags & (MIME_HAS_NUL | MIME_HEADER_NUL);
	p->scan.high = part->flags & (MIME_HAS_8BIT | MIME_HEADER_8BIT);
	p->cur = part->parent;
}

/* Closes the parts inside `until`, which becomes the current one. */
static void
close_inside(struct mime_parser *p, uint32_t until, uint64_t end, uint64_t lf)
{
	while (p->in_header)
		part_begin_body(p);
	while (p->cur != until) {
		struct mime_part *part = &p->m->parts[p->cur];

		ensure(p->cur < p->m->n_parts);
		part_close(p, end, lf);
		/* A header that the delimiter ended keeps its line end; so do then those around it. */
		if (part->body_end > end) {
			end = part->body_end;
			lf = p->scan.lf;
		}
	}
	if (until != MIME_NO_PART)
		p->m->parts[until].flags |= (p->scan.nul ? MIME_HAS_NUL : 0) | (p->scan.high ? MIME_HAS_8BIT : 0);
	p->scan.nul = p->scan.high = false;
}

/* Length of the line end in front of pos. */
static unsigned
line_end(const struct mime_parser *p)
{
	return p->tail[1] != '\n' ? 0 : p->tail[0] == '\r' ? 2 : 1;
}

static void
took(struct mime_parser *p, struct str s)
{
	ensure(s.n > 0);
	p->tail[0] = s.n > 1 ? s.p[s.n - 2] : p->tail[1];
	p->tail[1] = s.p[s.n - 1];
	p->pos += s.n;
}

/* Which open multipart the line is a delimiter of, innermost first; n_levels: of none. */
static uint32_t
find_level(const struct mime_parser *p, struct str line, bool *closes_r)
{
	/* Too long, or so long that its end has not been seen. */
	if (line.n > DELIMITER_MAX || (line.n == DELIMITER_MAX && line.p[line.n - 1] != '\n'))
		return p->n_levels;
	if (line.n < 3 || line.p[0] != '-' || line.p[1] != '-')
		return p->n_levels;
	line = str_from(line, 2);
	while (line.n > 0 && strchr(" \t\r\n", line.p[line.n - 1]) != NULL && line.p[line.n - 1] != '\0')
		line.n--;
	for (uint32_t i = p->n_levels; i-- > 0;) {
		struct str boundary = p->levels[i].boundary;

		if (!str_starts(line, boundary))
			continue;
		*closes_r = line.n == boundary.n + 2 && str_ends(line, STR("--"));
		if (*closes_r || line.n == boundary.n)
			return i;
	}
	return p->n_levels;
}

/* The line, if it is a delimiter: closes parts, begins the next. False: an ordinary line. */
static bool
delimiter(struct mime_parser *p, struct str line)
{
	bool closes = false;
	uint32_t i = find_level(p, line, &closes), eol = line_end(p), child;
	struct level *level;

	if (i == p->n_levels)
		return false;
	if (!closes && p->m->n_parts >= p->limits.parts) {
		p->m->limited = true;
		return false;
	}
	level = &p->levels[i];
	close_inside(p, level->part, p->pos - eol, p->scan.lf - (eol > 0));
	/* The header of the current part may just have opened levels. */
	level = &p->levels[i];
	took(p, line);
	p->scan.lf += line.p[line.n - 1] == '\n';
	p->n_levels = closes ? i : i + 1;
	if (closes)
		return true;
	child = part_add(p, level->part);
	if (level->last == MIME_NO_PART) {
		p->m->parts[level->part].child = child;
	} else {
		p->m->parts[level->last].next = child;
		p->m->parts[child].number = p->m->parts[level->last].number + 1;
	}
	level->last = child;
	return true;
}

static void
header_line(struct mime_parser *p, struct str line, bool first)
{
	bool ends = line.p[line.n - 1] == '\n';
	bool empty = first && ends && (line.n == 1 || (line.n == 2 && line.p[0] == '\r'));

	if (first && line.p[0] == '-' && p->n_levels > 0 && delimiter(p, line))
		return;
	took(p, line);
	p->scan.lf += ends;
	p->mid_line = !ends;
	if (empty)
		part_begin_body(p);
	else
		header_add(p, line, first);
}

static void
body_bytes(struct mime_parser *p, struct str s)
{
	mime_scan(&p->scan, s, false);
	took(p, s);
}

static void
whole_line(struct mime_parser *p, struct str line)
{
	if (p->in_header)
		header_line(p, line, true);
	else if (!delimiter(p, line))
		body_bytes(p, line);
}

/* Takes bytes to the line that is held back; returns how many. */
static size_t
hold(struct mime_parser *p, struct str s)
{
	size_t room = DELIMITER_MAX - p->n_held, n = s.n < room ? s.n : room;
	const char *lf = memchr(s.p, '\n', n);
	uint32_t n_held;

	ensure(p->n_held < DELIMITER_MAX && s.n > 0);
	if (p->held == NULL)
		p->held = arena_alloc(p->arena, DELIMITER_MAX);
	if (lf != NULL)
		n = (size_t)(lf - s.p) + 1;
	memcpy(p->held + p->n_held, s.p, n);
	p->n_held += (uint32_t)n;
	if (lf == NULL && p->n_held < DELIMITER_MAX)
		return n;
	/* Complete, or too long for a delimiter and for an empty line. */
	n_held = p->n_held;
	p->n_held = 0;
	whole_line(p, str_of(p->held, n_held));
	return n;
}

static size_t
header_bytes(struct mime_parser *p, struct str s)
{
	const char *lf = memchr(s.p, '\n', s.n);
	size_t n = lf ? (size_t)(lf - s.p) + 1 : s.n;

	if (p->mid_line || lf != NULL) {
		header_line(p, str_head(s, n), !p->mid_line);
		return n;
	}
	return hold(p, s);
}

/* Whether a body line begins at pos. */
static bool
at_line(const struct mime_parser *p)
{
	return p->tail[1] == '\n' || p->pos == p->m->parts[p->cur].body_start;
}

static size_t
body_add(struct mime_parser *p, struct str s)
{
	size_t n;

	if (p->n_levels > 0 && s.p[0] == '-' && at_line(p)) {
		const char *lf = memchr(s.p, '\n', s.n < DELIMITER_MAX ? s.n : DELIMITER_MAX);

		if (lf == NULL)
			return hold(p, s);
		n = (size_t)(lf - s.p) + 1;
		whole_line(p, str_head(s, n));
		return n;
	}
	n = mime_scan(&p->scan, s, p->n_levels > 0);
	took(p, str_head(s, n));
	return n;
}

void
mime_parser_add(struct mime_parser *p, struct str s)
{
	while (s.n > 0) {
		size_t n;

		if (p->n_held > 0)
			n = hold(p, s);
		else if (p->in_header)
			n = header_bytes(p, s);
		else
			n = body_add(p, s);
		ensure(n > 0 && n <= s.n);
		s = str_from(s, n);
	}
}

static struct str
header_charset(const struct mime_message *m)
{
	for (uint32_t i = 0; i < m->n_parts; i++) {
		const struct mime_part *part = &m->parts[i];

		if (part->kind == MIME_LEAF_TEXT)
			return part->charset;
	}
	return STR_NONE;
}

const struct mime_message *
mime_parser_finish(struct mime_parser *p)
{
	struct mime_message *m = p->m;

	if (p->n_held > 0)
		whole_line(p, str_of(p->held, p->n_held));
	p->n_held = 0;
	close_inside(p, MIME_NO_PART, p->pos, p->scan.lf);
	ensure(p->cur == MIME_NO_PART && m->n_parts > 0 && !p->in_header);
	m->size = p->pos;
	m->lines = p->scan.lf;
	m->charset = header_charset(m);
	return m;
}
