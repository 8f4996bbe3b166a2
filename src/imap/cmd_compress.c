/* SPDX-License-Identifier: Apache-2.0 */
/* COMPRESS: DEFLATE from the tagged OK on. */
#include "imap/commands.h"
#include "imap/core/capability.h"
#include "imap/core/reply.h"

static enum status
compress_on(struct session *s)
{
	/* The OK goes out as it is; everything behind its CRLF is compressed (RFC 4978 3). */
	return conn_compress(s->conn);
}

/* COMPRESS, RFC 4978 3. Only after login: before it nobody may make us spend memory on a window. */
enum cmd_next
cmd_compress(struct cmd *cmd)
{
	struct str mechanism;
	enum status st;

	if ((st = arg_space(&cmd->args)) != OK || (st = arg_atom(&cmd->args, &mechanism)) != OK ||
	    (st = arg_end(&cmd->args)) != OK)
		return reply_syntax(cmd, st);
	if (!str_caseeq(mechanism, STR("DEFLATE")))
		return reply_bad(cmd, "The only mechanism is DEFLATE");
	if (conn_compressed(cmd->session->conn))
		return reply_bad_code(cmd, "COMPRESSIONACTIVE", "Compression is on already");
	if (!capability_on(cmd->session, "COMPRESS=DEFLATE"))
		return reply_hidden(cmd);
	cmd->sent = compress_on;
	return reply_ok(cmd, "DEFLATE active");
}
