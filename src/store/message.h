/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing messages. All functions are parts of write functions: pure, and to be given sets of bounded size
 * (MESSAGE_BATCH messages; the caller splits what may be split). Each change takes the mailbox's next mod-sequence and
 * writes one change row. They are in message_append.c, message_flags.c, message_copy.c and message_expunge.c. The grant is of the mailbox; each call tells the rights that it asks for (grant.h), without which it is ERR_NO_PERM and
 * nothing is changed.
 */
#ifndef STORE_MESSAGE_H
#define STORE_MESSAGE_H

#include "store/entry.h"
#include "store/mailbox.h"

#define MESSAGE_BATCH 16000 /* one to two milliseconds of the writer's time */
#define KEYWORD_MAX 255          /* bytes of a keyword's name */
#define KEYWORDS_PER_MAILBOX 5000 /* ERR_LIMIT beyond */
#define KEYWORDS_PER_MESSAGE 256  /* ERR_LIMIT beyond: a page stays small */

/* A message ready to be stored: made by deliver/ from its bytes. Borrowed. */
struct message_new {
	struct blob_stage *stage;  /* the body's bytes, finished; NULL when body is given */
	int64_t body;              /* a body published already in this transaction (one body for many recipients) */
	bool shared_body;          /* the body will have several owners */
	struct str prefix;         /* header lines of this recipient before the body: CRLF-ended, may be empty */
	uint64_t size;             /* prefix and body */
	struct str summary;        /* mime/summary.h */
	struct str structure;      /* mime/structure.h with BODY and BODYSTRUCTURE, as deliver packs it */
	uint64_t message_id_hash;  /* 0: none */
	const uint64_t *references; /* hashes of References and In-Reply-To, for the thread id */
	size_t references_n;
	int64_t internal_date;
	int16_t zone;
	uint8_t flags;
	const struct str *keywords;
	size_t keywords_n;
	struct str uidl;           /* what another server called it over POP3 (uidl.h); n 0: nothing */
	/* Quota (quota.h). Of several that are stored together the first one's count. */
	bool beyond;               /* it is stored whatever the quota: the server's own */
	const struct account_usage *before; /* what the owner held before this write took something away that this replaces: up to there it is stored; or NULL */
	bool *over_r;              /* the caller's: whether the owner has more than its quota now, by the grace; or NULL */
};

/* Right i. ERR_NOT_FOUND, ERR_READ_ONLY, ERR_QUOTA, ERR_LIMIT. After several appends in one transaction the mailbox has one change row each. */
must_check enum status message_append(const struct grant *grant, struct db_txn *txn, const struct message_new *message,
    uint32_t *uid_r, uint64_t *modseq_r);

/* Several messages with consecutive UIDs, all or none, one change row: cheaper than one by one. n > 0. */
must_check enum status message_append_all(const struct grant *grant, struct db_txn *txn, const struct message_new *const *messages,
    size_t n, uint32_t *first_uid_r, uint64_t *modseq_r);

enum flag_op { FLAGS_SET, FLAGS_ADD, FLAGS_REMOVE };
struct flag_change {
	enum flag_op op;
	uint8_t flags;
	const struct str *keywords;
	size_t keywords_n;
	bool conditional;         /* UNCHANGEDSINCE was given (RFC 7162 3.1.3): with FLAGS_ADD and FLAGS_REMOVE only changes of these flags count, as far
	                           * back as change rows are kept */
	uint64_t unchanged_since;
};
/* Messages as a change left them: each write function begins anew at n 0. */
struct flag_after {
	struct arena *arena;      /* of the keywords */
	struct entry *e;          /* room for all messages that the change is told */
	size_t n;
};
struct flag_result {
	struct runs changed;      /* UIDs whose flags are different now */
	struct runs failed;       /* the condition did not hold: MODIFIED */
	struct runs *there;       /* set by the caller: gets the UIDs that were there, changed or not; NULL: not wanted */
	struct flag_after *after; /* the same: gets the messages that were there, ascending; NULL: not wanted */
	uint64_t modseq;          /* of this change; 0 when nothing changed */
};
/* Rights: s for \Seen, t for \Deleted, w for all others; FLAGS_SET: all three. UIDs that are not there (any more) are passed over. The runs of *result_r are added to. */
must_check enum status message_flags(const struct grant *grant, struct db_txn *txn, const struct runs *uids,
    const struct flag_change *change, struct flag_result *result_r);

struct copy_result {
	struct runs from;         /* source UIDs, ascending */
	uint32_t to_first;        /* destination UIDs: to_first, to_first + 1, ... in the same order */
	uint32_t to_n;
	uint32_t uidvalidity;     /* of the destination */
	uint64_t modseq;          /* of the source after a move */
	bool over;                /* the destination's owner has more than its quota now, by the grace */
	uint32_t next;            /* into another account, of which one transaction takes only so many: 0: that were all; else a move goes on with the
	                           * UIDs from here on, and a copy has copied nothing: it wants a copy_begin() */
};
/* Keeps flags, keywords, internal date and object ids; the save date is now. Atomic. Into another account the body is shared, the email is a new one
 * (docs/why/grants.md). move also expunges the source messages (RFC 6851). The destination may be the source. ERR_QUOTA: its owner has no room; what
 * moves within an account needs none. Rights: r of the source, with move t and e as well; i of the destination. */
must_check enum status message_copy(const struct grant *from, struct db_txn *txn, const struct runs *uids, const struct grant *to,
    bool move, struct copy_result *result_r);

/* Right e. Expunges the messages with \Deleted among uids (NULL: all, at most max of them, the lowest UIDs first). *more_r: there are more. */
must_check enum status message_expunge(const struct grant *grant, struct db_txn *txn, const struct runs *uids, size_t max,
    struct runs *gone_r, bool *more_r, uint64_t *modseq_r);

#endif
