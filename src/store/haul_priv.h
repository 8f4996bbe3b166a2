/* SPDX-License-Identifier: Apache-2.0 */
/* A haul: entries on their way from one mailbox to another, in small copies (message_copy.c) and large ones (copy.c). */
#ifndef STORE_HAUL_PRIV_H
#define STORE_HAUL_PRIV_H

#include "store/keyword_priv.h"

struct haul {
	struct entry *e;      /* in order of their UIDs, which are those of the source */
	size_t n, cap;
	struct runs from;     /* their UIDs */
	struct arena arena;   /* keyword ids */
	uint32_t next;        /* the first UID not looked at; 0: all were */
};
/* Reads the messages of uids from UID start on, at most max of them; damaged pages are passed over. */
must_check enum status haul_read(struct haul *h, struct edit *source, const struct runs *uids, uint32_t start, size_t max);
/* Turns flags and keyword ids of mailbox from into those of the destination, making what is missing; what the destination's grant gives no right to set
 * is left out. */
must_check enum status haul_marks(struct haul *h, int64_t from, struct edit *to);
/* Marks the emails as having a second name. */
must_check enum status haul_mark(struct haul *h, struct db_txn *txn);
void haul_free(struct haul *h);

/* Staged pages that are to go, some of them (copy.c). */
struct staged_which {
	int64_t first, last; /* keys of rows */
	int64_t before;      /* made before that, seconds since 1970; INT64_MAX: whenever */
	int64_t made_for;    /* 0: for whichever mailbox */
	bool published;      /* the emails made for them have names now */
};
/* Within a write: removes at most max of the rows. Emails that were made for them and have no name become due expunged ones. *done_r: none are left. */
must_check enum status staged_drop(struct db_txn *txn, const struct staged_which *which, int64_t max, bool *done_r);

#endif
