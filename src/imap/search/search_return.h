/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search_return: what a SEARCH or SORT is to return: RETURN (...) as it is read (RFC 4731, 5182, 5267, 9394; RFC 4466 2.6.1) and
 * the ESEARCH line as it is told, in steps.
 */
#ifndef IMAP_SEARCH_SEARCH_RETURN_H
#define IMAP_SEARCH_SEARCH_RETURN_H

#include "imap/core/cmd.h"
#include "imap/core/correlators.h"
#include "imap/core/partial.h"

struct search_return {
	bool given;    /* the answer is an ESEARCH line */
	struct str items; /* UPDATE (...): what is fetched of new messages, in parentheses (RFC 5465 7); borrowed from the command */
	bool min, max, all, count, save, update, context;
	bool relevancy; /* RFC 6203 4 */
	struct partial partial;
};

/* Reads "RETURN (...)" and the space behind it, if it stands here in the command. ERR_BAD_INPUT. */
must_check enum status search_return_parse(struct search_return *ret, struct cmd *cmd);
/* An answer being told. Put the upper part in, then call search_tell() until it says CMD_DONE. */
struct search_tell {
	const struct search_return *ret;
	const struct runs *found;
	struct runs slice;       /* of PARTIAL */
	struct correlators of;   /* in an ESEARCH line */
	uint64_t modseq;         /* 0: not told */
	const uint8_t *scores;   /* of RELEVANCY: of each found, in that order */
	const char *word;        /* of the plain answer: "SEARCH" or "SORT" */

	const struct runs *list; /* being told; NULL: not yet */
	size_t run;
	uint32_t number;
	uint64_t score, scores_end; /* the next score to be told */
	unsigned part;
};
enum cmd_next search_tell(struct search_tell *t, struct conn *c);
void search_tell_free(struct search_tell *t);

/* What "$" becomes (RFC 5182 2.4, RFC 9394 3.2): which of the messages found are kept. order: the same in the order of the answer. */
void search_return_saved(const struct search_return *ret, const struct runs *uids, const struct runs *order,
    struct runs *saved_r);

#endif
