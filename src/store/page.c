/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of messages in columns: packed, and unpacked as far as is asked. */
#include "store/page_priv.h"

#include <stdlib.h>
#include "base/assert.h"
#include "store/columns_priv.h"

enum { AT_N = 2, AT_MAILBOX = 4, AT_KEY = 8, AT_BASE = 12, HEADER = 20 };

struct page *
page_new(void)
{
	struct page *page = x_malloc(sizeof(*page));

	page->mailbox = 0;
	page->key = page->n = 0;
	page->ids = NULL;
	page->ids_cap = 0;
	return page;
}

void
page_free(struct page *page)
{
	if (page == NULL)
		return;
	free(page->ids);
	free(page);
}

uint32_t
page_seek(const struct page *page, uint32_t uid)
{
	uint32_t lo = 0, hi = page->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (page->e[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* ---- packing ---- */

static bool
same_keywords(const struct entry *a, const struct entry *b)
{
	return a->keywords_n == b->keywords_n && (a->keywords == b->keywords ||
	    memcmp(a->keywords, b->keywords, a->keywords_n * sizeof(*a->keywords)) == 0);
}

/* Numbers the distinct sets of keywords from 1 in index[]; sample[] names an entry of each. */
static uint32_t
keyword_sets(const struct entry *e, uint32_t n, uint64_t *index, uint32_t *sample)
{
	uint32_t sets = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t k;

		index[i] = 0;
		if (e[i].keywords_n == 0)
			continue;
		if (i > 0 && same_keywords(&e[i - 1], &e[i])) {
			index[i] = index[i - 1];
			continue;
		}
		for (k = 0; k < sets && !same_keywords(&e[sample[k]], &e[i]); k++)
			;
		if (k == sets)
			sample[sets++] = i;
		index[i] = k + 1;
	}
	return sets;
}

static void
pack_sets(struct buf *out, const struct entry *e, const uint32_t *sample, uint32_t sets)
{
	varint_add(out, sets);
	for (uint32_t k = 0; k < sets; k++) {
		const struct entry *s = &e[sample[k]];

		varint_add(out, s->keywords_n);
		for (uint32_t i = 0; i < s->keywords_n; i++)
			varint_add(out, s->keywords[i] - (i > 0 ? s->keywords[i - 1] : 0));
	}
}

#define COLUMN(expr)                                                                               \
	do {                                                                                       \
		for (uint32_t i = 0; i < n; i++)                                                   \
			v[i] = (uint64_t)(expr);                                                   \
		column_pack(out, v, n);                                                            \
	} while (0)

void
page_pack(struct buf *out, int64_t mailbox, uint32_t key, const struct entry *e, uint32_t n)
{
	uint64_t v[PAGE_MAX], index[PAGE_MAX], base = n > 0 ? e[0].modseq : 0;
	uint32_t sample[PAGE_MAX], sets;
	size_t start = out->n;
	uint16_t n16 = (uint16_t)n;
	bool ascending = true;

	ensure(n >= 1 && n <= PAGE_MAX && e[0].uid >= key);
	for (uint32_t i = 1; i < n; i++) {
		base = e[i].modseq < base ? e[i].modseq : base;
		ascending &= e[i].uid > e[i - 1].uid;
	}
	ensure(ascending); /* a reader takes another order for damage */
	buf_addc(out, PAGE_VERSION);
	buf_addc(out, 0);
	buf_add(out, str_of(&n16, 2));
	pack_u32(out, (uint32_t)mailbox);
	pack_u32(out, key);
	pack_u64(out, base);
	COLUMN(e[i].uid - key);
	sets = keyword_sets(e, n, index, sample);
	pack_sets(out, e, sample, sets);
	COLUMN(e[i].flags);
	column_pack(out, index, n);
	COLUMN(e[i].modseq - base);
	COLUMN(zigzag(e[i].internal_date));
	COLUMN(zigzag(e[i].zone));
	COLUMN(zigzag(e[i].save_date));
	COLUMN(e[i].size);
	COLUMN(e[i].email);
	blob_seal(out, start);
}

/* ---- unpacking ---- */

/* Checks seal and header; *u stands before the columns then. */
static bool
open_blob(struct str blob, int64_t mailbox, uint32_t key, struct unpack *u, uint32_t *n_r, uint32_t *key_r,
    uint64_t *base_r)
{
	struct str content;
	uint16_t n;
	uint32_t m;

	if (!blob_sealed(blob, &content) || content.n < HEADER || content.p[0] != PAGE_VERSION)
		return false;
	memcpy(&n, content.p + AT_N, 2);
	memcpy(&m, content.p + AT_MAILBOX, 4);
	memcpy(key_r, content.p + AT_KEY, 4);
	memcpy(base_r, content.p + AT_BASE, 8);
	if (n == 0 || n > PAGE_MAX || (mailbox != 0 && (m != (uint32_t)mailbox || *key_r != key)))
		return false;
	*n_r = n;
	*u = (struct unpack){.rest = str_from(content, HEADER)};
	return true;
}

bool
page_is_of_other(struct str blob, int64_t mailbox)
{
	uint32_t m = (uint32_t)mailbox;

	return blob.n >= HEADER && memcmp(blob.p + AT_MAILBOX, &m, 4) != 0;
}

/* Unpacks the column of UIDs: ascending, 32 bits, from key on. */
static bool
unpack_uids(struct unpack *u, uint32_t key, uint64_t *v, uint32_t n)
{
	uint64_t last;
	bool bad = false;

	column_unpack(u, v, n);
	for (uint32_t i = 1; i < n; i++)
		bad |= v[i] <= v[i - 1];
	for (uint32_t i = 0; i < n; i++)
		v[i] += key;
	last = v[n - 1];
	return !bad && !u->failed && v[0] > 0 && last >= v[0] && last <= UINT32_MAX;
}

enum status
page_uids(struct str blob, int64_t mailbox, uint32_t key, uint32_t *uids, uint32_t *n_r)
{
	struct unpack u;
	uint64_t v[PAGE_MAX], base;
	uint32_t n;

	if (!open_blob(blob, mailbox, key, &u, &n, &key, &base) || !unpack_uids(&u, key, v, n))
		return ERR_CORRUPT;
	for (uint32_t i = 0; i < n; i++)
		uids[i] = (uint32_t)v[i];
	*n_r = n;
	return OK;
}

struct set {
	uint32_t at, n; /* where in page->ids */
};

/* Reads the keyword sets; sets[0] is the empty one. The count, or 0 on damage. */
static uint32_t
unpack_sets(struct page *page, struct unpack *u, struct set *sets)
{
	uint64_t count = unpack_varint(u);
	size_t used = 0;

	if (count > PAGE_MAX)
		return 0;
	sets[0] = (struct set){0, 0};
	for (uint32_t k = 1; k <= count; k++) {
		uint64_t n = unpack_varint(u), id = 0;

		if (u->failed || n == 0 || n > u->rest.n)
			return 0;
		if (used + n > page->ids_cap) {
			page->ids_cap = (used + n) * 2;
			page->ids = x_realloc(page->ids, page->ids_cap * sizeof(*page->ids));
		}
		sets[k] = (struct set){(uint32_t)used, (uint32_t)n};
		for (uint64_t i = 0; i < n; i++) {
			uint64_t step = unpack_varint(u);

			if ((i > 0 && step == 0) || step > UINT32_MAX || (id += step) > UINT32_MAX)
				return 0;
			page->ids[used++] = (uint32_t)id;
		}
	}
	return u->failed ? 0 : (uint32_t)count + 1;
}

/* The entries from..to of n; their UIDs are unpacked. */
static bool
unpack_columns(struct page *page, struct unpack *u, const uint64_t *uid, uint32_t n, uint32_t from, uint32_t to, uint64_t base)
{
	uint64_t flags[PAGE_MAX], set[PAGE_MAX], modseq[PAGE_MAX], internal[PAGE_MAX];
	uint64_t zone[PAGE_MAX], save[PAGE_MAX], size[PAGE_MAX], email[PAGE_MAX], most = 0, bits = 0;
	struct set sets[PAGE_MAX + 1];
	uint32_t sets_n;

	if ((sets_n = unpack_sets(page, u, sets)) == 0)
		return false;
	column_unpack_part(u, flags, n, from, to);
	column_unpack_part(u, set, n, from, to);
	column_unpack_part(u, modseq, n, from, to);
	column_unpack_part(u, internal, n, from, to);
	column_unpack_part(u, zone, n, from, to);
	column_unpack_part(u, save, n, from, to);
	column_unpack_part(u, size, n, from, to);
	column_unpack_part(u, email, n, from, to);
	for (uint32_t i = 0; i < to - from; i++) {
		most = set[i] > most ? set[i] : most;
		bits |= flags[i];
	}
	if (u->failed || u->rest.n != 0 || most >= sets_n || (bits & ~(uint64_t)FLAG_ALL) != 0)
		return false;
	for (uint32_t i = 0; i < to - from; i++) {
		struct entry *e = &page->e[i];

		e->uid = (uint32_t)uid[from + i];
		e->flags = (uint8_t)flags[i];
		e->expunged = false;
		e->zone = (int16_t)unzigzag(zone[i]);
		e->keywords_n = sets[set[i]].n;
		e->keywords = e->keywords_n > 0 ? page->ids + sets[set[i]].at : NULL;
		e->modseq = base + modseq[i];
		e->internal_date = unzigzag(internal[i]);
		e->save_date = unzigzag(save[i]);
		e->size = size[i];
		e->email = (int64_t)email[i];
	}
	return true;
}

/* Index of the first UID >= uid, or n. */
static uint32_t
uid_seek(const uint64_t *v, uint32_t n, uint64_t uid)
{
	uint32_t lo = 0;

	while (lo < n) {
		uint32_t mid = lo + (n - lo) / 2;

		if (v[mid] < uid)
			lo = mid + 1;
		else
			n = mid;
	}
	return lo;
}

enum status
page_unpack_part(struct page *page, struct str blob, int64_t mailbox, uint32_t key, uint32_t first, uint32_t last, uint32_t *before_r)
{
	struct unpack u;
	uint64_t uid[PAGE_MAX], base;
	uint32_t n, from, to;

	page->n = 0;
	if (!open_blob(blob, mailbox, key, &u, &n, &key, &base) || !unpack_uids(&u, key, uid, n))
		return ERR_CORRUPT;
	from = uid_seek(uid, n, first);
	to = uid_seek(uid, n, (uint64_t)last + 1);
	if (to < from)
		to = from;
	if (!unpack_columns(page, &u, uid, n, from, to, base))
		return ERR_CORRUPT;
	page->mailbox = mailbox;
	page->key = key;
	page->n = to - from;
	*before_r = from;
	return OK;
}

enum status
page_unpack(struct page *page, struct str blob, int64_t mailbox, uint32_t key)
{
	uint32_t before;

	return page_unpack_part(page, blob, mailbox, key, 0, UINT32_MAX, &before);
}

/* Reads over the keyword sets. */
static void
pass_sets(struct unpack *u)
{
	uint64_t count = unpack_varint(u);

	for (uint64_t k = 0; k < count && !u->failed; k++)
		for (uint64_t n = unpack_varint(u); n > 0 && !u->failed; n--)
			(void)unpack_varint(u);
}

enum status
page_first_unseen(struct str blob, int64_t mailbox, uint32_t key, uint32_t *uid_r, uint32_t *before_r)
{
	struct unpack u;
	uint64_t uid[PAGE_MAX], flags[PAGE_MAX], base;
	uint32_t n;

	if (!open_blob(blob, mailbox, key, &u, &n, &key, &base) || !unpack_uids(&u, key, uid, n))
		return ERR_CORRUPT;
	pass_sets(&u);
	column_unpack(&u, flags, n);
	if (u.failed)
		return ERR_CORRUPT;
	for (uint32_t i = 0; i < n; i++)
		if (!(flags[i] & FLAG_SEEN)) {
			*uid_r = (uint32_t)uid[i];
			*before_r = i;
			return OK;
		}
	return ERR_NOT_FOUND;
}

enum status
page_rekey(struct buf *out, struct str blob, int64_t mailbox, uint32_t key, uint64_t base)
{
	struct str content;
	uint32_t m = (uint32_t)mailbox;

	ensure(out->n == 0); /* the header is written by its offsets */
	if (!blob_sealed(blob, &content) || content.n < HEADER || content.p[0] != PAGE_VERSION)
		return ERR_CORRUPT;
	buf_add(out, content);
	memcpy(out->p + AT_MAILBOX, &m, 4);
	memcpy(out->p + AT_KEY, &key, 4);
	memcpy(out->p + AT_BASE, &base, 8);
	blob_seal(out, 0);
	return OK;
}
