/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of clients by which one may log in to an account, known by the SHA-256 of the whole certificate (DER) in lower-case hex. Each belongs
 * to one account at most. They are credentials of the kind "certificate HEX", and go with the account. Administration: no actor.
 */
#ifndef STORE_CERTIFICATE_H
#define STORE_CERTIFICATE_H

#include "store/account.h"

#define CERTIFICATES_MAX 50 /* of an account */
#define CERTIFICATE_LABEL_MAX 100 /* bytes */

struct certificate_row {
	struct str fingerprint; /* 64 characters */
	struct str label;       /* what its owner calls it; may be empty */
	int64_t added;          /* seconds since 1970 */
};

/* Adds the canonical form of a fingerprint: hex of either case, with or without colons. ERR_BAD_INPUT. */
must_check enum status certificate_fingerprint(struct buf *out, struct str text);

/* Parts of write functions; fingerprint in canonical form. The account's sessions go on. ERR_EXISTS: it is an account's already; ERR_LIMIT: the account
 * has CERTIFICATES_MAX; ERR_BAD_INPUT: the label is too long, or has control characters; ERR_NOT_FOUND: no such account. */
must_check enum status certificate_add(struct db_txn *txn, int64_t account, struct str fingerprint, struct str label);
/* Ends the account's sessions, as a change of its password does. ERR_NOT_FOUND: it is not this account's. */
must_check enum status certificate_remove(struct store *store, struct db_txn *txn, int64_t account, struct str fingerprint);

/* Whose it is. ERR_NOT_FOUND: nobody's. */
must_check enum status certificate_owner(struct db_txn *txn, struct str fingerprint, int64_t *account_r);
/* An account's, by fingerprint. Array and texts in the arena. */
must_check enum status certificate_list(struct db_txn *txn, struct arena *arena, int64_t account, struct certificate_row **list_r, size_t *n_r);

#endif
