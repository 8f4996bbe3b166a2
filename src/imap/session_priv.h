/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_priv: how the files of a session's loop hand it on to each other. session.c is what the connection calls, session_read.c
 * cuts the input into commands, session_command.c runs and answers them, session_login.c is the way to the account and back.
 *
 * Each step does one thing and returns what the connection is to wait for, or SESSION_GO where the loop of session.c is to go on
 * with the next. Nothing is kept on the stack in between: s->cmd, s->held and the reader say where it stands. All of it runs in the
 * thread that has the connection.
 */
#ifndef IMAP_SESSION_PRIV_H
#define IMAP_SESSION_PRIV_H

#include "imap/core/cmd.h"

/* Not a value of enum conn_next: go round the loop again. */
#define SESSION_GO ((enum conn_next) - 1)

/* Between commands: reads the next and begins it, or tells first what NOTIFY asked for. */
enum conn_next session_read(struct session *s);
/* The running command waits for a line or for more of itself: reads that and calls it. */
enum conn_next session_feed(struct session *s, unsigned events);

/* Begins s->cmd, whose row is known. */
enum conn_next session_begin(struct session *s);
/* Calls the handler of s->cmd, or its next step. */
enum conn_next session_call(struct session *s, enum cmd_at at);
/* Goes on as the handler of s->cmd has returned. */
enum conn_next session_after(struct session *s, enum cmd_next next);
/* The running command's change is on disk, or not. */
enum conn_next session_written(struct session *s);
/* Updates, then the tagged line of s->cmd; called again where it had to wait. */
enum conn_next session_answer(struct session *s);
/* What NOTIFY asked for is told by a command without a tag, between others or inside IDLE. */
enum conn_next session_tell_news(struct session *s);
/* Frees s->cmd; what it had interrupted takes its place. */
void session_drop(struct session *s);

/* Says BYE when the session has to end now; true then. */
bool session_must_end(struct session *s);

#endif
