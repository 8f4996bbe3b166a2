/* SPDX-License-Identifier: Apache-2.0 */
/* STATUS of one mailbox. */
#include "imap/commands.h"
#include "imap/core/condstore.h"
#include "imap/core/reply.h"
#include "imap/core/status_item.h"

/* STATUS, RFC 3501 6.3.10; of the selected mailbox too, and always fresh (T44). */
enum cmd_next
cmd_status(struct cmd *cmd)
{
	struct args *a = &cmd->args;
	struct mailbox mb;
	struct db_txn *txn;
	struct str name;
	unsigned items;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_mailbox(a, &name)) != OK || (st = arg_space(a)) != OK ||
	    (st = status_items_parse(a, &items)) != OK || (st = arg_end(a)) != OK)
		return reply_syntax(cmd, st);
	if (items & 1u << STATUS_HIGHESTMODSEQ)
		condstore_enable(cmd);
	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return reply_status(cmd, st);
	st = mailbox_find(&cmd->session->actor, txn, &cmd->arena, name, &mb);
	if (st == OK && mb.noselect)
		st = ERR_NOT_FOUND;
	if (st == OK)
		st = mailbox_need(&mb, RIGHT_READ);
	if (st == OK)
		st = status_print(cmd, txn, &mb, items);
	cmd_read_end(cmd, txn);
	if (st != OK)
		return reply_status(cmd, st);
	return reply_ok(cmd, "STATUS completed");
}
