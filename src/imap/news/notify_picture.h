/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of an account's mailboxes that a client with NOTIFY has, and how it differs from what is there now. */
#ifndef IMAP_NEWS_NOTIFY_PICTURE_H
#define IMAP_NEWS_NOTIFY_PICTURE_H

#include "imap/news/notify.h"
#include "store/mailbox.h"

struct pictures;
struct notify_picture {
	struct arena arena;
	struct mailbox *mb;   /* by id */
	size_t n;
	struct mailbox **by_name;
	struct str *subs;     /* subscribed names, sorted */
	size_t subs_n;
	uint64_t metadata;    /* where the changes of annotations stood: see store/metadata.h */

	/* For imap/news/notify_pictures.h. */
	struct pictures *shared;
	int64_t account;
	uint64_t seen;        /* hub_modseq() of the account's watchers before it was taken */
	unsigned users;
};

/*
 * Takes a picture, for imap/news/notify_pictures.h, which gives them out: in steps of some tenths of a millisecond (a sort of all names is the longest), each
 * in a snapshot of the account that may be another one; it shows one state of the account (see struct mailbox_walk). ERR_AGAIN: there are more
 * steps; OK: *p_r is the picture, and the steps are freed; ERR_LIMIT past NOTIFY_MAILBOXES_MAX.
 */
struct picture_steps;
struct picture_steps *picture_steps_new(void);
must_check enum status picture_step(struct picture_steps *x, const struct actor *actor, struct db_txn *txn, struct notify_picture **p_r);
size_t picture_steps_memory(const struct picture_steps *x);
void picture_steps_free(struct picture_steps *x);
void picture_free(struct notify_picture *p);
const struct mailbox *picture_find(const struct notify_picture *p, struct str name);
bool picture_subscribed(const struct notify_picture *p, struct str name);
/*
 * Telling what happened between two pictures, as the session's groups want it, in steps. The new picture is the telling's until picture_told() gives it
 * away and frees the telling; old is the caller's, and must live as long. n's list of own names is sorted.
 */
struct notify_telling;
struct notify_telling *picture_telling_new(struct notify *n, const struct notify_picture *old, struct notify_picture *new);
enum cmd_next picture_tell(struct notify_telling *t, struct cmd *cmd, struct db_txn *txn, enum status *st_r);
struct notify_picture *picture_told(struct notify_telling *t);
void picture_telling_free(struct notify_telling *t);
/* What the groups want to know of a mailbox; selectable and subscribed: now or before. */
unsigned notify_events(const struct notify *n, struct str name, bool own, bool subscribed);
/* STATUS with what these events ask for. first: before the tagged answer of NOTIFY, not as news. */
must_check enum status notify_status(struct cmd *cmd, struct db_txn *txn, const struct mailbox *mb, unsigned events, bool first);

#endif
