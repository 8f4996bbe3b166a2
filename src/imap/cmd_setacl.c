/* SPDX-License-Identifier: Apache-2.0 */
/* SETACL and DELETEACL: rights are given and taken. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/core/rights_print.h"

struct setting {
	struct actor actor;
	struct str name, identifier;
	enum rights_op op;
	unsigned rights;
};

static enum status
set_fn(struct db_txn *txn, void *arg)
{
	struct setting *x = arg;
	struct arena arena = {0};
	struct mailbox mb;
	struct grant grant;
	enum status st = rights_find(&x->actor, txn, &arena, x->name, &mb, &grant);

	if (st == OK)
		st = rights_set(&grant, txn, x->identifier, x->op, x->rights);
	arena_free(&arena);
	return st;
}

static enum cmd_next
set(struct cmd *cmd, enum status st)
{
	if (st != OK)
		return rights_refuse(cmd, st);
	return reply_ok(cmd, cmd->row->flags & CMDF_DELETEACL ? "DELETEACL completed" : "SETACL completed");
}

/* SETACL, RFC 4314 3.1; DELETEACL, 3.2: all rights of one identifier. */
enum cmd_next
cmd_setacl(struct cmd *cmd)
{
	struct setting *x = arena_new(&cmd->arena, struct setting);
	struct args *a = &cmd->args;
	struct str rights = STR("");
	enum status st;

	x->actor = cmd->session->actor;
	st = rights_args(a, &x->name, &x->identifier);
	if (st == OK && !(cmd->row->flags & CMDF_DELETEACL) && (st = arg_space(a)) == OK)
		st = arg_astring(a, &rights);
	if (st != OK || (st = arg_end(a)) != OK)
		return reply_syntax(cmd, st);
	if (rights_parse(rights, &x->op, &x->rights) != OK)
		return reply_bad(cmd, "There is no such right");
	cmd_state_set(cmd, struct setting, x);
	if ((st = cmd_writes_name(cmd, x->name)) != OK)
		return reply_status(cmd, st);
	return cmd_write(cmd, set_fn, x, set);
}
