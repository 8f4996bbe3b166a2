/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changed in a mailbox since a mod-sequence: the one function behind CONDSTORE, QRESYNC, NOTIFY, IDLE and every plain
 * untagged update.
 */
#ifndef STORE_CHANGES_H
#define STORE_CHANGES_H

#include "base/runs.h"
#include "store/grant.h"

struct modseq_run {
	uint64_t first, last; /* both included */
};
struct changes {
	struct runs added;   /* came in after since (and are still there) */
	struct runs flags;   /* flags or annotations changed after since (and are still there, not in added) */
	struct runs gone;    /* expunged after since: exact history, also of messages that came after since */
	uint64_t modseq;     /* the mailbox's newest at the snapshot */
};
/* skip: modseqs whose flag changes are left out (the caller's own). Reads change rows, and pages only where since is older
 * than the rows kept: what came in that long ago is in flags then. Right r. ERR_NO_PERM,
 * ERR_NOT_FOUND. */
must_check enum status changes_since(const struct grant *grant, struct db_txn *txn, uint64_t since, const struct modseq_run *skip,
    size_t skip_n, struct changes *changes_r);
void changes_free(struct changes *c);

#endif
