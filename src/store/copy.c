/* SPDX-License-Identifier: Apache-2.0 */
/* Large copies: see copy.h. A staged page has key 1, UIDs from 1 on and mod-sequence 0: publishing sets all three (page_rekey). */
#include "store/copy.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "store/across_priv.h"
#include "store/domain.h"
#include "store/quota_priv.h"
#include "store/store_priv.h"

#define SWEEP_ROWS 256 /* removed in one transaction */

struct copy_job {
	int64_t id;
	struct grant from, to;
	struct runs uids;
	/* as far as it is committed */
	uint32_t next;      /* the first UID not staged; 0: all are */
	uint32_t pages;     /* staged rows */
	struct runs source; /* UIDs staged */
	int64_t bytes;      /* of them */
	bool published;
	/* what the step that runs now adds */
	uint32_t step_next, step_pages;
	int64_t step_bytes;
	struct runs step_source;
};

static _Atomic int64_t last_id;

struct copy_job *
copy_begin(const struct grant *from, const struct runs *uids, const struct grant *to)
{
	struct copy_job *job = x_new(struct copy_job);

	ensure(uids->n > 0);
	job->id = atomic_fetch_add(&last_id, 1) % INT32_MAX + 1;
	job->from = *from;
	job->to = *to;
	runs_add_all(&job->uids, uids);
	job->next = runs_next(&job->uids, 1);
	return job;
}

static bool
is_across(const struct copy_job *job)
{
	return job->from.owner != job->to.owner;
}

void
copy_free(struct copy_job *job)
{
	if (job == NULL)
		return;
	runs_free(&job->uids);
	runs_free(&job->source);
	runs_free(&job->step_source);
	free(job);
}

bool
copy_more(const struct copy_job *job)
{
	return job->next != 0;
}

void
copy_stepped(struct copy_job *job)
{
	ensure(job->step_pages >= job->pages && (job->step_next == 0 || job->step_next > job->next)); /* it gets on, or would never end */
	runs_add_all(&job->source, &job->step_source);
	runs_clear(&job->step_source);
	job->next = job->step_next;
	job->pages = job->step_pages;
	job->bytes = job->step_bytes;
}

void
copy_published(struct copy_job *job)
{
	job->published = true;
}

/* ---- staging ---- */

static struct db_sql stage_add = DB_SQL("INSERT INTO staged (id, made, messages, unseen, deleted, size, deleted_size,"
    " data, made_for) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");

static enum status
stage_page(struct db_txn *txn, struct copy_job *job, struct buf *scratch, struct entry *e, uint32_t n)
{
	struct page_sum sum;
	int64_t size = 0, deleted_size = 0;

	ensure(n > 0 && n <= PAGE_MAX);
	for (uint32_t i = 0; i < n; i++) {
		e[i].uid = i + 1;
		e[i].modseq = 0;
		size += (int64_t)e[i].size;
		deleted_size += e[i].flags & FLAG_DELETED ? (int64_t)e[i].size : 0;
	}
	sum = page_summary(1, e, n);
	buf_clear(scratch);
	page_pack(scratch, job->to.mailbox, 1, e, n);
	return db_exec(txn, &stage_add, "iiiiiiibi", page_id(job->id, job->step_pages++), clock_seconds(), (int64_t)sum.messages,
	    (int64_t)sum.unseen, (int64_t)sum.deleted, size, deleted_size, buf_str(scratch), is_across(job) ? job->to.mailbox : 0);
}

/* Room for all that was staged: what cannot be published need not be staged to its end. */
static enum status
has_room(const struct edit *to, struct copy_job *job, const struct haul *h)
{
	job->step_bytes = job->bytes;
	for (size_t i = 0; i < h->n; i++)
		job->step_bytes += (int64_t)h->e[i].size;
	return quota_room(job->to.actor.store, to->txn, to->account, (int64_t)(runs_count(&job->source) + h->n), job->step_bytes);
}

static enum status
stage_haul(struct edit *to, struct copy_job *job, struct haul *h)
{
	int64_t now = clock_seconds();
	enum status st = has_room(to, job, h);

	if (st == OK)
		st = haul_marks(h, job->from.mailbox, to);

	if (st == OK && is_across(job))
		st = across_make(h, to, 0);
	/* Those that were made for this copy, too: what is left of one that was given up is looked for by this. */
	if (st == OK)
		st = haul_mark(h, to->txn);
	for (size_t i = 0; i < h->n; i++)
		h->e[i].save_date = now;
	for (size_t at = 0; at < h->n && st == OK; at += PAGE_MAX)
		st = stage_page(to->txn, job, &to->packed, h->e + at,
		    h->n - at < PAGE_MAX ? (uint32_t)(h->n - at) : PAGE_MAX);
	return st;
}

enum status
copy_step(struct db_txn *txn, struct copy_job *job)
{
	struct haul h = {0};
	struct edit from, to;
	enum status st = edit_begin(&from, &job->from, txn, RIGHT_READ);

	ensure(copy_more(job));
	if (st != OK)
		return st;
	st = edit_end(&from, haul_read(&h, &from, &job->uids, job->next, is_across(job) ? ACROSS_BATCH : COPY_STEP));
	if (st == OK && is_across(job))
		st = across_fit(&h, txn);
	if (st == OK)
		st = edit_begin(&to, &job->to, txn, RIGHT_INSERT);
	if (st != OK)
		goto out;
	job->step_next = h.next;
	job->step_pages = job->pages;
	runs_clear(&job->step_source);
	runs_add_all(&job->step_source, &h.from);
	st = edit_end(&to, stage_haul(&to, job, &h));
out:
	haul_free(&h);
	return st;
}

/* ---- publishing ---- */

static struct db_sql staged_get =
    DB_SQL("SELECT messages, unseen, deleted, size, deleted_size, data FROM staged WHERE id = ?1");

static enum status
publish_page(struct edit *e, const struct copy_job *job, uint32_t number, struct buf *blob)
{
	struct db_stmt *s = db_prepare(e->txn, &staged_get);
	struct page_sum sum = {.key = e->uidnext, .modseq = e->modseq};
	int64_t size = 0, deleted_size = 0;
	enum status st;

	db_bind_int(s, 1, page_id(job->id, number));
	if ((st = db_step(s)) == OK) {
		sum.messages = (uint32_t)db_int(s, 0);
		sum.unseen = (uint32_t)db_int(s, 1);
		sum.deleted = (uint32_t)db_int(s, 2);
		sum.last = sum.key + sum.messages - 1;
		if (sum.messages == 0 || sum.messages > PAGE_MAX || sum.last < sum.key) {
			db_done(s);
			return ERR_CORRUPT;
		}
		size = db_int(s, 3);
		deleted_size = db_int(s, 4);
		buf_clear(blob);
		st = page_rekey(blob, db_blob(s, 5), job->to.mailbox, sum.key, e->modseq);
	}
	db_done(s);
	if (st == OK)
		st = edit_append_page(e, buf_str(blob), &sum);
	e->size += size;
	e->deleted_size += deleted_size;
	return st == ERR_NOT_FOUND ? ERR_CORRUPT : st;
}

enum status
copy_publish(struct db_txn *txn, struct copy_job *job, struct copy_result *result_r)
{
	uint64_t n = runs_count(&job->source);
	struct copy_result r = {.to_n = (uint32_t)n};
	struct runs uids = {0};
	struct buf blob = {0};
	struct edit e;
	enum status st = edit_begin(&e, &job->to, txn, RIGHT_INSERT);

	if (st != OK)
		return st;
	r.to_first = e.uidnext;
	r.uidvalidity = e.uidvalidity;
	if (n > UINT32_MAX - 1 - e.uidnext)
		st = ERR_LIMIT;
	for (uint32_t i = 0; i < job->pages && st == OK; i++)
		st = publish_page(&e, job, i, &blob);
	if (st == OK)
		st = domain_room(job->to.actor.store, txn, job->to.owner, (uint64_t)(e.size > e.size_was ? e.size - e.size_was : 0));
	if (st == OK && n > 0) {
		runs_add(&uids, r.to_first, r.to_first + r.to_n - 1);
		st = edit_change(&e, CHANGE_ADDED, &uids);
	}
	st = edit_end(&e, st);
	r.over = e.over;
	if (st == OK) {
		runs_add_all(&r.from, &job->source);
		*result_r = r;
	}
	runs_free(&uids);
	buf_free(&blob);
	return st;
}

/* ---- sweeping ---- */

#define WHICH "SELECT id FROM staged WHERE id >= ?1 AND id <= ?2 AND made < ?3 AND (?4 = 0 OR made_for = ?4) ORDER BY id LIMIT ?5"
static struct db_sql staged_reap = DB_SQL("INSERT INTO reap (mailbox, modseq, first, last, due, moved, entries)"
    " SELECT 0, 0, 1, messages, ?6, 0, data FROM staged WHERE made_for <> 0 AND id IN (" WHICH ")"); /* of no mailbox: it never had them */
static struct db_sql staged_del = DB_SQL("DELETE FROM staged WHERE id IN (" WHICH ")");

enum status
staged_drop(struct db_txn *txn, const struct staged_which *w, int64_t max, bool *done_r)
{
	enum status st = OK;

	/* The reaper spares what a page names after all. */
	if (!w->published)
		st = db_exec(txn, &staged_reap, "iiiiii", w->first, w->last, w->before, w->made_for, max, clock_seconds());
	if (st == OK)
		st = db_exec(txn, &staged_del, "iiiii", w->first, w->last, w->before, w->made_for, max);
	if (st == OK)
		*done_r = db_changed(txn) < max;
	return st;
}

enum status
copy_sweep_step(struct db_txn *txn, const struct copy_job *job, bool *done_r)
{
	struct staged_which which = {.first = page_id(job->id, 0),
	    .last = page_id(job->id, UINT32_MAX),
	    .before = INT64_MAX,
	    .published = job->published};

	return staged_drop(txn, &which, SWEEP_ROWS, done_r);
}

static enum status
sweep_all(struct db_txn *txn, void *done)
{
	struct staged_which which = {.last = INT64_MAX, .before = INT64_MAX};

	return staged_drop(txn, &which, SWEEP_ROWS, done);
}

enum status
copy_sweep(struct store *store)
{
	bool done = false;
	enum status st = OK;

	while (st == OK && !done)
		st = db_write_reserve(store_db(store), sweep_all, &done);
	return st;
}
