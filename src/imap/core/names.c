/* SPDX-License-Identifier: Apache-2.0 */
/* The names of an account, read in steps by the commands that look through them all. */
#include "imap/core/names.h"

enum cmd_next
names_read(struct cmd *cmd, struct db_txn *txn, struct names *names, enum status *st_r)
{
	struct mailbox_walk *w = &names->walk;
	enum cmd_next next = CMD_DONE;
	enum status st;

	while ((st = mailbox_walk(&cmd->session->actor, txn, &cmd->arena, w)) == ERR_AGAIN && next == CMD_DONE) {
		if ((*st_r = cmd_hold(cmd, mailbox_walk_bytes(w))) != OK)
			return CMD_DONE;
		next = cmd_pause(cmd);
	}
	if (st == ERR_AGAIN)
		return next;
	if (st == OK) {
		names->mb = arena_copy(&cmd->arena, w->list, w->n, w->n ? w->n : 1, sizeof(*w->list));
		names->n = w->n;
	}
	names_free(names);
	*st_r = st == OK ? cmd_hold(cmd, 0) : st;
	return CMD_DONE;
}

void
names_free(struct names *names)
{
	mailbox_walk_free(&names->walk);
}
