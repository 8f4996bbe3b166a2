/* SPDX-License-Identifier: Apache-2.0 */
/* NAMESPACE: there is one. */
#include "imap/commands.h"
#include "imap/core/reply.h"

/* NAMESPACE, RFC 2342: one personal namespace without prefix (T21). */
enum cmd_next
cmd_namespace(struct cmd *cmd)
{
	if (arg_end(&cmd->args) != OK)
		return reply_usage(cmd);
	buf_add(cmd_out(cmd), STR("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"));
	return reply_ok(cmd, "NAMESPACE completed");
}
