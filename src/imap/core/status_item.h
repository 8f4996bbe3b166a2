/* SPDX-License-Identifier: Apache-2.0 */
/* status_item: the items of STATUS, for the command and for LIST ... RETURN (STATUS (...)) (RFC 5819). */
#ifndef IMAP_CORE_STATUS_ITEM_H
#define IMAP_CORE_STATUS_ITEM_H

#include "imap/core/cmd.h"

#define I(id, name, doc) STATUS_##id,
enum status_item {
#include "imap/core/status_items.tbl"
	STATUS_ITEMS
};
#undef I

/* "(MESSAGES UNSEEN)" as bits 1 << enum status_item; at least one. */
must_check enum status status_items_parse(struct args *a, unsigned *items_r);
/* The bit of an item in upper case; 0: there is none. */
unsigned status_item_bit(const char *name);
/* "* STATUS name (...)" with its line end. mb is fresh from this snapshot. */
must_check enum status status_print(struct cmd *cmd, struct db_txn *txn, const struct mailbox *mb, unsigned items);

#endif
