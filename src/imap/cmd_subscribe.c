/* SPDX-License-Identifier: Apache-2.0 */
/* SUBSCRIBE and UNSUBSCRIBE. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/news/notify.h"
#include "store/mailbox.h"
#include "wire/mailbox_name.h"

struct subscribing {
	struct actor actor;
	struct str name;
	bool on;
};

static enum status
subscribe_fn(struct db_txn *txn, void *arg)
{
	struct subscribing *x = arg;

	return mailbox_subscribe(&x->actor, txn, x->name, x->on);
}

static enum cmd_next
subscribed(struct cmd *cmd, enum status st)
{
	struct subscribing *x = cmd_state(cmd, struct subscribing);

	/* Not subscribed is what was asked for. */
	if (st == ERR_NOT_FOUND && !x->on)
		st = OK;
	if (st != OK)
		return reply_status(cmd, st);
	notify_own(cmd->session, x->name);
	return reply_ok(cmd, x->on ? "SUBSCRIBE completed" : "UNSUBSCRIBE completed");
}

/* A name; behind the word MAILBOX in the old form (RFC 2062 6.3.OBS.3): only where something follows, for that is a name, too. */
static enum status
read_name(struct args *a, struct str *name_r)
{
	struct args old = *a;

	if (arg_keyword(&old, "MAILBOX") && arg_space(&old) == OK && arg_mailbox(&old, name_r) == OK) {
		*a = old;
		return OK;
	}
	return arg_mailbox(a, name_r);
}

/* SUBSCRIBE and UNSUBSCRIBE, RFC 3501 6.3.6 and 6.3.7; also of names without a mailbox (T28). */
enum cmd_next
cmd_subscribe(struct cmd *cmd)
{
	struct subscribing *x = arena_new(&cmd->arena, struct subscribing);
	enum status st;

	x->on = !(cmd->row->flags & CMDF_UNSUBSCRIBE);
	if ((st = arg_space(&cmd->args)) != OK || (st = read_name(&cmd->args, &x->name)) != OK ||
	    (st = arg_end(&cmd->args)) != OK)
		return reply_syntax(cmd, st);
	if (x->on && (st = mailbox_name_check(x->name)) != OK)
		return reply_no(cmd, st == ERR_LIMIT ? "LIMIT" : "CANNOT", "No mailbox can have this name");
	if ((st = cmd_writes_name(cmd, x->name)) != OK)
		return reply_status(cmd, st);
	x->actor = cmd->session->actor;
	cmd_state_set(cmd, struct subscribing, x);
	return cmd_write_last(cmd, subscribe_fn, x, subscribed);
}
