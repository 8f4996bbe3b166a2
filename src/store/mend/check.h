/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifying and mending. mansio store check reads the whole store in snapshots of bounded length while it serves; mansio store repair copies
 * what is readable into a new store and rebuilds the rest.
 */
#ifndef STORE_MEND_CHECK_H
#define STORE_MEND_CHECK_H

#include "store/store.h"

struct check_report {
	void (*found)(void *arg, const char *text); /* once for each fault, and for what is to be known but is none */
	void (*progress)(void *arg, uint64_t done, uint64_t total);
	/* Both may be NULL. stop: asked now and then, must not wait; true ends the check with ERR_UNAVAILABLE. pause: called now and then while no snapshot is
	 * held, and may wait: found and progress are called with one, and must not. */
	bool (*stop)(void *arg);
	void (*pause)(void *arg);
	void *arg;
	uint64_t faults, mailboxes, messages, emails, bodies; /* counted */
};
/* Pages against their checksums, the directory and the mailbox's counts against the pages, UIDs and mod-sequences rising, change rows and
 * tombstones against the pages, emails and structures against what names them, bodies against their hashes (deep), nothing left over.
 * Names that none could have today (reserved mailboxes, account_name_fault()) are told and not counted. OK: it ran to the end, see
 * report->faults. */
must_check enum status store_check(struct store *store, bool deep, struct check_report *report);

struct repair_report {
	void (*lost)(void *arg, const char *text); /* once for each thing that could not be saved */
	void *arg;
	uint64_t lost_n, mailboxes, messages;
};
/* Rebuilds the store of folder dir (not open) into <dir>/mansio.db, keeping the damaged file as mansio.db.damaged-<time>. Pages are rebuilt
 * from the births of emails and the change rows; emails that no page names go to the mailbox of their birth, or to "Recovered". Running it
 * again changes nothing. */
must_check enum status store_repair(const char *dir, struct repair_report *report);
/* store_open(), after what a repair left to do that was broken off when it was as good as done. */
must_check enum status mend_open(const struct store_options *options, struct store **store_r);

#endif
