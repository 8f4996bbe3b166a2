/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY of many messages: their entries are staged in several write transactions, invisible to all, and published in one short
 * commit, which gives them their UIDs. Sets up to MESSAGE_BATCH take message_copy() instead; MOVE of many goes in batches
 * of message_copy(move), which RFC 6851 section 3.3 allows.
 *
 *	job = copy_begin(from, uids, to);
 *	do one write function: copy_step(txn, job);   after its success: copy_stepped(job);
 *	while (copy_more(job));
 *	one write function: copy_publish(txn, job, &result);   after its success: copy_published(job);
 *	write functions: copy_sweep_step(txn, job, &done) until done;       also after a failure or instead of publishing
 *	copy_free(job);
 *
 * Between accounts emails are made by the steps. What was staged and never published becomes due expunged messages, which the reaper removes.
 *
 * The messages are copied as they are when their step runs; those expunged before it are passed over. A crash leaves rows that
 * copy_sweep() removes at the next start. One thread at a time; the write functions may run again.
 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "store/message.h"

#define COPY_STEP (64 * 256) /* messages a step: about a millisecond */

struct copy_job;
/* Copies the set and the grants. Rights as with message_copy(). */
struct copy_job *copy_begin(const struct grant *from, const struct runs *uids, const struct grant *to);
/* Stages the next COPY_STEP messages; fewer between accounts (across_priv.h). ERR_NOT_FOUND, ERR_NO_PERM, ERR_LIMIT. */
must_check enum status copy_step(struct db_txn *txn, struct copy_job *job);
/* The last step was committed. */
void copy_stepped(struct copy_job *job);
bool copy_more(const struct copy_job *job);
/* Makes all that was staged visible in the destination, with consecutive UIDs and one change row: about 10 µs a 256 messages.
 * The runs of *result_r are the caller's to free. */
must_check enum status copy_publish(struct db_txn *txn, struct copy_job *job, struct copy_result *result_r);
/* That was committed: what is swept has names now. */
void copy_published(struct copy_job *job);
/* Removes some of the staged rows; *done_r: none are left. */
must_check enum status copy_sweep_step(struct db_txn *txn, const struct copy_job *job, bool *done_r);
void copy_free(struct copy_job *job);

/* At start, before any copy: removes what a crash left. */
must_check enum status copy_sweep(struct store *store);

#endif
