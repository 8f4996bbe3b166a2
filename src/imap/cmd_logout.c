/* SPDX-License-Identifier: Apache-2.0 */
/* LOGOUT. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/news/selected_close.h"

/* LOGOUT, RFC 3501 6.1.3: BYE, then OK, then the end of the connection (T93). */
enum cmd_next
cmd_logout(struct cmd *cmd)
{
	if (arg_end(&cmd->args) != OK)
		return reply_usage(cmd);
	selected_close(cmd->session);
	session_bye(cmd->session, NULL, "Logging out");
	return reply_ok(cmd, "LOGOUT completed");
}
