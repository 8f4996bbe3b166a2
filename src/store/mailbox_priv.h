/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of mailboxes share: keys of names, rows, the account's counters. */
#ifndef STORE_MAILBOX_PRIV_H
#define STORE_MAILBOX_PRIV_H

#include "store/mailbox.h"
#include "wire/mailbox_name.h"

#define MAILBOXES_MAX 100000     /* names of an account, \Noselect ones too, where nothing else is set */
#define SUBSCRIPTIONS_MAX 100000 /* of an account */
#define ACCOUNT_CHANGES_KEPT 1000

/*
 * The key of a name: '/' as 0x01, a first level INBOX as 0x02. Names hold no control characters, so keys are unique, and
 * their order as bytes is the order of LIST: INBOX, then parents right before their children.
 */
struct sort_key {
	size_t n;
	char p[MAILBOX_NAME_MAX + 1];
};
/* False: no canonical name, so there is no such mailbox. */
bool sort_key_make(struct sort_key *key, struct str name);

#define MAILBOX_COLUMNS                                                                                                \
	"id, account, uidvalidity, uidnext, modseq, messages, unseen, deleted, size, deleted_size, recent_from, special,"  \
	" noselect, created, acl, name"
#define MAILBOX_NAME_COLUMN 15 /* of them, counted from 0; what a statement asks for behind them comes after it */
/* Fills from a row of MAILBOX_COLUMNS; arena NULL: without the name. */
void mailbox_fill(struct db_stmt *q, struct arena *arena, struct mailbox *mb);
/* The UIDVALIDITY after the last that an account gave, in Unix seconds: strictly rising, never 0, also when the clock goes back
 * (RFC 9051 2.3.1.1). */
int64_t uidvalidity_after(int64_t last, int64_t now);
/* The mailbox of an account by its key; no access check. */
must_check enum status mailbox_by_key(struct db_txn *txn, struct arena *arena, int64_t account, const struct sort_key *key,
    struct mailbox *mb_r);

/* mailbox_create() of those that each account has, whatever its quota. */
must_check enum status mailbox_create_first(const struct actor *actor, struct db_txn *txn, struct str name, unsigned special, int64_t *id_r);

#endif
