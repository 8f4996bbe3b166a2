/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quota (RFC 9208): how much an account may hold, and what it holds. The sums stand in the account's row and move in the commit that moves the mail
 * (edit_priv.h): they are exact at any time. Limits are the account's own, else those that its domain has for its accounts (domain.h), else those of
 * the settings; each resource for itself. Administration, as account.h; what comes in asks by itself, and answers ERR_QUOTA.
 *
 * What comes in while there is room may go beyond the bytes by store_options.quota_grace; once the limit is reached nothing comes any more. What
 * lessens, and what moves within an account, is never refused.
 */
#ifndef STORE_QUOTA_H
#define STORE_QUOTA_H

#include "store/store.h"

#define QUOTA_NONE (-1)      /* no limit */
#define QUOTA_INHERIT (-2)   /* of an account: as its domain says; of a domain: as the settings say */
#define QUOTA_KEEP INT64_MIN /* in a change: as it is */

enum quota_resource { QUOTA_BYTES, QUOTA_MESSAGES, QUOTA_MAILBOXES, QUOTA_RESOURCES };
/* Whose a limit is. */
enum quota_source { QUOTA_OF_NOBODY, QUOTA_OF_ACCOUNT, QUOTA_OF_DOMAIN, QUOTA_OF_SETTINGS };

struct quota {
	int64_t used[QUOTA_RESOURCES]; /* bytes: of RFC822.SIZE, a message in two mailboxes counts twice; mailboxes: names */
	int64_t most[QUOTA_RESOURCES]; /* or QUOTA_NONE */
	enum quota_source source[QUOTA_RESOURCES];
	int told;                      /* percent of the warning that was written last; 0: none */
	int level;                     /* the one of the settings' percentages that is reached; 0: none */
};
/* What an account holds and may hold. Limits of the store itself (its mailboxes) are told as well. ERR_NOT_FOUND. */
must_check enum status quota_get(struct store *store, struct db_txn *txn, int64_t account, struct quota *quota_r);
/* Has it room for so much more, as things are in this transaction? ERR_QUOTA; ERR_NOT_FOUND. Whoever writes is asked anew. */
must_check enum status quota_room(struct store *store, struct db_txn *txn, int64_t account, int64_t messages, int64_t bytes);

/* Parts of write functions. Limits of its own: a number, QUOTA_NONE, QUOTA_INHERIT or QUOTA_KEEP. What is there stays. ERR_NOT_FOUND. */
must_check enum status quota_set(struct store *store, struct db_txn *txn, int64_t account, const int64_t most[QUOTA_RESOURCES]);

/* Of used, in percent, 0 to INT_MAX. most: not QUOTA_NONE; 0 counts as full. */
int quota_percent(int64_t used, int64_t most);

/*
 * Warnings. An account that passes one of the percentages of store_options.quota_warn, or falls QUOTA_FALL points below the one that was told last,
 * is noted as due in the commit that brought it there (EVENT_QUOTA), and stays so until quota_told(): a crash loses no warning.
 */
#define QUOTA_FALL 5
/* Accounts that are due, with ids above after, in order, at most max. */
must_check enum status quota_due(struct db_txn *txn, int64_t after, int64_t *accounts, size_t max, size_t *n_r);
/* Part of a write function: it is due no more, and this percentage was told. */
must_check enum status quota_told(struct db_txn *txn, int64_t account, int percent);

#endif
