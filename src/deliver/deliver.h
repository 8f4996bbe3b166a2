/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deliver: one message on its way in. It takes the bytes as they arrive, hashes, parses and stages
 * them; what the commit needs is made before the commit; storing is then a part of a write
 * function. Used by APPEND and its relatives, LMTP and import.
 *
 *	d = delivery_new(store, lane, max);
 *	delivery_add(d, bytes) ...; delivery_finish(d);
 *	delivery_prepare(d, &target) for each mailbox it goes to;
 *	in the write function: delivery_store(d, txn, targets, n);
 *	delivery_free(d);
 *
 * A message is a prefix of this recipient (Return-Path, Delivered-To) and a body that all recipients
 * share; what is prepared for a target counts both. One thread at a time; the thread may change
 * between calls, so a delivery can wait for its client without holding a thread.
 */
#ifndef DELIVER_DELIVER_H
#define DELIVER_DELIVER_H

#include "mime/parser.h"
#include "store/message.h"

struct delivery;

/* lane: the account on whose behalf it is staged. max: most bytes, 0: no limit. */
struct delivery *delivery_new(struct store *store, uint64_t lane, uint64_t max);
/* ERR_LIMIT: over max; ERR_FULL, ERR_IO. After an error the delivery can only be freed; further bytes are
 * refused with the same error. */
must_check enum status delivery_add(struct delivery *d, struct str bytes);
/* No more bytes. */
must_check enum status delivery_finish(struct delivery *d);
/* Bytes taken so far, without any prefix. */
uint64_t delivery_size(const struct delivery *d);
/* Whether the body holds NUL anywhere; only literal8 and BDAT may bring it. */
bool delivery_has_nul(const struct delivery *d);
/* The parsed message without prefix, after delivery_finish(). */
const struct mime_message *delivery_message(const struct delivery *d);
/* Adds up to n bytes of the body from offset at, as staged. */
must_check enum status delivery_read(struct delivery *d, uint64_t at, size_t n, struct buf *out);
void delivery_free(struct delivery *d);

/* Where the message goes. Strings are borrowed until the write is done. */
struct delivery_target {
	struct actor actor;
	int64_t mailbox;
	struct str prefix;       /* header lines, each ended by CRLF, or empty */
	uint8_t flags;           /* FLAG_ bits */
	const struct str *keywords;
	size_t keywords_n;
	int64_t internal_date;   /* seconds since 1970 */
	int16_t zone;            /* minutes east */
	/* Made by delivery_prepare(), owned by the delivery. */
	struct message_new message;
	/* Set by delivery_store(). */
	enum status status;
	uint32_t uid;
	uint64_t modseq;
};
/* Packs summary and structure for the target. After delivery_finish(). */
void delivery_prepare(struct delivery *d, struct delivery_target *t);
/*
 * A message for many targets is stored in several commits of some tens of targets, so that none holds the writer long: say
 * so before the first, and after each commit that was OK call delivery_committed(): later commits then use the body
 * that the first published.
 */
void delivery_share(struct delivery *d);
void delivery_committed(struct delivery *d);
/* Part of a write function. Each target gets its own status: a target's refusal (no such mailbox, quota, limit) leaves the
 * others alone, but where all refuse the first refusal is returned, so that the write is undone; other errors end all and are returned. The message's strings and flags are read again from the target. */
must_check enum status delivery_store(struct delivery *d, struct db_txn *txn, struct delivery_target *targets, size_t n);
/* Part of a write function: several messages into one mailbox of one actor (those of targets[0]), all or none, with consecutive UIDs. None is
 * shared. n > 0. */
must_check enum status delivery_store_all(struct delivery *const *d, struct delivery_target *const *targets, size_t n,
    struct db_txn *txn);

#endif
