/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domains that something is set for: how many accounts they may have, how much mail, what their accounts may do unless they say otherwise. A domain
 * without a row has neither limits nor defaults: accounts need none. Administration, as account.h.
 */
#ifndef STORE_DOMAIN_H
#define STORE_DOMAIN_H

#include "store/account.h"
#include "store/quota.h"

#define DOMAIN_UNSET (-1)

struct domain {
	struct str name;
	int64_t accounts_max; /* DOMAIN_UNSET: as many as there are */
	int64_t bytes_max;    /* of the mail of all its accounts; DOMAIN_UNSET: no limit */
	int64_t detail;       /* whether user+folder reaches folders of its accounts: 1, 0, DOMAIN_UNSET: no */
	int64_t accounts;     /* that it has */
	/* Their mail when it was summed up last, which is about every DOMAIN_SUM_EVERY seconds and only where there is a limit: no delivery waits for
	 * another one's to be counted. */
	int64_t bytes;
	int64_t quota[QUOTA_RESOURCES]; /* of each of its accounts that has none of its own: QUOTA_NONE, or QUOTA_INHERIT: as the settings say */
};
#define DOMAIN_SUM_EVERY 300

/* What is changed; DOMAIN_KEEP: stays. */
#define DOMAIN_KEEP INT64_MIN
struct domain_change {
	int64_t accounts_max, bytes_max, detail;
	const int64_t *quota; /* QUOTA_RESOURCES of them, of each account: a number, QUOTA_NONE, QUOTA_INHERIT or QUOTA_KEEP; NULL: stay */
};
/* Part of a write function. The domain is noted where it was not. Accounts that are there stay, even if they are too many. ERR_BAD_INPUT: not a domain. */
must_check enum status domain_set(struct store *store, struct db_txn *txn, struct str name, const struct domain_change *change);
/* It is forgotten; its accounts stay. ERR_NOT_FOUND. */
must_check enum status domain_delete(struct db_txn *txn, struct str name);
/* Those that something is set for, after the given name, at most max. Array in the arena. */
must_check enum status domain_list(struct db_txn *txn, struct arena *arena, struct str after, size_t max, struct domain **list_r, size_t *n_r);
/* Has the account's domain room for so many bytes more, as far as they were summed up? ERR_QUOTA. */
must_check enum status domain_room(struct store *store, struct db_txn *txn, int64_t account, uint64_t bytes);
/* What is set for an account's domain; ERR_NOT_FOUND: nothing. */
must_check enum status domain_of_account(struct db_txn *txn, struct arena *arena, int64_t account, struct domain *domain_r);

#endif
