/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recipients: from a mail address to an account and a folder. user+folder addresses a mailbox of the account where the account allows it
 * (its setting "detail", store/account.h): the folder is named by whoever writes. Where it does not, has none of that name, or has a special
 * use for it (or for one above it: Trash, Sent), the mail goes to INBOX. Which account an address means: account_resolve(), store/account.h.
 */
#ifndef DELIVER_RECIPIENT_H
#define DELIVER_RECIPIENT_H

#include "store/account.h"
#include "store/mailbox.h"

struct recipient {
	int64_t account;
	struct str account_name; /* in the arena */
	struct str folder;       /* canonical name, "INBOX" when none was given */
};
/* local and domain as the path grammar gives them, domain may be empty. ERR_NOT_FOUND; ERR_UNAVAILABLE: the account is disabled. */
must_check enum status recipient_resolve(struct store *store, struct db_txn *txn, struct arena *arena, struct str local, struct str domain,
    struct recipient *r_r);
/* The mailbox that takes the mail now: the folder, else INBOX. Also inside a write function. */
must_check enum status recipient_mailbox(const struct actor *actor, struct db_txn *txn, struct arena *arena,
    const struct recipient *r, struct mailbox *mb_r);

#endif
