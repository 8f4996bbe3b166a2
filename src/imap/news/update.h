/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update: the untagged updates of the selected mailbox: what view_sync() found, as EXPUNGE (from the
 * highest number down), EXISTS, RECENT, FLAGS and FETCH lines, in this order (T82), in steps; sessions with QRESYNC or UIDONLY
 * get the same in their forms. Whatever other sessions did to the mailbox is told here and nowhere else. What a command itself changed it may
 * tell in its own answer (STORE, FETCH with \Seen: selected_told()); what happened while the client was away is qresync.h's.
 */
#ifndef IMAP_NEWS_UPDATE_H
#define IMAP_NEWS_UPDATE_H

#include "imap/core/cmd.h"

/* How far updates are told: what comes after that mod-sequence waits. A command behind which others of the session stand tells what happened up to
 * its own change (imap/ahead.h). */
#define UPDATE_ALL UINT64_MAX

/* Whether update_step() has anything to do; one atomic load when nothing happened. */
bool update_due(struct session *s, bool may_expunge, uint64_t upto);
/*
 * Sends what is due, or a step of it. CMD_DONE: all told. CMD_WAIT_OUTPUT, CMD_AGAIN: call again. CMD_CLOSE: the
 * store failed, or IDLE ended as update_lost() has it. uid: put UIDs into FETCH lines (after UID commands, RFC 9051 6.4.9).
 */
enum cmd_next update_step(struct session *s, bool may_expunge, bool uid, uint64_t upto);
void update_free(struct selected *sel);
/* The right to read the selected mailbox was taken away, and the client waits for news in IDLE: says BYE (RFC 4314 5.1.1); return CMD_CLOSE then. */
bool update_lost(struct session *s);

/* Claims (or, in a read-only mailbox, looks at) \Recent for messages of the view with UIDs from first on, and writes
 * the mark lazily. mb: fresh from this snapshot. */
must_check enum status update_recent(struct session *s, struct db_txn *txn, const struct mailbox *mb, uint32_t first);

#endif
