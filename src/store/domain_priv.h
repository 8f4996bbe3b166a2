/* SPDX-License-Identifier: Apache-2.0 */
/* Domains, within the store. */
#ifndef STORE_DOMAIN_PRIV_H
#define STORE_DOMAIN_PRIV_H

#include "store/domain.h"

/* The domain of a folded name; empty: it has none. */
struct str domain_of(struct str fold);
/* May one more account with that folded name be made? ERR_LIMIT. */
must_check enum status domain_admits(struct db_txn *txn, struct str fold);
/* At a start: is there a limit of bytes at all? */
must_check enum status domains_look(struct store *store, struct db_txn *txn);
/* Sums up what is due. */
must_check enum status domains_sum(struct store *store, int64_t now);
/* Accounts learn their domains: at schema 10, and when a store is repaired. */
must_check enum status domains_fill(struct store *store, struct db_txn *txn);

#endif
