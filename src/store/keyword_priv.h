/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords of a mailbox within a change of it. */
#ifndef STORE_KEYWORD_PRIV_H
#define STORE_KEYWORD_PRIV_H

#include "store/edit_priv.h"

/* The ids of the names, ascending, without doubles, in the arena. Unknown ones are made when create is set, else left out.
 * ERR_LIMIT. */
must_check enum status keyword_ids(struct edit *e, struct arena *arena, const struct str *names, size_t n, bool create,
    const uint32_t **ids_r, uint32_t *n_r);
/* Sorts ids and removes doubles; the number left. */
uint32_t keyword_sort(uint32_t *ids, uint32_t n);
/* Takes back the keywords that this edit made. */
must_check enum status keyword_unmake(struct edit *e);

#endif
