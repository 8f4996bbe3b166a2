/* SPDX-License-Identifier: Apache-2.0 */
/* literal: what becomes of a literal that a command announces: it is collected into the command, or streamed to its handler. */
#ifndef IMAP_LITERAL_H
#define IMAP_LITERAL_H

#include "imap/core/cmd.h"

/* The session is to hold the literal that was announced (session_hold()). ERR_MEMORY: there is no room for it. */
must_check enum status session_hold_literal(struct session *s);
/* Streaming commands at CMD_AT_LITERAL: take the literal as chunks, with the "+" where one is due; then return CMD_WAIT_INPUT. A
 * reply instead refuses it: the session drops what is still to come of the command (T86). */
void cmd_literal_stream(struct cmd *cmd);
/* The same, into the command. ERR_LIMIT: not collected; reply. */
must_check enum status cmd_literal_collect(struct cmd *cmd);

#endif
