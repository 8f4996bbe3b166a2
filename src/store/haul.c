/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on their way from one mailbox to another. */
#include "store/haul_priv.h"

#include <stdlib.h>
#include "base/assert.h"

#include "store/copied_priv.h"

static void
haul_add(struct haul *h, const struct entry *entry)
{
	struct entry *to;

	ensure(h->n == 0 || h->e[h->n - 1].uid < entry->uid); /* COPYUID's order */
	if (h->n == h->cap) {
		h->cap = h->cap * 2 + 64;
		h->e = x_realloc(h->e, h->cap * sizeof(*h->e));
	}
	to = &h->e[h->n++];
	*to = *entry;
	runs_add(&h->from, entry->uid, entry->uid);
	to->keywords = arena_copy(&h->arena, entry->keywords, entry->keywords_n, entry->keywords_n, sizeof(*to->keywords));
}

enum status
haul_read(struct haul *h, struct edit *source, const struct runs *uids, uint32_t start, size_t max)
{
	uint32_t uid = runs_next(uids, start);

	h->next = 0;
	while (uid != 0) {
		uint32_t last;
		enum status st = edit_seek(source, uid);

		if (st != OK)
			return st == ERR_NOT_FOUND ? OK : st;
		last = edit_sum(source)->last;
		if ((st = edit_page(source)) != OK && st != ERR_CORRUPT)
			return st;
		for (uint32_t i = page_seek(source->page, uid); i < source->page->n; i++) {
			/* Two pages may have the same messages, as salvage finds them. */
			if (!runs_has(uids, source->page->e[i].uid) || (h->n > 0 && source->page->e[i].uid <= h->e[h->n - 1].uid))
				continue;
			if (h->n == max) {
				h->next = source->page->e[i].uid;
				return OK;
			}
			haul_add(h, &source->page->e[i]);
		}
		uid = last == UINT32_MAX ? 0 : runs_next(uids, last + 1);
	}
	return OK;
}

enum { MAP_NOT_ASKED = -1, MAP_NO_NAME = -2 };

/* Finds the destination's id of the source's keyword number i. Where there is no room for it the messages go without it: a copy that lacks a
 * keyword is worth more than none. */
static enum status
map_id(struct edit *to, struct haul *h, const struct str *name, int64_t *map, size_t i)
{
	const uint32_t *ids;
	uint32_t n;
	enum status st;

	if (map[i] != MAP_NOT_ASKED)
		return OK;
	map[i] = MAP_NO_NAME;
	st = keyword_ids(to, &h->arena, &name[i], 1, true, &ids, &n);
	if (st == OK)
		map[i] = ids[0];
	return st == ERR_LIMIT ? OK : st;
}

/* The ids of one entry. */
static enum status
map_entry(struct edit *to, struct haul *h, const struct keywords *names, int64_t *map, struct entry *e)
{
	uint32_t *ids = arena_array(&h->arena, e->keywords_n, sizeof(*ids)), n = 0;
	enum status st = OK;

	for (uint32_t k = 0; k < e->keywords_n && st == OK; k++) {
		size_t i = keywords_index(names, e->keywords[k]);

		if (i == names->n)
			continue;
		if ((st = map_id(to, h, names->name, map, i)) == OK && map[i] >= 0)
			ids[n++] = (uint32_t)map[i];
	}
	e->keywords_n = keyword_sort(ids, n);
	e->keywords = ids;
	return st;
}

/* Flags that the destination's grant has no right to are not set there (RFC 4314 4). */
static void
admit(struct haul *h, const struct grant *to)
{
	for (size_t i = 0; i < h->n; i++) {
		h->e[i].flags = grant_flags(to, h->e[i].flags);
		if (!(to->rights & RIGHT_WRITE))
			h->e[i].keywords_n = 0;
	}
}

enum status
haul_marks(struct haul *h, int64_t from, struct edit *to)
{
	struct keywords names = {0};
	int64_t *map = NULL;
	enum status st = OK;

	admit(h, to->grant);
	if (from == to->mailbox)
		return OK;
	for (size_t i = 0; i < h->n && st == OK; i++) {
		if (h->e[i].keywords_n == 0)
			continue;
		if (map == NULL) {
			if ((st = keywords_get(to->txn, &h->arena, from, &names)) != OK)
				return st;
			map = arena_array(&h->arena, names.n + 1, sizeof(*map));
			memset(map, 0xff, (names.n + 1) * sizeof(*map));
		}
		st = map_entry(to, h, &names, map, &h->e[i]);
	}
	return st;
}

enum status
haul_mark(struct haul *h, struct db_txn *txn)
{
	int64_t *emails = x_malloc((h->n + 1) * sizeof(*emails));
	enum status st;

	for (size_t i = 0; i < h->n; i++)
		emails[i] = h->e[i].email;
	st = copied_mark(txn, emails, h->n);
	free(emails);
	return st;
}

void
haul_free(struct haul *h)
{
	free(h->e);
	runs_free(&h->from);
	arena_free(&h->arena);
	*h = (struct haul){0};
}
