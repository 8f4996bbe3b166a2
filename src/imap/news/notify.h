/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify: what a session wants to be told of between commands (NOTIFY, RFC 5465).
 *
 * For the selected mailbox the view is its own memory (update.h): NOTIFY only says whether, when and how much of it is told. For all
 * others a session keeps a picture of the account's mailboxes and subscriptions as they were told; when the account's watcher
 * rings, the picture is compared with what is there now, and the differences become STATUS and LIST responses. So any number of
 * changes in between costs one response, and none is lost.
 *
 * Between commands (and inside IDLE) the session runs notify_run() as a command without a tag.
 */
#ifndef IMAP_NEWS_NOTIFY_H
#define IMAP_NEWS_NOTIFY_H

#include "imap/core/cmd.h"
#include "imap/core/mailbox_filter.h"

enum notify_event {
	NOTIFY_NEW = 1 << 0,
	NOTIFY_EXPUNGE = 1 << 1,
	NOTIFY_FLAGS = 1 << 2,
	NOTIFY_NAME = 1 << 3,
	NOTIFY_SUBSCRIPTION = 1 << 4,
	NOTIFY_METADATA = 1 << 5,        /* MailboxMetadataChange */
	NOTIFY_SERVER_METADATA = 1 << 6,
	NOTIFY_MESSAGES = NOTIFY_NEW | NOTIFY_EXPUNGE | NOTIFY_FLAGS,
};

struct notify_group {
	struct mailbox_filter filter;
	unsigned events;
};

/* Most mailboxes of an account that is watched as a whole; NOTIFICATIONOVERFLOW beyond. */
#define NOTIFY_MAILBOXES_MAX 5000

struct notify_picture;
struct notify {
	struct arena arena;             /* of the groups and items */
	const struct notify_group *groups;
	size_t n;
	struct mailbox_index index;     /* what all of them want of a name */
	unsigned events;                /* of all groups */
	enum { NOTIFY_SILENT, NOTIFY_AT_ONCE, NOTIFY_DELAYED } selected;
	unsigned selected_events;
	struct str items;               /* what is fetched of new messages, "(...)", or empty */

	struct watcher watcher;         /* of the account, if there are groups */
	uint64_t seen;                  /* its hub_modseq() at the picture */
	struct notify_picture *picture;
	struct picture_taking *taking;  /* the next one is being taken; NULL: it is not */
	struct notify_telling *telling; /* differences that are half told; NULL: none */
	struct arena own_arena;         /* names that this session's own commands changed since the picture */
	struct str *own;
	size_t own_n, own_cap;
};

/* Puts n (or NULL) in the place of the session's notify, which is freed. */
void notify_set(struct session *s, struct notify *n);
void notify_free(struct session *s, struct notify *n);
/* Bytes of memory that it holds; NULL: 0. */
size_t notify_memory(const struct notify *n);

/* The groups are all there: makes the index. */
void notify_index(struct notify *n);
/* Takes the first picture, in steps. ERR_LIMIT: too many mailboxes. */
enum cmd_next notify_begin(struct cmd *cmd, struct notify *n, enum status *st_r);
/* Sends STATUS of each mailbox whose messages are watched (3.1), in steps, from *at on, which begins at 0. */
enum cmd_next notify_tell_status(struct cmd *cmd, struct notify *n, size_t *at, enum status *st_r);

/* Nothing of the selected mailbox is to be told now. */
bool notify_silent(const struct session *s);
/* Flag changes of the selected mailbox are to be told. */
bool notify_flags(const struct session *s);
/* Is there anything to tell now, between commands? */
bool notify_due(struct session *s);
/* Turns the bell of the selected mailbox on or off, as IDLE (idle) and NOTIFY want it. */
void notify_bell(struct session *s, bool idle);
/* The session itself created, deleted, renamed, (un)subscribed or annotated this name (empty: the server): no news to its client (RFC 5465 5). */
void notify_own(struct session *s, struct str name);
/* The session itself put n messages into the mailbox: they are not fetched for its client (5.2). */
void notify_own_uids(struct session *s, int64_t mailbox, uint32_t first, uint32_t n);
/* The row of the command without a tag. */
extern const struct command notify_row;

#endif
