/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit: how many messages one command may work on (RFC 9738), where the settings want a limit. A command that is asked for more
 * works on the highest ones, from the highest UID down (VIEW_WALK, store/view.h), and its answer tells the lowest of them: MESSAGELIMIT. COPY, APPEND, SORT and
 * THREAD, which cannot stop in the middle, refuse. EXPUNGE, CLOSE and STATUS know no limit.
 */
#ifndef IMAP_CORE_LIMIT_H
#define IMAP_CORE_LIMIT_H

#include "imap/core/cmd.h"

/* Which messages of a set count. */
struct limit_filter {
	uint64_t changed_since; /* those with a higher mod-sequence; 0: all */
	bool deleted;           /* those with \Deleted */
};

/*
 * Cuts a set of the selected mailbox to the highest messages that the limit allows, and sets cmd->limit_uid then: the answer will tell.
 * Otherwise uids stays as it is.
 */
must_check enum status limit_cut(struct cmd *cmd, struct db_txn *txn, struct limit_filter filter, struct runs *uids);
/* The lowest UID of the highest max messages among uids; 0: there are no more than max. */
must_check enum status limit_lowest(struct cmd *cmd, struct db_txn *txn, const struct runs *uids, uint64_t max, uint32_t *uid_r);
/* NO [MESSAGELIMIT max uid]; uid 0: not known. */
enum cmd_next limit_refuse(struct cmd *cmd, uint64_t max, uint32_t uid);
/* Adds "MESSAGELIMIT max uid" of a command whose set was cut. */
void limit_code(struct buf *out, const struct cmd *cmd);

#endif
