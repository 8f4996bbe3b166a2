/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords of a mailbox within a change of it. */
#ifndef STORE_KEYWORD_PRIV_H
#define STORE_KEYWORD_PRIV_H

#include "store/edit_priv.h"

/* The ids of the names, ascending, without doubles, in the arena. Unknown ones are made when create is set, else left out.
 * ERR_LIMIT. */
must_check enum status keyword_ids(struct edit *e, struct arena *arena, const struct str *names, size_t n, bool create,
    const uint32_t **ids_r, uint32_t *n_r);
/*
 * Forgets the keywords that nothing uses: no entry of a page, none that was expunged and has its grace, none of a copy that is staged, and none that
 * this edit has named. Looks at some thousand pages at most, a few milliseconds; in a larger mailbox only the reaper forgets
 * (keywords_sweep()), and this does nothing. OK whatever there was to forget.
 */
must_check enum status keyword_forget(struct edit *e);
/* As keywords_get(), also of names that an edit under way has made. In the arena. */
must_check enum status keywords_read(struct db_txn *txn, struct arena *arena, int64_t mailbox, struct keywords *kw_r);
/* Sorts ids and removes doubles; the number left. */
uint32_t keyword_sort(uint32_t *ids, uint32_t n);
/* Takes back the keywords that this edit made. */
must_check enum status keyword_unmake(struct edit *e);

#endif
