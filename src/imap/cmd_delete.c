/* SPDX-License-Identifier: Apache-2.0 */
/* DELETE. */
#include "imap/commands.h"
#include "imap/core/oldname.h"
#include "imap/core/reply.h"
#include "imap/news/notify.h"
#include "store/mailbox.h"
#include "wire/mailbox_name.h"

struct deleting {
	struct actor actor;
	struct str name, written;
};

static enum status
delete_fn(struct db_txn *txn, void *arg)
{
	struct deleting *x = arg;

	return mailbox_delete(&x->actor, txn, x->name);
}

static enum cmd_next
deleted(struct cmd *cmd, enum status st)
{
	struct deleting *x = cmd_state(cmd, struct deleting);

	if (st == ERR_CONFLICT)
		return reply_no(cmd, "HASCHILDREN", "It is only the name above other mailboxes");
	if (st != OK)
		return reply_status(cmd, st);
	notify_own(cmd->session, x->name);
	oldname_print_if(cmd, "\\NonExistent", x->name, x->written);
	return reply_ok(cmd, "DELETE completed");
}

/* DELETE, RFC 3501 6.3.4. Sessions that have it selected see its messages expunged (T30). */
enum cmd_next
cmd_delete(struct cmd *cmd)
{
	struct deleting *x = arena_new(&cmd->arena, struct deleting);
	enum status st;

	if ((st = arg_space(&cmd->args)) == OK)
		x->written = oldname_peek(&cmd->args, cmd);
	if (st != OK || (st = arg_mailbox(&cmd->args, &x->name)) != OK ||
	    (st = arg_end(&cmd->args)) != OK)
		return reply_syntax(cmd, st);
	if (mailbox_name_is_inbox(x->name))
		return reply_no(cmd, "CANNOT", "INBOX cannot be deleted");
	if ((st = cmd_writes_name(cmd, x->name)) != OK)
		return reply_status(cmd, st);
	x->actor = cmd->session->actor;
	cmd_state_set(cmd, struct deleting, x);
	cmd->reserve = true;
	return cmd_write_last(cmd, delete_fn, x, deleted);
}
