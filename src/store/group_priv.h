/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group: groups of addresses (address.h) as identifiers of rights. In acl a group is the subject below 0: its id, negative. An account is in a group
 * when mail for the group reaches it, through other groups and aliases, too.
 */
#ifndef STORE_GROUP_PRIV_H
#define STORE_GROUP_PRIV_H

#include "store/store.h"

/* Part of a statement: the subjects of all groups in which an account is. Each address comes once, so what lies between may be anything. CROSS JOIN: from
 * the account's addresses to their rows; left to itself the engine goes through all groups that there are. */
#define GROUPS_OF(account)                                                                                                    \
	"WITH RECURSIVE leading(id) AS (SELECT address FROM address_target WHERE kind = 0 AND target = " account             \
	" UNION SELECT t.address FROM leading JOIN address_target t ON t.kind = 1 AND t.target = leading.id)"                 \
	" SELECT -a.id AS subject FROM leading CROSS JOIN address a WHERE a.id = leading.id AND a.kind = 2"

/* What a group is called. ERR_NOT_FOUND: there is none any more. */
must_check enum status group_name(struct db_txn *txn, struct arena *arena, int64_t id, struct str *name_r);
/* Part of a write function: the list of mailboxes may be another now for all to whom the address leads; their sessions look. */
must_check enum status group_members_told(struct store *store, struct db_txn *txn, int64_t address);
/* Part of a write function that is no account's: who is in the groups to which the address belongs, itself included, is another from now on. Sessions in
 * mailboxes that name one of them look whether they still may. */
must_check enum status group_rights_told(struct store *store, struct db_txn *txn, int64_t address);
/* Is the account in the group? OK, ERR_NOT_FOUND. */
must_check enum status group_has(struct db_txn *txn, int64_t address, int64_t account);
/* Part of a write function: the group goes, and what it was given; of very much some rows stay, which mean nobody: no id comes again. */
must_check enum status group_drop(struct db_txn *txn, int64_t address);

#endif
