/* SPDX-License-Identifier: Apache-2.0 */
/* NAMESPACE: where mailboxes are. */
#include "imap/commands.h"
#include "imap/core/reply.h"

/* NAMESPACE, RFC 2342: the personal one without prefix (T21), and that of other users. */
enum cmd_next
cmd_namespace(struct cmd *cmd)
{
	if (arg_end(&cmd->args) != OK)
		return reply_usage(cmd);
	buf_add(cmd_out(cmd), STR("* NAMESPACE ((\"\" \"/\")) ((\"Other Users/\" \"/\")) NIL\r\n"));
	return reply_ok(cmd, "NAMESPACE completed");
}
