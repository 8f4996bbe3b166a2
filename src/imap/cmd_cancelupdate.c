/* SPDX-License-Identifier: Apache-2.0 */
/* CANCELUPDATE: searches that are kept up no longer. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/news/context.h"

/* CANCELUPDATE, RFC 5267 4.3.5: no more news of the results of searches, named by their tags. One that the server has withdrawn
 * itself meanwhile, or that it does not know, is no harm but worth a NO. */
enum cmd_next
cmd_cancelupdate(struct cmd *cmd)
{
	struct args scan = cmd->args;
	bool unknown = false;
	struct str tag;
	enum status st;

	/* The whole command is read before anything is done. */
	do {
		st = arg_space(&scan);
		if (st == OK)
			st = arg_astring(&scan, &tag);
		args_take_fault(&cmd->args, &scan);
		if (st != OK)
			return reply_syntax(cmd, st);
	} while (arg_end(&scan) != OK);
	do {
		struct context *c = arg_space(&cmd->args) == OK && arg_astring(&cmd->args, &tag) == OK ?
		    context_find(cmd->session, tag) : NULL;

		unknown |= c == NULL;
		if (c != NULL)
			context_cancel(cmd->session, c);
	} while (arg_end(&cmd->args) != OK);
	if (unknown)
		return reply_no(cmd, "NONEXISTENT", "No search of this tag is updated");
	return reply_ok(cmd, "No further updates");
}
