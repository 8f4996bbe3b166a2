/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox while mail is imported into it: which contents (formats/content.h) it had when the command line was told, and which came since by other
 * ways, so that none comes twice. One thread.
 */
#ifndef ADMIN_IMPORT_BOX_H
#define ADMIN_IMPORT_BOX_H

#include "admin/verb_priv.h"
#include "base/map.h"

struct import_box {
	struct call *call;
	int64_t id;
	struct grant grant;  /* as the present write found it */
	uint32_t known;      /* contents of the messages below this UID are known */
	uint32_t next;       /* what known becomes when the present write is done */
	struct map arrived;  /* content id to how many came by other ways, and how many of these the present write has matched */
	struct arena arena;
};

struct import_box *import_box_new(struct arena *arena, struct call *call, int64_t id);
void import_box_free(struct import_box *box);
/* Sends the ids of all that is in the mailbox, and an empty DATA. */
must_check enum status import_box_send_ids(struct import_box *box, const struct actor *actor);

/* Begins a run of the write, in which nothing is matched yet: finds the grant. ERR_CONFLICT: messages came that are not known; import_box_refresh(), and again. ERR_NOT_FOUND: the mailbox is gone. */
must_check enum status import_box_check(struct import_box *box, const struct actor *actor, struct db_txn *txn);
/* In the write: a message of this content came another way; it is matched. */
bool import_box_arrived(struct import_box *box, struct str id);
/* The write is done. */
void import_box_settle(struct import_box *box);
must_check enum status import_box_refresh(struct import_box *box, const struct actor *actor);

#endif
