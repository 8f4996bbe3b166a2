/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages on their way into another account (docs/why/grants.md): each gets an email of its own there, which shares the body and keeps the object
 * ids (RFC 8474 5.1, 5.2). Nothing is parsed or stored again, but each message writes some rows: one transaction takes ACROSS_BATCH of them,
 * and fewer where their rows are large.
 */
#ifndef STORE_ACROSS_PRIV_H
#define STORE_ACROSS_PRIV_H

#include "store/haul_priv.h"

#define ACROSS_BATCH 100        /* a few milliseconds of the writer's time */
#define ACROSS_BYTES (2u << 20) /* of rows */

/* Leaves in the haul what one transaction takes, at least one message; h->next tells where the rest begins. */
must_check enum status across_fit(struct haul *h, struct db_txn *txn);
/* Makes the emails in the destination's account and names them in the entries, whose marks are the destination's already (haul_marks()). uid: the
 * first message's; 0: it is not known yet. ERR_LIMIT, ERR_CORRUPT: an email that is to be copied is not there. */
must_check enum status across_make(struct haul *h, struct edit *to, uint32_t uid);

/* Forgets what is kept of the email's object id; for who removes it. */
must_check enum status object_forget(struct db_txn *txn, int64_t email);

#endif
