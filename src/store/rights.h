/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rights to mailboxes (RFC 4314): who has which, and giving and taking them. An identifier is the name of an account in any of its spellings,
 * "anyone", or one of these behind a '-': rights that are taken away from whom it means. A user's rights are the union of what all identifiers that
 * mean him were given, less the union of what was taken from them. An owner has all rights until he takes some from himself; l and a are his always.
 *
 * Rights are kept for an account's id, not for its name: a renamed account keeps them, and a later one of the same name gets none. Every change of
 * rights moves the mailbox's mod-sequence and its owner's clock, and is told by the feed (EVENT_MESSAGES, EVENT_MAILBOX), so that sessions look.
 */
#ifndef STORE_RIGHTS_H
#define STORE_RIGHTS_H

#include "base/buf.h"
#include "store/mailbox.h"

#define RIGHTS_ENTRIES_MAX 1000 /* of a mailbox */

enum rights_op { RIGHTS_REPLACE, RIGHTS_ADD, RIGHTS_TAKE };

/* "lrs", "+w", "-w" (mod-rights); c and d are what they are made of (RFC 4314 2.1.1). ERR_BAD_INPUT: a right that is not known. */
must_check enum status rights_parse(struct str text, enum rights_op *op_r, unsigned *rights_r);
/* "lrsipkxtecda": with c and d where a part of them is there. Nothing for no rights. */
void rights_print(struct buf *out, unsigned rights);

struct rights_entry {
	struct str identifier; /* in the arena */
	unsigned rights;
};
/* All of them, the owner's own first. Array in the arena. ERR_NO_PERM, ERR_NOT_FOUND. */
must_check enum status rights_list(const struct grant *grant, struct db_txn *txn, struct arena *arena, struct rights_entry **list_r, size_t *n_r);
/*
 * Part of a write function. ERR_BAD_INPUT: that can be nobody's identifier. ERR_EXISTS: there is no such account. ERR_CONFLICT: rights of anyone are
 * not given here (store_options.share_anyone). ERR_LIMIT: too many identifiers. ERR_NO_PERM, ERR_NOT_FOUND.
 */
must_check enum status rights_set(const struct grant *grant, struct db_txn *txn, struct str identifier, enum rights_op op, unsigned rights);
/* The same for all that the identifier was given: the owner keeps l and a. No entry: harmless. */
must_check enum status rights_delete(const struct grant *grant, struct db_txn *txn, struct str identifier);
/* What the identifier will always have, and what it can be given besides. As rights_set(). */
must_check enum status rights_possible(const struct grant *grant, struct db_txn *txn, struct str identifier, unsigned *always_r, unsigned *can_r);

#endif
