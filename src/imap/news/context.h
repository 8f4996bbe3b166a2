/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: searches whose client is told how their results change: SEARCH and SORT with RETURN (UPDATE), RFC 5267 4.3. A context
 * belongs to the selected mailbox and ends with it, or with CANCELUPDATE. It keeps the program and the UIDs that its client believes
 * to be the result; for SORT also their order. Untagged updates (update.h) show it what is gone and which messages are
 * new or changed, and only these are asked for again; so an update costs what changed, not what there is. (To find a place in
 * the order of a SORT the list of UIDs in memory is walked once for each lot of changes: 4 bytes a message.)
 *
 * Bounds, beyond which UPDATE is refused with NO [NOUPDATE "tag"] (4.3.1): CONTEXT_MAX contexts of a session, CONTEXT_BYTES of memory
 * for all of them, CONTEXT_PROGRAM bytes of a program. One that grows past the second bound later, or cannot be kept
 * up because something cannot be read, ends with the same untagged NO.
 */
#ifndef IMAP_NEWS_CONTEXT_H
#define IMAP_NEWS_CONTEXT_H

#include "imap/core/cmd.h"
#include "query/query.h"
#include "query/sort.h"

#define CONTEXT_MAX 16
#define CONTEXT_BYTES (8u << 20)
#define CONTEXT_PROGRAM (64u << 10)

/* A message that comes into the results or leaves them; seq: in contexts that speak of sequence numbers. */
struct context_member {
	uint32_t uid, seq;
};
struct context_members {
	struct context_member *m; /* by UID */
	size_t n, cap;
};

struct context {
	struct context *next;
	struct arena arena;     /* of program and tag */
	struct str tag;
	size_t text;            /* bytes of the command, of which the program's texts are made */
	bool uid;               /* of a UID command: speaks of UIDs */
	bool esearch;           /* of ESEARCH: the mailbox is named in each response (RFC 7377 2.1) */
	bool sorted;            /* of SORT: positions count */
	struct query query;
	struct sorting by;      /* the criteria of SORT; no messages */
	struct runs uids;       /* the results */
	uint32_t *order;        /* of SORT: the same in order */
	size_t n, room;
	struct str items;       /* what is fetched of new messages, "(...)", or empty (RFC 5465 7) */
	struct runs fetch;      /* new messages among the results that are to be fetched */
	uint32_t looked;        /* UID of the message that was looked at last in this round */
	uint32_t gone_at;       /* of updates: what is gone was looked for below this UID; 0: not yet at all */

	/* Of a step of updates. */
	struct context_members came, left;
	struct sorting fresh;   /* rows: those that came */
};

/* A context for a command that begins, not yet one of the session's; the program goes into its arena. */
struct context *context_new(struct cmd *cmd, struct str items);
void context_free(struct context *c);
/* The search is over: the context takes the program and the results (order: UIDs as SORT puts them, or NULL) and becomes
 * the session's, or is refused, which the client is told, and freed. why: it has to be refused; or NULL. */
void context_keep(struct context *c, struct session *s, struct query *query, const struct runs *uids, const struct runs *order,
    const char *why);

/* The session's context of this tag, or NULL. */
struct context *context_find(const struct session *s, struct str tag);
void context_cancel(struct session *s, struct context *c);
/* The same, when the server cannot go on: the client is told. */
void context_withdraw(struct session *s, struct context *c, const char *why);
/* Withdraws all; with numbers only those that speak of sequence numbers (RFC 9586 3.1). */
void contexts_withdraw(struct session *s, bool numbers, const char *why);
/* Frees all, of a mailbox that is being left (4.3). */
void contexts_free(struct selected *sel);
/* Bytes of memory. */
size_t context_size(const struct context *c);

/* ---- for update.c ---- */

/* Messages that left the view, before they are told as expunged: REMOVEFROM (4.3.4). What is expunged but cannot be told yet leaves
 * the results at once (appendix A.3). */
struct context_update;
enum cmd_next contexts_gone(struct session *s, struct db_txn *txn, const struct view_update *u, struct context_update *cu, enum status *st_r);

/* Messages that are new or changed, after EXISTS and FETCH were told: ADDTO and REMOVEFROM (4.3.2, RFC 5465 5.1, 5.2). */
struct context_update *context_update_new(struct session *s, const struct view_update *u);
/* Some context has items. */
bool contexts_fetch(const struct selected *sel);
void context_update_free(struct context_update *cu);
enum cmd_next contexts_changed(struct session *s, struct db_txn *txn, struct context_update *cu, enum status *st_r);

/* ---- the order of a SORT (context_order.c) ---- */

/* Takes c->left out of the order, adds "position set ..." to out. */
void context_order_remove(struct context *c, struct buf *out);
/* Puts c->came, whose keys are in c->fresh, into the order. */
must_check enum status context_order_insert(struct context *c, struct session *s, struct db_txn *txn, struct buf *out);
/* The keys of a message as the next row. */
must_check enum status context_order_key(struct sorting *rows, struct session *s, struct db_txn *txn, const struct entry *e);

#endif
