/* SPDX-License-Identifier: Apache-2.0 */
/* The names of an account, read in steps by the commands that look through them all. */
#include "imap/core/names.h"

#include "imap/core/reply.h"

/* Beside what the command holds else. */
static enum status
hold(struct cmd *cmd, struct names *names, size_t bytes)
{
	size_t others = cmd->holding - names->held;

	names->held = bytes;
	return cmd_hold(cmd, others + bytes);
}

enum cmd_next
names_read(struct cmd *cmd, struct db_txn *txn, struct names *names, enum status *st_r)
{
	struct mailbox_walk *w = &names->walk;

	while ((*st_r = mailbox_walk(&cmd->session->actor, txn, &cmd->arena, w)) == ERR_AGAIN) {
		enum cmd_next next;

		if ((*st_r = hold(cmd, names, mailbox_walk_bytes(w))) != OK)
			return CMD_DONE;
		if ((next = cmd_pause(cmd)) != CMD_DONE)
			return next;
	}
	if (*st_r != OK)
		return CMD_DONE;
	names->mb = arena_copy(&cmd->arena, w->list, w->n, w->n ? w->n : 1, sizeof(*w->list));
	names->n = w->n;
	names_free(names);
	*st_r = hold(cmd, names, 0);
	return CMD_DONE;
}

enum cmd_next
names_take(struct cmd *cmd, struct names *names, cmd_fn *then)
{
	enum cmd_next next;
	struct db_txn *txn;
	enum status st;

	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return reply_status(cmd, st);
	next = names_read(cmd, txn, names, &st);
	cmd_read_end(cmd, txn);
	if (st != OK)
		return reply_status(cmd, st);
	if (next != CMD_DONE)
		return next;
	cmd->step = then;
	return then(cmd);
}

void
names_free(struct names *names)
{
	mailbox_walk_free(&names->walk);
}
