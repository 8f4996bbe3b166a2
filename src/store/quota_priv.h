/* SPDX-License-Identifier: Apache-2.0 */
/* quota, the inside: what an edit puts on the sums of its account. */
#ifndef STORE_QUOTA_PRIV_H
#define STORE_QUOTA_PRIV_H

#include "store/account.h"
#include "store/quota.h"

/* How much is to be put on the sums, and how. */
struct quota_charge {
	int64_t messages, bytes; /* below 0: taken off, which is never refused */
	int64_t emails;          /* so many ids of emails are taken, too */
	bool beyond;             /* whatever the limits say */
	const struct account_usage *before; /* up to what was held then it is not refused; NULL: nothing is known */
	/* out */
	int64_t email;           /* the first of the ids */
	bool over;               /* there is more than the limit now: by the grace, or it was lowered */
};
/* Moves the sums and asks the limits. ERR_QUOTA: nothing was moved. ERR_NOT_FOUND: emails of an account that is deleted. ERR_LIMIT: no ids are left. */
must_check enum status quota_charge(struct store *store, struct db_txn *txn, int64_t account, struct quota_charge *charge);
/* Part of a write function: may the account have a mailbox more than these? ERR_QUOTA. */
must_check enum status quota_mailboxes(struct store *store, struct db_txn *txn, int64_t account, int64_t mailboxes);
/* Takes the limits of the options. */
void quota_configure(struct store *store, const struct store_options *o);
/* Part of a write function, at start: is there a limit that a domain has for its accounts? */
must_check enum status quota_look(struct store *store, struct db_txn *txn);
/* Part of a migration: sums of accounts from before. */
must_check enum status quota_fill(struct store *store, struct db_txn *txn);

#endif
