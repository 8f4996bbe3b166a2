/* SPDX-License-Identifier: Apache-2.0 */
/* names: all mailboxes of an account, for a command that looks through them (LIST, XLIST, FIND, ESEARCH, NOTIFY). */
#ifndef IMAP_CORE_NAMES_H
#define IMAP_CORE_NAMES_H

#include "imap/core/cmd.h"
#include "store/mailbox.h"

/* Begin with zeroes. */
struct names {
	struct mailbox *mb; /* in the command's arena; in the order of mailbox_list() */
	size_t n;
	/* its own */
	struct mailbox_walk walk;
	size_t held; /* of what the command holds */
};

/* Reads some more. CMD_DONE: they are all there, as of this snapshot, or *st_r is not OK. Else let go of the snapshot, return what it returned, and call it
 * again in the next step. What it holds is among cmd_hold()'s until it is done. */
enum cmd_next names_read(struct cmd *cmd, struct db_txn *txn, struct names *names, enum status *st_r);
/* The whole step of a command that reads nothing else: a snapshot, some names; when they are there then() is the command's step, and is called. */
enum cmd_next names_take(struct cmd *cmd, struct names *names, cmd_fn *then);
/* Required where a command may end before they are all there; else harmless. */
void names_free(struct names *names);

#endif
