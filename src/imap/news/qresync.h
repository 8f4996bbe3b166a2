/* SPDX-License-Identifier: Apache-2.0 */
/* qresync: the QRESYNC parameter of SELECT and EXAMINE (RFC 7162 3.2.5): what happened while the client was away. */
#ifndef IMAP_NEWS_QRESYNC_H
#define IMAP_NEWS_QRESYNC_H

#include "imap/core/cmd.h"

struct qresync {
	bool given;
	uint32_t uidvalidity;
	uint64_t modseq;
	bool known_given;
	struct runs known;           /* UIDs that the client knows */
	struct runs seqs, seq_uids;  /* message sequence match data */
	struct runs gone;            /* to be told as VANISHED (EARLIER) */
	size_t gone_at;
	struct runs changed;         /* to be told as FETCH */
	struct view_iter it;
};

/* Reads " (uidvalidity modseq [uids] [(seqs uids)])". */
must_check enum status qresync_parse(struct qresync *q, struct args *a);
/* Whether there is message sequence match data. */
bool qresync_has_numbers(const struct qresync *q);
/* Finds what is to be told, in the snapshot in which the mailbox was opened. */
must_check enum status qresync_find(struct qresync *q, struct session *s, struct db_txn *txn);
/* Tells some of it; for a step. CMD_DONE: all was told. */
enum cmd_next qresync_step(struct qresync *q, struct cmd *cmd, enum status *st_r);
void qresync_free(struct qresync *q);

#endif
