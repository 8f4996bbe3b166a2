/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recipients: from a mail address to accounts and folders. Which accounts an address means: address_resolve(), store/address.h. user+folder addresses
 * a mailbox of the account where the account, or else its domain, allows it (account_setting() "detail"; store/domain.h): the folder is named by
 * whoever writes. Where it does not, has none of that name, or has a special use for it (or for one above it: Trash, Sent), the mail goes to INBOX;
 * and so does what comes through a group or a catch-all.
 */
#ifndef DELIVER_RECIPIENT_H
#define DELIVER_RECIPIENT_H

#include "store/address.h"
#include "store/mailbox.h"

struct recipient {
	int64_t account;
	struct str account_name; /* in the arena */
	struct str folder;       /* canonical name of the mailbox that would take it now; "INBOX" when no other was given, or can */
};
/*
 * All that get mail for an address, each account once. local and domain as the path grammar gives them, domain may be empty. size: of the message, as far as
 * it was told; 0: not. The array lies in the arena, has one at least. tell: see address_resolve(). ERR_NOT_FOUND; ERR_UNAVAILABLE: only accounts
 * that are disabled; ERR_LIMIT: too many; ERR_QUOTA: it is one account, and has no room.
 */
must_check enum status recipient_resolve(struct store *store, struct db_txn *txn, struct arena *arena, struct str local, struct str domain, uint64_t size,
    address_tell_fn *tell, void *arg, struct recipient **list_r, size_t *n_r);
/* The mailbox that takes the mail now: the folder, else INBOX. Also inside a write function. */
must_check enum status recipient_mailbox(const struct actor *actor, struct db_txn *txn, struct arena *arena,
    const struct recipient *r, struct mailbox *mb_r);

#endif
