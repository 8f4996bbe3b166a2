/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of ghosts, out of reap rows, in windows of bounded size and in ascending order of UID. */
#ifndef STORE_GHOST_PRIV_H
#define STORE_GHOST_PRIV_H

#include "store/view_priv.h"

#define GHOST_WINDOW 1024

struct ghosts {
	const struct view *view;
	const struct runs *only;  /* UIDs; NULL: all */
	struct db_txn *txn;
	uint32_t from;            /* where the next window begins */
	uint32_t n, at;           /* entries of the window, and the next one to give */
	uint32_t missed;          /* ghosts without an entry so far: past their grace */
	struct entry *e;          /* [GHOST_WINDOW] */
	struct arena arena;       /* their keywords */
};
void ghosts_begin(struct ghosts *g, const struct view *v, const struct runs *only, struct db_txn *txn, uint32_t from);
/* The next one, or NULL with *st telling why. Stays the same until ghosts_pop(). */
const struct entry *ghosts_peek(struct ghosts *g, enum status *st);
void ghosts_pop(struct ghosts *g);
void ghosts_end(struct ghosts *g);

#endif
