/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of LIST and its relatives, matched against names. */
#include "imap/core/list_match.h"

#define WORD_BITS 64

struct list_match {
	struct str pattern;   /* wildcards in a row made one */
	bool all;             /* "*" */
	bool percent;
	size_t words;         /* of a set of positions 0..n */
	uint64_t *star, *pct; /* positions of wildcards */
	uint64_t *next[256];  /* positions at which this byte stands; NULL: at none */
	uint64_t *now, *then; /* the positions reached */
};

static void
set_bit(uint64_t *set, size_t i)
{
	set[i / WORD_BITS] |= (uint64_t)1 << i % WORD_BITS;
}

/* "%*", "**" are '*', "%%" is '%'. */
static struct str
simplify(struct arena *a, struct str pattern)
{
	char *p = arena_alloc(a, pattern.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < pattern.n; i++) {
		char c = pattern.p[i];
		bool wild = c == '*' || c == '%';

		if (wild && n > 0 && (p[n - 1] == '*' || p[n - 1] == '%')) {
			if (c == '*')
				p[n - 1] = '*';
		} else {
			p[n++] = c;
		}
	}
	return str_of(p, n);
}

enum status
list_match_new(struct arena *a, struct str pattern, struct list_match **m_r)
{
	struct list_match *m;

	if (pattern.n > LIST_PATTERN_MAX)
		return ERR_LIMIT;
	m = arena_new(a, struct list_match);
	m->pattern = pattern = simplify(a, pattern);
	m->all = str_eq(pattern, STR("*"));
	m->words = pattern.n / WORD_BITS + 1;
	m->star = arena_array(a, m->words, sizeof(uint64_t));
	m->pct = arena_array(a, m->words, sizeof(uint64_t));
	m->now = arena_array(a, m->words, sizeof(uint64_t));
	m->then = arena_array(a, m->words, sizeof(uint64_t));
	for (size_t i = 0; i < pattern.n; i++) {
		unsigned char c = (unsigned char)pattern.p[i];

		if (c == '*')
			set_bit(m->star, i);
		else if (c == '%')
			set_bit(m->pct, i);
		else {
			if (m->next[c] == NULL)
				m->next[c] = arena_array(a, m->words, sizeof(uint64_t));
			set_bit(m->next[c], i);
		}
		m->percent = m->percent || c == '%';
	}
	*m_r = m;
	return OK;
}

/* A wildcard may also stand for nothing: its successor is reached too. */
static void
pass_wildcards(struct list_match *m, uint64_t *set)
{
	uint64_t carry = 0;

	for (size_t w = 0; w < m->words; w++) {
		uint64_t wild = set[w] & (m->star[w] | m->pct[w]);

		set[w] |= wild << 1 | carry;
		carry = wild >> (WORD_BITS - 1);
	}
}

static void
feed(struct list_match *m, unsigned char c)
{
	const uint64_t *next = m->next[c];
	uint64_t carry = 0, *swap;

	for (size_t w = 0; w < m->words; w++) {
		uint64_t step = next ? m->now[w] & next[w] : 0;
		uint64_t stay = m->star[w] | (c != '/' ? m->pct[w] : 0);

		m->then[w] = (step << 1 | carry) | (m->now[w] & stay);
		carry = step >> (WORD_BITS - 1);
	}
	swap = m->now;
	m->now = m->then;
	m->then = swap;
	pass_wildcards(m, m->now);
}

bool
list_match(struct list_match *m, struct str name)
{
	size_t n = m->pattern.n;

	if (m->all)
		return true;
	memset(m->now, 0, m->words * sizeof(uint64_t));
	m->now[0] = 1;
	pass_wildcards(m, m->now);
	for (size_t i = 0; i < name.n; i++)
		feed(m, (unsigned char)name.p[i]);
	return m->now[n / WORD_BITS] >> n % WORD_BITS & 1;
}

bool
list_match_has_percent(const struct list_match *m)
{
	return m->percent;
}
