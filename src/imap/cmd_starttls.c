/* SPDX-License-Identifier: Apache-2.0 */
/* STARTTLS: the handshake comes behind the tagged OK. */
#include "imap/commands.h"
#include "imap/core/capability.h"
#include "imap/core/reply.h"

/* STARTTLS, RFC 3501 6.2.1. Bytes behind it in the clear end the connection (S1). */
enum cmd_next
cmd_starttls(struct cmd *cmd)
{
	if (arg_end(&cmd->args) != OK)
		return reply_usage(cmd);
	if (conn_tls(cmd->session->conn))
		return reply_bad(cmd, "TLS is on already");
	if (!capability_shown(cmd->session, "STARTTLS"))
		return reply_hidden(cmd);
	if (!conn_tls_offer(cmd->session->conn))
		return reply_bad(cmd, "There is no TLS here");
	cmd->sent = session_start_tls;
	return reply_ok(cmd, "Begin TLS now");
}
