/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that the message half of the store unpacks: pages, directory rows, births, runs, tombstones. The first byte chooses; the checksum is
 * made right, so that what lies behind it is reached. What unpacks packs again to something that unpacks the same.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "store/birth_priv.h"
#include "store/changes_priv.h"
#include "store/columns_priv.h"
#include "store/dir_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fuzz_page(struct str blob)
{
	struct page *page = page_new(), *again = page_new();
	struct buf b = {0};
	uint32_t uids[PAGE_MAX], n;

	if (page_unpack(page, blob, 0, 0) == OK) {
		ensure(page_uids(blob, 0, 0, uids, &n) == OK && n == page->n);
		page_pack(&b, 1, page->key, page->e, page->n);
		ensure(page_unpack(again, buf_str(&b), 1, page->key) == OK && again->n == page->n);
		for (uint32_t i = 0; i < n; i++)
			ensure(uids[i] == again->e[i].uid && page->e[i].email == again->e[i].email &&
			    page->e[i].modseq == again->e[i].modseq &&
			    page->e[i].keywords_n == again->e[i].keywords_n);
	}
	buf_free(&b);
	page_free(page);
	page_free(again);
}

static void
fuzz_dir(struct str blob)
{
	struct dir dir, again;
	struct buf b = {0}, c = {0};
	uint32_t mailbox, key;

	if (blob.n < 12)
		return;
	memcpy(&mailbox, blob.p + 4, 4);
	memcpy(&key, blob.p + 8, 4);
	if (dir_unpack(&dir, blob, mailbox, key) == OK) {
		dir_pack(&b, &dir);
		ensure(dir_unpack(&again, buf_str(&b), mailbox, key) == OK && again.n == dir.n);
		/* Packed again, not compared as memory: structs have holes. */
		dir_pack(&c, &again);
		ensure(str_eq(buf_str(&b), buf_str(&c)));
	}
	buf_free(&b);
	buf_free(&c);
}

static void
fuzz_birth(struct str blob)
{
	struct arena arena = {0};
	struct birth birth;

	if (birth_unpack(&arena, blob, &birth) == OK)
		for (size_t i = 0; i < birth.keywords_n; i++)
			ensure(birth.keywords[i].n <= blob.n);
	arena_free(&arena);
}

static void
fuzz_runs(struct str blob)
{
	struct unpack u = {.rest = blob};
	struct runs r = {0};

	runs_unpack(&u, &r);
	for (size_t i = 0; i < r.n; i++)
		ensure(r.run[i].first > 0 && r.run[i].first <= r.run[i].last);
	runs_free(&r);
}

static void
fuzz_tombstones(struct str blob)
{
	struct tombstone_reader t;
	struct runs r = {0};

	if (tombstone_reader_init(&t, blob))
		while (runs_clear(&r), tombstone_next(&t, &r))
			ensure(r.n == 0 || (r.run[0].first > 0 && t.at > 0));
	runs_free(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = {0};

	if (size < 2)
		return 0;
	buf_add(&b, str_of(data + 1, size - 1));
	blob_seal(&b, 0);
	switch (data[0] % 5) {
	case 0:
		fuzz_page(buf_str(&b));
		break;
	case 1:
		fuzz_dir(buf_str(&b));
		break;
	case 2:
		fuzz_birth(buf_str(&b));
		break;
	case 3:
		fuzz_runs(buf_str(&b));
		break;
	default:
		fuzz_tombstones(buf_str(&b));
	}
	buf_free(&b);
	return 0;
}
