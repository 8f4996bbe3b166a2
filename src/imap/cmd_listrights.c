/* SPDX-License-Identifier: Apache-2.0 */
/* LISTRIGHTS: what an identifier can be given. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/core/rights_print.h"

/* No rights are tied together, so each stands alone, c and d too (RFC 4314 2.1.1). */
static void
print_each(struct buf *out, unsigned rights)
{
	struct buf letters = {0};

	rights_print(&letters, rights);
	for (size_t i = 0; i < letters.n; i++) {
		buf_addc(out, ' ');
		buf_addc(out, letters.p[i]);
	}
	buf_free(&letters);
}

static enum status
print(struct cmd *cmd, struct db_txn *txn, struct str name, struct str identifier)
{
	bool utf8 = session_utf8(cmd->session);
	struct buf *out = cmd_out(cmd);
	unsigned always, can;
	struct mailbox mb;
	struct grant grant;
	enum status st;

	if ((st = rights_find(&cmd->session->actor, txn, &cmd->arena, name, &mb, &grant)) != OK ||
	    (st = rights_possible(&grant, txn, identifier, &always, &can)) != OK)
		return st;
	buf_add(out, STR("* LISTRIGHTS "));
	out_mailbox(out, mb.name, utf8);
	buf_addc(out, ' ');
	/* As it was written (3.4). */
	out_astring(out, identifier, utf8);
	buf_addc(out, ' ');
	rights_out(out, always);
	print_each(out, can);
	buf_add(out, STR("\r\n"));
	return OK;
}

/* LISTRIGHTS, RFC 4314 3.4. */
enum cmd_next
cmd_listrights(struct cmd *cmd)
{
	struct args *a = &cmd->args;
	struct str name, identifier;
	struct db_txn *txn;
	enum status st;

	if ((st = rights_args(a, &name, &identifier)) != OK || (st = arg_end(a)) != OK)
		return reply_syntax(cmd, st);
	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return reply_status(cmd, st);
	st = print(cmd, txn, name, identifier);
	cmd_read_end(cmd, txn);
	return st == OK ? reply_ok(cmd, "LISTRIGHTS completed") : rights_refuse(cmd, st);
}
