/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ahead: a client that sends APPEND after APPEND without waiting does not wait for the disk each time: while the commit of one is on its way, the
 * next is read, staged and submitted, so that they share a sync. Each is still answered in its turn, and any other command begins only
 * when all of them are answered (RFC 9051 5.5). What waits so holds a bounded amount of memory.
 */
#ifndef IMAP_AHEAD_H
#define IMAP_AHEAD_H

#include "imap/core/cmd.h"

/* The session's command has handed its change to the committer: moves it to those that wait for their commits, if it may be overtaken by the
 * reading of the next and there is input for that. False: it stays. */
bool ahead_push(struct session *s);
/* Takes the oldest of them as the session's command, if its commit is over; what was being read goes on when it is answered. */
bool ahead_pop(struct session *s);
/* Whether the command whose literal the reader has found may begin although some still wait: another of their kind, for whose message nobody must say "+". */
bool ahead_may_begin(const struct session *s, const struct command *row);
/* With the session. All writes are over. */
void ahead_free(struct session *s);

#endif
