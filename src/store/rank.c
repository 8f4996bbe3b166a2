/* SPDX-License-Identifier: Apache-2.0 */
/* From UIDs to sequence numbers and back, by the directory's sums. */
#include "store/rank_priv.h"

void
ranker_init(struct ranker *r, struct db_txn *txn, int64_t mailbox)
{
	r->txn = txn;
	r->mailbox = mailbox;
	r->loaded = false;
	r->uids_key = 0;
}

/* A page without gaps needs no look at its UIDs. */
static bool
dense(const struct page_sum *p)
{
	return p->last - p->key + 1 == p->messages;
}

/* Gets the UIDs of a page; of a damaged one none. */
static enum status
want_uids(struct ranker *r, const struct page_sum *p)
{
	enum status st;

	if (r->uids_key == p->key)
		return OK;
	st = page_load_uids(r->txn, r->mailbox, p->key, r->uids, &r->uids_n);
	if (st != OK && st != ERR_CORRUPT)
		return st;
	if (st == ERR_CORRUPT)
		r->uids_n = 0;
	r->uids_key = p->key;
	return OK;
}

/* Gets the row of a UID. ERR_NOT_FOUND: the mailbox is empty. */
static enum status
want_row(struct ranker *r, uint32_t uid)
{
	enum status st;

	if (r->loaded && uid >= r->dir.key && uid <= r->dir.p[r->dir.n - 1].last)
		return OK;
	r->loaded = false;
	if ((st = dir_load(r->txn, r->mailbox, uid, &r->dir)) != OK ||
	    (st = dir_messages_before(r->txn, r->mailbox, r->dir.key, &r->before)) != OK)
		return st;
	r->loaded = r->dir.n > 0;
	return OK;
}

static uint32_t
seek(const uint32_t *uids, uint32_t n, uint32_t uid)
{
	uint32_t lo = 0;

	while (lo < n) {
		uint32_t mid = lo + (n - lo) / 2;

		if (uids[mid] < uid)
			lo = mid + 1;
		else
			n = mid;
	}
	return lo;
}

enum status
ranker_rank(struct ranker *r, uint32_t uid, uint64_t *rank_r, bool *there_r)
{
	const struct page_sum *p;
	enum status st = want_row(r, uid);
	uint64_t rank;
	uint32_t i, at;
	bool there = false;

	if (st != OK && st != ERR_NOT_FOUND)
		return st;
	rank = st == OK ? r->before : 0;
	at = st == OK ? dir_seek(&r->dir, uid) : 0;
	for (i = 0; i < at; i++)
		rank += r->dir.p[i].messages;
	p = &r->dir.p[at];
	if (st == OK && at < r->dir.n && uid >= p->key) {
		if (dense(p)) {
			rank += uid - p->key;
			there = true;
		} else {
			if ((st = want_uids(r, p)) != OK)
				return st;
			i = seek(r->uids, r->uids_n, uid);
			rank += i;
			there = i < r->uids_n && r->uids[i] == uid;
		}
	}
	*rank_r = rank;
	if (there_r != NULL)
		*there_r = there;
	return OK;
}

static struct db_sql all_rows = DB_SQL("SELECT id, messages FROM dir WHERE id >= ?1 AND id <= ?2 ORDER BY id");

/* Gets the row in which the rank lies. ERR_NOT_FOUND: past the end. */
static enum status
want_row_of_rank(struct ranker *r, uint64_t rank)
{
	struct db_stmt *s;
	uint64_t before = 0;
	uint32_t key = 0;
	enum status st;

	if (r->loaded && rank >= r->before && rank < r->before + r->dir.messages)
		return OK;
	s = db_prepare(r->txn, &all_rows);
	db_bind_int(s, 1, page_id(r->mailbox, 0));
	db_bind_int(s, 2, page_id(r->mailbox, UINT32_MAX));
	while ((st = db_step(s)) == OK) {
		uint64_t n = (uint64_t)db_int(s, 1);

		key = (uint32_t)db_int(s, 0);
		if (rank < before + n)
			break;
		before += n;
	}
	db_done(s);
	r->loaded = false;
	if (st != OK || (st = dir_load(r->txn, r->mailbox, key, &r->dir)) != OK)
		return st;
	r->before = before;
	r->loaded = r->dir.n > 0;
	return r->loaded ? OK : ERR_NOT_FOUND;
}

enum status
ranker_uid(struct ranker *r, uint64_t rank, uint32_t *uid_r)
{
	const struct page_sum *p;
	uint32_t i;
	enum status st = want_row_of_rank(r, rank);

	if (st != OK)
		return st;
	rank -= r->before;
	for (i = 0; i < r->dir.n && rank >= r->dir.p[i].messages; i++)
		rank -= r->dir.p[i].messages;
	if (i == r->dir.n)
		return ERR_NOT_FOUND;
	p = &r->dir.p[i];
	if (dense(p)) {
		*uid_r = p->key + (uint32_t)rank;
	} else if (rank + 1 == p->messages) {
		*uid_r = p->last;
	} else {
		if ((st = want_uids(r, p)) != OK)
			return st;
		*uid_r = rank < r->uids_n ? r->uids[rank] : p->key + (uint32_t)rank;
	}
	return OK;
}

/* Adds the UIDs of one page that lie in first..last. */
static enum status
present_in(struct ranker *r, const struct page_sum *p, uint32_t first, uint32_t last, struct runs *out)
{
	enum status st;

	if (first < p->key)
		first = p->key;
	if (last > p->last)
		last = p->last;
	if (first > last)
		return OK;
	if (dense(p)) {
		runs_add(out, first, last);
		return OK;
	}
	if ((st = want_uids(r, p)) != OK)
		return st;
	for (uint32_t i = seek(r->uids, r->uids_n, first); i < r->uids_n && r->uids[i] <= last; i++)
		runs_add(out, r->uids[i], r->uids[i]);
	return OK;
}

enum status
ranker_present(struct ranker *r, uint32_t first, uint32_t last, struct runs *out)
{
	enum status st = want_row(r, first);

	while (st == OK) {
		uint32_t key = r->dir.key;

		for (uint32_t i = dir_seek(&r->dir, first); i < r->dir.n && r->dir.p[i].key <= last; i++)
			if ((st = present_in(r, &r->dir.p[i], first, last, out)) != OK)
				return st;
		if (r->dir.n > 0 && r->dir.p[r->dir.n - 1].last >= last)
			return OK;
		r->before += r->dir.messages;
		st = dir_next(r->txn, r->mailbox, key, 0, &r->dir);
		r->loaded = st == OK && r->dir.n > 0;
	}
	return st == ERR_NOT_FOUND ? OK : st;
}
