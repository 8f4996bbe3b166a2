/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEARCH and UID SEARCH (RFC 3501 6.4.4, RFC 9051 6.4.4), with RETURN (RFC 4731, 5182, 9394).
 */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/search/search_run.h"


static void
search_cleanup(struct cmd *cmd)
{
	search_run_free(cmd_state(cmd, struct searching));
}

static enum cmd_next
over(struct cmd *cmd)
{
	struct searching *x = cmd_state(cmd, struct searching);

	return search_answer(cmd, cmd->uid ? &x->uids : &x->seqs, "SEARCH", "SEARCH completed");
}

enum cmd_next
cmd_search(struct cmd *cmd)
{
	struct searching *x = arena_new(&cmd->arena, struct searching);
	enum status st;

	cmd_state_set(cmd, struct searching, x);
	cmd->cleanup = search_cleanup;
	x->over = over;
	if ((st = arg_space(&cmd->args)) != OK || (st = search_return_parse(&x->ret, cmd)) != OK)
		return search_refuse(cmd, st);
	/* rev2 knows no other answer (RFC 9051 6.4.4). */
	if (!x->ret.given && cmd_enabled(cmd, ENABLED_IMAP4REV2))
		x->ret.given = x->ret.all = true;
	return search_run(cmd, false);
}
