/* SPDX-License-Identifier: Apache-2.0 */
/* CLOSE and UNSELECT: the selected mailbox is left, with or without expunging. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/news/selected_close.h"
#include "store/message.h"

/* Messages of one commit. */
#define BATCH MESSAGE_BATCH

struct closing {
	struct grant grant;
	bool more;
};

static enum status
expunge(struct db_txn *txn, void *arg)
{
	struct closing *x = arg;
	struct runs gone = {0};
	uint64_t modseq;
	enum status st;

	st = message_expunge(&x->grant, txn, NULL, BATCH, &gone, &x->more, &modseq);
	runs_free(&gone);
	return st;
}

static enum cmd_next
expunged(struct cmd *cmd, enum status st)
{
	struct closing *x = cmd_state(cmd, struct closing);

	if (st == OK && x->more)
		return cmd_write(cmd, expunge, x, expunged);
	selected_close(cmd->session);
	/* Without the right to expunge, or in a mailbox that is gone, CLOSE only closes (RFC 4314 4). */
	if (st != OK && st != ERR_NO_PERM && st != ERR_NOT_FOUND && st != ERR_READ_ONLY)
		return reply_no(cmd, reply_status_code(st), "Closed, but not expunged");
	return reply_ok(cmd, "CLOSE completed");
}

/* CLOSE, RFC 3501 6.4.2: expunges silently (T88). UNSELECT, RFC 3691: does not. */
enum cmd_next
cmd_close(struct cmd *cmd)
{
	struct session *s = cmd->session;
	struct closing *x = arena_new(&cmd->arena, struct closing);
	bool unselect = cmd->row->flags & CMDF_UNSELECT;

	if (arg_end(&cmd->args) != OK)
		return reply_usage(cmd);
	if (unselect || s->selected->view.read_only || s->selected->view.deleted) {
		if (cmd_ahead(cmd))
			return CMD_NOT_YET;
		selected_close(s);
		return reply_ok(cmd, unselect ? "UNSELECT completed" : "CLOSE completed");
	}
	x->grant = s->selected->view.grant;
	cmd_writes_to(cmd, x->grant.owner);
	cmd_state_set(cmd, struct closing, x);
	cmd->reserve = true;
	return cmd_write(cmd, expunge, x, expunged);
}
