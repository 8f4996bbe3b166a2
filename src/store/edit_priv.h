/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An edit: one change of one mailbox within a write function. It holds the mailbox's counters, the directory row and the page
 * it works on, and writes back what differs: the page with each edit_put(), the directory row when the walk leaves it, the
 * mailbox row and the change row at edit_end(). Everything changed carries the mod-sequence e->modseq.
 *
 *	st = edit_begin(&e, grant, txn, rights);
 *	... edit_seek(), edit_page(), change e.page, edit_put(), edit_seek() ... edit_append() ...
 *	st = edit_end(&e, st);		// frees in every case
 */
#ifndef STORE_EDIT_PRIV_H
#define STORE_EDIT_PRIV_H

#include "store/changes_priv.h"
#include "store/dir_priv.h"
#include "store/grant.h"

/* The newest messages lie in pages of this size, so that an APPEND rewrites little; eight of them melt into a full one. */
#ifndef PAGE_SMALL
#define PAGE_SMALL 32
#endif

struct edit {
	const struct grant *grant;   /* the caller's, or renewed */
	struct grant renewed;        /* as things are in this transaction, where the mailbox is shared */
	struct db_txn *txn;
	int64_t mailbox, account;
	uint32_t uidvalidity, uidnext, keywords, keywords_was;
	uint64_t modseq;             /* of this change: one above the mailbox's */
	int64_t messages, unseen, deleted, size, deleted_size;
	int64_t messages_was, size_was;
	int64_t messages_paid, size_paid; /* of what they are more now, what stands on the account's sums already (edit_pay()) */
	bool settled;                /* what comes or goes here goes or comes elsewhere in the account, by the same write */
	bool over;                   /* edit_pay(): the account has more than its quota now */
	uint64_t oldest_change;
	bool changed;                /* something carries modseq now */
	struct runs named;           /* keyword ids + 1 that this edit will use (keyword_priv.h) */
	bool forgot;                 /* keyword_forget() was asked */

	struct dir *dir;             /* the row the walk is in; NULL until needed */
	bool dir_loaded, dir_new, dir_dirty;
	uint32_t at;                 /* index of the page in the row */
	struct page *page;           /* the page at at, once edit_page() read it */
	int64_t page_size, page_deleted_size; /* as it was read */
	uint32_t page_was;           /* entries it had */
	struct buf packed;           /* scratch */
};

/* Asks for the rights, as they are in this transaction, and reads the mailbox's counters. Every change of messages begins here. ERR_NOT_FOUND (also: it is gone, or only a
 * name), ERR_NO_PERM. */
must_check enum status edit_begin(struct edit *e, const struct grant *grant, struct db_txn *txn, unsigned rights);
/* Writes what is left to be written; with a failure only frees, and takes what was paid off the sums again. Gives st or what went wrong. What came and went is put on the account's sums, as far as
 * it was not paid; ERR_QUOTA then ends the whole write. */
must_check enum status edit_end(struct edit *e, enum status st);
struct quota_charge;
/* Puts what will come on the account's sums (quota_priv.h) before it is there: who may refuse it without ending the write asks here. ERR_QUOTA and others of
 * quota_charge(): nothing was changed. */
must_check enum status edit_pay(struct edit *e, struct quota_charge *charge);

/* Goes to the first page with a UID >= uid. ERR_NOT_FOUND: none. */
must_check enum status edit_seek(struct edit *e, uint32_t uid);
/* The summary of the page that the walk is at. */
struct page_sum *edit_sum(struct edit *e);
/* Goes to the next directory row and its first page. ERR_NOT_FOUND. */
must_check enum status edit_next_row(struct edit *e);
/* Reads the page into e->page. ERR_CORRUPT: damaged (logged): pass over it. */
must_check enum status edit_page(struct edit *e);
/* Writes e->page back, keeps the counters. An empty page is deleted, a sparse one melts into the one before: after it the walk goes on with
 * edit_seek() only. */
must_check enum status edit_put(struct edit *e);

/* Adds n entries with ascending UIDs at or above uidnext at the end; uidnext moves past them. */
must_check enum status edit_append(struct edit *e, const struct entry *entries, size_t n);
/* Adds one whole page, packed, at the end (see copy.c). */
must_check enum status edit_append_page(struct edit *e, struct str packed, const struct page_sum *sum);

/* Writes the change row of this edit. */
must_check enum status edit_change(struct edit *e, enum change_kind kind, const struct runs *uids);
/* The same for CHANGE_FLAGS: which flags (changes_priv.h). */
must_check enum status edit_change_flags(struct edit *e, const struct runs *uids, uint64_t which);

#endif
