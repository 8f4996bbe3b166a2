/* SPDX-License-Identifier: Apache-2.0 */
/* METADATA responses (RFC 5464 4.4): what GETMETADATA and LIST ... RETURN (METADATA ...) share. */
#ifndef IMAP_METADATA_PRINT_H
#define IMAP_METADATA_PRINT_H

#include "imap/cmd.h"
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
/* The response for a mailbox (id 0: the server, name empty). What has no value is told as NIL, but nothing is told of values over the limit. */
must_check enum status metadata_print(struct cmd *cmd, struct db_txn *txn, struct metadata_ask *ask, int64_t mailbox, struct str name);

#endif
