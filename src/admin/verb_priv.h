/* SPDX-License-Identifier: Apache-2.0 */
/* A request of the command line while it is served: one thread, blocking. */
#ifndef ADMIN_VERB_PRIV_H
#define ADMIN_VERB_PRIV_H

#include "admin/admin.h"
#include "admin/link.h"
#include "auth/scram.h"
#include "store/account.h"
#include "store/mailbox.h"

struct call {
	struct store *store;
	struct net *net;    /* of the server; NULL: none runs */
	struct link link;
	struct arena arena; /* of the request */
	struct str *args;   /* after the verb */
	size_t args_n;
	char why[512];      /* said with EXIT */
};

/* Sets why; returns st. */
enum status call_fail(struct call *c, enum status st, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Tells the log what was done to an account, and by whom. */
void call_log_account(struct call *c, const char *what, struct str name);
/* Sends how far a long verb is; arg: the call. */
void call_progress(void *arg, uint64_t done, uint64_t total);
/* The word of a special use, by the number of its bit; NULL behind the last one. */
const char *special_use(unsigned bit);
/* The special uses that an export names and an import gives: those that are folders of their own. */
#define SPECIAL_MOVED (SPECIAL_ARCHIVE | SPECIAL_DRAFTS | SPECIAL_JUNK | SPECIAL_SENT | SPECIAL_TRASH)
/* The account of that name, and its actor. ERR_NOT_FOUND with a reason. */
must_check enum status call_account(struct call *c, struct str name, struct account *account_r);

/* listing.c: rows in the order of their names, sent in batches. */
struct listing {
	struct call *call;
	void *arg;
	struct str after;   /* the batch begins behind this name */
	/* What the batch is made in, how many rows it has (0: the listing is over), the name of the last, in the arena. */
	struct arena arena;
	size_t n;
	struct str last;
};
must_check enum status call_list(struct call *c, enum status (*some)(struct listing *l, struct db_txn *txn), void *arg);

/* Each verb serves a request and returns what EXIT says. */
enum status verb_address_add(struct call *c);
enum status verb_address_delete(struct call *c);
enum status verb_address_list(struct call *c);
enum status verb_address_remove(struct call *c);
enum status verb_backup(struct call *c);
enum status verb_certificate(struct call *c);
enum status verb_check(struct call *c);
enum status verb_domain_delete(struct call *c);
enum status verb_domain_list(struct call *c);
enum status verb_domain_set(struct call *c);
enum status verb_export(struct call *c);
enum status verb_import(struct call *c);
enum status verb_lookup(struct call *c);
enum status verb_mailbox_list(struct call *c);
enum status verb_mailbox_rights(struct call *c);
enum status verb_session_close(struct call *c);
enum status verb_session_list(struct call *c);
enum status verb_user_add(struct call *c);
enum status verb_user_delete(struct call *c);
enum status verb_user_list(struct call *c);
enum status verb_user_password(struct call *c);
enum status verb_user_rename(struct call *c);
enum status verb_user_set(struct call *c);

/* credentials.c: hashes and keys for a password, outside of the transaction. */
struct credentials {
	struct str kind[1 + SCRAM_HASHES], value[1 + SCRAM_HASHES];
	size_t n;
};
/* scheme: "argon2id" (the default), "plain", or "hash": the password is a crypt(3) or argon2id hash made elsewhere (then there are no SCRAM keys). */
must_check enum status credentials_make(struct arena *arena, struct str scheme, struct str password, struct credentials *c_r);
/* Part of a write function: replaces all credentials of the account. */
must_check enum status credentials_store(struct store *store, struct db_txn *txn, int64_t account, const struct credentials *c);

#endif
