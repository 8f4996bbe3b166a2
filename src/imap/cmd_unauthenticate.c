/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/capability.h"
#include "imap/commands.h"
#include "imap/reply.h"
#include "imap/selected_close.h"

static enum status
logged_out(struct session *s)
{
	/* The OK was the last thing that is compressed (RFC 8437 4.1). */
	enum status st = conn_end_filter(s->conn);

	if (st == OK)
		session_logged_out(s);
	return st;
}

/* UNAUTHENTICATE, RFC 8437 3: never NO; what cannot be undone would be answered with BYE. */
enum cmd_next
cmd_unauthenticate(struct cmd *cmd)
{
	if (arg_end(&cmd->args) != OK)
		return reply_bad(cmd, "UNAUTHENTICATE takes nothing");
	if (!capability_on(cmd->session, "UNAUTHENTICATE"))
		return reply_hidden(cmd);
	selected_close(cmd->session);
	cmd->sent = logged_out;
	return reply_ok(cmd, "Logged out, log in again");
}
