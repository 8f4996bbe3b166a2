/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the ground floor: strings, buffers, arenas, maps, runs, codecs, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/map.h"
#include "base/runs.h"
#include "base/utf8.h"

static void
test_str(void **state)
{
	struct str rest = STR("a,b,"), piece;
	uint64_t n;
	int64_t i;

	assert_true(str_caseeq(STR("InBox"), STR("INBOX")));
	assert_false(str_caseeq(STR("Inbo"), STR("INBOX")));
	assert_int_equal(str_find(STR("abcabc"), STR("ca"), 0), 2);
	assert_int_equal(str_find(STR("abc"), STR("x"), 0), SIZE_MAX);
	assert_true(str_split(&rest, ',', &piece) && str_eq(piece, STR("a")));
	assert_true(str_split(&rest, ',', &piece) && str_eq(piece, STR("b")));
	assert_true(str_split(&rest, ',', &piece) && piece.n == 0);
	assert_false(str_split(&rest, ',', &piece));
	assert_true(str_u64(STR("18446744073709551615"), UINT64_MAX, &n) && n == UINT64_MAX);
	assert_false(str_u64(STR("18446744073709551616"), UINT64_MAX, &n));
	assert_false(str_u64(STR("4294967296"), UINT32_MAX, &n));
	assert_false(str_u64(STR(""), 9, &n));
	assert_true(str_i64(STR("-9223372036854775807"), INT64_MAX, &i) && i == -INT64_MAX);
	assert_true(str_i64(STR("12"), 12, &i) && i == 12);
	assert_false(str_i64(STR("-13"), 12, &i));
	assert_false(str_i64(STR("-"), 12, &i));
	assert_false(str_i64(STR("--1"), 12, &i));
	assert_false(str_u64(STR("1x"), 99, &n));
	assert_true(str_eq(str_trim(STR(" \r\nx y\t")), STR("x y")));
}

static void
test_buf(void **state)
{
	struct buf b = {.limit = 10};

	buf_adds(&b, "12345");
	buf_addu(&b, 0);
	buf_addf(&b, "%d", 789);
	assert_true(str_eq(buf_str(&b), STR("123450789")));
	buf_adds(&b, "ab");
	assert_true(b.failed);
	assert_int_equal(b.n, 9);
	buf_clear(&b);
	buf_addu(&b, 1234567890);
	assert_false(b.failed);
	buf_consume(&b, 4);
	assert_true(str_eq(buf_str(&b), STR("567890")));
	buf_free(&b);
}

/* An array that grows holds what it is, not the sum of what it was. */
static void
test_arena_grow(void **state)
{
	struct arena a = {0};
	size_t cap = 4;
	uint64_t *p = arena_array(&a, cap, sizeof(*p));

	for (size_t n = 0; n < 1000000; n++) {
		if (n == cap) {
			char *between = arena_alloc(&a, 3);

			p = arena_grow(&a, p, n, cap, cap * 2, sizeof(*p));
			assert_int_equal(p[n], 0);
			assert_int_equal(p[cap * 2 - 1], 0);
			cap *= 2;
			between[2] = 1;
		}
		p[n] = n;
	}
	for (size_t n = 0; n < 1000000; n++)
		assert_int_equal(p[n], n);
	assert_true(a.held >= cap * sizeof(*p));
	assert_true(a.held <= cap * sizeof(*p) + 256 * 1024);
	arena_free(&a);
	assert_int_equal(a.held, 0);
}

static void
test_arena(void **state)
{
	struct arena a = {0};
	char *big = arena_alloc(&a, 200000);

	big[199999] = 1;
	for (size_t i = 0; i < 1000; i++) {
		char *p = arena_alloc(&a, i);

		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xff, i);
	}
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 7).p, "x-7");
	assert_string_equal(arena_lower(&a, STR("AZ[@\xc3\x84z")).p, "az[@\xc3\x84z");
	big = arena_copy(&a, "four", 4, 6, 1);
	assert_memory_equal(big, "four\0\0", 6);
	assert_non_null(arena_copy(&a, NULL, 0, 1, 8));
	arena_free(&a);
}

static void
test_map(void **state)
{
	struct map m = {0};
	static int values[5000];
	size_t at = 0, seen = 0;
	void *v;

	for (uint32_t i = 0; i < 5000; i++)
		assert_null(map_put(&m, MAP_KEY(i), &values[i]));
	for (uint32_t i = 0; i < 5000; i += 2)
		assert_ptr_equal(map_del(&m, MAP_KEY(i)), &values[i]);
	for (uint32_t i = 0; i < 5000; i++)
		assert_ptr_equal(map_get(&m, MAP_KEY(i)), i % 2 ? &values[i] : NULL);
	while (map_next(&m, &at, NULL, &v))
		seen++;
	assert_int_equal(seen, 2500);
	/* Endless churn must not grow the table. */
	for (uint32_t i = 0; i < 100000; i++) {
		map_put(&m, MAP_KEY(i), values);
		map_del(&m, MAP_KEY(i));
	}
	assert_true(m.cap <= 16384);
	map_free(&m);
}

/* Random adds and removes, compared with a plain array of booleans. */
static void
test_runs_random(void **state)
{
	bool plain[301] = {false};
	struct runs r = {0};

	srand(7);
	for (int step = 0; step < 20000; step++) {
		uint32_t first = 1 + (uint32_t)rand() % 300;
		uint32_t last = first + (uint32_t)rand() % 8;
		bool add = rand() % 2;

		if (last > 300)
			last = 300;
		if (add)
			runs_add(&r, first, last);
		else
			runs_remove(&r, first, last);
		for (uint32_t i = first; i <= last; i++)
			plain[i] = add;
		if (step % 50 == 0) {
			uint64_t count = 0;

			for (uint32_t i = 1; i <= 300; i++) {
				assert_int_equal(runs_has(&r, i), plain[i]);
				assert_int_equal(runs_below(&r, i), count);
				count += plain[i];
			}
			assert_int_equal(runs_count(&r), count);
			for (size_t i = 1; i < r.n; i++)
				assert_true(r.run[i].first > r.run[i - 1].last + 1);
		}
	}
	runs_free(&r);
}

/* Many runs at once, in any order, give what adding them one by one gives. */
static void
test_runs_pile_large(void **state)
{
	struct runs one = {0}, all = {0};
	struct run_pile pile = {0};

	srand(9);
	for (int i = 0; i < 5000; i++) {
		uint32_t n = (uint32_t)rand() << (i % 20) | 1;
		struct runs some = {0};

		runs_add(&some, n, n < UINT32_MAX ? n + (uint32_t)(i % 2) : n);
		runs_add_all(&one, &some);
		run_pile_add(&pile, &some);
		runs_free(&some);
	}
	run_pile_into(&pile, &all, NULL);
	assert_int_equal(all.n, one.n);
	assert_memory_equal(all.run, one.run, one.n * sizeof(*one.run));
	runs_free(&one);
	runs_free(&all);
}

static void
test_runs_pile(void **state)
{
	srand(8);
	for (int round = 0; round < 500; round++) {
		struct runs one = {0}, all = {0};
		struct run_pile pile = {0};
		bool plain[401] = {false}, doubled = false;
		uint32_t twice;

		for (int i = rand() % 3; i > 0; i--)
			runs_add(&all, 1 + (uint32_t)rand() % 300, 300);
		runs_add_all(&one, &all);
		for (uint32_t i = 1; i <= 400; i++)
			plain[i] = runs_has(&one, i);
		for (int i = rand() % 40; i > 0; i--) {
			uint32_t first = 1 + (uint32_t)rand() % 390, last = first + (uint32_t)rand() % 10;
			struct runs some = {0};

			runs_add(&some, first, last);
			run_pile_add(&pile, &some);
			runs_add_all(&one, &some);
			for (uint32_t k = first; k <= last; plain[k++] = true)
				doubled |= plain[k];
			runs_free(&some);
		}
		run_pile_into(&pile, &all, &twice);
		assert_int_equal(all.n, one.n);
		assert_true(one.n == 0 || memcmp(all.run, one.run, one.n * sizeof(*one.run)) == 0);
		assert_int_equal(twice != 0, doubled);
		runs_free(&one);
		runs_free(&all);
	}
}

/* Every step-th number from first on, some of them in runs of two. */
static void
every(struct runs *r, uint32_t first, uint32_t step, uint32_t until)
{
	for (uint32_t n = first; n < until; n += step)
		runs_add(r, n, n + (n % 5 == 0));
}

/* Whole sets at once: as one by one, and in one pass. */
static void
test_runs_all(void **state)
{
	for (uint32_t k = 0; k < 200; k++) {
		struct runs a = {0}, b = {0}, sum = {0}, rest = {0};

		every(&a, 1 + k % 7, 2 + k % 9, 60 + k);
		every(&b, 1 + k % 11, 2 + k % 4, 50 + 2 * k);
		runs_add_all(&sum, &a);
		runs_add_all(&rest, &a);
		runs_add_all(&sum, &b);
		runs_remove_all(&rest, &b);
		for (uint32_t n = 1; n < 600; n++) {
			assert_int_equal(runs_has(&sum, n), runs_has(&a, n) || runs_has(&b, n));
			assert_int_equal(runs_has(&rest, n), runs_has(&a, n) && !runs_has(&b, n));
		}
		for (size_t i = 1; i < sum.n; i++)
			assert_true(sum.run[i].first > sum.run[i - 1].last + 1);
		for (size_t i = 1; i < rest.n; i++)
			assert_true(rest.run[i].first > rest.run[i - 1].last + 1);
		runs_free(&a);
		runs_free(&b);
		runs_free(&sum);
		runs_free(&rest);
	}
}

/* Not each of them moves all the others: that was 13 seconds. */
static void
test_runs_all_large(void **state)
{
	struct runs even = {0}, odd = {0};
	int64_t cpu = clock_thread_cpu();

	for (uint32_t n = 2; n < 2000000; n += 8) {
		runs_add(&even, n, n);
		runs_add(&odd, n + 4, n + 4);
	}
	runs_add_all(&even, &odd);
	assert_int_equal(even.n, 500000);
	runs_remove_all(&even, &odd);
	assert_int_equal(even.n, 250000);
	runs_remove_all(&odd, &even);
	assert_int_equal(odd.n, 250000);
	assert_in_range(clock_thread_cpu() - cpu, 0, 400000);
	runs_free(&even);
	runs_free(&odd);
}

static void
test_runs_edges(void **state)
{
	struct runs r = {0}, back = {0};
	struct buf b = {0};
	struct unpack u;

	runs_add(&r, 1, 3);
	runs_add(&r, UINT32_MAX, UINT32_MAX);
	runs_add(&r, 5, 5);
	runs_add(&r, 4, 4);
	runs_print(&b, &r);
	assert_true(str_eq(buf_str(&b), STR("1:5,4294967295")));
	buf_clear(&b);
	runs_pack(&b, &r);
	u = (struct unpack){buf_str(&b), false};
	runs_unpack(&u, &back);
	assert_false(u.failed);
	assert_int_equal(back.n, 2);
	assert_int_equal(back.run[1].first, UINT32_MAX);
	/* Every truncation is noticed. */
	for (size_t n = 0; n < b.n; n++) {
		runs_clear(&back);
		u = (struct unpack){str_head(buf_str(&b), n), false};
		runs_unpack(&u, &back);
		assert_true(u.failed);
	}
	assert_int_equal(runs_next(&r, 6), UINT32_MAX);
	assert_int_equal(runs_next(&r, 2), 2);
	assert_int_equal(runs_last(&r, UINT32_MAX), UINT32_MAX);
	assert_int_equal(runs_last(&r, UINT32_MAX - 1), r.run[r.n - 2].last);
	assert_int_equal(runs_last(&r, 2), 2);
	assert_int_equal(runs_last(&r, r.run[0].first - 1), 0);
	runs_free(&r);
	runs_free(&back);
	buf_free(&b);
}

static void
test_codecs(void **state)
{
	/* RFC 4648 section 10 */
	static const char *const vectors[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
	    {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	static const char *const bad[] = {"Z", "Zg", "Zg=", "=g==", "Zm9v=", "Zh==", "Zm9=", "Z*==",
	    "Zg==Zg==", "===="};
	struct buf b = {0};
	struct unpack u;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
		buf_clear(&b);
		base64_encode(&b, str_c(vectors[i][0]));
		assert_true(str_eq(buf_str(&b), str_c(vectors[i][1])));
		buf_clear(&b);
		assert_int_equal(base64_decode(&b, str_c(vectors[i][1])), OK);
		assert_true(str_eq(buf_str(&b), str_c(vectors[i][0])));
	}
	buf_clear(&b);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(base64_decode(&b, str_c(bad[i])), ERR_BAD_INPUT);
	assert_int_equal(b.n, 0);
	varint_add(&b, 0);
	varint_add(&b, UINT64_MAX);
	varint_add_signed(&b, INT64_MIN);
	pack_u64(&b, 0x1122334455667788u);
	u = (struct unpack){buf_str(&b), false};
	assert_int_equal(unpack_varint(&u), 0);
	assert_true(unpack_varint(&u) == UINT64_MAX);
	assert_true(unpack_signed(&u) == INT64_MIN);
	assert_true(unpack_u64(&u) == 0x1122334455667788u);
	assert_false(u.failed);
	unpack_u8(&u);
	assert_true(u.failed);
	buf_free(&b);
}

/* As RFC 3720 has it, bit by bit. */
static uint32_t
crc_by_bits(uint32_t crc, struct str s)
{
	crc = ~crc;
	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
	}
	return ~crc;
}

/* All lengths about the edges of what is summed at once, at any place in memory, whole and in two. */
static void
test_crc(void **state)
{
	static char p[8192];
	uint32_t seed = 1;

	assert_int_equal(crc32c(0, STR("123456789")), 0xe3069283u);
	assert_int_equal(crc32c(0, str_of(p, 32)), 0x8a9136aau); /* RFC 3720 B.4 */
	for (size_t i = 0; i < sizeof(p); i++)
		p[i] = (char)((seed = seed * 1664525u + 1013904223u) >> 24);
	for (size_t n = 0; n < 2500; n += n < 20 || n % 768 > 750 ? 1 : 17) {
		struct str s = str_of(p + n % 13, n);
		uint32_t sum = crc_by_bits(0, s);

		assert_int_equal(crc32c(0, s), sum);
		assert_int_equal(crc32c(crc32c(0, str_head(s, n / 3)), str_from(s, n / 3)), sum);
	}
	assert_int_equal(crc32c(77, str_of(p, sizeof(p))), crc_by_bits(77, str_of(p, sizeof(p))));
}

static void
test_utf8(void **state)
{
	static const char *const good[] = {"", "abc", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
	static const char *const bad[] = {"\x80", "\xc0\x80", "\xc3", "\xe2\x82", "\xed\xa0\x80",
	    "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "abcdefgh\xff"};
	struct buf b = {0};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(utf8_valid(str_c(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(utf8_valid(str_c(bad[i])));
	assert_int_equal(utf8_nfc(&b, STR("a\xcc\x88")), OK);
	assert_true(str_eq(buf_str(&b), STR("\xc3\xa4")));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_str), cmocka_unit_test(test_buf),
	    cmocka_unit_test(test_arena), cmocka_unit_test(test_arena_grow), cmocka_unit_test(test_map), cmocka_unit_test(test_runs_random),
	    cmocka_unit_test(test_runs_all), cmocka_unit_test(test_runs_all_large),
	    cmocka_unit_test(test_runs_edges), cmocka_unit_test(test_runs_pile),
	    cmocka_unit_test(test_runs_pile_large), cmocka_unit_test(test_codecs),
	    cmocka_unit_test(test_crc), cmocka_unit_test(test_utf8)};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
