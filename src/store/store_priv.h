/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct store, for this folder only. */
#ifndef STORE_STORE_PRIV_H
#define STORE_STORE_PRIV_H

#include <pthread.h>
#include "base/lock.h"
#include "store/quota.h"

#define STORE_GRACE_DEFAULT (4 * 3600) /* seconds */
#define STORE_SECRET_SIZE 32
#define STORE_REAP_EVERY 60 /* seconds between two rounds of the reaper */

/* What the settings say of quota (quota.h): the limits of who has no other. */
struct quota_settings {
	int64_t most[QUOTA_RESOURCES], grace;
	uint8_t warn[QUOTA_WARN_MAX]; /* percentages; 0: none */
};

struct feed;
struct digests;
struct account_names;

struct store {
	struct db *db;
	struct blob_store *blobs;
	struct feed *feed;
	struct digests *digests;
	int64_t grace; /* seconds */
	int64_t mailboxes_max;
	bool share_anyone;
	struct account_names *names; /* how they lead to accounts: account_resolve.c */
	_Atomic bool domain_limits;  /* a domain has a limit of bytes: domain.c */
	_Atomic bool domain_quotas;  /* a domain has one for its accounts: quota.c */
	struct quota_settings quota;
	bool beyond_quota;           /* a repair: what was there is put where it belongs, whatever the limits */
	unsigned char secret[STORE_SECRET_SIZE];

	/* The reaper's thread; stopping is for whatever the store does by itself. */
	pthread_t reaper;
	bool reaper_runs;
	struct lock lock;
	pthread_cond_t wake;
	_Atomic bool stopping;
	int64_t swept; /* the account that threads_sweep() looked at last */
};

/* ---- store.c ---- */

/* The repaired file, checked, not in its place yet (store/mend). */
#define STORE_REPAIRED "mansio.db.repaired"
/* store_open() with another file in the folder. */
must_check enum status store_open_file(const struct store_options *options, const char *file, struct store **store_r);
/* What waits to be made; see digest_priv.h. */
struct digests *store_digests(struct store *store);

/* ---- schema.c ---- */

/* Makes the schema or brings an older one up to date, and reads the secret: a write function's part. ERR_CONFLICT: newer. */
must_check enum status schema_bring_up(struct store *store, struct db_txn *txn);
/* For a store that is only read: its version must be this one; reads the secret, if it has one. As store_open() says. */
must_check enum status schema_look(struct store *store);

/* ---- reaper.c ---- */

must_check enum status reaper_start(struct store *store);
void reaper_stop(struct store *store);

#endif
