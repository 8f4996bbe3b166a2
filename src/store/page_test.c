/* SPDX-License-Identifier: Apache-2.0 */
/* The packed forms: columns, pages, directory rows, births. Any byte of any of them may be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/random_test.h"
#include "store/birth_priv.h"
#include "store/columns_priv.h"
#include "store/dir_priv.h"

static void
columns(void **state)
{
	uint64_t v[300], back[300];

	(void)state;
	for (int width = 0; width <= 64; width++)
		for (size_t n = 0; n < 300; n += 1 + n / 3) {
			struct buf b = {0};
			struct unpack u;

			for (size_t i = 0; i < n; i++)
				v[i] = (width == 0 ? 0 : rnd64() >> (64 - width)) + (width < 60 ? 1000 : 0);
			column_pack(&b, v, n);
			pack_u32(&b, 0xffffffff);
			u = (struct unpack){.rest = buf_str(&b)};
			column_unpack(&u, back, n);
			assert_false(u.failed);
			assert_int_equal(u.rest.n, 4);
			assert_memory_equal(v, back, n * sizeof(*v));
			/* Cut short anywhere it fails or stays within. */
			for (size_t cut = 4; n > 0 && cut < b.n; cut += 7) {
				u = (struct unpack){.rest = str_head(buf_str(&b), b.n - cut)};
				column_unpack(&u, back, n);
			}
			buf_free(&b);
		}
	for (int i = 0; i < 1000; i++) {
		int64_t n = (int64_t)rnd64();

		assert_int_equal(unzigzag(zigzag(n)), n);
	}
}

static uint32_t
random_entries(struct entry *e, uint32_t key, uint32_t *ids)
{
	uint32_t n = 1 + (uint32_t)(rnd64() % PAGE_MAX), uid = key + (uint32_t)(rnd64() % 3), used = 0, gap;

	gap = rnd64() % 4 == 0 ? 100000 : 1 + (uint32_t)(rnd64() % 4);
	for (uint32_t i = 0; i < n; i++) {
		e[i] = (struct entry){.uid = uid,
		    .flags = (uint8_t)(rnd64() & FLAG_ALL),
		    .zone = (int16_t)(rnd64() % 1600 - 800),
		    .modseq = 1 + rnd64() % (rnd64() % 2 ? 100 : UINT32_MAX),
		    .internal_date = (int64_t)(rnd64() % 4000000000) - 1000000000,
		    .save_date = (int64_t)(rnd64() % 4000000000),
		    .size = rnd64() % (rnd64() % 50 ? 10000 : UINT64_MAX / 2),
		    .email = (int64_t)(7llu << 32 | rnd64() % UINT32_MAX)};
		uid += 1 + (uint32_t)(rnd64() % gap);
		if (rnd64() % 3 == 0 && used + 3 < 4 * PAGE_MAX) {
			e[i].keywords = ids + used;
			e[i].keywords_n = 1 + (uint32_t)(rnd64() % 3);
			for (uint32_t k = 0; k < e[i].keywords_n; k++)
				ids[used++] = (uint32_t)(rnd64() % 5) + k * 5;
		}
	}
	return n;
}

static void
same_entries(const struct entry *a, const struct entry *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(a[i].uid, b[i].uid);
		assert_int_equal(a[i].flags, b[i].flags);
		assert_int_equal(a[i].zone, b[i].zone);
		assert_int_equal(a[i].modseq, b[i].modseq);
		assert_int_equal(a[i].internal_date, b[i].internal_date);
		assert_int_equal(a[i].save_date, b[i].save_date);
		assert_int_equal(a[i].size, b[i].size);
		assert_int_equal(a[i].email, b[i].email);
		assert_int_equal(a[i].keywords_n, b[i].keywords_n);
		for (uint32_t k = 0; k < a[i].keywords_n; k++)
			assert_int_equal(a[i].keywords[k], b[i].keywords[k]);
	}
}

static void
pages(void **state)
{
	static struct entry e[PAGE_MAX];
	static uint32_t ids[4 * PAGE_MAX + 16], uids[PAGE_MAX];
	struct page *page = page_new();

	(void)state;
	for (int round = 0; round < 400; round++) {
		uint32_t key = 1 + (uint32_t)(rnd64() % 1000000), n = random_entries(e, key, ids), uids_n;
		struct buf b = {0}, moved = {0};

		page_pack(&b, 5, key, e, n);
		assert_int_equal(page_unpack(page, buf_str(&b), 5, key), OK);
		assert_int_equal(page->n, n);
		same_entries(e, page->e, n);
		assert_int_equal(page_uids(buf_str(&b), 5, key, uids, &uids_n), OK);
		assert_int_equal(uids_n, n);
		for (uint32_t i = 0; i < n; i++) {
			assert_int_equal(uids[i], e[i].uid);
			assert_int_equal(page_seek(page, uids[i]), i);
			assert_int_equal(page_seek(page, uids[i] + 1), i + 1);
		}
		/* It is not the page of another place. */
		assert_int_equal(page_unpack(page, buf_str(&b), 6, key), ERR_CORRUPT);
		assert_int_equal(page_unpack(page, buf_str(&b), 5, key + 1), ERR_CORRUPT);
		assert_int_equal(page_unpack(page, buf_str(&b), 0, 0), OK);
		/* Another place, as COPY publishes it. */
		assert_int_equal(page_rekey(&moved, buf_str(&b), 9, 70, 1000), OK);
		assert_int_equal(page_unpack(page, buf_str(&moved), 9, 70), OK);
		assert_int_equal(page->e[n - 1].uid - page->e[0].uid, e[n - 1].uid - e[0].uid);
		assert_int_equal(page->e[0].uid, 70 + (e[0].uid - key));
		buf_free(&b);
		buf_free(&moved);
	}
	page_free(page);
}

/* Every byte of a page changed, every shorter length: always found. */
static void
damaged_pages(void **state)
{
	static struct entry e[PAGE_MAX];
	static uint32_t ids[4 * PAGE_MAX + 16], uids[PAGE_MAX], n2;
	struct page *page = page_new();
	struct buf b = {0}, out = {0};
	uint32_t n = random_entries(e, 10, ids);

	(void)state;
	page_pack(&b, 5, 10, e, n);
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] ^= (char)(1 + rnd64() % 255);
		assert_int_equal(page_unpack(page, buf_str(&b), 5, 10), ERR_CORRUPT);
		assert_int_equal(page->n, 0);
		assert_int_equal(page_uids(buf_str(&b), 5, 10, uids, &n2), ERR_CORRUPT);
		assert_int_equal(page_rekey(&out, buf_str(&b), 5, 10, 1), ERR_CORRUPT);
		buf_clear(&b);
		page_pack(&b, 5, 10, e, n);
	}
	for (size_t i = 0; i < b.n; i++)
		assert_int_equal(page_unpack(page, str_head(buf_str(&b), i), 5, 10), ERR_CORRUPT);
	/* With a right checksum over wrong contents it may be taken for a page, but never reads out of its bounds. */
	for (int round = 0; round < 20000; round++) {
		buf_clear(&b);
		page_pack(&b, 5, 10, e, 1 + (uint32_t)(rnd64() % n));
		for (uint64_t k = rnd64() % 4; k < 4; k++)
			b.p[rnd64() % (b.n - 4)] = (char)rnd64();
		b.n -= 4;
		if (rnd64() % 4 == 0)
			b.n -= rnd64() % b.n;
		blob_seal(&b, 0);
		if (page_unpack(page, buf_str(&b), 0, 0) == OK)
			for (uint32_t i = 1; i < page->n; i++)
				assert_true(page->e[i].uid > page->e[i - 1].uid);
	}
	buf_free(&b);
	buf_free(&out);
	page_free(page);
}

static void
directories(void **state)
{
	static struct dir dir, back;
	struct buf b = {0};

	(void)state;
	for (int round = 0; round < 300; round++) {
		uint64_t uid = 1 + rnd64() % 1000;

		dir = (struct dir){.mailbox = 3, .key = (uint32_t)uid, .n = 1 + (uint32_t)(rnd64() % DIR_MAX)};
		for (uint32_t i = 0; i < dir.n; i++) {
			struct page_sum *p = &dir.p[i];

			p->key = (uint32_t)(uid += rnd64() % 3);
			p->messages = 1 + (uint32_t)(rnd64() % PAGE_MAX);
			p->last = (uint32_t)(uid += p->messages - 1 + rnd64() % 2 * (rnd64() % 1000));
			p->unseen = (uint32_t)(rnd64() % (p->messages + 1));
			p->deleted = (uint32_t)(rnd64() % (p->messages + 1));
			p->modseq = rnd64() >> (rnd64() % 64);
			uid++;
		}
		dir_sum_up(&dir);
		buf_clear(&b);
		dir_pack(&b, &dir);
		assert_int_equal(dir_unpack(&back, buf_str(&b), 3, dir.key), OK);
		assert_int_equal(back.n, dir.n);
		assert_int_equal(back.messages, dir.messages);
		assert_int_equal(back.unseen, dir.unseen);
		assert_memory_equal(back.p, dir.p, dir.n * sizeof(*dir.p));
		for (uint32_t i = 0; i < dir.n; i++) {
			assert_int_equal(dir_seek(&dir, dir.p[i].last), i);
			assert_int_equal(dir_seek(&dir, dir.p[i].last + 1), i + 1);
		}
		assert_int_equal(dir_unpack(&back, buf_str(&b), 4, dir.key), ERR_CORRUPT);
		b.p[rnd64() % b.n] ^= 4;
		assert_int_equal(dir_unpack(&back, buf_str(&b), 3, dir.key), ERR_CORRUPT);
		assert_int_equal(back.n, 0);
	}
	buf_free(&b);
}

static void
births(void **state)
{
	struct arena arena = {0};
	struct str names[] = {STR("a"), STR("$Forwarded")};
	struct birth birth = {7, 8, -5, -60, FLAG_SEEN | FLAG_DRAFT, names, 2}, back;
	struct buf b = {0};

	(void)state;
	birth_pack(&b, &birth);
	assert_int_equal(birth_unpack(&arena, buf_str(&b), &back), OK);
	assert_int_equal(back.mailbox, 7);
	assert_int_equal(back.uid, 8);
	assert_int_equal(back.internal_date, -5);
	assert_int_equal(back.zone, -60);
	assert_int_equal(back.flags, FLAG_SEEN | FLAG_DRAFT);
	assert_int_equal(back.keywords_n, 2);
	assert_true(str_eq(back.keywords[1], names[1]));
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] ^= 1;
		assert_int_equal(birth_unpack(&arena, buf_str(&b), &back), ERR_CORRUPT);
		b.p[i] ^= 1;
	}
	buf_free(&b);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns),
	    cmocka_unit_test(pages),
	    cmocka_unit_test(damaged_pages),
	    cmocka_unit_test(directories),
	    cmocka_unit_test(births),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
