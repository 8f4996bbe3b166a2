/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a header one after the other, by name, without some; message ids. */
#include "mime/header.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "mime/summary.h"

/* Length of the line at the start of s, its LF included. */
static inline size_t
line_size(struct str s)
{
	const char *lf = memchr(s.p, '\n', s.n);

	return lf ? (size_t)(lf - s.p) + 1 : s.n;
}

static inline bool
empty_line(struct str s)
{
	return s.p[0] == '\n' || (s.p[0] == '\r' && s.n > 1 && s.p[1] == '\n');
}

static inline bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline struct str
without_eol(struct str s)
{
	if (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

/*
 * The field's name and value out of its bytes. A line with no colon, or nothing before it, has no name. Blanks may stand
 * before the colon only (RFC 5322 4.5): "From bob Mon 10:20" has no name.
 */
static void
field_split(struct mime_field *f)
{
	struct str body = without_eol(f->full);
	size_t n = 0, colon;

	/* Names are short: one loop is faster than searches. */
	while (n < body.n && body.p[n] != ':' && body.p[n] != '\n' && !is_blank(body.p[n]))
		n++;
	for (colon = n; colon < body.n && is_blank(body.p[colon]); colon++)
		;
	f->name = str_head(body, 0);
	f->value = body;
	if (colon == body.n || body.p[colon] != ':' || (n == 0 && colon > 0))
		return;
	f->name = str_head(body, n);
	f->value = str_from(body, colon + 1);
}

bool
mime_field_next(struct str *rest, struct mime_field *field_r)
{
	size_t n;

	if (rest->n == 0 || empty_line(*rest))
		return false;
	n = line_size(*rest);
	while (n < rest->n && is_blank(rest->p[n]))
		n += line_size(str_from(*rest, n));
	ensure(n > 0 && n <= rest->n);
	field_r->full = str_head(*rest, n);
	field_split(field_r);
	*rest = str_from(*rest, n);
	return true;
}

size_t
mime_header_size(struct str s)
{
	size_t at = 0;

	while (at < s.n) {
		struct str line = str_from(s, at);

		if (empty_line(line))
			return at + line_size(line);
		at += line_size(line);
	}
	return s.n;
}

bool
mime_header_get(struct str header, struct str name, struct mime_field *field_r)
{
	struct mime_field f;

	while (mime_field_next(&header, &f)) {
		if (str_caseeq(f.name, name)) {
			*field_r = f;
			return true;
		}
	}
	return false;
}

/* A small hash of a name that ignores case: its length and its first and last letter. */
static inline unsigned
name_hash(struct str name)
{
	return ((unsigned)name.n * 31 + (name.p[0] | 0x20u) * 7 + (name.p[name.n - 1] | 0x20u)) & 0xff;
}

#define NAMES_FEW 8 /* are asked one after the other */

int
mime_name_cmp(const void *a, const void *b)
{
	struct str x = *(const struct str *)a, y = *(const struct str *)b;

	for (size_t i = 0; i < x.n && i < y.n; i++) {
		unsigned char c = (unsigned char)ascii_lower(x.p[i]), d = (unsigned char)ascii_lower(y.p[i]);

		if (c != d)
			return c < d ? -1 : 1;
	}
	return x.n < y.n ? -1 : x.n > y.n;
}

void
mime_names_init(struct mime_names *set, const struct str *names, size_t n)
{
	*set = (struct mime_names){.names = names, .n = n, .listed = true, .often = true, .sorted = n > NAMES_FEW};
	for (size_t i = 0; i < n; i++) {
		unsigned h;

		set->listed = set->listed && mime_summary_lists(names[i]);
		set->often = set->often && mime_summary_often(names[i]);
		set->sorted = set->sorted && (i == 0 || mime_name_cmp(&names[i - 1], &names[i]) <= 0);
		if (names[i].n == 0)
			continue;
		h = name_hash(names[i]);
		if (!(set->filter[h >> 6] >> (h & 63) & 1) && i < 255)
			set->first[h] = (unsigned char)i;
		set->filter[h >> 6] |= 1ull << (h & 63);
	}
}

bool
mime_names_has(const struct mime_names *set, struct str name)
{
	unsigned h;

	if (name.n == 0)
		return false;
	h = name_hash(name);
	if (!(set->filter[h >> 6] >> (h & 63) & 1))
		return false;
	if (set->sorted)
		return bsearch(&name, set->names, set->n, sizeof(name), mime_name_cmp) != NULL;
	for (size_t i = set->first[h]; i < set->n; i++)
		if (str_caseeq(set->names[i], name))
			return true;
	return false;
}

void
mime_header_select(struct buf *out, struct str header, const struct mime_names *set, bool not)
{
	struct mime_field f;
	struct str run = {header.p, 0}; /* chosen fields that follow each other */

	while (mime_field_next(&header, &f)) {
		if (mime_names_has(set, f.name) != not) {
			if (run.n == 0)
				run.p = f.full.p;
			run.n += f.full.n;
			continue;
		}
		ensure(run.n == 0 || run.p + run.n == f.full.p);
		if (run.n > 0)
			buf_add(out, run);
		run.n = 0;
	}
	if (run.n > 0) {
		buf_add(out, run);
		/* A header that ends without a line end: close the line, so that the empty line is one. */
		if (run.p[run.n - 1] != '\n')
			buf_add(out, STR("\r\n"));
	}
	buf_add(out, STR("\r\n"));
}

void
mime_unfold(struct buf *out, struct str raw)
{
	raw = str_trim(raw);
	while (raw.n > 0) {
		size_t n = line_size(raw);

		ensure(n > 0 && n <= raw.n);
		buf_add(out, without_eol(str_head(raw, n)));
		raw = str_from(raw, n);
	}
}

/* How many bytes to skip in front of the text of a message id: text between ids, the '<'. */
static size_t
msgid_start(struct str s)
{
	size_t at = str_chr(s, '<');

	return at < s.n ? at + 1 : s.n;
}

static bool
dropped_from_msgid(char c)
{
	return is_blank(c) || c == '\r' || c == '\n' || c == '"';
}

/* The normal form of an id: without blanks, and without quoting: "a"@x is a@x (RFC 5256 3). */
static struct str
normal_msgid(struct arena *a, struct str s)
{
	char *p;
	size_t n = 0, plain = 0;
	bool quoted = memchr(s.p, '"', s.n) != NULL;

	while (plain < s.n && !dropped_from_msgid(s.p[plain]))
		plain++;
	if (plain == s.n)
		return s;
	p = arena_alloc(a, s.n);
	for (size_t i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\' && i + 1 < s.n)
			p[n++] = s.p[++i];
		else if (!dropped_from_msgid(s.p[i]))
			p[n++] = s.p[i];
	}
	ensure(n <= s.n);
	return str_of(p, n);
}

bool
mime_msgid_next(struct arena *a, struct str *rest, struct str *id_r)
{
	while (rest->n > 0) {
		struct str s = str_from(*rest, msgid_start(*rest));
		size_t end = 0;

		while (end < s.n && s.p[end] != '>' && s.p[end] != '<')
			end++;
		*rest = str_from(s, end);
		if (end < s.n && s.p[end] == '>') {
			*rest = str_from(s, end + 1);
			s = normal_msgid(a, str_head(s, end));
			if (s.n > 0) {
				*id_r = s;
				return true;
			}
		}
	}
	return false;
}

static inline uint64_t
rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

/* Multiply and fold with fixed constants: stored, so it must never change. */
uint64_t
mime_msgid_hash(struct str id)
{
	uint64_t h = 0x9ae16a3b2f90404full ^ id.n * 0xc3a5c85c97cb3127ull, word;

	for (; id.n >= 8; id = str_from(id, 8)) {
		memcpy(&word, id.p, 8);
		h = rotl(h ^ be64toh(word) * 0xb492b66fbe98f273ull, 29) * 0x9e3779b97f4a7c15ull;
	}
	word = 0;
	for (size_t i = 0; i < id.n; i++)
		word = word << 8 | (unsigned char)id.p[i];
	h = rotl(h ^ word * 0xb492b66fbe98f273ull, 29) * 0x9e3779b97f4a7c15ull;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ull;
	h ^= h >> 32;
	return h ? h : 1;
}
