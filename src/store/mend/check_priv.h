/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of store_check(). One thread. Snapshots are short: check_breathe() takes a new one where the old one is no longer needed; what
 * two snapshots tell is never compared. What looks wrong because it was seen at two times is looked at again in
 * one snapshot before it counts as a fault.
 */
#ifndef STORE_MEND_CHECK_PRIV_H
#define STORE_MEND_CHECK_PRIV_H

#include "base/map.h"
#include "store/mend/check.h"

#define CHECK_SNAPSHOT_US 50000 /* a snapshot is let go of after that */

/* Tests: called between each step and the next, each of which sees another moment then. NULL: none. */
extern void (*check_between)(void);

/* What is gathered of an account. */
struct check_account {
	int64_t id;
	uint64_t next_email;   /* when the check began: emails from here on are not judged */
	struct str name;
	uint8_t *named;        /* a bit for each email counter that some page names */
	size_t named_bytes;
};

/* A body that was there at the beginning, and the first email seen with it. */
struct check_body {
	int64_t id, email;
};

struct page;
struct check {
	struct store *store;
	bool deep;
	struct check_report *report;
	struct db_txn *txn;
	int64_t began;         /* clock_mono() of the snapshot */
	struct arena arena;    /* lives as long as the check */
	struct map accounts;   /* id to struct check_account */
	struct check_body *bodies; /* ascending */
	size_t bodies_n, bodies_cap;
};

/* Counts and tells a fault. */
void check_fault(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Tells what is no fault. */
void check_note(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A new snapshot if the present one is old; *renewed_r (may be NULL). No statement may be open. */
must_check enum status check_breathe(struct check *c, bool *renewed_r);
struct check_account *check_account_of(struct check *c, int64_t id);
/* Notes that an email is named. */
void check_name_email(struct check *c, int64_t email);
bool check_email_named(struct check *c, int64_t email);

/* check_admit.c: names that could not have come in: of one mailbox and its keywords; of subscriptions. */
must_check enum status check_mailbox_names(struct check *c, int64_t mailbox);
must_check enum status check_subscriptions(struct check *c);

/* Names of accounts and mailboxes that collide with what is reserved. */
must_check enum status check_names(struct check *c);
/* What addresses lead to; the domains of accounts. */
must_check enum status check_addresses(struct check *c);
must_check enum status check_mailboxes(struct check *c);
/* One mailbox; page is working space. */
must_check enum status check_one_mailbox(struct check *c, int64_t id, struct page *page);
must_check enum status check_bodies_gather(struct check *c);
must_check enum status check_emails(struct check *c);
must_check enum status check_bodies(struct check *c);
must_check enum status check_leftovers(struct check *c);
must_check enum status check_threads(struct check *c);
/* Digests against the rows of their emails. */
must_check enum status check_digests(struct check *c);

/* The next key of a walk: one row of one integer, for a statement that is given the last key. A damaged tree may lead in circles: a key that does
 * not rise is ERR_CORRUPT. ERR_NOT_FOUND at the end. */
must_check enum status check_next(struct check *c, struct db_sql *sql, int64_t *id);

/* Fixed statements: does such a row exist? */
must_check enum status check_exists(struct check *c, struct db_sql *sql, int64_t id, bool *yes_r);

#endif
