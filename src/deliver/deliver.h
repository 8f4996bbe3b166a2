/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deliver: one message on its way in. It takes the bytes as they arrive, hashes, parses and stages
 * them; what the commit needs is made before the commit; storing is then a part of a write
 * function. Used by APPEND and its relatives, LMTP and import.
 *
 *	d = delivery_new(store, lane, max, charge);
 *	delivery_add(d, bytes) ...; delivery_finish(d);
 *	delivery_prepare(d, &target, arena) for each mailbox it goes to;
 *	in the write function: delivery_store(d, txn, targets, n);
 *	delivery_free(d);
 *
 * A message is a prefix of this recipient (Return-Path, Delivered-To) and a body that all recipients
 * share; what is prepared for a target counts both. Summary and structure are packed once, when the message is complete; what was parsed is given back
 * then. What a delivery holds in memory is counted by a charge of its owner (base/budget.h). One thread at a time; the thread may change
 * between calls, so a delivery can wait for its client without holding a thread.
 */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include "base/budget.h"
#include "mime/parser.h"
#include "store/message.h"

struct delivery;

/* lane: the account on whose behalf it is staged. max: most bytes, 0: no limit. charge: outlives the delivery; NULL: nobody counts. */
struct delivery *delivery_new(struct store *store, uint64_t lane, uint64_t max, struct charge *charge);
/* ERR_LIMIT: over max; ERR_MEMORY: the charge's budget has no room; ERR_FULL, ERR_IO. After an error the delivery can only be freed; further bytes are
 * refused with the same error. */
must_check enum status delivery_add(struct delivery *d, struct str bytes);
/* No more bytes. */
must_check enum status delivery_finish(struct delivery *d);
/* Bytes taken so far, without any prefix. */
uint64_t delivery_size(const struct delivery *d);
/* Bytes that its commit writes for each target, after delivery_finish(): the packed rows, and what of the body is in memory still. Who stores several takes as
 * many in one commit as come to DELIVERY_COMMIT_BYTES, and one at least, so that the writer is not held. */
#define DELIVERY_COMMIT_BYTES (4u << 20)
size_t delivery_weight(const struct delivery *d);
void delivery_free(struct delivery *d);

/* Where the message goes, and as what. */
struct delivery_target {
	/* Of the mailbox; wanted when it is stored. Zeroes: there is none, the target is refused with ERR_NOT_FOUND. */
	struct grant grant;
	/* The caller's are prefix, flags, keywords, date and zone, borrowed until the write is done; all but the prefix may change until then. The
	 * rest is made by delivery_prepare() and lives in the delivery and in the arena that was given. */
	struct message_new message;
	/* Set by delivery_store(). */
	enum status status;
	uint32_t uid;
	uint64_t modseq;
};
/* Makes the rows for the target, with its prefix. After delivery_finish(). */
void delivery_prepare(struct delivery *d, struct delivery_target *t, struct arena *arena);
/*
 * A message for many targets is stored in several commits of some tens of targets, so that none holds the writer long: say
 * so before the first, and after each commit that was OK call delivery_committed(): later commits then use the body
 * that the first published.
 */
void delivery_share(struct delivery *d);
void delivery_committed(struct delivery *d);
/* Part of a write function. Each target gets its own status: a target's refusal (no such mailbox, quota, limit) leaves the
 * others alone, but where all refuse the first refusal is returned, so that the write is undone; other errors end all and are returned. */
must_check enum status delivery_store(struct delivery *d, struct db_txn *txn, struct delivery_target *targets, size_t n);
/* Part of a write function: several messages into one mailbox (the grant of targets[0]), all or none, with consecutive UIDs. None is
 * shared. n > 0. */
must_check enum status delivery_store_all(struct delivery *const *d, struct delivery_target *const *targets, size_t n,
    struct db_txn *txn);

#endif
