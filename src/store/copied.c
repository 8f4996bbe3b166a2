/* SPDX-License-Identifier: Apache-2.0 */
/* A row: u8 version (1), runs_pack() of the emails' low BUCKET bits + 1, CRC-32C. */
#include "store/copied_priv.h"

#include <stdlib.h>
#include "base/log.h"
#include "base/runs.h"
#include "store/columns_priv.h"

#define COPIED_VERSION 1
#define BUCKET 14

static struct db_sql get = DB_SQL("SELECT emails FROM copied WHERE id = ?1");
static struct db_sql put =
    DB_SQL("INSERT INTO copied (id, emails) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET emails = ?2");

static int64_t
bucket_of(int64_t email)
{
	return (email >> 32) << 32 | (email & UINT32_MAX) >> BUCKET;
}

static uint32_t
place_of(int64_t email)
{
	return (uint32_t)(email & ((1 << BUCKET) - 1)) + 1;
}

static enum status
load(struct db_txn *txn, int64_t bucket, struct runs *set)
{
	struct db_stmt *s = db_prepare(txn, &get);
	struct unpack u = {0};
	enum status st;

	runs_clear(set);
	db_bind_int(s, 1, bucket);
	st = db_step(s);
	if (st == OK && blob_sealed(db_blob(s, 0), &u.rest) && unpack_u8(&u) == COPIED_VERSION)
		runs_unpack(&u, set);
	else
		u.failed = true;
	db_done(s);
	if (st == OK && u.failed) {
		/* Nobody knows: all of them may have been copied. */
		log_event(EV_damage, "copy marks of account=%lld", (long long)(bucket >> 32));
		runs_clear(set);
		runs_add(set, 1, 1 << BUCKET);
	}
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
save(struct db_txn *txn, int64_t bucket, const struct runs *set)
{
	struct buf b = {0};
	enum status st;

	buf_addc(&b, COPIED_VERSION);
	runs_pack(&b, set);
	blob_seal(&b, 0);
	st = db_exec(txn, &put, "ib", bucket, buf_str(&b));
	buf_free(&b);
	return st;
}

static int
by_id(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

enum status
copied_mark(struct db_txn *txn, int64_t *emails, size_t n)
{
	struct runs set = {0};
	enum status st = OK;
	size_t i = 0;
	bool sorted = true;

	for (size_t k = 1; k < n; k++)
		sorted &= emails[k - 1] <= emails[k];
	if (!sorted)
		qsort(emails, n, sizeof(*emails), by_id);
	while (i < n && st == OK) {
		int64_t bucket = bucket_of(emails[i]);
		uint64_t had;

		if ((st = load(txn, bucket, &set)) != OK)
			break;
		had = runs_count(&set);
		for (; i < n && bucket_of(emails[i]) == bucket; i++)
			runs_add(&set, place_of(emails[i]), place_of(emails[i]));
		if (runs_count(&set) != had)
			st = save(txn, bucket, &set);
	}
	runs_free(&set);
	return st;
}

static struct db_sql next_row = DB_SQL("SELECT id FROM copied WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT 1");
static struct db_sql emails_of = DB_SQL("SELECT id FROM email WHERE id >= ?1 AND id < ?2");

enum status
copied_dead(struct db_txn *txn, int64_t account, int64_t limit, int64_t *at, struct runs *dead_r)
{
	int64_t row = *at >= account << 32 ? *at : (account << 32) - 1, first;
	struct db_stmt *s;
	enum status st = db_get_ints(txn, &next_row, &row, 1, "ii", row, (account + 1) << 32);

	if (st != OK || (st = load(txn, row, dead_r)) != OK)
		return st;
	*at = row;
	first = account << 32 | (row & UINT32_MAX) << BUCKET;
	s = db_prepare(txn, &emails_of);
	db_bind_int(s, 1, first);
	db_bind_int(s, 2, first + (1 << BUCKET));
	while ((st = db_step(s)) == OK)
		runs_remove(dead_r, place_of(db_int(s, 0)), place_of(db_int(s, 0)));
	db_done(s);
	if (limit <= first)
		runs_clear(dead_r);
	else if (limit < first + (1 << BUCKET))
		runs_remove(dead_r, place_of(limit), 1 << BUCKET);
	return st == ERR_NOT_FOUND ? OK : st;
}

static struct db_sql del = DB_SQL("DELETE FROM copied WHERE id = ?1");

enum status
copied_forget(struct db_txn *txn, int64_t row, const struct runs *dead)
{
	struct runs set = {0};
	enum status st = load(txn, row, &set);

	runs_remove_all(&set, dead);
	if (st == OK)
		st = set.n > 0 ? save(txn, row, &set) : db_exec(txn, &del, "i", row);
	runs_free(&set);
	return st;
}

enum status
copied_has(struct db_txn *txn, int64_t email, bool *has_r)
{
	struct runs set = {0};
	enum status st = load(txn, bucket_of(email), &set);

	*has_r = st == OK && runs_has(&set, place_of(email));
	runs_free(&set);
	return st;
}
