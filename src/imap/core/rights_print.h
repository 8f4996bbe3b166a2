/* SPDX-License-Identifier: Apache-2.0 */
/* rights_print: rights to mailboxes on the wire (RFC 4314): lines, and what their commands share. */
#ifndef IMAP_CORE_RIGHTS_PRINT_H
#define IMAP_CORE_RIGHTS_PRINT_H

#include "imap/core/cmd.h"
#include "store/rights.h"

/* " mailbox identifier": the arguments that SETACL, DELETEACL and LISTRIGHTS have in common. */
must_check enum status rights_args(struct args *a, struct str *mailbox_r, struct str *identifier_r);
/* The grant of a mailbox of that name in the snapshot; the mailbox too. */
must_check enum status rights_find(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct str name, struct mailbox *mb_r,
    struct grant *grant_r);
/* "* MYRIGHTS mailbox rights": what this actor may do. */
void myrights_print(struct cmd *cmd, const struct mailbox *mb);
/* "lrs", or "" in quotes. */
void rights_out(struct buf *out, unsigned rights);
/* What rights_set() and its like say. */
enum cmd_next rights_refuse(struct cmd *cmd, enum status st);

#endif
