/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: the calls that take a grant, as an actor makes them who finds the mailbox in the same transaction. */
#ifndef STORE_GRANT_TEST_H
#define STORE_GRANT_TEST_H

#include "store/changes.h"
#include "store/copy.h"
#include "store/email.h"
#include "store/message.h"
#include "store/metadata.h"

static inline enum status
append_as(const struct actor *a, struct db_txn *txn, int64_t mailbox, const struct message_new *m, uint32_t *uid_r, uint64_t *modseq_r)
{
	struct grant g;
	enum status st = grant_get(a, txn, mailbox, &g);

	return st == OK ? message_append(&g, txn, m, uid_r, modseq_r) : st;
}

static inline enum status
append_all_as(const struct actor *a, struct db_txn *txn, int64_t mailbox, const struct message_new *const *m, size_t n, uint32_t *first_r,
    uint64_t *modseq_r)
{
	struct grant g;
	enum status st = grant_get(a, txn, mailbox, &g);

	return st == OK ? message_append_all(&g, txn, m, n, first_r, modseq_r) : st;
}

static inline enum status
flags_as(const struct actor *a, struct db_txn *txn, int64_t mailbox, const struct runs *uids, const struct flag_change *c,
    struct flag_result *result_r)
{
	struct grant g;
	enum status st = grant_get(a, txn, mailbox, &g);

	return st == OK ? message_flags(&g, txn, uids, c, result_r) : st;
}

static inline enum status
copy_as(const struct actor *a, struct db_txn *txn, int64_t from, const struct runs *uids, int64_t to, bool move, struct copy_result *result_r)
{
	struct grant f, t;
	enum status st = grant_get(a, txn, from, &f);

	if (st == OK)
		st = grant_get(a, txn, to, &t);
	return st == OK ? message_copy(&f, txn, uids, &t, move, result_r) : st;
}

static inline enum status
expunge_as(const struct actor *a, struct db_txn *txn, int64_t mailbox, const struct runs *uids, size_t max, struct runs *gone_r, bool *more_r,
    uint64_t *modseq_r)
{
	struct grant g;
	enum status st = grant_get(a, txn, mailbox, &g);

	return st == OK ? message_expunge(&g, txn, uids, max, gone_r, more_r, modseq_r) : st;
}

static inline enum status
set_special_as(const struct actor *a, struct db_txn *txn, int64_t mailbox, unsigned special)
{
	struct grant g;
	enum status st = grant_get(a, txn, mailbox, &g);

	return st == OK ? mailbox_set_special(&g, txn, special) : st;
}

static inline enum status
set_recent_as(const struct actor *a, struct db_txn *txn, int64_t mailbox, uint32_t uid)
{
	struct grant g;
	enum status st = grant_get(a, txn, mailbox, &g);

	return st == OK ? mailbox_set_recent(&g, txn, uid) : st;
}

static inline enum status
metadata_set_as(const struct actor *a, struct db_txn *txn, int64_t mailbox, const struct metadata *list, size_t n)
{
	struct grant g;
	enum status st = mailbox == 0 ? grant_self(a, &g) : grant_get(a, txn, mailbox, &g);

	return st == OK ? metadata_set(&g, txn, list, n) : st;
}

static inline enum status
changes_as(const struct actor *a, struct db_txn *txn, int64_t mailbox, uint64_t since, const struct modseq_run *skip, size_t skip_n,
    struct changes *changes_r)
{
	struct grant g;
	enum status st = grant_get(a, txn, mailbox, &g);

	return st == OK ? changes_since(&g, txn, since, skip, skip_n, changes_r) : st;
}

/* For copy_begin(): what there is to be granted. */
static inline struct copy_job *
copy_begin_as(const struct actor *a, int64_t from, const struct runs *uids, int64_t to)
{
	struct grant f = {.actor = *a, .owner = a->account, .mailbox = from, .rights = RIGHTS_ALL}, t = f;

	t.mailbox = to;
	return copy_begin(&f, uids, &t);
}

/* To all emails of an actor's own account. */
#define GRANT_OF(a) (&(struct grant){.actor = (a), .owner = (a).account, .rights = RIGHTS_ALL})

#endif
