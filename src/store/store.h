/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: accounts, mailboxes, messages, flags, changes. The only floor that knows the schema (schema.h documents it table by table; the
 * packed formats stand where they are read and written).
 *
 * The store has no locks of its own: reads happen in a snapshot (db_read_begin), changes in write
 * functions that the committer runs one after the other. Functions that change take the
 * transaction of a write function and are pure: they may run again.
 *
 * Calls that find something carry a struct actor, the authenticated account; calls that read or change messages a struct grant (grant.h), which
 * says what an actor may do with one mailbox. Both are decided in one place (access.c). What an actor may not see answers ERR_NOT_FOUND, as if it
 * did not exist (S9).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "blob/blob.h"
#include "db/db.h"

struct store;

#define QUOTA_WARN_MAX 8
struct store_domain {
	const char *name;
	char separator;
};
struct store_options {
	const char *dir;       /* the data folder; NULL: everything in memory (tests, fuzzers) */
	const char *vfs;       /* see db/vfs/faultvfs.h; NULL: the system's */
	int64_t grace;         /* seconds that expunged messages are kept; 0: the default (4 hours) */
	int64_t mailboxes;     /* names that an account may have, those of deleted parents too; 0: 100,000 */
	/* How names lead to accounts (account.h); copied. default_domain: NULL or empty: none. */
	const char *default_domain;
	char separator;        /* of accounts and details in addresses; '\0': none */
	const struct store_domain *domains; /* those with another separator */
	size_t domains_n;
	bool share_anyone;     /* an account may give rights to everybody (rights.h); else only an administrator can */
	size_t expansion;      /* accounts that one address may stand for (address.h); 0: 1,000 */
	/* Of accounts for which nothing else is said (quota.h); 0: no limit. Grace: bytes. Percentages that are warned of, the others 0. */
	int64_t quota_bytes, quota_messages, quota_mailboxes, quota_grace;
	uint8_t quota_warn[QUOTA_WARN_MAX];
	bool read_only;        /* nothing is written: of a folder that cannot be, a snapshot, or a copy */
	const char *file;      /* with read_only: this database file, wherever it lies, in place of dir's */
	bool no_reaper;        /* tests call store_reap() themselves */
	void (*fatal)(void *arg, const char *why); /* see struct db_options */
	void *fatal_arg;
};

/*
 * Whether a store may lie in that folder, which need not exist yet: not on a network or FUSE file system, whose locks and syncs do not do
 * what a database needs, unless forced; then why is added to as well. ERR_NO_PERM, and why says which file system.
 */
must_check enum status store_place(const char *dir, bool forced, struct buf *why);
/* Opens or makes the store: <dir>/mansio.db and relatives, mode 0600. Programs open theirs with mend_open() (store/mend/check.h). Migrates an older
 * schema, refuses a newer one (ERR_CONFLICT), and one whose repair was broken off when it was as good as done (ERR_AGAIN). ERR_UNAVAILABLE: another process has it open. read_only: ERR_LIMIT for one of an older schema, ERR_BAD_INPUT for a database that
 * is no store. */
must_check enum status store_open(const struct store_options *options, struct store **store_r);
/* Why it could not be opened, and what to do, for who tried. */
const char *store_open_fault(enum status st);
void store_close(struct store *store);

/* Makes the calling thread ready to read, before its first command needs it: connection, statements, memory. db_thread_end() undoes it. */
void store_warm(struct store *store);

struct db *store_db(struct store *store);
struct blob_store *store_blobs(struct store *store);

/* Who acts. Borrowed by every call; cheap to copy. */
struct actor {
	struct store *store;
	int64_t account; /* the authenticated account */
	bool admin;      /* the command line, deliveries: every account is open, rights are not asked */
};

/* ---- the change feed ---- */

enum store_event_kind {
	EVENT_MESSAGES,  /* messages came, went or changed: modseq is the mailbox's newest */
	EVENT_MAILBOX,   /* a mailbox was created, renamed, (un)subscribed, or its attributes changed; mailbox 0: the account's list may be another one */
	EVENT_DELETED,   /* a mailbox was deleted */
	EVENT_ACCOUNT,   /* how one may log in to the account changed: modseq is enum account_event */
	EVENT_QUOTA      /* a warning is due to the account (quota.h) */
};
/* What its sessions have to know, the later the worse: of several changes in one commit the worst is told. */
enum account_event {
	ACCOUNT_RENEWED,  /* nothing: other forms of the same password are kept, it was enabled, ... */
	ACCOUNT_PASSWORD, /* the password may be another one */
	ACCOUNT_CLOSED,   /* it was disabled, deleted or renamed */
};
struct store_event {
	enum store_event_kind kind;
	int64_t account; /* the owner of the mailbox */
	int64_t mailbox; /* 0 with EVENT_ACCOUNT and EVENT_QUOTA */
	uint64_t modseq;
	uint32_t uidnext;
};
/* Who follows what changes: sessions, and what is derived (an index, a stream, a queue). fn is called on the committer's thread after the change is
 * durable and before the change's own session is told; one event per mailbox, kind and commit, the same in the same order for each subscriber. It must
 * not block. A subscriber is its owner's. To take it off does not wait for a call that is under way: it, and what fn needs, stay where they are until
 * store_close(), or until nothing is written. There is room for STORE_SUBSCRIBERS. */
#define STORE_SUBSCRIBERS 8
struct store_subscriber {
	void (*fn)(void *arg, const struct store_event *ev);
	void *arg;
};
void store_subscribe(struct store *store, struct store_subscriber *sub);
/* One that is not there is passed over. */
void store_unsubscribe(struct store *store, struct store_subscriber *sub);

/* A random secret of this store, made with it: false salts, URL keys. 32 bytes, lives as long as the store. */
struct str store_secret(struct store *store);
/* Removes what is due (expunged messages past their grace, deleted mailboxes and accounts), in small commits. The
 * store's own thread calls it; tests call it with a time of their own (seconds since 1970). */
must_check enum status store_reap(struct store *store, int64_t now);

#endif
