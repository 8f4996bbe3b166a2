/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, within the store. */
#ifndef STORE_ADDRESS_PRIV_H
#define STORE_ADDRESS_PRIV_H

#include "base/map.h"
#include "store/account_priv.h"
#include "store/address.h"

/* Ids that are met on a way through addresses, each once, in the order in which they were met. Zeroes are empty. */
struct address_way {
	struct address_stop {
		int64_t id;
		unsigned level;
		bool plain;       /* see struct address_place */
		struct str name;
	} *stop;
	size_t n, cap;
	struct map seen;
};
/* False: it was met before. */
bool address_way_add(struct address_way *w, int64_t id, unsigned level);
void address_way_free(struct address_way *w);

/* Has an address this folded name? */
must_check enum status address_by_fold(struct db_txn *txn, struct arena *arena, struct str fold, struct address *address_r);
/* No address may have the name of a new account (in NFC). ERR_EXISTS. */
must_check enum status address_none(struct db_txn *txn, struct str name);
/* The account goes: no address leads to it any more, and aliases that lead to nothing else go too. */
must_check enum status address_forget_account(struct db_txn *txn, int64_t account);
/* Adds the folded name of a catch-all, "@example.org"; false: it is none. */
bool address_catch_all(struct buf *out, struct str name);

#endif
