/* SPDX-License-Identifier: Apache-2.0 */
/* Words against words: equal, begun, inside, with one or two errors; a score for all of them. */
#include "search/fuzzy.h"

#include <utf8proc.h>

#include "base/assert.h"
#include "base/utf8.h"

enum value { EXACT = 100, BEGINS = 85, BEGINS_SHORT = 60, CONTINUED = 70, INSIDE = 65, INSIDE_SHORT = 10, ONE_ERROR = 50, TWO_ERRORS = 20 };
#define MET_MOST 20 /* points for meeting words again */

/* ---- characters ---- */

/* Letters that people leave the marks away from, though Unicode does not take them apart. */
static const struct {
	uint16_t c;
	char to[3];
} plain[] = {
	{0xe6, "ae"}, {0xf0, "d"}, {0xf8, "o"}, {0xfe, "th"}, {0x111, "d"}, {0x127, "h"}, {0x131, "i"}, {0x142, "l"}, {0x153, "oe"},
};

/* The characters that stand for c: none for marks. Returns their number, at most 18. */
static unsigned
fold(int32_t c, uint32_t to[18])
{
	utf8proc_int32_t raw[18];
	utf8proc_ssize_t n;
	unsigned out = 0;
	int boundary = 0;

	n = utf8proc_decompose_char(c, raw, 18,
	    UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE, &boundary);
	for (utf8proc_ssize_t i = 0; i < n && n <= 18; i++)
		to[out++] = (uint32_t)raw[i];
	for (size_t i = 0; out == 1 && i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (to[0] != plain[i].c)
			continue;
		to[0] = (unsigned char)plain[i].to[0];
		if (plain[i].to[1] != '\0')
			to[out++] = (unsigned char)plain[i].to[1];
		break;
	}
	return out;
}

static bool
is_letter(uint32_t c)
{
	utf8proc_category_t k;

	if (c < 0x80)
		return ascii_alpha((char)c) || ascii_digit((char)c);
	k = utf8proc_category((int32_t)c);
	return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) || (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

/* Thai to Tibetan, Burmese, Khmer, kana, Han. */
static bool
is_spaceless(uint32_t c)
{
	return c >= 0xe00 && ((c <= 0x109f) || (c >= 0x1780 && c <= 0x17ff) || (c >= 0x3040 && c <= 0x30ff) ||
	    (c >= 0x31f0 && c <= 0x31ff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x4e00 && c <= 0x9fff) ||
	    (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff));
}

static uint64_t
letters(const uint32_t *c, unsigned n)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < n; i++)
		set |= UINT64_C(1) << (c[i] & 63);
	return set;
}

/* ---- a word against a word ---- */

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Only cells within limit of the diagonal can count; rows for i, i - 1, i - 2. */
unsigned
fuzzy_distance(const uint32_t *a, unsigned n, const uint32_t *b, unsigned m, unsigned limit)
{
	unsigned row[3][FUZZY_WINDOW + 1], over = limit + 1;

	if (n > m + limit || m > n + limit || m > FUZZY_WINDOW)
		return over;
	for (unsigned j = 0; j <= m; j++)
		row[0][j] = least(j, over);
	for (unsigned i = 1; i <= n; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
		unsigned from = i > limit ? i - limit : 1, to = least(m, i + limit), best = over;

		now[from - 1] = from == 1 ? least(i, over) : over;
		for (unsigned j = from; j <= to; j++) {
			unsigned d = least(up[j - 1] + (a[i - 1] != b[j - 1]), now[j - 1] + 1);

			/* What lies outside of the band above is not written. */
			if (j < i + limit)
				d = least(d, up[j] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d = least(d, up2[j - 2] + 1);
			now[j] = least(d, over);
			best = least(best, now[j]);
		}
		if (best > limit && now[from - 1] > limit)
			return over;
	}
	return row[n % 3][m];
}

/* Where q stands in w first, or UINT32_MAX. */
static unsigned
find(const struct fuzzy_word *q, const uint32_t *w, unsigned n)
{
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		while (k > 0 && w[i] != q->c[k])
			k = q->back[k - 1];
		if (w[i] == q->c[k] && ++k == q->n)
			return i + 1 - k;
	}
	return UINT32_MAX;
}

static unsigned
errors_allowed(unsigned n)
{
	return n < 4 ? 0 : n < 8 ? 1 : 2;
}

static unsigned
with_errors(const struct fuzzy_word *q, const uint32_t *w, unsigned n, uint64_t set)
{
	unsigned limit = errors_allowed(q->n), d;

	if (limit == 0 || n + limit < q->n || n > q->n + limit)
		return 0;
	/* An error takes away one letter at most, and brings one. */
	if ((unsigned)__builtin_popcountll(q->letters & ~set) > limit || (unsigned)__builtin_popcountll(set & ~q->letters) > limit)
		return 0;
	d = fuzzy_distance(q->c, q->n, w, n, limit);
	return d > limit ? 0 : d == 1 ? ONE_ERROR : TWO_ERRORS;
}

/* cut, cut_behind: w is a piece of a longer run of letters. */
static unsigned
value(const struct fuzzy_word *q, const uint32_t *w, unsigned n, bool cut, bool cut_behind)
{
	uint64_t set = letters(w, n);
	unsigned at = (q->letters & ~set) == 0 ? find(q, w, n) : UINT32_MAX;

	if (at != UINT32_MAX && (q->spaceless || (at == 0 && n == q->n && !cut && !cut_behind)))
		return EXACT;
	if (at == 0 && !cut)
		return q->n < 3 ? BEGINS_SHORT : BEGINS;
	if (at != UINT32_MAX)
		return q->n < 3 ? INSIDE_SHORT : INSIDE;
	if (q->spaceless || cut || cut_behind)
		return 0;
	if (n >= 4 && n < q->n && q->n - n <= 3 && memcmp(q->c, w, n * sizeof(*w)) == 0)
		return CONTINUED;
	return with_errors(q, w, n, set);
}

/* ---- text ---- */

static void
word_met(struct fuzzy_scan *s, bool cut_behind)
{
	const struct fuzzy_query *q = s->query;
	bool goes_on = false, begins = false;

	ensure(s->n > 0 && s->n <= FUZZY_WINDOW && s->in_order <= q->n);
	for (unsigned i = 0; i < q->n; i++) {
		unsigned v = value(&q->word[i], s->c, s->n, s->cut, cut_behind);

		if (v >= BEGINS && s->best[i] > 0 && s->met < MET_MOST)
			s->met++;
		if (v * s->weight / 100 > s->best[i])
			s->best[i] = (uint8_t)(v * s->weight / 100);
		/* Words that follow each other may have typing errors. */
		goes_on |= v >= ONE_ERROR && i == s->in_order;
		begins |= v >= ONE_ERROR && i == 0;
	}
	s->in_order = goes_on ? s->in_order + 1 : begins;
	if (s->in_order == q->n) {
		s->together = true;
		s->in_order = 0;
	}
}

static void
word_end(struct fuzzy_scan *s)
{
	if (s->n > 0)
		word_met(s, false);
	s->n = 0;
	s->cut = false;
}

static void
char_add(struct fuzzy_scan *s, uint32_t c)
{
	bool spaceless;

	if (!is_letter(c)) {
		word_end(s);
		return;
	}
	spaceless = is_spaceless(c);
	if (s->n > 0 && spaceless != s->spaceless)
		word_end(s);
	s->spaceless = spaceless;
	if (s->n == FUZZY_WINDOW) {
		/* What a word of the query may begin in stays. */
		word_met(s, true);
		s->n = FUZZY_CHARS - 1;
		memmove(s->c, s->c + FUZZY_WINDOW - s->n, s->n * sizeof(*s->c));
		s->cut = true;
	}
	ensure(s->n < FUZZY_WINDOW);
	s->c[s->n++] = c;
}

void
fuzzy_add(struct fuzzy_scan *s, struct str text)
{
	uint32_t to[18];
	size_t len;

	for (; text.n > 0; text = str_from(text, len)) {
		unsigned char b = (unsigned char)text.p[0];
		int32_t c;

		if (b < 0x80) {
			char_add(s, (unsigned char)ascii_lower((char)b));
			len = 1;
			continue;
		}
		c = utf8_next(text, &len);
		for (unsigned i = 0, n = fold(c < 0 ? 0xfffd : c, to); i < n; i++)
			char_add(s, to[i]);
	}
}

void
fuzzy_scan_init(struct fuzzy_scan *s, const struct fuzzy_query *q)
{
	ensure(q->n <= FUZZY_WORDS);
	*s = (struct fuzzy_scan){.query = q};
}

void
fuzzy_begin(struct fuzzy_scan *s, unsigned weight)
{
	s->weight = weight;
	s->n = s->in_order = 0;
	s->cut = false;
}

void
fuzzy_end(struct fuzzy_scan *s)
{
	word_end(s);
}

unsigned
fuzzy_score(const struct fuzzy_scan *s)
{
	unsigned n = s->query->n, missing = 0, sum = 0;

	for (unsigned i = 0; i < n; i++) {
		missing += s->best[i] == 0;
		sum += s->best[i];
	}
	if (n == 0 || missing > n / 4)
		return 0;
	sum = n > 1 && !s->together ? sum * 9 / (n * 10) : sum / n;
	sum += s->met;
	return sum > 100 ? 100 : sum < 1 ? 1 : sum;
}

/* ---- the query ---- */

static void
add_word(struct fuzzy_query *q, const uint32_t *c, unsigned n, bool spaceless)
{
	struct fuzzy_word *w = &q->word[q->n];

	if (q->n == FUZZY_WORDS || n == 0)
		return;
	*w = (struct fuzzy_word){.n = least(n, FUZZY_CHARS), .spaceless = spaceless};
	memcpy(w->c, c, w->n * sizeof(*c));
	w->letters = letters(w->c, w->n);
	for (unsigned i = 1, k = 0; i < w->n; i++) {
		while (k > 0 && w->c[i] != w->c[k])
			k = w->back[k - 1];
		k += w->c[i] == w->c[k];
		w->back[i] = (uint8_t)k;
	}
	q->n++;
}

void
fuzzy_query_init(struct fuzzy_query *q, struct str utf8)
{
	uint32_t word[FUZZY_CHARS], to[18];
	unsigned n = 0;
	bool spaceless = false;
	size_t len;

	q->n = 0;
	for (; utf8.n > 0; utf8 = str_from(utf8, len)) {
		int32_t c = utf8_next(utf8, &len);
		unsigned k = fold(c < 0 ? 0xfffd : c, to);

		for (unsigned i = 0; i < k; i++) {
			bool letter = is_letter(to[i]);

			if (!letter || (n > 0 && is_spaceless(to[i]) != spaceless)) {
				add_word(q, word, n, spaceless);
				n = 0;
			}
			spaceless = is_spaceless(to[i]);
			if (letter && n < FUZZY_CHARS)
				word[n++] = to[i];
		}
	}
	add_word(q, word, n, spaceless);
	ensure(q->n <= FUZZY_WORDS);
}
