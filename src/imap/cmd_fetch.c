/* SPDX-License-Identifier: Apache-2.0 */
/* FETCH: the command is read here, fetch/fetch_send.c answers it. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/fetch/fetch.h"

/* FETCH and UID FETCH, RFC 3501 6.4.5, 6.4.8. */
enum cmd_next
cmd_fetch(struct cmd *cmd)
{
	struct fetch *f = arena_new(&cmd->arena, struct fetch);
	struct arg_set set = {0};
	enum status st;

	f->cmd = cmd;
	f->uid = cmd->uid;
	if ((st = arg_space(&cmd->args)) != OK || (st = arg_set(&cmd->args, &set)) != OK ||
	    (st = arg_space(&cmd->args)) != OK || (st = fetch_parse(f, &cmd->args)) != OK ||
	    (st = fetch_modifiers(f, &cmd->args)) != OK) {
		arg_set_free(&set);
		return reply_syntax(cmd, st);
	}
	/* RFC 9738 3.1: not begun at all. */
	if (f->partial.given && cmd_message_max(cmd) > 0 && partial_span(&f->partial) > cmd_message_max(cmd)) {
		arg_set_free(&set);
		return limit_refuse(cmd, cmd_message_max(cmd), 0);
	}
	return fetch_begin(cmd, f, &set);
}
