/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/reply.h"

/* CHECK, RFC 3501 6.4.1: every answer here is on disk already, so it is a NOOP. */
enum cmd_next
cmd_check(struct cmd *cmd)
{
	if (arg_end(&cmd->args) != OK)
		return reply_bad(cmd, "CHECK takes nothing");
	return reply_ok(cmd, "CHECK completed");
}
