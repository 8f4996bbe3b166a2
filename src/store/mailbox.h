/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes. A name is the whole path in UTF-8 NFC with '/' between levels, 1 to 1000 bytes, at most 64
 * levels, no empty level, no control characters; INBOX is always spelled so, also as the first level of its children
 * (RFC 9051 5.1, 6.3.4; T22): callers bring what they got into this form with wire/mailbox_name.h. Names are
 * compared byte by byte. A mailbox keeps its id through RENAME; ids are never used again; UIDVALIDITY values of an account strictly
 * rise.
 *
 * Mailboxes of others are called "Other Users/", the owner's name, '/' and the name that they have there, in all that takes or gives a name to an
 * actor who is not their owner; they have no special use to him.
 *
 * A deleted mailbox that has children stays as a \Noselect name (RFC 3501 6.3.4).
 */
#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

#include "base/buf.h"
#include "base/map.h"
#include "store/grant.h"
#include "wire/mailbox_name.h"

/* Special use (RFC 6154, RFC 8457); one mailbox of an account for each. */
enum {
	SPECIAL_ALL = 1 << 0,
	SPECIAL_ARCHIVE = 1 << 1,
	SPECIAL_DRAFTS = 1 << 2,
	SPECIAL_FLAGGED = 1 << 3,
	SPECIAL_JUNK = 1 << 4,
	SPECIAL_SENT = 1 << 5,
	SPECIAL_TRASH = 1 << 6,
	SPECIAL_IMPORTANT = 1 << 7
};

struct mailbox {
	int64_t id, account;  /* id 0: a name in a list, nothing else */
	struct str name;      /* in the caller's arena */
	uint32_t uidvalidity;
	uint32_t uidnext;     /* > every UID ever given */
	uint64_t modseq;      /* the newest change; at least 1 */
	uint32_t messages;
	uint32_t unseen;      /* without \Seen, for this actor */
	uint32_t deleted;     /* with \Deleted */
	uint64_t size;        /* sum of RFC822.SIZE */
	uint64_t deleted_size; /* of the messages with \Deleted */
	uint32_t recent_from; /* UIDs from here on are \Recent to the session that selects next */
	unsigned special;     /* SPECIAL_ bits */
	bool noselect;
	bool subscribed;      /* in mailbox_list */
	bool children;        /* in mailbox_list: has children that the actor may see */
	int64_t created;      /* seconds since 1970 */
	uint32_t acl;         /* how often rights to it were given or taken; 0: it is its owner's alone */
	unsigned rights;      /* RIGHT_ bits of this actor */
};

/* ERR_NOT_FOUND also where the actor may not see it. A \Noselect name is found, with noselect set. */
must_check enum status mailbox_find(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct str name,
    struct mailbox *mb_r);
/* Whose mailbox a name means, or would mean, and how it is called there: a write has to declare the owner (struct db_write). ERR_NOT_FOUND: no such
 * account. */
must_check enum status mailbox_where(const struct actor *actor, struct db_txn *txn, struct str name, int64_t *owner_r, struct str *inner_r);
/* arena NULL: without the name. */
must_check enum status mailbox_get(const struct actor *actor, struct db_txn *txn, struct arena *arena, int64_t id,
    struct mailbox *mb_r);
/* grant_need() of what the actor may do with one that was found or listed: for calls that take no grant. */
must_check enum status mailbox_need(const struct mailbox *mb, unsigned rights);
/* All mailboxes that the actor may see, in order of name with '/' before every other byte, INBOX first: his own, and those of others that he may look
 * up, at most 10,000; with id 0 the names that stand above these. In the arena. */
must_check enum status mailbox_list(const struct actor *actor, struct db_txn *txn, struct arena *arena,
    struct mailbox **list_r, size_t *n_r);
/*
 * The same in steps of some tenths of a millisecond, each in a snapshot of the account (db_read_account()) that may be another one: call it again while it
 * returns ERR_AGAIN; with OK list holds them all, as they are in this last snapshot. Begin with zeroes. The list is the walk's, its names are in the arena,
 * where what was read before the account changed stays, too: some times the list at most.
 */
struct mailbox_walk {
	struct mailbox *list;
	size_t n;
	/* its own */
	size_t cap, marked, names;
	struct others_walk *others;
	enum { WALK_ROWS, WALK_OTHERS, WALK_SUBSCRIBED, WALK_MARK, WALK_OVER } phase;
	struct buf after, next;
	struct map subscribed;
	uint64_t version; /* of the account, that all of it was read in */
	unsigned anew;    /* how often it began again */
	bool began;
};
must_check enum status mailbox_walk(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct mailbox_walk *w);
/* What it holds beside the arena. */
size_t mailbox_walk_bytes(const struct mailbox_walk *w);
void mailbox_walk_free(struct mailbox_walk *w);
/* Subscribed names, sorted, also of mailboxes that do not exist (any more). */
must_check enum status mailbox_subscriptions(const struct actor *actor, struct db_txn *txn, struct arena *arena,
    struct str **names_r, size_t *n_r);

/* Parts of write functions. */
/* Also makes missing parents, which are subscribed, as nobody else would do it; a \Noselect name becomes a mailbox with a new UIDVALIDITY. ERR_EXISTS, ERR_BAD_INPUT, ERR_LIMIT (too many
 * mailboxes), ERR_CONFLICT (another mailbox has the special use). */
must_check enum status mailbox_create(const struct actor *actor, struct db_txn *txn, struct str name, unsigned special,
    int64_t *id_r);
/* ERR_NOT_FOUND, ERR_NO_PERM (INBOX), ERR_CONFLICT (a \Noselect name with children). The subscription stays (RFC 3501 6.3.6). */
must_check enum status mailbox_delete(const struct actor *actor, struct db_txn *txn, struct str name);
/* With all children. INBOX: its messages move to the new mailbox with new UIDs; INBOX itself and its children stay (RFC 9051 6.3.6): that
 * goes in several commits, so that the writer stays free. This one makes the new mailbox and moves the first MESSAGE_BATCH messages; while
 * move_r->more, the caller submits mailbox_move_more(). What arrives meanwhile stays in INBOX. So does a tree of many mailboxes: they get their names in
 * some order, and what is not there yet is below the old one; should the caller stop, the reaper goes on. ERR_NOT_FOUND, ERR_EXISTS, ERR_BAD_INPUT,
 * ERR_CONFLICT (into its own child), ERR_AGAIN (the account has such a tree under way), ERR_NO_PERM. From one account to another: ERR_CONFLICT. Subscriptions of renamed mailboxes follow. The names must
 * live as long as move_r is used. */
struct mailbox_move {
	int64_t from, to; /* of messages; 0: nothing to move */
	uint32_t until;   /* messages below this UID */
	bool more;
	/* of a tree */
	struct str from_name, to_name; /* p NULL: it is none */
	int64_t newest;                /* \Noselect names with higher ids were made later */
	size_t at_n;                   /* the next in turn */
	char at[MAILBOX_NAME_MAX];
	enum status refused;           /* why some stay below the old name: others made changes meanwhile; OK: none */
	int64_t account;               /* whose they are */
};
/* In snapshots, before the write: would a mailbox below it get a name that is too long or too deep? ERR_LIMIT. ERR_AGAIN: some were looked at, call it again
 * with the same *after, which lies in the arena and is empty at first. */
must_check enum status mailbox_rename_check(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct str from, struct str to,
    struct str *after);
must_check enum status mailbox_rename(const struct actor *actor, struct db_txn *txn, struct str from, struct str to,
    struct mailbox_move *move_r);
must_check enum status mailbox_move_more(const struct actor *actor, struct db_txn *txn, struct mailbox_move *move);
must_check enum status mailbox_subscribe(const struct actor *actor, struct db_txn *txn, struct str name, bool on);
must_check enum status mailbox_set_special(const struct grant *grant, struct db_txn *txn, unsigned special);
/* Moves the \Recent mark up to uid; for a lazy write. Never moves it back; makes no change row. */
must_check enum status mailbox_set_recent(const struct grant *grant, struct db_txn *txn, uint32_t uid);

#endif
