/* SPDX-License-Identifier: Apache-2.0 */
/* RENAME, of INBOX too. */
#include "imap/commands.h"
#include "imap/core/oldname.h"
#include "imap/core/reply.h"
#include "imap/news/notify.h"
#include "store/mailbox.h"
#include "wire/mailbox_name.h"

struct renaming {
	struct actor actor;
	struct str from, to;
	struct str from_written, to_written;
	struct str looked; /* how far: mailbox_rename_check() */
	struct mailbox_move before, move;
};

static enum status
rename_fn(struct db_txn *txn, void *arg)
{
	struct renaming *x = arg;

	return mailbox_rename(&x->actor, txn, x->from, x->to, &x->move);
}

/* INBOX: the rest of its messages, in commits of their own. The state is read by the next run: it may not change in
 * a run that is undone. */
static enum status
move_fn(struct db_txn *txn, void *arg)
{
	struct renaming *x = arg;
	struct mailbox_move move = x->before;
	enum status st = mailbox_move_more(&x->actor, txn, &move);

	x->move = move;
	return st;
}

static enum cmd_next
renamed(struct cmd *cmd, enum status st)
{
	struct renaming *x = cmd_state(cmd, struct renaming);

	if (st == OK && x->move.more) {
		x->before = x->move;
		return cmd_write(cmd, move_fn, x, renamed);
	}
	if (st == OK && x->move.refused != OK)
		st = x->move.refused;
	if (st == ERR_CONFLICT || st == ERR_BAD_INPUT)
		return reply_no(cmd, "CANNOT", "A mailbox cannot go there");
	if (st != OK)
		return reply_status(cmd, st);
	notify_own(cmd->session, x->from);
	notify_own(cmd->session, x->to);
	/* Either name was written in another form (RFC 9051 6.3.6). */
	if (!str_eq(x->from, x->from_written) || !str_eq(x->to, x->to_written))
		oldname_print_if(cmd, "", x->to, x->from_written);
	return reply_ok(cmd, "RENAME completed");
}

/* Before the writer is asked: a name below could become too long. In steps. */
static enum cmd_next
look_below(struct cmd *cmd)
{
	struct renaming *x = cmd_state(cmd, struct renaming);
	enum cmd_next next = CMD_DONE;
	struct db_txn *txn;
	enum status st = cmd_read_begin(cmd, &txn);

	if (st != OK)
		return reply_status(cmd, st);
	do
		st = mailbox_rename_check(&x->actor, txn, &cmd->arena, x->from, x->to, &x->looked);
	while (st == ERR_AGAIN && (next = cmd_pause(cmd)) == CMD_DONE);
	cmd_read_end(cmd, txn);
	if (next != CMD_DONE)
		return next;
	return st == OK ? cmd_write(cmd, rename_fn, x, renamed) : reply_status(cmd, st);
}

/* RENAME, RFC 3501 6.3.5: with all children; of INBOX it moves the messages only (T30). */
enum cmd_next
cmd_rename(struct cmd *cmd)
{
	struct renaming *x = arena_new(&cmd->arena, struct renaming);
	enum status st;

	if ((st = arg_space(&cmd->args)) == OK)
		x->from_written = oldname_peek(&cmd->args, cmd);
	if (st == OK && (st = arg_mailbox(&cmd->args, &x->from)) == OK && (st = arg_space(&cmd->args)) == OK)
		x->to_written = oldname_peek(&cmd->args, cmd);
	if (st != OK || (st = arg_mailbox(&cmd->args, &x->to)) != OK ||
	    (st = arg_end(&cmd->args)) != OK)
		return reply_syntax(cmd, st);
	if ((st = mailbox_name_check(x->to)) != OK)
		return reply_no(cmd, st == ERR_LIMIT ? "LIMIT" : "CANNOT", "No mailbox can have this name");
	if (mailbox_name_reserved(x->to) && !mailbox_name_others(x->to))
		return reply_no(cmd, "CANNOT", "This name is reserved");
	if ((st = cmd_writes_name(cmd, x->from)) != OK || (st = cmd_writes_name(cmd, x->to)) != OK)
		return reply_status(cmd, st);
	x->actor = cmd->session->actor;
	cmd_state_set(cmd, struct renaming, x);
	if (mailbox_name_is_inbox(x->from))
		return cmd_write(cmd, rename_fn, x, renamed);
	cmd->step = look_below;
	return look_below(cmd);
}
