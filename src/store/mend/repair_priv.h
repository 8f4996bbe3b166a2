/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of store_repair(): the new store has been filled with every row that could be read; these parts make it whole
 * again, in this order. Nobody else has it open, so their commits may be long. One thread.
 */
#ifndef STORE_MEND_REPAIR_PRIV_H
#define STORE_MEND_REPAIR_PRIV_H

#include "base/map.h"
#include "store/birth_priv.h"
#include "store/mend/check.h"
#include "store/entry.h"

/* Where an email came in. Of all emails, by mailbox and UID. */
struct repair_birth {
	int64_t mailbox, email;
	uint32_t uid;
};

struct repair_account {
	int64_t id;
	uint8_t *named; /* a bit for each email counter: a page or an expunged entry names it */
	size_t bytes;
	bool damaged;   /* pages of it were lost */
	int64_t recovered; /* its mailbox for what has no other place; 0: not made */
};

struct repair {
	struct store *store;
	struct repair_report *report;
	bool changed; /* something had to be mended */
	struct map accounts;
	struct repair_birth *births;
	size_t births_n, births_cap;
	struct arena arena;
};

/* Counts and tells something that is lost. */
void repair_lost(struct repair *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct repair_account *repair_account_of(struct repair *r, int64_t id);
void repair_name(struct repair *r, int64_t email);
bool repair_named(struct repair *r, int64_t email);

/* repair_email.c: emails whose row, body, summary or structure is damaged are mended from the body or removed; births are gathered. */
must_check enum status repair_emails(struct repair *r);
/* Emails that nothing names: to the account's "Recovered", or away with them where they were expunged. */
must_check enum status repair_unnamed(struct repair *r);
/* Bodies without emails, owners, structures without emails. */
must_check enum status repair_bodies(struct repair *r);
/* Digests that do not fit what the others left: away, they are made again. */
must_check enum status repair_digests(struct repair *r);

/* repair_address.c: what aliases and groups lead to, once the accounts are there. */
must_check enum status repair_addresses(struct repair *r);

/* repair_admit.c: names that could not have come in. */
must_check enum status repair_admitted(struct repair *r);
/* repair_rows.c: rows of mailboxes that only pages tell of. */
must_check enum status repair_mailbox_rows(struct repair *r);
/* repair_names.c: which emails have a name, and which have two. */
must_check enum status repair_names(struct repair *r);
/* repair_mailbox.c: mailboxes in which check finds a fault. */
must_check enum status repair_mailboxes(struct repair *r);

/* check_thread.c: the message-ids that emails name. */
must_check enum status repair_threads(struct repair *r);

/* repair_account.c */
must_check enum status repair_accounts(struct repair *r);
/* INBOX, counters, numbers never to be given out again. */
must_check enum status repair_counters(struct repair *r);

#endif
