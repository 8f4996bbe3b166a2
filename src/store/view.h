/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view: what one session has been told about its selected mailbox. A live session is a QRESYNC client of
 * its own mailbox: its view is a position in the mailbox's history, not a list. It holds
 *
 *  - two mod-sequences: up to flags_told every flag change, up to gone_told every expunge was told;
 *  - next_told: messages with smaller UIDs are in the view (if not expunged and told);
 *  - the ghosts: UIDs below next_told that the store has expunged since gone_told. They are still in the view, keep
 *    their sequence numbers and can be read during their grace.
 *
 * Sequence numbers are computed: the rank of a UID in the store's directory plus the ghosts below it.
 * So a view costs the same for ten messages as for ten million.
 *
 * A right to read that was taken away is no expunge: nothing is told any more, until the view is closed, whether the right comes back or not
 * (RFC 4314 5.1.1). Other rights are those of the snapshot that the ghosts are up to.
 *
 * One thread at a time. Every function that takes a txn first brings the ghosts up to that snapshot; the view never
 * tells anything by itself: only view_sync() moves what was told.
 */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "store/changes.h"
#include "store/entry.h"
#include "store/mailbox.h"

struct view {
	struct grant grant;         /* of the mailbox to this session */
	uint32_t uidvalidity;
	bool read_only;             /* EXAMINE */
	bool lost;                  /* the right to read it was taken away: for good, each call says ERR_NO_PERM, or ERR_NOT_FOUND */
	bool known;                 /* lost, but it may be known that it is there: ERR_NO_PERM */
	bool deleted;               /* the mailbox is gone from the store; view_sync() empties the view */
	uint32_t exists;            /* messages in the view, ghosts included */
	uint32_t next_told;
	uint64_t flags_told, gone_told;
	uint64_t seen_modseq;       /* the snapshot that the ghosts are up to */
	struct runs ghosts;
	struct runs recent;         /* UIDs that are \Recent in this session */
	/* Mod-sequences of this session's own flag changes that it told itself: see view_told(). */
	struct modseq_run own[8];
	unsigned own_n;
	bool keep_own;              /* view_sync() gives them too, apart */
	uint32_t keywords_told; /* how many keywords the mailbox had at the last sync */
};

/* Begins a view at the snapshot, with the grant that whatever reads its messages takes. The caller has found the mailbox (mailbox_find). Does
 * not claim \Recent. ERR_NO_PERM: the actor may not read it; ERR_NOT_FOUND. */
must_check enum status view_open(struct view *v, const struct actor *actor, struct db_txn *txn, const struct mailbox *mb,
    bool read_only);
void view_close(struct view *v);
/* What each call says of one that is lost: ERR_NO_PERM, ERR_NOT_FOUND; else OK. */
static inline enum status
view_lost(const struct view *v)
{
	return !v->lost ? OK : v->known ? ERR_NO_PERM : ERR_NOT_FOUND;
}

/* ---- numbers ---- */

/* The sequence number of the message with that UID, or 0. */
must_check enum status view_seq(struct view *v, struct db_txn *txn, uint32_t uid, uint32_t *seq_r);
/* The sequence numbers of all ghosts, as they are: number i of v->ghosts has number i of *seqs. For the snapshot that the ghosts are up to. */
must_check enum status view_ghost_seqs(struct view *v, struct db_txn *txn, struct runs *seqs);
/* Turns a set of sequence numbers into the UIDs of the view. Each run gives one run of UIDs, gaps included: what lies in a gap is not
 * and will never be in the view; view_uids_present() gives the exact set. Numbers past exists: ERR_BAD_INPUT, nothing is added. */
must_check enum status view_uids_of_seqs(struct view *v, struct db_txn *txn, const struct runs *seqs, struct runs *uids_r);
/* Cuts a set of UIDs to those that the view holds. */
must_check enum status view_uids_present(struct view *v, struct db_txn *txn, const struct runs *uids, struct runs *uids_r);
/* The highest UID of the view, 0 when it is empty: what '*' means. */
must_check enum status view_last_uid(struct view *v, struct db_txn *txn, uint32_t *uid_r);
/* The sequence number of the first message without \Seen, 0: none. Logarithmic. In the snapshot in which the view was opened: it does not
 * bring the ghosts up to another. */
must_check enum status view_first_unseen(struct view *v, struct db_txn *txn, uint32_t *seq_r);

/* ---- walking ---- */

/*
 * An iterator over the messages of the view in ascending order of UID, or downwards, optionally only those of a set of UIDs. Downwards it costs
 * about twice as much. It survives the end of its snapshot: view_iter_end() before db_read_end(), view_iter_begin() with the next snapshot
 * goes on after the last message given.
 *
 *	struct view_iter it = VIEW_ITER(v, uids_or_NULL);
 *	st = view_iter_begin(&it, txn);
 *	while ((e = view_iter_next(&it)) != NULL) ... it.seq ...
 *	st = view_iter_end(&it);		// the status of the whole walk
 */
struct view_walk;
struct view_block;
struct view_iter {
	struct view *view;
	const struct runs *only; /* UIDs; NULL: all. Must not change while walking */
	bool down;               /* from the highest UID down */
	uint32_t next_uid;       /* where to go on: messages beyond it, as the walk goes, were given; 0: all were */
	uint32_t seq;            /* of the message given last */
	bool no_seq;             /* set by the caller before begin: sequence numbers are not needed (cheaper) */
	uint64_t changed_since;  /* only messages with a higher modseq; whole pages are passed over; 0: all */
	uint32_t missed;         /* messages passed over so far: expunged and past their grace, or damaged. FETCH then answers
	                          * NO [EXPUNGEISSUED] (RFC 9051 7.1). Downwards one may count twice where a snapshot ended */
	enum status status;
	struct db_txn *txn;
	struct view_walk *walk;  /* the iterator's own */
	struct view_block *block; /* the same, downwards */
};
#define VIEW_ITER(v, set) VIEW_WALK(v, set, false)
/* downwards: which way. */
#define VIEW_WALK(v, set, downwards) {.view = (v), .only = (set), .down = (downwards), .next_uid = (downwards) ? UINT32_MAX : 1}
must_check enum status view_iter_begin(struct view_iter *it, struct db_txn *txn);
/* The next message, or NULL at the end or on failure. The entry lives until the next call. A page that is damaged is
 * logged and passed over; its messages keep their sequence numbers. */
const struct entry *view_iter_next(struct view_iter *it);
must_check enum status view_iter_end(struct view_iter *it);
/* In place of view_iter_next(): adds the UIDs of the next messages that are not expunged, at most max of them, which is a commit's worth. How
 * many; fewer than max: that was all. Sets *gone to true where some are expunged. */
size_t view_iter_take(struct view_iter *it, size_t max, struct runs *uids, bool *gone);
/* Is nothing of the set left to be given? Without a set: nobody knows before the end. */
bool view_iter_over(const struct view_iter *it);

/* ---- what changed ---- */

/* What view_sync() found, to be sent in this order: expunges, EXISTS, RECENT, flags (T82). */
struct view_update {
	struct runs gone;      /* UIDs that leave the view now */
	struct runs gone_seqs; /* their sequence numbers before any of them left: send from the highest down */
	bool grown;            /* exists changed upwards: send EXISTS (never only because of expunges, T81) */
	uint32_t first_new;    /* UIDs from here on came in now; 0: none. For the \Recent claim */
	struct runs changed;   /* UIDs in the (old) view whose flags changed and were not told; not gone ones */
	struct runs own;       /* with keep_own: UIDs whose flags changed, those that this session told itself included */
	bool keywords;         /* the mailbox has keywords that it had not at the last sync: send FLAGS */
	uint64_t modseq;       /* any HIGHESTMODSEQ sent with this update: the lower of the two positions */
};
/* Moves the view up to the snapshot. Without may_expunge expunges stay untold (RFC 9051 7.5.1) and \Deleted mailboxes stay as
 * they are. A mailbox that was deleted: all messages gone when that is allowed. */
must_check enum status view_sync(struct view *v, struct db_txn *txn, bool may_expunge, struct view_update *u_r);
/* The same, but of flags and expunges what came up to that mod-sequence only: what went later stays a ghost. (Messages that came are told in any case.) Where the
 * history is not kept one by one as far back, all is told. */
must_check enum status view_sync_to(struct view *v, struct db_txn *txn, bool may_expunge, uint64_t upto, struct view_update *u_r);
void view_update_free(struct view_update *u);
/* The mod-sequence that a mailbox has, in a write function too: the position to which its change brings a view. ERR_NOT_FOUND: it
 * is gone. */
must_check enum status view_position(int64_t mailbox, struct db_txn *txn, uint64_t *modseq_r);
/* The session has itself told the flags as they were at this mod-sequence (a STORE's reply): view_sync() passes over that change. If it was
 * the next one of the mailbox the view stands behind it already: seen_modseq tells. */
void view_told(struct view *v, uint64_t modseq);

#endif
