/* SPDX-License-Identifier: Apache-2.0 */
/* CHECK: whether the selected mailbox is still there. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/core/selected.h"

/* CHECK, RFC 3501 6.4.1: every answer here is on disk already, so there is nothing to do but to see whether the mailbox is there. */
enum cmd_next
cmd_check(struct cmd *cmd)
{
	bool gone;
	enum status st;

	if (arg_end(&cmd->args) != OK)
		return reply_usage(cmd);
	if ((st = selected_look(cmd, &gone)) != OK)
		return reply_status(cmd, st);
	return gone ? reply_mailbox_gone(cmd) : reply_ok(cmd, "CHECK completed");
}
