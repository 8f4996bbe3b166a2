/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whole_check: everything that must hold of any message, whatever its bytes: for the unit tests, the tricky mails and
 * the fuzz target. Aborts on the first lie.
 */
#ifndef MIME_WHOLE_CHECK_H
#define MIME_WHOLE_CHECK_H

#include <stdio.h>
#include "mime/find.h"
#include "mime/bodystructure.h"
#include "mime/envelope.h"
#include "mime/grammar_check.h"
#include "mime/preview.h"
#include "mime/structure.h"
#include "mime/summary.h"

#define MUST(cond) ((cond) ? (void)0 : must_failed(#cond, __LINE__))

static _Noreturn void
must_failed(const char *what, int line)
{
	fprintf(stderr, "whole_check.h:%d: %s\n", line, what);
	abort();
}

enum ways { WHOLE, BYTEWISE, RANDOM_SPLITS };

static const struct mime_message *
parse_way(struct arena *a, struct str s, const struct mime_limits *limits, enum ways way, unsigned seed)
{
	struct mime_parser *p = mime_parser_new(a, limits);

	while (s.n > 0) {
		size_t n = way == WHOLE ? s.n : way == BYTEWISE ? 1 : 1 + (seed = seed * 1103515245 + 12345) / 65536 % 40;
		/* A copy of its own, so that the sanitizer sees whoever looks past the chunk. */
		char *copy = x_strndup(str_head(s, n));

		mime_parser_add(p, str_of(copy, n < s.n ? n : s.n));
		free(copy);
		s = str_from(s, n);
	}
	return mime_parser_finish(p);
}

/* All that a parser found out, as text. */
static void
message_dump(struct buf *out, const struct mime_message *m)
{
	buf_addf(out, "%llu %llu %d\n", (unsigned long long)m->size, (unsigned long long)m->lines, m->limited);
	for (uint32_t i = 0; i < m->n_parts; i++) {
		const struct mime_part *p = &m->parts[i];

		buf_addf(out, "%u^%d>%d+%d #%u kind %d flags %x cte %d at %llu-%llu-%llu lines %llu/%llu params %u\n", i,
		    (int)p->parent, (int)p->child, (int)p->next, p->number, p->kind, p->flags, p->cte,
		    (unsigned long long)p->header_start, (unsigned long long)p->body_start,
		    (unsigned long long)p->body_end, (unsigned long long)p->header_lines,
		    (unsigned long long)p->lines, p->n_params);
		buf_add(out, p->header);
		buf_addc(out, '\n');
	}
}

static void
check_tree(const struct mime_message *m)
{
	MUST(m->n_parts >= 1 && m->parts[0].parent == MIME_NO_PART && m->parts[0].header_start == 0 &&
	    m->parts[0].body_end == m->size);
	for (uint32_t i = 0; i < m->n_parts; i++) {
		const struct mime_part *p = &m->parts[i];

		MUST(p->header_start <= p->body_start && p->body_start <= p->body_end && p->body_end <= m->size);
		MUST(p->type.n > 0 && p->subtype.n > 0);
		MUST((p->kind == MIME_MULTIPART || p->kind == MIME_MESSAGE) == (p->child != MIME_NO_PART));
		MUST(p->lines <= p->body_end - p->body_start);
		if (i > 0) {
			const struct mime_part *parent = &m->parts[p->parent];

			MUST(p->parent < i && p->header_start >= parent->body_start && p->body_end <= parent->body_end);
			MUST(p->depth == parent->depth + 1);
		}
		MUST(p->next == MIME_NO_PART || (p->next > i && m->parts[p->next].number == p->number + 1));
	}
}

static void
check_answers(const struct mime_message *m)
{
	struct buf env = {0}, bs = {0}, body = {0}, again = {0};

	for (int mode = 0; mode < 2; mode++) {
		buf_clear(&env), buf_clear(&bs), buf_clear(&body), buf_clear(&again);
		mime_envelope_add(&env, m, 0, (enum mime_text)mode);
		mime_bodystructure_add(&bs, m, (enum mime_text)mode);
		mime_body_add(&body, m, (enum mime_text)mode);
		MUST(grammar_envelope(buf_str(&env), mode == MIME_UTF8));
		MUST(grammar_body(buf_str(&bs), mode == MIME_UTF8, true));
		MUST(grammar_body(buf_str(&body), mode == MIME_UTF8, false));
		MUST(mime_body_of_bodystructure(&again, buf_str(&bs)) == OK);
		MUST(str_eq(buf_str(&again), buf_str(&body)));
	}
	buf_free(&env), buf_free(&bs), buf_free(&body), buf_free(&again);
}

/* Every part is found by its number, and its sections lie where it lies (T53, T63). */
static void
check_sections(struct arena *a, const struct mime_message *m)
{
	struct buf packed = {0};
	struct mime_structure s, direct;
	struct mime_range range, header, text;
	uint32_t found, path[256];

	mime_structure_pack(&packed, m);
	MUST(mime_structure_unpack(a, buf_str(&packed), &s) == OK);
	mime_structure_of(a, m, &direct);
	MUST(s.n_parts == m->n_parts && s.size == m->size);
	for (int mode = 0; mode < 2; mode++)
		MUST(str_eq(s.bodystructure[mode], direct.bodystructure[mode]) &&
		    str_eq(s.bodystructure[mode],
			mime_structure_bodystructure(buf_str(&packed), (enum mime_text)mode)));
	for (uint32_t i = 0; i < m->n_parts; i++) {
		const struct mime_part *p = &m->parts[i];
		size_t n = 0, at = 256;

		MUST(s.parts[i].parent == p->parent && s.parts[i].child == p->child && s.parts[i].next == p->next &&
		    s.parts[i].body_start == p->body_start && s.parts[i].body_end == p->body_end &&
		    s.parts[i].header_start == p->header_start && s.parts[i].number == p->number);
		if (i >= 300)
			continue;
		/* Its number: a body that is no multipart is part 1 of its message. */
		if (p->kind != MIME_MULTIPART && (i == 0 || m->parts[p->parent].kind == MIME_MESSAGE))
			path[--at] = 1;
		for (uint32_t k = i; k != 0 && at > 0; k = m->parts[k].parent)
			if (m->parts[m->parts[k].parent].kind == MIME_MULTIPART)
				path[--at] = m->parts[k].number;
			else if (m->parts[m->parts[k].parent].parent == MIME_NO_PART ||
			    m->parts[m->parts[m->parts[k].parent].parent].kind == MIME_MESSAGE)
				path[--at] = 1;
		n = 256 - at;
		if (p->kind == MIME_MULTIPART && (i == 0 || m->parts[p->parent].kind == MIME_MESSAGE))
			continue; /* it has no number of its own */
		MUST(mime_find_section(&s, path + at, n, MIME_SECTION_ALL, &range, &found) == OK);
		MUST(found == i && range.offset == p->body_start && range.size == p->body_end - p->body_start);
		MUST(mime_find_section(&s, path + at, n, MIME_SECTION_MIME, &range, NULL) == OK);
		MUST(range.offset == p->header_start && range.size == p->body_start - p->header_start);
		if (mime_find_section(&s, path + at, n, MIME_SECTION_HEADER, &header, &found) == OK) {
			MUST(p->kind == MIME_MESSAGE && found == p->child && header.offset == p->body_start);
			MUST(mime_find_section(&s, path + at, n, MIME_SECTION_TEXT, &text, NULL) == OK);
			MUST(header.offset + header.size == text.offset);
			MUST(text.offset + text.size == p->body_end);
		} else {
			MUST(p->kind != MIME_MESSAGE);
		}
	}
	/* BODY[] is HEADER and TEXT (T51). */
	MUST(mime_find_section(&s, NULL, 0, MIME_SECTION_HEADER, &header, NULL) == OK && header.offset == 0);
	MUST(mime_find_section(&s, NULL, 0, MIME_SECTION_TEXT, &text, NULL) == OK && text.offset == header.size);
	MUST(mime_find_section(&s, NULL, 0, MIME_SECTION_ALL, &range, NULL) == OK && range.size == m->size);
	MUST(header.size + text.size == range.size);
	path[0] = 1;
	MUST(mime_find_part(&s, path, 1) != MIME_NO_PART);
	buf_free(&packed);
}

/* A slice says what the summary says, where it is not too long to be one. */
static void
check_slices(const struct mime_summary *s)
{
	struct buf cut = {0};
	struct mime_summary slice;
	struct str a, b;

	for (int k = 0; k < MIME_SLICES; k++) {
		buf_clear(&cut);
		if (!mime_summary_cut(&cut, s, (enum mime_slice)k)) {
			MUST(cut.n == 0 && (s->packed.n > MIME_SLICE_MAX / 2 || (!mime_summary_header(s, &a) && a.p == NULL)));
			continue;
		}
		MUST(cut.n <= MIME_SLICE_MAX && mime_summary_open_slice(buf_str(&cut), &slice) == OK);
		if (k == MIME_SLICE_ENVELOPE)
			MUST(str_eq(mime_summary_envelope(s, MIME_UTF8), mime_summary_envelope(&slice, MIME_UTF8)));
		if (k >= MIME_SLICE_SUBJECT) {
			bool decoded;

			MUST(mime_summary_found(&slice, &a));
			while (mime_found_next(&a, &b, &decoded))
				MUST(memchr(b.p, '\n', b.n) == NULL);
			MUST(a.n == 0);
		}
		if (k == MIME_SLICE_HEADER) {
			(void)mime_summary_header(s, &a);
			MUST(!mime_summary_header(&slice, &b) && b.n <= a.n && (a.p == NULL) == (b.p == NULL));
		}
		for (int key = 0; k == MIME_SLICE_KEYS && key <= MIME_KEY_DISPLAY_TO; key++)
			MUST(str_eq(mime_summary_key(s, (enum mime_key)key), mime_summary_key(&slice, (enum mime_key)key)));
	}
	buf_free(&cut);
}

static void
check_summary(const struct mime_message *m, struct str bytes)
{
	struct buf packed = {0}, preview = {0}, env = {0};
	struct mime_summary s;
	struct str header;
	uint32_t part = mime_preview_part(m);

	if (part != MIME_NO_PART) {
		const struct mime_part *p = &m->parts[part];

		mime_preview_add(&preview, p, str_of(bytes.p + p->body_start, p->body_end - p->body_start));
		MUST(utf8_valid(buf_str(&preview)) && preview.n <= MIME_PREVIEW_MAX);
	}
	mime_summary_pack(&packed, m, buf_str(&preview));
	MUST(mime_summary_open(buf_str(&packed), &s) == OK && mime_summary_verify(&s) == OK);
	MUST(str_eq(mime_summary_preview(&s), buf_str(&preview)));
	for (int mode = 0; mode < 2; mode++) {
		buf_clear(&env);
		mime_envelope_add(&env, m, 0, (enum mime_text)mode);
		MUST(str_eq(mime_summary_envelope(&s, (enum mime_text)mode), buf_str(&env)));
	}
	if (mime_summary_header(&s, &header))
		MUST(str_eq(header, m->parts[0].header));
	MUST(mime_summary_n_refs(&s) <= MIME_REFS_MAX);
	for (int k = 0; k <= MIME_KEY_DISPLAY_TO; k++)
		(void)mime_summary_key(&s, (enum mime_key)k);
	check_slices(&s);
	buf_free(&packed), buf_free(&preview), buf_free(&env);
}

/* All of it, for one message, parsed in all three ways. */
static inline void
check_message(struct str bytes, const struct mime_limits *limits, unsigned seed)
{
	struct arena a = {0}, b = {0};
	struct buf one = {0}, other = {0};
	const struct mime_message *m = parse_way(&a, bytes, limits, WHOLE, 0);

	MUST(m->size == bytes.n);
	message_dump(&one, m);
	for (int way = BYTEWISE; way <= RANDOM_SPLITS; way++) {
		if (way == BYTEWISE && bytes.n > 100000)
			continue;
		buf_clear(&other);
		message_dump(&other, parse_way(&b, bytes, limits, (enum ways)way, seed));
		MUST(str_eq(buf_str(&one), buf_str(&other)));
		arena_free(&b);
	}
	check_tree(m);
	check_answers(m);
	check_sections(&a, m);
	check_summary(m, bytes);
	buf_free(&one), buf_free(&other);
	arena_free(&a);
}

#endif
