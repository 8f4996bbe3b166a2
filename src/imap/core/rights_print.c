/* SPDX-License-Identifier: Apache-2.0 */
/* What commands about rights read, find and print. */
#include "imap/core/rights_print.h"

#include "imap/core/reply.h"

enum status
rights_args(struct args *a, struct str *mailbox_r, struct str *identifier_r)
{
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_mailbox(a, mailbox_r)) != OK || (st = arg_space(a)) != OK)
		return st;
	return arg_astring(a, identifier_r);
}

enum status
rights_find(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct str name, struct mailbox *mb_r, struct grant *grant_r)
{
	enum status st = mailbox_find(actor, txn, arena, name, mb_r);

	return st == OK ? grant_make(actor, txn, mb_r, grant_r) : st;
}

void
rights_out(struct buf *out, unsigned rights)
{
	if (rights == 0)
		buf_add(out, STR("\"\""));
	rights_print(out, rights);
}

void
myrights_print(struct cmd *cmd, const struct mailbox *mb)
{
	struct buf *out = cmd_out(cmd);

	buf_add(out, STR("* MYRIGHTS "));
	out_mailbox(out, mb->name, session_utf8(cmd->session));
	buf_addc(out, ' ');
	rights_out(out, mb->rights);
	buf_add(out, STR("\r\n"));
}

enum cmd_next
rights_refuse(struct cmd *cmd, enum status st)
{
	if (st == ERR_BAD_INPUT)
		return reply_bad(cmd, "Nobody can have this identifier");
	if (st == ERR_EXISTS)
		return reply_no(cmd, "CANNOT", "There is no such user");
	if (st == ERR_CONFLICT)
		return reply_no(cmd, "NOPERM", "Only an administrator gives rights to everybody");
	if (st == ERR_LIMIT)
		return reply_no(cmd, "LIMIT", "Too many identifiers have rights to this mailbox");
	return reply_status(cmd, st);
}
