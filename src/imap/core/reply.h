/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply: how a command ends. Each function keeps the reply and returns CMD_DONE, so that a handler
 * says `return reply_ok(cmd, "NOOP completed")`. The tagged line goes out after the updates. text and code are
 * strings that stay, or lie in the command's arena. One status table for all (RFC 5530 on every NO).
 */
#ifndef IMAP_CORE_REPLY_H
#define IMAP_CORE_REPLY_H

#include "imap/core/cmd.h"

enum cmd_next reply_ok(struct cmd *cmd, const char *text);
/* code: what stands between the brackets. */
enum cmd_next reply_ok_code(struct cmd *cmd, struct str code, const char *text);
enum cmd_next reply_no(struct cmd *cmd, const char *code, const char *text);
enum cmd_next reply_bad(struct cmd *cmd, const char *text);
/* The command belongs to a capability that is kept back (imap/core/hide.h). */
enum cmd_next reply_hidden(struct cmd *cmd);
/* BAD with a response code: CLIENTBUG, UIDREQUIRED. */
enum cmd_next reply_bad_code(struct cmd *cmd, const char *code, const char *text);
/* NO (or BAD for ERR_BAD_INPUT) as the status table says. st is not OK. Where the command has changed something already and the store cannot be read
 * any more: BYE. */
enum cmd_next reply_status(struct cmd *cmd, enum status st);
/* BAD with the usage of the command's row. */
enum cmd_next reply_usage(struct cmd *cmd);
/* The answer for what an arg_... reader returned: BAD with what was expected and where (imap/core/syntax.h), or the usage of the command's row where
 * nobody noted that; for ERR_LIMIT, well formed but too much, NO [LIMIT] (RFC 5530); where args.no_mailbox is set, NO [CANNOT] (T105). */
enum cmd_next reply_syntax(struct cmd *cmd, enum status st);
/* The same of a part of the command that has a usage of its own. */
enum cmd_next reply_syntax_of(struct cmd *cmd, enum status st, const char *usage);
/* The selected mailbox was deleted by another session: NO [NONEXISTENT] (RFC 2180 3). */
enum cmd_next reply_mailbox_gone(struct cmd *cmd);
/* A mailbox named as a destination is missing: NO [TRYCREATE] (T84). */
/* "* NO [OVERQUOTA]": the command was done, and there is more than the quota now, by its grace (RFC 9208 4.3.1). */
void reply_over_quota(struct cmd *cmd);
enum cmd_next reply_trycreate(struct cmd *cmd);

/* The safe text and the response code of a status. */
const char *reply_status_code(enum status st);
const char *reply_status_text(enum status st);

#endif
