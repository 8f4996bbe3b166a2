/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An entry: what a mailbox keeps of a message that changes or is needed in bulk. Entries lie packed in
 * pages (page.c); here is their unpacked form.
 */
#ifndef STORE_ENTRY_H
#define STORE_ENTRY_H

#include "base/arena.h"
#include "base/runs.h"
#include "db/db.h"
#include "wire/flag.h"

/* FLAG_ bits: see wire/flag.h. */

struct entry {
	uint32_t uid;
	uint8_t flags;          /* FLAG_ bits */
	bool expunged;          /* gone from the store, not yet told to this session */
	int16_t zone;           /* minutes east of UTC of the internal date */
	uint32_t keywords_n;
	const uint32_t *keywords; /* ids, ascending; lives with the page that the entry came from */
	uint64_t modseq;
	int64_t internal_date;  /* seconds since 1970 */
	int64_t save_date;      /* seconds since 1970: when it came into this mailbox */
	uint64_t size;          /* RFC822.SIZE */
	int64_t email;          /* key of what never changes: see store/email.h */
};

/* The keywords of a mailbox in the order of their ids. They compare without regard to ASCII case; the spelling that came first stays (RFC 9051
 * 2.3.2). Ids ascend for ever: those that nothing uses any more are forgotten when room is needed (keyword_priv.h), and never given again. */
struct keywords {
	size_t n;
	const struct str *name;
	const uint32_t *id; /* of name[i] */
};
/* In the arena. */
must_check enum status keywords_get(struct db_txn *txn, struct arena *arena, int64_t mailbox, struct keywords *kw_r);
/* Where id stands, n: nowhere. */
size_t keywords_index(const struct keywords *kw, uint32_t id);
/* The name of an id; p NULL: it has none (yet, or any more). */
struct str keywords_name(const struct keywords *kw, uint32_t id);
/* Above all ids. */
static inline uint32_t
keywords_end(const struct keywords *kw)
{
	return kw->n > 0 ? kw->id[kw->n - 1] + 1 : 0;
}
/* The id, or -1. */
int64_t keywords_find(const struct keywords *kw, struct str name);

#endif
