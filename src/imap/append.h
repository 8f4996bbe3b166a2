/* SPDX-License-Identifier: Apache-2.0 */
/*
 * append: an APPEND, MULTIAPPEND or REPLACE in progress, and the parts of it that have files of their own. Lives in the
 * command's arena.
 */
#ifndef IMAP_APPEND_H
#define IMAP_APPEND_H

#include "deliver/deliver.h"
#include "imap/core/cmd.h"
#include "session/pool.h"

/* One message. */
struct append_message {
	struct append_message *next;
	bool dated;             /* it came with a date */
	struct delivery *d;
	struct delivery_target target;
};

/* What a URL of CATENATE names, while it is copied. */
struct append_url {
	struct str url;      /* as it was written, for BADURL */
	struct grant grant;  /* of the mailbox where it is */
	int64_t email;
	uint64_t at, left;   /* of the email's bytes */
	uint64_t copied;     /* by all URLs of the command */
};

struct appending {
	struct args begin;      /* behind the command's name: what stands before the first message is read from here */
	struct str name;
	struct grant grant;     /* of the mailbox */
	uint32_t uidvalidity;
	struct append_message *first, **tail;
	struct append_message *open; /* the last one, while it still comes */
	unsigned n;
	struct delivery **deliveries; /* of all of them, for the commit */
	struct delivery_target **targets;
	uint64_t weight;        /* what the commit will write, as delivery_weight() has it */
	uint64_t bytes;         /* of the messages that are complete */
	bool over_quota;        /* the owner has more than its quota now, by its grace */
	unsigned items;         /* of the list that is open */
	bool list;              /* inside the parentheses of CATENATE */
	bool wrapped;           /* inside those of UTF8 (...) */
	bool over;              /* the command is read to its end */
	struct append_url url;
	/* REPLACE */
	bool replace;
	struct runs source;     /* the UID of the message that goes, in the selected mailbox */
	struct grant from;
	enum status source_status; /* why it cannot go: ERR_NOT_FOUND, there is none; ERR_CONFLICT, another session has expunged it */
	struct runs gone;
};

/* ---- CATENATE's URLs (RFC 4469): append_url.c ---- */

/*
 * Finds what the URL names and begins to copy it into the open message. OK: append_url_copy() goes on as long as x->url.left > 0.
 * Too much for a
 * message or a command: ERR_LIMIT.
 */
must_check enum status append_url_begin(struct cmd *cmd, struct str url);
/* Copies a piece. ERR_AGAIN: it has to wait for a turn (CMD_WAIT_WAKE). Others as append_url_begin(), and those of delivery_add(). */
must_check enum status append_url_copy(struct cmd *cmd);
/* The answer when one of the two failed: NO [BADURL ...] where it is the URL's fault (RFC 4469 4.1), NO [TOOBIG]. */
enum cmd_next append_url_refuse(struct cmd *cmd, enum status st);

/* ---- REPLACE (RFC 8508): append_replace.c ---- */

/* Reads which message goes (RFC 8508 5: a single number), with the space before it. */
must_check enum status append_source_parse(struct cmd *cmd, struct args *a);
/* May it go? */
must_check enum status append_source_check(struct cmd *cmd);
/* Part of the write function: removes it (RFC 8508 3.4). x->source_status tells the same. */
must_check enum status append_source_remove(struct appending *x, struct db_txn *txn);
enum cmd_next append_source_refuse(struct cmd *cmd, enum status st);

#endif
