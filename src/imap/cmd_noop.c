/* SPDX-License-Identifier: Apache-2.0 */
/* NOOP. */
#include "imap/commands.h"
#include "imap/core/reply.h"

/* NOOP, RFC 3501 6.1.2: the updates that every command brings (T92). */
enum cmd_next
cmd_noop(struct cmd *cmd)
{
	if (arg_end(&cmd->args) != OK)
		return reply_usage(cmd);
	return reply_ok(cmd, "NOOP completed");
}
