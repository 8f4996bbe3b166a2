/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mboxrd: in an mbox a line of a message that is any number of '>' and then "From " stands with one '>' more, so that it is no From line; and what
 * takes that one off again. Line ends become LF on the way out. Bytes in any cut; what is not yet decided is held back. Pure; one thread at a time.
 */
#ifndef FORMATS_MBOXRD_H
#define FORMATS_MBOXRD_H

#include "base/buf.h"

struct mboxrd {
	bool unquote;        /* false: puts one on; true: takes one off */
	bool mid;            /* not at the beginning of a line */
	size_t quotes, from; /* '>' and bytes of "From " held back */
};
void mboxrd_add(struct mboxrd *q, struct str bytes, struct buf *out);
/* What is held back at the end of a message; ready for the next. */
void mboxrd_end(struct mboxrd *q, struct buf *out);

/* Line ends as LF: CR before LF goes, any other CR stays. */
struct lf_ends {
	bool cr;
};
void lf_ends_add(struct lf_ends *l, struct str bytes, struct buf *out);
void lf_ends_end(struct lf_ends *l, struct buf *out);

#endif
