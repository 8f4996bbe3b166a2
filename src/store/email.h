/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emails: what never changes of a message, one for each message of an account however many mailboxes it was copied to.
 * Reading takes the id out of an entry of a view, and the view's grant: access was checked when the view was opened and is not looked up
 * again. An email's key carries its account, which is the owner of every mailbox that has it: any other id is ERR_NOT_FOUND.
 */
#ifndef STORE_EMAIL_H
#define STORE_EMAIL_H

#include "mime/summary.h"
#include "store/entry.h"
#include "store/grant.h"

struct email {
	int64_t id;
	int64_t body;
	int64_t thread;
	uint64_t size;
	struct str prefix;  /* in the caller's arena, or borrowed from the statement: see below */
	struct str summary;
};
/* The row of list views. Strings live in the arena. ERR_NOT_FOUND (its grace is over: [EXPUNGEISSUED]), ERR_CORRUPT. */
must_check enum status email_get(const struct grant *grant, struct db_txn *txn, struct arena *arena, int64_t id,
    struct email *email_r);

/* The same for many messages without copying: the strings are borrowed until the next call. Emails that neighbour each other (the usual
 * case) are found with one step of a cursor. One walk at a time in a transaction's step; close before db_read_end().
 * ERR_NO_PERM: the grant lacks the right to read. */
struct email_cursor;
must_check enum status email_cursor_open(const struct grant *grant, struct db_txn *txn, struct email_cursor **c_r);
/* This cursor goes on with a walk that another began: the first email is one of many neighbours already. */
void email_cursor_goes_on(struct email_cursor *c);
must_check enum status email_cursor_get(struct email_cursor *c, int64_t id, struct email *email_r);
/* What one kind of walk needs of the summary, for readers that need no more of the row; borrowed until the next call for the same slice or for a row.
 * Where many neighbours are asked for one after the other it comes from a digest of them (digest_priv.h). */
must_check enum status email_cursor_slice(struct email_cursor *c, int64_t id, enum mime_slice slice, struct mime_summary *s_r);
/* The packed structure (see struct message_new) of an email, borrowed until the next call; from a digest likewise. */
must_check enum status email_cursor_structure(struct email_cursor *c, int64_t id, struct str *structure_r);
/* The id that the email has for clients (RFC 8474 5.1): its own, or that of the one that it was copied from in another account. It need not be there
 * any more. */
must_check enum status email_cursor_object(struct email_cursor *c, int64_t id, int64_t *object_r);
/* As email_read() below; bodies that neighbour each other are found with a step. */
must_check enum status email_cursor_read(struct email_cursor *c, const struct email *email, uint64_t at, size_t n, struct buf *out);
void email_cursor_close(struct email_cursor *c);

/* Adds up to n bytes of the message (prefix, then body) from offset at. */
must_check enum status email_read(const struct grant *grant, struct db_txn *txn, const struct email *email, uint64_t at, size_t n,
    struct buf *out);

#endif
