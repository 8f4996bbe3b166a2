/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzes search programs and what their keys match. The first byte chooses collation and charset, then comes a program (without "SEARCH "), and
 * behind an empty line (LF LF) a header and text. Of what was parsed the shape is checked; of each key: text in pieces and at once, briefs, and the
 * slow way by the book give the same; fuzzy scores do not depend on the pieces.
 */
#include "base/assert.h"
#include "base/utf8.h"
#include "imap/search/search.h"
#include "search/brief.h"
#include "search/field.h"
#include "search/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EMAIL (INT64_C(7) << 32 | 300)

/* ---- by the book ---- */

static bool
contains(struct str text, struct str key)
{
	return key.n == 0 || memmem(text.p, text.n, key.p, key.n) != NULL;
}

static bool
in_text(const struct search_needle *n, struct str utf8)
{
	struct buf mapped = {0};
	bool hit;

	mime_collate(&mapped, n->collation, utf8);
	hit = contains(buf_str(&mapped), buf_str(&n->key));
	buf_free(&mapped);
	return hit;
}

/* address: where the field has addresses it is searched as ENVELOPE shows them, too. */
static bool
in_value(const struct search_needle *n, struct str raw, bool address)
{
	struct mime_find f = {0};
	bool hit;

	mime_find(&f, n->collation, raw, address ? raw : STR_NONE);
	hit = needle_in_field(n, &f);
	mime_find_free(&f);
	return hit;
}

/* ---- programs ---- */

static void
check_program(const struct query *q)
{
	uint32_t leaves = 0, children = 0;

	ensure(q->n > 1 && q->nodes[0].op == QUERY_AND && q->n_quick <= q->n_leaves);
	for (uint32_t i = 0; i < q->n; i++) {
		const struct query_node *n = &q->nodes[i];

		ensure(i == 0 || (n->parent < i && !query_is_leaf(&q->nodes[n->parent])));
		ensure(query_is_leaf(n) ? n->children == 0 : n->children > 0);
		ensure(n->op != QUERY_OR || n->children == 2);
		ensure(i == 0 || n->fuzzy >= q->nodes[n->parent].fuzzy);
		leaves += query_is_leaf(n);
		children += n->children;
	}
	ensure(leaves == q->n_leaves && children == q->n - 1);
	for (uint32_t k = 0; k < q->n_leaves; k++)
		ensure(query_is_leaf(&q->nodes[q->order[k]]));
}

/* ---- keys ---- */

/* A piece of text, up to n bytes, that ends between characters (or anywhere, of octets). */
static struct str
piece(struct str text, size_t n, bool octets)
{
	n = n < text.n ? n : text.n;
	while (!octets && n < text.n && (text.p[n] & 0xc0) == 0x80)
		n++;
	return str_head(text, n);
}

static bool
scanned(const struct search_needle *n, struct str text, bool octets, size_t step)
{
	struct needle_scan s = {0};
	bool hit;

	needle_scan_begin(&s, n, octets);
	while (text.n > 0) {
		struct str p = piece(text, step, octets);

		needle_scan_add(&s, p);
		text = str_from(text, p.n);
	}
	hit = s.hit;
	needle_scan_free(&s);
	return hit;
}

static unsigned
score(const struct search_needle *n, struct str text, size_t step)
{
	struct fuzzy_scan s;

	fuzzy_scan_init(&s, n->fuzzy);
	fuzzy_begin(&s, 100);
	while (text.n > 0) {
		struct str p = piece(text, step, false);

		fuzzy_add(&s, p);
		text = str_from(text, p.n);
	}
	fuzzy_end(&s);
	return fuzzy_score(&s);
}

static void
check_text(const struct search_needle *n, struct str text, size_t step)
{
	bool octets = n->octet || !utf8_valid(text);
	bool want = octets ? contains(text, buf_str(&n->octets)) : in_text(n, text);

	if (n->key.n == 0 || text.n == 0)
		return;
	ensure(scanned(n, text, octets, text.n) == want);
	ensure(scanned(n, text, octets, step) == want);
	if (n->fuzzy == NULL)
		return;
	ensure(n->fuzzy->n >= 1 && n->fuzzy->n <= FUZZY_WORDS);
	ensure(score(n, text, text.n) <= 100);
	if (!octets)
		ensure(score(n, text, step) == score(n, text, text.n));
}

/* One of the fields that briefs hold, in the header. */
static void
check_field(const struct search_needle *n, struct str header, enum brief_field field)
{
	struct brief *b = brief_copy(NULL, field, EMAIL), *again;
	bool want = false, there = brief_add(b, EMAIL, header);
	uint64_t bits[BRIEF_EMAILS / 64];
	struct mime_field f;

	while (mime_field_next(&header, &f))
		if (brief_field_of(f.name) == field)
			want |= in_value(n, f.value, mime_find_is_address(f.name));
	if (there && brief_answers(n)) {
		ensure(brief_has(b, EMAIL) && !brief_has(b, EMAIL + 1));
		ensure(brief_match(b, EMAIL, n) == want);
		again = brief_copy(b, field, EMAIL);
		brief_match_all(again, n, bits);
		for (unsigned i = 0; i < BRIEF_EMAILS; i++)
			ensure((bits[i / 64] >> (i & 63) & 1) == (want && i == (EMAIL & 255)));
		brief_unref(again);
	}
	brief_unref(b);
}

/* What stands before the empty line, if there is one. */
static struct str
header_of(struct str text)
{
	struct str rest = text;
	struct mime_field f;

	while (mime_field_next(&rest, &f))
		;
	return str_head(text, text.n - rest.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const charsets[] = {"", "utf-8", "iso-8859-1", "koi8-r", "utf-7", "iso-2022-jp"};
	struct arena arena = {0};
	struct search s = {.query.arena = &arena};
	struct str all = str_of(data, size), text;
	struct args args;
	size_t end;

	if (size == 0)
		return 0;
	s.collation = (enum mime_collation)(data[0] % 3);
	s.charset = str_c(charsets[data[0] / 3 % 6]);
	end = str_find(all, STR("\n\n"), 1);
	end = end == SIZE_MAX ? size : end;
	text = str_from(all, end < size ? end + 2 : size);
	/* There is no session here whose filters could be read. */
	s.of_filter = scan_ascii(str_head(all, end), STR("FILTER"));
	args_init(&args, str_of(all.p + 1, end - 1), &arena, data[0] & 0x80);
	if (search_parse(&s, &args, false) == OK) {
		check_program(&s.query);
		for (uint32_t i = 0; i < s.query.n; i++) {
			if (s.query.nodes[i].needle == NULL)
				continue;
			check_text(s.query.nodes[i].needle, text, 1 + data[0] % 7);
			for (int f = 0; f < BRIEF_FIELDS; f++)
				check_field(s.query.nodes[i].needle, header_of(text), (enum brief_field)f);
		}
	}
	query_free(&s.query);
	arena_free(&arena);
	return 0;
}
