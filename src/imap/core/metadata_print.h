/* SPDX-License-Identifier: Apache-2.0 */
/* METADATA responses (RFC 5464 4.4): what GETMETADATA and LIST ... RETURN (METADATA ...) share. */
#ifndef IMAP_CORE_METADATA_PRINT_H
#define IMAP_CORE_METADATA_PRINT_H

#include "base/map.h"
#include "imap/core/cmd.h"
#include "store/metadata.h"

struct metadata_ask {
	struct str *entry;
	size_t n, cap;
	uint32_t depth;
	bool limited;      /* MAXSIZE was given */
	uint64_t max;
	uint64_t longest;  /* of the values that were over it; 0: none */
};

/* Adds an entry. ERR_BAD_INPUT: no name of an entry; ERR_LIMIT: too many. */
must_check enum status metadata_ask_add(struct cmd *cmd, struct metadata_ask *ask, struct str entry);
/* "(" entry *(SP entry) ")" or one entry; also several without parentheses, as the RFC's own examples have it. */
must_check enum status metadata_ask_parse(struct cmd *cmd, struct metadata_ask *ask);

/*
 * The response for a mailbox (id 0: the server, name empty), in steps: values are read and told one by one, and none twice, whatever asks for it. What
 * has no value is told as NIL, but nothing is told of values over the limit. ask and name must live as long.
 */
struct metadata_print {
	struct metadata_ask *ask;
	int64_t mailbox;
	struct grant grant;      /* of the step */
	struct str name;
	size_t at;               /* of ask->entry */
	bool listed;             /* list is of that one */
	struct metadata *list;   /* names without values */
	size_t list_n, list_at;
	struct arena list_arena; /* of list */
	struct map told;         /* names in lower case */
	bool begun;
};
void metadata_print_begin(struct metadata_print *p, struct metadata_ask *ask, int64_t mailbox, struct str name);
/* CMD_DONE: all of it, or *st_r (OK before) tells of a failure; the response is complete as a line. CMD_WAIT_OUTPUT, CMD_AGAIN: call again in a later
 * step, in any snapshot. */
enum cmd_next metadata_print(struct cmd *cmd, struct db_txn *txn, struct metadata_print *p, enum status *st_r);
void metadata_print_free(struct metadata_print *p);

#endif
