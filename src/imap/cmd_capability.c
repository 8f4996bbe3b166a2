/* SPDX-License-Identifier: Apache-2.0 */
/* CAPABILITY. */
#include "imap/commands.h"
#include "imap/core/capability.h"
#include "imap/core/reply.h"

/* CAPABILITY, RFC 3501 6.1.1. */
enum cmd_next
cmd_capability(struct cmd *cmd)
{
	struct buf *out = cmd_out(cmd);

	if (arg_end(&cmd->args) != OK)
		return reply_usage(cmd);
	buf_add(out, STR("* "));
	capability_add(out, cmd->session);
	buf_add(out, STR("\r\n"));
	return reply_ok(cmd, "CAPABILITY completed");
}
