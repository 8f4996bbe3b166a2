/* SPDX-License-Identifier: Apache-2.0 */
/* BBOARD, of which there are none. */
#include "imap/commands.h"
#include "imap/core/reply.h"

/* BBOARD, RFC 1176: SELECT of a bulletin board, of which there are none. */
enum cmd_next
cmd_bboard(struct cmd *cmd)
{
	struct str name;
	enum status st;

	if ((st = arg_space(&cmd->args)) != OK || (st = arg_mailbox(&cmd->args, &name)) != OK ||
	    (st = arg_end(&cmd->args)) != OK)
		return reply_syntax(cmd, st);
	return reply_no(cmd, "NONEXISTENT", "There are no bulletin boards");
}
