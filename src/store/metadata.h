/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Annotations of mailboxes and of the server (RFC 5464). An entry is a path such as /private/comment; it is
 * compared without regard to ASCII case, the spelling that came first stays. Private entries are their reader's own, shared ones the
 * mailbox's. The grant is of the mailbox, where l and one of r, s, w, i, p are asked for (3.3); or of the account itself (grant_self()), which means the
 * server: its private entries are the account's, its shared ones are settings, not kept here.
 */
#ifndef STORE_METADATA_H
#define STORE_METADATA_H

#include "store/mailbox.h"

#define METADATA_NAME_MAX 1000
#define METADATA_VALUE_MAX 65536 /* bytes of a value (RFC 5464 asks for 1024 or more) */
#define METADATA_ENTRIES_MAX 200 /* of a mailbox, shared ones and those of one reader, or of an account on the server (asks for 10 or more) */
#define METADATA_CHANGES_MAX 10000 /* that are told at once */
#define METADATA_DEPTH_ALL UINT32_MAX

struct metadata {
	struct str name;
	struct str value; /* p NULL: none */
};

/* Is it the name of an entry? With below set, "/private" and "/shared" alone are too: where a search may begin. */
bool metadata_name_ok(struct str name, bool below);

/* The entry of that name and those up to depth levels below it, in order of name, in the arena: none is no error. ERR_NOT_FOUND: no such
 * mailbox; ERR_NO_PERM. */
must_check enum status metadata_get(const struct grant *grant, struct db_txn *txn, struct arena *arena, struct str name,
    uint32_t depth, struct metadata **list_r, size_t *n_r);
/* The same without the values, which stay unread: list_r[].value is empty. */
must_check enum status metadata_names(const struct grant *grant, struct db_txn *txn, struct arena *arena, struct str name,
    uint32_t depth, struct metadata **list_r, size_t *n_r);
/* Part of a write function: sets all of them, or removes those without a value, or fails before anything was changed. ERR_LIMIT: too many
 * entries; ERR_NO_PERM: shared entries of the server; ERR_NOT_FOUND. */
must_check enum status metadata_set(const struct grant *grant, struct db_txn *txn, const struct metadata *list, size_t n);
/* Parts of write functions of mailboxes: what RENAME INBOX does (RFC 5464 4.1). */
must_check enum status metadata_copy(struct db_txn *txn, int64_t account, int64_t from, int64_t to);

/* A change, for NOTIFY and unsolicited METADATA responses. */
struct metadata_change {
	int64_t mailbox; /* 0: the server */
	struct str name;
};
/* Entries that changed after since, a number that *now_r gave before; ordered by mailbox. In the arena. ERR_LIMIT: more than METADATA_CHANGES_MAX. */
must_check enum status metadata_changed(const struct actor *actor, struct db_txn *txn, struct arena *arena, uint64_t since,
    struct metadata_change **list_r, size_t *n_r, uint64_t *now_r);

#endif
