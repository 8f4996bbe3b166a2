/* SPDX-License-Identifier: Apache-2.0 */
/* MYRIGHTS: what the user may do with a mailbox. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/core/rights_print.h"

/* MYRIGHTS, RFC 4314 3.5: any right by which a mailbox may be known is enough (4). */
enum cmd_next
cmd_myrights(struct cmd *cmd)
{
	struct args *a = &cmd->args;
	struct mailbox mb;
	struct db_txn *txn;
	struct str name;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_mailbox(a, &name)) != OK || (st = arg_end(a)) != OK)
		return reply_syntax(cmd, st);
	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return reply_status(cmd, st);
	st = mailbox_find(&cmd->session->actor, txn, &cmd->arena, name, &mb);
	cmd_read_end(cmd, txn);
	if (st != OK)
		return reply_status(cmd, st);
	myrights_print(cmd, &mb);
	return reply_ok(cmd, "MYRIGHTS completed");
}
