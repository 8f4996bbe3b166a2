/* SPDX-License-Identifier: Apache-2.0 */
/* SORT beside the plainest way: keys compared one after the other, messages put in by insertion; under every comparator and direction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mime/subject.h"
#include "query/sort.h"

#define MESSAGES 150
#define BY_MAX 4

static uint64_t state = 7;

static unsigned
pick(unsigned n)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

struct mail {
	struct buf header, packed;
	struct mime_summary summary;
	struct entry entry;
	uint8_t relevancy;
	bool gone; /* its summary cannot be read */
};
static struct mail mail[MESSAGES];

/* With and without case, marks, a prefix of more than eight bytes in common, octets that are no text. */
static const char *const words[] = {"alpha", "ALPHA", "alphabets", "alphabetical", "alphabetisch", "Zebra", "=?utf-8?Q?=C3=A4hnlich?=",
    "=?utf-8?Q?=C3=84HNLICH?=", "Re: alpha", "[list] Zebra", "", "\xff\xfe", "=?x-unknown?Q?abc?=", "12"};
#define WORD words[pick(sizeof(words) / sizeof(words[0]))]

static void
make(struct mail *m, uint32_t uid)
{
	struct arena arena = {0};
	struct mime_parser *p = mime_parser_new(&arena, NULL);

	if (pick(8))
		buf_addf(&m->header, "Subject: %s\r\n", WORD);
	if (pick(8))
		buf_addf(&m->header, "From: %s <%s@example.org>\r\n", pick(2) ? "Alice" : "=?utf-8?Q?=C3=84nne?=", pick(2) ? "alice" : "Bob");
	if (pick(4))
		buf_addf(&m->header, "To: %s@example.net\r\nCc: %s@example.net\r\n", pick(2) ? "carol" : "Carol", pick(2) ? "dan" : "eve");
	if (pick(3))
		buf_addf(&m->header, "Date: %u Nov 2023 10:00:00 +0%u00\r\n", 1 + pick(20), pick(9));
	buf_add(&m->header, STR("\r\n"));
	mime_parser_add(p, buf_str(&m->header));
	mime_summary_pack(&m->packed, mime_parser_finish(p), STR(""));
	arena_free(&arena);
	assert_int_equal(mime_summary_open(buf_str(&m->packed), &m->summary), OK);
	m->entry = (struct entry){.uid = uid, .internal_date = INT64_C(1699000000) + pick(50) * 86400 - (pick(30) ? 0 : INT64_C(4000000000)),
	    .size = pick(40)};
	m->relevancy = (uint8_t)(1 + pick(100));
	m->gone = pick(40) == 0;
}

static int
set_up(void **test)
{
	(void)test;
	for (uint32_t i = 0; i < MESSAGES; i++)
		make(&mail[i], i + 1);
	return 0;
}

static int
tear_down(void **test)
{
	(void)test;
	for (uint32_t i = 0; i < MESSAGES; i++) {
		buf_free(&mail[i].header);
		buf_free(&mail[i].packed);
	}
	return 0;
}

/* ---- the plain way ---- */

static const struct {
	enum sort_by by;
	enum mime_key key;
} strings[] = {
    {SORT_CC, MIME_KEY_CC}, {SORT_DISPLAYFROM, MIME_KEY_DISPLAY_FROM}, {SORT_DISPLAYTO, MIME_KEY_DISPLAY_TO},
    {SORT_FROM, MIME_KEY_FROM}, {SORT_SUBJECT, MIME_KEY_SUBJECT}, {SORT_TO, MIME_KEY_TO},
};

static bool
is_string(enum sort_by by, enum mime_key *key_r)
{
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (strings[i].by == by) {
			*key_r = strings[i].key;
			return true;
		}
	return false;
}

static int64_t
number(const struct mail *m, enum sort_by by)
{
	int64_t utc;
	int zone;

	switch (by) {
	case SORT_SIZE: return (int64_t)m->entry.size;
	case SORT_RELEVANCY: return -(int64_t)m->relevancy;
	case SORT_DATE: return !m->gone && mime_summary_date(&m->summary, &utc, &zone) ? utc : m->entry.internal_date;
	default: return m->entry.internal_date;
	}
}

/* What could not be decoded stands behind all else, in the order of its octets, whatever the direction of the comparator. */
static int
compare_texts(struct str x, struct str y, bool descending)
{
	bool octets = (x.n > 0 && (uint8_t)x.p[0] == 0xff) || (y.n > 0 && (uint8_t)y.p[0] == 0xff);
	int c = str_cmp(x, y);

	return descending && !octets ? -c : c;
}

static int
compare_by(const struct mail *x, const struct mail *y, enum sort_by by, struct comparator how)
{
	struct buf kx = {0}, ky = {0};
	enum mime_key key;
	int c;

	if (!is_string(by, &key))
		return number(x, by) < number(y, by) ? -1 : number(x, by) > number(y, by);
	if (!x->gone)
		mime_header_key(&kx, buf_str(&x->header), key, (enum mime_collation)how.collation);
	if (!y->gone)
		mime_header_key(&ky, buf_str(&y->header), key, (enum mime_collation)how.collation);
	c = compare_texts(buf_str(&kx), buf_str(&ky), how.descending);
	buf_free(&kx);
	buf_free(&ky);
	return c;
}

static int
compare(const struct sorting *s, const struct mail *x, const struct mail *y)
{
	for (unsigned i = 0; i < s->n_by; i++) {
		int c = compare_by(x, y, s->by[i].by, s->comparator);

		if (c != 0)
			return s->by[i].reverse ? -c : c;
	}
	return 0;
}

/* ---- both ---- */

static void
add(struct sorting *s, uint32_t i)
{
	struct sort_row row = {.entry = &mail[i].entry, .seq = i + 1, .relevancy = mail[i].relevancy};

	row.summary = mail[i].gone ? NULL : &mail[i].summary;
	row.header = buf_str(&mail[i].header);
	assert_int_equal(sort_add(s, &row), OK);
}

static struct sorting
some_criteria(void)
{
	struct sorting s = {.comparator = {.collation = (uint8_t)pick(MIME_OCTET + 1), .descending = pick(2)}};
	unsigned n = 1 + pick(BY_MAX);

	while (s.n_by < n)
		sort_by(&s, (enum sort_by)pick(SORT_TO + 1), pick(2));
	return s;
}

static void
orders(void **test)
{
	(void)test;
	for (unsigned round = 0; round < 40; round++) {
		struct sorting s = some_criteria();
		uint32_t want[MESSAGES], n = 1 + pick(MESSAGES);

		for (uint32_t i = 0; i < n; i++) {
			uint32_t at = i;

			add(&s, i);
			for (; at > 0 && compare(&s, &mail[i], &mail[want[at - 1]]) < 0; at--)
				want[at] = want[at - 1];
			want[at] = i;
		}
		while (!sort_some(&s))
			;
		for (uint32_t i = 0; i < n; i++)
			if (sort_at(&s, i) != want[i])
				fail_msg("round %u, place %u: row %u in place of %u", round, i, sort_at(&s, i), want[i]);
		sort_free(&s);
	}
}

/* Rows of two lists, and what groups by one criterion. */
static void
rows(void **test)
{
	(void)test;
	for (unsigned round = 0; round < 30; round++) {
		struct sorting s = some_criteria(), t = {0};

		sort_like(&t, &s);
		for (uint32_t i = 0; i < 40; i++) {
			add(&s, i);
			add(&t, i);
		}
		for (uint32_t x = 0; x < 40; x++)
			for (uint32_t y = 0; y < 40; y++) {
				int c = compare(&s, &mail[x], &mail[y]);
				bool same = compare_by(&mail[x], &mail[y], s.by[0].by, s.comparator) == 0;

				assert_int_equal(sort_before(&s, x, &t, y), c != 0 ? c < 0 : x < y);
				assert_int_equal(sort_same(&s, x, y, 0), same);
				assert_true(!same || sort_hash(&s, x, 0) == sort_hash(&s, y, 0));
			}
		sort_free(&s);
		sort_free(&t);
	}
}

static void
reading(void **test)
{
	static const struct {
		const char *text;
		enum status st;
		unsigned n;
	} t[] = {
	    {"(ARRIVAL)", OK, 1},
	    {"(reverse date SUBJECT)", OK, 2},
	    {"(CC DATE DISPLAYFROM DISPLAYTO FROM RELEVANCY SIZE TO)", OK, 8},
	    {"()", ERR_BAD_INPUT, 0},
	    {"(REVERSE)", ERR_BAD_INPUT, 0},
	    {"(REVERSE REVERSE DATE)", ERR_BAD_INPUT, 0},
	    {"(COLOUR)", ERR_BAD_INPUT, 0},
	    {"DATE", ERR_BAD_INPUT, 0},
	    {"(TO TO TO TO TO TO TO TO TO TO TO TO TO TO TO TO)", OK, 16},
	    {"(TO TO TO TO TO TO TO TO TO TO TO TO TO TO TO TO TO)", ERR_LIMIT, 16},
	};

	(void)test;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct arena arena = {0};
		struct sorting s = {0};
		struct args a;

		args_init(&a, str_c(t[i].text), &arena, false);
		if (sort_parse(&s, &a) != t[i].st || (t[i].n > 0 && s.n_by != t[i].n))
			fail_msg("%s: %u criteria", t[i].text, s.n_by);
		arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(orders),
	    cmocka_unit_test(rows),
	    cmocka_unit_test(reading),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
