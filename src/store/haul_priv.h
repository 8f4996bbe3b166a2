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

#endif
