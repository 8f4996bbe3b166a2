/* SPDX-License-Identifier: Apache-2.0 */
/* Taking messages out of a mailbox: EXPUNGE and the second half of MOVE. */
#ifndef STORE_EXPUNGE_PRIV_H
#define STORE_EXPUNGE_PRIV_H

#include "store/edit_priv.h"

struct expunge {
	const struct runs *uids; /* NULL: all */
	bool only_deleted;       /* those with \Deleted */
	bool moved;              /* their emails have another name now */
	size_t max;
	struct runs gone;        /* out */
	bool more;               /* out: max was reached */
};
/* Removes them within the edit, writes reap rows and the tombstone. Frees nothing. */
must_check enum status expunge_run(struct edit *e, struct expunge *x);

#endif
