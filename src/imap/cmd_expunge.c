/* SPDX-License-Identifier: Apache-2.0 */
/* EXPUNGE and UID EXPUNGE: messages with \Deleted go, in commits of bounded size. */
#include "imap/commands.h"
#include "imap/core/limit.h"
#include "imap/core/reply.h"
#include "imap/core/selected.h"
#include "imap/core/set.h"
#include "store/message.h"

struct expunging {
	struct grant grant;
	bool some;         /* only uids: UID EXPUNGE */
	struct runs uids;
	struct runs gone;
	size_t max;        /* of one commit */
	bool more;
	uint64_t modseq;
};

static void
expunge_cleanup(struct cmd *cmd)
{
	struct expunging *x = cmd_state(cmd, struct expunging);

	runs_free(&x->uids);
	runs_free(&x->gone);
}

static enum status
expunge_fn(struct db_txn *txn, void *arg)
{
	struct expunging *x = arg;

	runs_clear(&x->gone);
	return message_expunge(&x->grant, txn, x->some ? &x->uids : NULL, x->max, &x->gone, &x->more,
	    &x->modseq);
}

static enum cmd_next
expunged(struct cmd *cmd, enum status st)
{
	struct expunging *x = cmd_state(cmd, struct expunging);

	if (st == ERR_NOT_FOUND)
		return reply_mailbox_gone(cmd);
	if (st != OK)
		return reply_status(cmd, st);
	cmd->modseq_due |= x->gone.n > 0;
	if (x->more)
		return cmd_write(cmd, expunge_fn, x, expunged);
	/* The EXPUNGE lines are this session's updates. */
	return reply_ok(cmd, "EXPUNGE completed");
}

/* One commit will do: there are no more messages than that. Asked for where others come behind it. */
static bool
fits(struct cmd *cmd)
{
	struct mailbox mb;
	struct db_txn *txn;
	enum status st;

	if (!cmd_followed(cmd) || cmd_read_begin(cmd, &txn) != OK)
		return false;
	st = mailbox_get(&cmd->session->actor, txn, &cmd->arena, cmd->session->selected->view.grant.mailbox, &mb);
	cmd_read_end(cmd, txn);
	return st == OK && mb.messages <= MESSAGE_BATCH;
}

/* Where others stand behind it, all that is there goes at once, and what came since it was looked. */
static enum cmd_next
begin(struct cmd *cmd, struct expunging *x)
{
	bool once = fits(cmd);

	x->max = once ? SIZE_MAX : MESSAGE_BATCH;
	return (once ? cmd_write_last : cmd_write)(cmd, expunge_fn, x, expunged);
}

static enum status
parse_uids(struct cmd *cmd, struct expunging *x)
{
	struct arg_set set = {0};
	struct db_txn *txn;
	enum status st;

	if ((st = arg_space(&cmd->args)) != OK || (st = arg_set(&cmd->args, &set)) != OK ||
	    (st = arg_end(&cmd->args)) != OK || (st = cmd_read_begin(cmd, &txn)) != OK) {
		arg_set_free(&set);
		return st;
	}
	st = set_resolve(cmd, txn, &set, &x->uids);
	/* Of UID EXPUNGE only (RFC 9738 3.1). */
	if (st == OK)
		st = limit_cut(cmd, txn, (struct limit_filter){.deleted = true}, &x->uids);
	cmd_read_end(cmd, txn);
	return st;
}

/* EXPUNGE, RFC 3501 6.4.3. UID EXPUNGE, RFC 4315 2.1: of the given UIDs only (T88). */
enum cmd_next
cmd_expunge(struct cmd *cmd)
{
	struct expunging *x = arena_new(&cmd->arena, struct expunging);
	struct session *s = cmd->session;
	enum status st;

	cmd_state_set(cmd, struct expunging, x);
	cmd->cleanup = expunge_cleanup;
	x->some = cmd->uid;
	st = x->some ? parse_uids(cmd, x) : arg_end(&cmd->args);
	if (st == ERR_AGAIN)
		return CMD_NOT_YET;
	if (st == ERR_BAD_INPUT || st == ERR_LIMIT)
		return reply_syntax(cmd, st);
	if (st != OK)
		return reply_status(cmd, st);
	if (s->selected->view.read_only)
		return reply_status(cmd, ERR_READ_ONLY);
	if (x->some && x->uids.n == 0)
		return reply_ok(cmd, "EXPUNGE completed");
	x->grant = s->selected->view.grant;
	cmd_writes_to(cmd, x->grant.owner);
	cmd->reserve = true;
	return begin(cmd, x);
}
