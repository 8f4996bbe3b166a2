/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UIDLs (RFC 1939 7) that an import brought: what another server called a message over POP3, so that clients know it again. A row an email; it counts
 * for the message as long as that is the one UID of the one mailbox for which it came, so that no two messages of a mailbox have one
 * UIDL, whatever is copied. It goes with the email. Administration: no actor.
 */
#ifndef STORE_UIDL_H
#define STORE_UIDL_H

#include "store/grant.h"

#define UIDL_MAX 70 /* bytes, each from 0x21 to 0x7e */
bool uidl_valid(struct str value);

/* Part of a write function. Nothing is kept of what is none, or of one that another message of the mailbox has. */
must_check enum status uidl_keep(struct db_txn *txn, int64_t mailbox, uint32_t uid, int64_t email, struct str value);

/* Looks up messages one after the other, in one transaction; zeroes at first. Where few have one, few rows are looked for. */
struct uidl_reader {
	int64_t from, next; /* no email from the one up to the other has any */
};
/* Adds the UIDL that the message came with; nothing: it has none. */
must_check enum status uidl_get(struct uidl_reader *r, struct db_txn *txn, int64_t mailbox, uint32_t uid, int64_t email, struct buf *out);

#endif
