/* SPDX-License-Identifier: Apache-2.0 */
/* The key in all the forms in which it is compared, and the comparing of a text in pieces. */
#include "search/needle.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/utf8.h"
#include "mime/decode.h"
#include "mime/find.h"
#include "search/scan.h"

static bool
has_blank(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= 0x20)
			return true;
	}
	return false;
}

static struct str
longest_word(struct str s)
{
	struct str best = str_head(s, 0);

	for (size_t i = 0, from = 0; i <= s.n; i++) {
		if (i < s.n && (unsigned char)s.p[i] > 0x20)
			continue;
		if (i - from > best.n)
			best = str_of(s.p + from, i - from);
		from = i + 1;
	}
	return best;
}

/* The bytes as UTF-8; false where they are not of the charset. */
static bool
to_utf8(struct buf *utf8, struct str charset, struct str bytes)
{
	if (charset.n > 0 && !str_caseeq(charset, STR("utf-8")) && !str_caseeq(charset, STR("us-ascii")))
		return mime_charset_convert(utf8, charset, bytes, true);
	if (!utf8_valid(bytes))
		return false;
	buf_add(utf8, bytes);
	return true;
}

/* Whether ASCII text can be compared in place: the map of the fi ligature is "fi", which no ASCII text is mapped to. */
static bool
plain(const struct search_needle *n)
{
	struct str key = buf_str(&n->key);

	if (!str_is_ascii(key))
		return false;
	for (size_t i = 0; i < key.n && n->collation != MIME_OCTET; i++)
		if (key.p[i] >= 'a' && key.p[i] <= 'z')
			return false;
	return true;
}

enum status
search_needle_new(struct str charset, struct str bytes, enum mime_collation collation, struct search_needle **needle_r)
{
	struct search_needle *n;
	struct buf utf8 = {0};

	if (bytes.n > SEARCH_NEEDLE_MAX)
		return ERR_LIMIT;
	if (charset.n > 0 && !mime_charset_known(charset))
		return ERR_NOT_FOUND;
	n = x_new(struct search_needle);
	n->collation = collation;
	buf_add(&n->octets, bytes);
	n->octet = !to_utf8(&utf8, charset, bytes);
	if (n->octet)
		buf_add(&n->key, bytes);
	else
		mime_collate(&n->key, collation, buf_str(&utf8));
	buf_free(&utf8);
	buf_add(&n->field, buf_str(&n->key));
	mime_join_blanks(&n->field, 0);
	buf_add(&n->field_octets, bytes);
	mime_join_blanks(&n->field_octets, 0);
	n->ascii = !n->octet && plain(n);
	n->blank = has_blank(buf_str(&n->key));
	n->word = longest_word(buf_str(&n->field));
	ensure(!n->ascii || !n->octet);
	ensure(n->word.n <= n->field.n);
	*needle_r = n;
	return OK;
}

void
search_needle_fuzzy(struct search_needle *n, struct str charset)
{
	struct fuzzy_query *q = x_new(struct fuzzy_query);
	struct buf utf8 = {0};

	if (to_utf8(&utf8, charset, buf_str(&n->octets)))
		fuzzy_query_init(q, buf_str(&utf8));
	buf_free(&utf8);
	if (q->n > 0)
		n->fuzzy = q;
	else
		free(q);
}

void
search_needle_free(struct search_needle *n)
{
	if (n == NULL)
		return;
	buf_free(&n->key);
	buf_free(&n->octets);
	buf_free(&n->field);
	buf_free(&n->field_octets);
	free(n->fuzzy);
	free(n);
}

bool
search_needle_in(const struct search_needle *needle, struct str text)
{
	struct needle_scan s = {0};
	bool hit;

	needle_scan_begin(&s, needle, needle->octet);
	needle_scan_add(&s, text);
	hit = s.hit;
	needle_scan_free(&s);
	return hit;
}

/* ---- in pieces ---- */

void
needle_scan_begin(struct needle_scan *s, const struct search_needle *needle, bool octets)
{
	ensure(needle != NULL);
	s->needle = needle;
	s->octets = octets;
	s->hit = needle->key.n == 0;
	buf_clear(&s->tail);
}

static struct str
key_of(const struct needle_scan *s)
{
	return buf_str(s->octets ? &s->needle->octets : &s->needle->key);
}

/* The end of mapped text is kept: as much as a match may have before the next piece. */
static void
keep(struct needle_scan *s, struct str mapped)
{
	size_t most = key_of(s).n - 1;

	ensure(key_of(s).n > 0 && s->tail.n <= most);
	if (mapped.n >= most) {
		buf_clear(&s->tail);
		buf_add(&s->tail, str_from(mapped, mapped.n - most));
		return;
	}
	buf_add(&s->tail, mapped);
	if (s->tail.n > most)
		buf_consume(&s->tail, s->tail.n - most);
}

static bool
in_exact(struct str text, struct str key)
{
	return key.n == 0 || (text.n >= key.n && memmem(text.p, text.n, key.p, key.n) != NULL);
}

bool
needle_in_field(const struct search_needle *n, const struct mime_find *f)
{
	if ((n->octet || f->guess) && in_exact(buf_str(&f->octets), buf_str(&n->field_octets)))
		return true;
	if (n->octet)
		return false;
	return in_exact(buf_str(&f->text), buf_str(&n->field)) || in_exact(buf_str(&f->address), buf_str(&n->field));
}

/* A match that begins in the tail: tail and the head of the piece in one. What is raw (ASCII) is mapped here; the tail is already. */
static bool
across(struct needle_scan *s, struct str text, bool raw)
{
	struct buf both = {0};
	bool hit;

	if (s->tail.n == 0)
		return false;
	buf_add(&both, buf_str(&s->tail));
	buf_add(&both, str_head(text, key_of(s).n - 1));
	if (raw && both.p != NULL)
		scan_upper(both.p + s->tail.n, both.p + s->tail.n, both.n - s->tail.n);
	hit = in_exact(buf_str(&both), key_of(s));
	buf_free(&both);
	return hit;
}

bool
needle_in_plain(const struct search_needle *n, struct str bytes)
{
	if (n->key.n == 0 || n->collation == MIME_OCTET)
		return in_exact(bytes, buf_str(&n->key));
	return scan_ascii(bytes, buf_str(&n->key));
}

bool
needle_word_in_plain(const struct search_needle *n, struct str bytes)
{
	return n->word.n == 0 || (n->collation == MIME_OCTET ? in_exact(bytes, n->word) : scan_ascii(bytes, n->word));
}

static void
look(struct needle_scan *s, struct str mapped)
{
	s->hit = in_exact(mapped, key_of(s)) || across(s, mapped, false);
	if (!s->hit)
		keep(s, mapped);
}

/*
 * ASCII text: with a plain key it is compared in place. What is kept of it is mapped, for the pieces that follow; what was kept
 * before stays as it is, the map of a ligature has small letters.
 */
static void
look_plain(struct needle_scan *s, struct str text)
{
	size_t n;

	ensure(s->needle->ascii && !s->octets);
	s->hit = scan_ascii(text, key_of(s)) || across(s, text, true);
	if (s->hit)
		return;
	keep(s, text);
	n = s->tail.n < text.n ? s->tail.n : text.n;
	if (n > 0)
		scan_upper(s->tail.p + s->tail.n - n, s->tail.p + s->tail.n - n, n);
}

/* Casemaps; ASCII stretches the short way. */
static void
map_text(struct buf *out, struct str text)
{
	while (text.n > 0) {
		size_t n = scan_ascii_prefix(text), e = n;

		if (n > 0) {
			scan_upper(buf_room(out, n), text.p, n);
			buf_wrote(out, n);
		}
		while (e < text.n && (unsigned char)text.p[e] >= 0x80)
			e++;
		if (e > n)
			mime_casemap(out, str_of(text.p + n, e - n));
		text = str_from(text, e);
	}
}

void
needle_scan_add(struct needle_scan *s, struct str text)
{
	const struct search_needle *n = s->needle;

	if (s->hit || text.n == 0)
		return;
	if (s->octets || n->collation == MIME_OCTET) {
		look(s, text);
		return;
	}
	if (n->ascii && scan_ascii_prefix(text) == text.n) {
		look_plain(s, text);
		return;
	}
	buf_clear(&s->mapped);
	if (n->collation == MIME_ASCII_CASEMAP)
		mime_collate(&s->mapped, n->collation, text);
	else
		map_text(&s->mapped, text);
	look(s, buf_str(&s->mapped));
}

void
needle_scan_free(struct needle_scan *s)
{
	buf_free(&s->tail);
	buf_free(&s->mapped);
}
