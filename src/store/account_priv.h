/* SPDX-License-Identifier: Apache-2.0 */
/* Names of accounts, within the store. */
#ifndef STORE_ACCOUNT_PRIV_H
#define STORE_ACCOUNT_PRIV_H

#include "store/account.h"
#include "store/store_priv.h"

/* Adds the name in NFC. ERR_BAD_INPUT for what is no name. */
must_check enum status account_name_nfc(struct buf *nfc, struct str name);
/*
 * The form that stores before version 6 compared: NFC, ASCII letters in lower case. An account that would have got the name of another one
 * when its store came to that version kept it; so names are looked up in this form first.
 */
must_check enum status account_fold_ascii(struct buf *folded, struct str name);
/* The only account with that local part; ERR_NOT_FOUND where there are several. */
must_check enum status account_find_local(struct db_txn *txn, struct arena *arena, struct str local, struct account *account_r);

/* The account that has the address of a new one's name. ERR_NOT_FOUND. */
must_check enum status account_taken(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct account *account_r);

/* The account of that name, as account_resolve() says; what it costs tells who is there. */
must_check enum status account_exact(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct account *account_r);
/* Adds the other form that a name has by the default domain, or by having none: bob for bob@D, bob@D for bob. False: it has none. */
bool account_other_form(struct store *store, struct str name, struct buf *out);
/* Adds the name without what follows the first separator in front of the @, which is *detail_r, borrowed. False: there is none. */
bool account_without_detail(struct store *store, struct str name, struct buf *plain, struct str *detail_r);
/* What the options say of names. */
struct account_names *account_names_new(const struct store_options *o);
void account_names_free(struct account_names *a);

/* Brings the names of all accounts into the form of today; reports in the log those that cannot have it. */
must_check enum status account_names_fold(struct store *store, struct db_txn *txn);

#endif
