/* SPDX-License-Identifier: Apache-2.0 */
/* Literals: room for them, collected or streamed. */
#include "imap/literal.h"

#include "imap/news/session_memory.h"

enum status
session_hold_literal(struct session *s)
{
	uint64_t size = s->reader.literal.size;

	/* What is over the reader's limit is refused by it, for a better reason. */
	return size > s->reader.limits->literal ? OK : session_hold(s, (size_t)size);
}

void
cmd_literal_stream(struct cmd *cmd)
{
	imap_reader_stream(&cmd->session->reader);
	if (cmd->session->reader.literal.sync)
		cmd_continue(cmd, STR("OK"));
}

enum status
cmd_literal_collect(struct cmd *cmd)
{
	bool sync = cmd->session->reader.literal.sync;
	enum status st = session_hold_literal(cmd->session);

	if (st == OK)
		st = imap_reader_collect(&cmd->session->reader);
	if (st == OK && sync)
		cmd_continue(cmd, STR("OK"));
	return st;
}
