/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts. A name is UTF-8 in NFC, compared without regard to case (account_fold()), 1 to 255
 * bytes, such as "alice" or "alice@example.org"; no control characters, spaces, '/', '%', '*' or '"'. An id is never
 * used again. New names are narrower, see account_name_fault(). Administration: these calls take no actor but the store; only admin and auth call them.
 */
#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

#include "base/buf.h"
#include "store/store.h"

struct account {
	int64_t id;
	struct str name;     /* as created, in the caller's arena */
	uint64_t generation; /* changes with every change of credentials: a part of every cache key (S8) */
	bool disabled;
	int64_t created;     /* seconds since 1970 */
};

/* Write functions' parts. */
/* Makes the account with INBOX and the special-use mailboxes Drafts, Sent, Junk, Trash and Archive, subscribed. ERR_EXISTS,
 * ERR_BAD_INPUT; ERR_LIMIT: its domain has as many as it may. */
must_check enum status account_create(struct store *store, struct db_txn *txn, struct str name, int64_t *id_r);
/*
 * Another name: the account keeps its id, its mail, its mailboxes, their UIDs and all that leads to it by id (aliases, groups). keep: its former
 * address becomes an alias of it. Its sessions end, for they know it by the old name. ERR_EXISTS: an account, an alias or a group is called so;
 * ERR_BAD_INPUT; ERR_LIMIT: the other domain has as many accounts as it may.
 */
must_check enum status account_rename(struct store *store, struct db_txn *txn, int64_t id, struct str name, bool keep);
/* The name is free at once; the reaper removes the mail. */
must_check enum status account_delete(struct store *store, struct db_txn *txn, int64_t id);
must_check enum status account_set_disabled(struct store *store, struct db_txn *txn, int64_t id, bool disabled);

/* A credential: kind "argon2id", "plain", "crypt", "scram-sha-1", "scram-sha-256" or "scram-sha-512" (RFC 5803 form), "certificate HEX" (certificate.h) and its value. Set replaces; an empty value removes. */
must_check enum status account_set_credential(struct store *store, struct db_txn *txn, int64_t id, struct str kind,
    struct str value);
/* Part of a write function: the same password in another form (a hash that costs more, keys that were missing). The account's generation stays
 * and its sessions are not disturbed. ERR_CONFLICT: it is not of this generation any more, or disabled. */
must_check enum status account_renew_credential(struct store *store, struct db_txn *txn, int64_t id, uint64_t generation, struct str kind,
    struct str value);
must_check enum status account_credential(struct db_txn *txn, struct arena *arena, int64_t id, struct str kind,
    struct str *value_r);

must_check enum status account_find(struct db_txn *txn, struct arena *arena, struct str name, struct account *account_r);
must_check enum status account_get(struct db_txn *txn, struct arena *arena, int64_t id, struct account *account_r);
/*
 * Which account a name means: at a login, on the command line, and first of all for mail (address.h goes on from here). An account's name is its
 * address; names compare as account_fold() says.
 *  - The account of that very name.
 *  - With a default domain D (server.default_domain): bob means bob@D; and bob@D means an account bob whose name has no domain, made before D was set.
 *    Such an account keeps its name. So bob and bob@D are two only where both were there before; then each is found by what it is called.
 *  - Without one: bob@any.domain means an account bob whose name has no domain, and bob the only account that is bob in some domain.
 * What it costs does not tell who is there (S7). ERR_NOT_FOUND.
 */
must_check enum status account_resolve(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct account *account_r);
/* Adds the folded address that a name means, whether there is such an account or not. ERR_BAD_INPUT: it is no name. */
must_check enum status account_address(struct store *store, struct str name, struct buf *out);
/* Adds the name that an account would get so: in NFC, with its domain where there is a default one. ERR_BAD_INPUT. */
must_check enum status account_full_name(struct store *store, struct str name, struct buf *out);
/* Adds what all spellings that may lead to one account share, whether there is one or not: by it guesses are counted. Never fails: what is no name
 * counts as it is. */
void account_guess_key(struct store *store, struct str name, struct buf *out);
/* The accounts after the given name in order, at most max. Array in the arena. */
must_check enum status account_list(struct db_txn *txn, struct arena *arena, struct str after, size_t max,
    struct account **accounts_r, size_t *n_r);
/* How one may log in to an account that is not disabled. */
struct account_keys {
	int64_t id;
	bool password;    /* there is something to check a password against */
	struct str scram; /* its SCRAM keys; p NULL: none. In the arena */
};
/* Those with ids above after, in order, at most max; kind: of which keys. Array in the arena. */
must_check enum status account_keys(struct db_txn *txn, struct arena *arena, struct str kind, int64_t after, size_t max, struct account_keys **list_r,
    size_t *n_r);
/* What is kept of an account beside its mail: "detail" (whether user+folder reaches folders: "yes" or "no", not set: as its
 * domain says; deliver/recipient.h), "places" (where it
 * logged in from; auth). ERR_NOT_FOUND where it is not set, or (set) there is no such account. An empty value removes. */
must_check enum status account_setting(struct db_txn *txn, struct arena *arena, int64_t id, struct str name, struct str *value_r);
must_check enum status account_set_setting(struct db_txn *txn, int64_t id, struct str name, struct str value);
/* What it holds now: the sums over its mailboxes, exact, kept with each change (quota.h). What was expunged counts no more. ERR_NOT_FOUND. */
struct account_usage {
	uint64_t mailboxes, messages;
	uint64_t bytes; /* of RFC822.SIZE: a message in two mailboxes counts twice */
};
must_check enum status account_usage(struct db_txn *txn, int64_t id, struct account_usage *usage_r);
/* Checks the grammar of a name: one that fails cannot be an account's. */
bool account_name_ok(struct str name);
/*
 * Adds the form in which names are compared: Unicode's case folding in front of the last '@'; the domain in lower case, its A-labels as U-labels
 * (RFC 5890 2.3.2.4): "JÜRGEN@xn--bcher-kva.example" is "jürgen@bücher.example". ERR_BAD_INPUT for what is no name.
 */
must_check enum status account_fold(struct buf *folded, struct str name);
/* Why no account is made with that name (in NFC), or NULL: what can be taken for something else is refused, as "-n", "..", "<b>", "a:b",
 * "#x", "anyone" (account_new.c). account_create() asks it; accounts of such names that are there already are found. */
const char *account_name_fault(struct str name);

#endif
