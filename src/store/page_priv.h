/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages: up to PAGE_MAX messages of one mailbox in ascending order of UID, packed in one blob.
 *
 *	 0  u8  version (1)
 *	 1  u8  0
 *	 2  u16 n, the number of entries
 *	 4  u32 mailbox
 *	 8  u32 key: no UID of the page is smaller; with the mailbox the key of the page's row
 *	12  u64 base: what mod-sequences count from
 *	20  column (columns_priv.h): UID - key
 *	    keyword sets: count; for each its size and the distances of its ascending ids, as varints
 *	    columns: flags, keyword set (0: none), mod-sequence - base, internal date, zone, save date, size, email
 *	    CRC-32C of all that
 *
 * UIDs and mod-sequences are relative, so that a page staged by COPY is published by setting mailbox, key and base
 * (page_rekey). All little-endian. Reap rows use the same format. Pure, any thread.
 */
#ifndef STORE_PAGE_PRIV_H
#define STORE_PAGE_PRIV_H

#include "store/entry.h"

#ifndef PAGE_MAX /* tests of many small pages choose their own */
#define PAGE_MAX 256
#endif
#define PAGE_VERSION 1

struct page {
	int64_t mailbox;
	uint32_t key;
	uint32_t n;
	struct entry e[PAGE_MAX];
	/* the keyword ids that unpacked entries point to */
	uint32_t *ids;
	size_t ids_cap;
};
struct page *page_new(void);
void page_free(struct page *page);

/* Its header says that it is a page of another mailbox; nothing is checked. */
bool page_is_of_other(struct str blob, int64_t mailbox);
/* Adds the packed form of n entries (1 to PAGE_MAX, UIDs ascending and not below key) to out. */
void page_pack(struct buf *out, int64_t mailbox, uint32_t key, const struct entry *e, uint32_t n);
/* ERR_CORRUPT: damaged, or not the page of that mailbox and key (mailbox 0: any). *page is then empty. */
must_check enum status page_unpack(struct page *page, struct str blob, int64_t mailbox, uint32_t key);
/* The same, but only the entries with first <= UID <= last; *before_r: entries of the page before them. The seal is checked, of the other
 * entries only the UIDs are. */
must_check enum status page_unpack_part(struct page *page, struct str blob, int64_t mailbox, uint32_t key, uint32_t first, uint32_t last,
    uint32_t *before_r);
/* The first entry without \Seen: its UID and how many entries lie before it. ERR_NOT_FOUND: all have it. */
must_check enum status page_first_unseen(struct str blob, int64_t mailbox, uint32_t key, uint32_t *uid_r, uint32_t *before_r);
/* The UIDs alone: a tenth of the work. */
must_check enum status page_uids(struct str blob, int64_t mailbox, uint32_t key, uint32_t *uids /* [PAGE_MAX] */,
    uint32_t *n_r);
/* Gives a packed page another place: copies it to out (empty before) with a new mailbox, key and base. */
must_check enum status page_rekey(struct buf *out, struct str blob, int64_t mailbox, uint32_t key, uint64_t base);

/* Index of the first entry with a UID >= uid, or n. */
uint32_t page_seek(const struct page *page, uint32_t uid);

/* The row's key. */
static inline int64_t
page_id(int64_t mailbox, uint32_t key)
{
	return (int64_t)((uint64_t)mailbox << 32 | key);
}

#endif
