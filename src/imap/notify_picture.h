/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of an account's mailboxes that a client with NOTIFY has, and how it differs from what is there now. */
#ifndef IMAP_NOTIFY_PICTURE_H
#define IMAP_NOTIFY_PICTURE_H

#include "imap/notify.h"
#include "store/mailbox.h"

struct notify_picture {
	struct arena arena;
	struct mailbox *mb;   /* by id */
	size_t n;
	struct mailbox **by_name;
	struct str *subs;     /* subscribed names, sorted */
	size_t subs_n;
	uint64_t metadata;    /* where the changes of annotations stood: see store/metadata.h */
};

/* ERR_LIMIT past NOTIFY_MAILBOXES_MAX. */
must_check enum status picture_take(const struct actor *actor, struct db_txn *txn, struct notify_picture **p_r);
void picture_free(struct notify_picture *p);
const struct mailbox *picture_find(const struct notify_picture *p, struct str name);
bool picture_subscribed(const struct notify_picture *p, struct str name);
/* Sends what happened between the pictures, as the session's groups want it. */
must_check enum status picture_tell(struct cmd *cmd, struct db_txn *txn, const struct notify_picture *old,
    const struct notify_picture *new);
/* What the groups want to know of a mailbox; selectable and subscribed: now or before. */
unsigned notify_events(const struct notify *n, struct str name, bool selectable, bool subscribed);
/* STATUS with what these events ask for. first: before the tagged answer of NOTIFY, not as news. */
must_check enum status notify_status(struct cmd *cmd, struct db_txn *txn, const struct mailbox *mb, unsigned events, bool first);

#endif
