/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ahead: a client that sends change after change without waiting does not wait for the disk each time: while the last commit of one is on its
 * way, the next is read, looked into and submitted, so that many share a sync. It shows nowhere but in time: each is answered in its turn, after
 * its own commit, with what it would have been answered had the one before been answered first (RFC 9051 5.5).
 *
 * How that is kept: the write functions run in the order of the commands, each in what those before it left (db/db.h), and done(), which
 * sees the view and writes, is called in the order of the answers. What is looked at before the commit must not depend on what is not
 * answered yet. Where it does, the command begins when all before it are answered:
 *
 *  - anything that only reads or changes the session: every command without CMDF_OVERLAP;
 *  - numbers of messages behind a command that takes messages away (CMDF_EXPUNGES), for its answer moves them. Where numbers were taken already,
 *    the answers before tell no expunge (ahead_numbers());
 *  - a name that is looked up (CMDF_FINDS) behind one that changes names (CMDF_NAMES); messages of the selected mailbox and the names that may take
 *    it away behind each other;
 *  - what the handler finds: a set that reaches beyond the view (core/set.h), messages that are gone: CMD_NOT_YET.
 *
 * The answer of a command tells of the selected mailbox what happened up to its own change, and no further (ahead_upto()): what those behind
 * it did comes with their answers. A session that keeps searches up, or uses NOTIFY, tells all that there is; there only APPENDs overlap.
 *
 * What waits so holds a bounded amount of memory. A command that came to have somebody behind it writes nothing more (cmd_write_last()).
 */
#ifndef IMAP_AHEAD_H
#define IMAP_AHEAD_H

#include "imap/core/cmd.h"

/* The session's command has handed its last change to the committer: moves it to those that wait for their commits, if others may follow. False: it
 * stays. */
bool ahead_push(struct session *s);
/* Takes the oldest of them as the session's command, if its commit is over; what was being read goes on when it is answered. */
bool ahead_pop(struct session *s);
/* Whether a command may begin although some still wait; literal: the reader stands at one. */
bool ahead_may_begin(struct session *s, const struct command *row, bool literal);
/* Behind the session's command, which is answered now, message numbers were taken: nothing may tell an expunge before they are answered. */
bool ahead_numbers(const struct session *s);
/* How far the answer of the session's command tells of the selected mailbox (news/update.h). */
uint64_t ahead_upto(const struct session *s);
/* With the session. All writes are over. */
void ahead_free(struct session *s);

#endif
