/* SPDX-License-Identifier: Apache-2.0 */
/* GETACL: who has which rights to a mailbox. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/core/rights_print.h"

static enum status
print(struct cmd *cmd, struct db_txn *txn, struct str name)
{
	bool utf8 = session_utf8(cmd->session);
	struct buf *out = cmd_out(cmd);
	struct rights_entry *list;
	struct mailbox mb;
	struct grant grant;
	size_t n;
	enum status st;

	if ((st = rights_find(&cmd->session->actor, txn, &cmd->arena, name, &mb, &grant)) != OK ||
	    (st = rights_list(&grant, txn, &cmd->arena, &list, &n)) != OK)
		return st;
	buf_add(out, STR("* ACL "));
	out_mailbox(out, mb.name, utf8);
	for (size_t i = 0; i < n; i++) {
		buf_addc(out, ' ');
		out_astring(out, list[i].identifier, utf8);
		buf_addc(out, ' ');
		rights_out(out, list[i].rights);
	}
	buf_add(out, STR("\r\n"));
	return OK;
}

/* GETACL, RFC 4314 3.3. */
enum cmd_next
cmd_getacl(struct cmd *cmd)
{
	struct args *a = &cmd->args;
	struct db_txn *txn;
	struct str name;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_mailbox(a, &name)) != OK || (st = arg_end(a)) != OK)
		return reply_syntax(cmd, st);
	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return reply_status(cmd, st);
	st = print(cmd, txn, name);
	cmd_read_end(cmd, txn);
	return st == OK ? reply_ok(cmd, "GETACL completed") : reply_status(cmd, st);
}
