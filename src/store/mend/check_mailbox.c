/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox against itself: pages against their checksums and against the directory, the directory against the mailbox's
 * counts, UIDs and mod-sequences rising, change rows and tombstones against the pages, reap rows, and the emails that
 * pages name.
 *
 * A directory row and its pages are read in one snapshot. The sums over a whole mailbox are compared where its mod-sequence
 * was the same at both ends of the walk.
 */
#include <stdlib.h>

#include "store/admit_priv.h"
#include "store/changes_priv.h"
#include "store/mend/check_priv.h"
#include "store/dir_priv.h"
#include "store/mailbox_priv.h"
#include "store/store_priv.h"

static struct db_sql next_mailbox = DB_SQL("SELECT id FROM mailbox WHERE id > ?1 ORDER BY id LIMIT 1");
static struct db_sql count_mailboxes = DB_SQL("SELECT count(*) FROM mailbox");
static struct db_sql get_row = DB_SQL("SELECT " MAILBOX_COLUMNS ", keywords, oldest_change FROM mailbox WHERE id = ?1");
static struct db_sql dir_sums = DB_SQL("SELECT count(*), coalesce(sum(messages), 0), coalesce(sum(unseen), 0),"
    " coalesce(sum(deleted), 0), coalesce(max(modseq), 0) FROM dir WHERE id >= ?1 AND id < ?2");
static struct db_sql dir_after = DB_SQL("SELECT id, messages, unseen, deleted, modseq, data FROM dir WHERE id > ?1 AND id < ?2"
    " ORDER BY id LIMIT 1");
static struct db_sql pages_between = DB_SQL("SELECT count(*) FROM page WHERE id >= ?1 AND id < ?2");
static struct db_sql page_data = DB_SQL("SELECT data FROM page WHERE id = ?1");
static struct db_sql reap_rows = DB_SQL("SELECT id, modseq, first, last, entries FROM reap WHERE mailbox = ?1");
static struct db_sql email_size = DB_SQL("SELECT size FROM email WHERE id = ?1");
static struct db_sql keyword_exists = DB_SQL("SELECT 1 FROM keyword WHERE mailbox = ?1 AND id = ?2");
static struct db_sql next_email = DB_SQL("SELECT next_email FROM account WHERE id = ?1");
static struct db_sql account_exists = DB_SQL("SELECT 1 FROM account WHERE id = ?1");

#define UNCOVERED (-1)

struct walk {
	struct check *c;
	struct mailbox mb;       /* the row in the present snapshot; name in the check's arena */
	bool alive;              /* it has its name: everything must agree */
	uint32_t taken;          /* pages of the directory at hand that the reaper has taken already */
	uint64_t first_modseq;   /* when the walk began */
	int64_t keywords;
	uint64_t oldest_change;
	struct page *page;
	struct dir dir;
	struct runs gone;        /* tombstones */
	uint64_t messages, unseen, deleted, size, deleted_size; /* counted */
	uint32_t last_uid;
	/* the change row looked at last */
	uint64_t row_modseq;
	struct runs row_uids;
};

#define WHERE(w) STR_FMT((w)->mb.name.n ? (w)->mb.name : STR("(deleted)"))
#define fault(w, fmt, ...)                                                                                             \
	check_fault((w)->c, "account=%lld mailbox=%lld \"%.*s\": " fmt, (long long)(w)->mb.account, (long long)(w)->mb.id, \
	    WHERE(w) __VA_OPT__(, ) __VA_ARGS__)

/* Reads the mailbox's row in the present snapshot. ERR_NOT_FOUND: it is gone meanwhile. */
static enum status
load(struct walk *w, int64_t id)
{
	struct db_stmt *q = db_prepare(w->c->txn, &get_row);
	enum status st;

	db_bind_int(q, 1, id);
	if ((st = db_step(q)) == OK) {
		struct str name = w->mb.name;
		mailbox_fill(q, NULL, &w->mb);
		w->alive = !db_is_null(q, MAILBOX_NAME_COLUMN);
		w->mb.name = name.p == NULL ? arena_str(&w->c->arena, db_text(q, MAILBOX_NAME_COLUMN)) : name;
		w->keywords = db_int(q, MAILBOX_NAME_COLUMN + 1);
		w->oldest_change = (uint64_t)db_int(q, MAILBOX_NAME_COLUMN + 2);
	}
	db_done(q);
	return st;
}

static enum status
check_sums(struct walk *w)
{
	int64_t v[5];
	enum status st;

	st = db_get_ints(w->c->txn, &dir_sums, v, 5, "ii", page_id(w->mb.id, 0), page_id(w->mb.id + 1, 0));
	if (st != OK || !w->alive)
		return st;
	if (v[1] != w->mb.messages || v[2] != w->mb.unseen || v[3] != w->mb.deleted)
		fault(w, "counts (%u messages, %u unseen, %u deleted) differ from the directory's (%lld, %lld, %lld)", w->mb.messages,
		    w->mb.unseen, w->mb.deleted, (long long)v[1], (long long)v[2], (long long)v[3]);
	if ((uint64_t)v[4] > w->mb.modseq)
		fault(w, "the directory has a mod-sequence beyond the mailbox's");
	return OK;
}

/* ---- change rows ---- */

static enum status
gather_changes(struct walk *w)
{
	struct change_walk cw;
	struct run_pile gone = {0};
	uint64_t last = 0;
	uint32_t twice = 0;
	enum status st;

	change_walk_begin(&cw, w->c->txn, w->mb.id, 0, false);
	while ((st = change_walk_next(&cw)) == OK) {
		if (cw.row.damaged) {
			fault(w, "change row %llu is damaged", (unsigned long long)cw.row.modseq);
			continue;
		}
		if (w->alive && cw.row.modseq > w->mb.modseq)
			fault(w, "change row %llu is beyond the mailbox's mod-sequence", (unsigned long long)cw.row.modseq);
		if (cw.row.modseq < last || (cw.row.packed && w->alive && cw.row.modseq > w->oldest_change))
			fault(w, "packed tombstone %llu is out of order", (unsigned long long)cw.row.modseq);
		last = cw.row.modseq;
		if (cw.row.kind == CHANGE_GONE)
			run_pile_add(&gone, &cw.row.uids);
	}
	change_walk_end(&cw);
	run_pile_into(&gone, &w->gone, &twice);
	if (twice != 0)
		fault(w, "uid=%u: has two tombstones", twice);
	if (st == ERR_NOT_FOUND && w->alive && w->gone.n > 0 && w->gone.run[w->gone.n - 1].last >= w->mb.uidnext)
		fault(w, "a tombstone has a UID that was never given");
	return st == ERR_NOT_FOUND ? OK : st;
}

/* Is the UID in the rows of that mod-sequence? Neighbouring entries mostly share theirs. */
static enum status
check_change(struct walk *w, const struct entry *e)
{
	struct change_walk cw;
	enum status st = OK;

	if (e->modseq <= w->oldest_change)
		return OK;
	if (e->modseq != w->row_modseq) {
		runs_clear(&w->row_uids);
		change_walk_begin(&cw, w->c->txn, w->mb.id, e->modseq - 1, false);
		while ((st = change_walk_next(&cw)) == OK && cw.row.modseq == e->modseq) {
			if (!cw.row.damaged && cw.row.kind != CHANGE_GONE)
				runs_add_all(&w->row_uids, &cw.row.uids);
		}
		change_walk_end(&cw);
		if (st != OK && st != ERR_NOT_FOUND)
			return st;
		w->row_modseq = e->modseq;
	}
	if (!runs_has(&w->row_uids, e->uid))
		fault(w, "uid=%u: no change row tells of its mod-sequence %llu", e->uid, (unsigned long long)e->modseq);
	return OK;
}

/* ---- entries ---- */

static enum status
check_email_of(struct walk *w, const struct entry *e)
{
	int64_t size, next;
	enum status st;

	check_name_email(w->c, e->email);
	if (e->email >> 32 != w->mb.account) {
		fault(w, "uid=%u: email %llx is of another account", e->uid, (unsigned long long)e->email);
		return OK;
	}
	if ((st = db_get_ints(w->c->txn, &email_size, &size, 1, "i", e->email)) == ERR_NOT_FOUND) {
		fault(w, "uid=%u: email %llx is missing", e->uid, (unsigned long long)e->email);
		return OK;
	}
	if (st != OK)
		return st;
	if ((uint64_t)size != e->size)
		fault(w, "uid=%u: its size is not that of email %llx", e->uid, (unsigned long long)e->email);
	if ((st = db_get_ints(w->c->txn, &next_email, &next, 1, "i", w->mb.account)) == OK && (uint32_t)e->email >= next)
		fault(w, "uid=%u: email %llx is beyond the account's counter", e->uid, (unsigned long long)e->email);
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
check_keywords(struct walk *w, const struct entry *e)
{
	int64_t one;

	for (uint32_t i = 0; i < e->keywords_n; i++) {
		enum status st = db_get_ints(w->c->txn, &keyword_exists, &one, 1, "ii", w->mb.id, (int64_t)e->keywords[i]);
		if (st == ERR_NOT_FOUND)
			fault(w, "uid=%u: keyword %u has no name", e->uid, e->keywords[i]);
		else if (st != OK)
			return st;
	}
	return OK;
}

static enum status
check_entry(struct walk *w, const struct entry *e)
{
	enum status st;

	w->messages++;
	w->unseen += !(e->flags & FLAG_SEEN);
	w->size += e->size;
	if (e->flags & FLAG_DELETED) {
		w->deleted++;
		w->deleted_size += e->size;
	}
	if (e->uid <= w->last_uid || e->uid >= w->mb.uidnext)
		fault(w, "uid=%u: out of order or never given", e->uid);
	w->last_uid = e->uid;
	if (e->modseq == 0 || e->modseq > w->mb.modseq)
		fault(w, "uid=%u: its mod-sequence was never given", e->uid);
	if (e->flags & ~FLAG_ALL)
		fault(w, "uid=%u: unknown flags", e->uid);
	if (!admit_date(e->internal_date, e->zone) || !admit_date(e->save_date, 0))
		fault(w, "uid=%u: a date that no client could have given", e->uid);
	if (runs_has(&w->gone, e->uid))
		fault(w, "uid=%u: is there and has a tombstone", e->uid);
	if ((st = check_keywords(w, e)) != OK || (st = check_change(w, e)) != OK)
		return st;
	return check_email_of(w, e);
}

static enum status
check_page(struct walk *w, const struct page_sum *sum)
{
	struct db_stmt *q = db_prepare(w->c->txn, &page_data);
	enum status st;

	db_bind_int(q, 1, page_id(w->mb.id, sum->key));
	if ((st = db_step(q)) == OK)
		st = page_unpack(w->page, db_blob(q, 0), w->mb.id, sum->key);
	db_done(q);
	/* The reaper takes the pages of a deleted mailbox first, in several commits. */
	if (st == ERR_NOT_FOUND && !w->alive) {
		w->taken++;
		return OK;
	}
	if (st == ERR_CORRUPT || st == ERR_NOT_FOUND) {
		fault(w, "page=%u: %s", sum->key, st == ERR_CORRUPT ? "damaged" : "missing");
		return OK;
	}
	if (st != OK)
		return st;
	struct page_sum now = page_summary(sum->key, w->page->e, w->page->n);
	if (now.last != sum->last || now.messages != sum->messages || now.unseen != sum->unseen || now.deleted != sum->deleted ||
	    now.modseq != sum->modseq)
		fault(w, "page=%u: the directory tells something else of it", sum->key);
	for (uint32_t i = 0; i < w->page->n && st == OK; i++)
		st = check_entry(w, &w->page->e[i]);
	return st;
}

/* ---- the directory ---- */

/* The next row of the directory. *next_r: where the one after it begins. ERR_NOT_FOUND at the end. */
static enum status
next_dir(struct walk *w, int64_t after, int64_t *id_r, int64_t *next_r, bool *good_r)
{
	int64_t end = page_id(w->mb.id + 1, 0), sums[4] = {0};
	struct db_stmt *q = db_prepare(w->c->txn, &dir_after);
	enum status st, unpacked = OK;

	db_bind_int(q, 1, after);
	db_bind_int(q, 2, end);
	if ((st = db_step(q)) == OK) {
		*id_r = db_int(q, 0);
		for (int i = 0; i < 4; i++)
			sums[i] = db_int(q, i + 1);
		unpacked = dir_unpack(&w->dir, db_blob(q, 5), w->mb.id, (uint32_t)*id_r);
	}
	db_done(q);
	if (st == OK && *id_r <= after)
		st = ERR_CORRUPT; /* the tree leads in a circle */
	if (st != OK)
		return st;
	*good_r = unpacked == OK;
	if (!*good_r)
		fault(w, "directory=%u: damaged", (uint32_t)*id_r);
	else if (sums[0] != w->dir.messages || sums[1] != w->dir.unseen || sums[2] != w->dir.deleted)
		fault(w, "directory=%u: its sums are wrong", (uint32_t)*id_r);
	q = db_prepare(w->c->txn, &dir_after);
	db_bind_int(q, 1, *id_r);
	db_bind_int(q, 2, end);
	*next_r = (st = db_step(q)) == OK ? db_int(q, 0) : end;
	db_done(q);
	return st == ERR_NOT_FOUND ? OK : st;
}

/* One row of the directory and its pages. covered: up to where pages were accounted for in this snapshot; UNCOVERED: it is a new one. */
static enum status
check_dir(struct walk *w, int64_t *at, int64_t *covered)
{
	int64_t id = 0, next = 0, pages;
	bool good = false;
	enum status st;

	if ((st = next_dir(w, *at, &id, &next, &good)) != OK)
		return st;
	*at = id;
	/* What lies before this row may have come to an earlier one since that was read. */
	if (*covered == UNCOVERED)
		*covered = id;
	if (!good) {
		*covered = next;
		return OK;
	}
	w->taken = 0;
	for (uint32_t i = 0; i < w->dir.n && st == OK; i++)
		st = check_page(w, &w->dir.p[i]);
	if (st == OK)
		st = db_get_ints(w->c->txn, &pages_between, &pages, 1, "ii", *covered, next);
	if (st == OK && pages + w->taken != w->dir.n)
		fault(w, "directory=%u: knows %u pages, %lld are there, taken or missing %u", (uint32_t)id, w->dir.n,
		    (long long)pages, w->taken);
	*covered = next;
	return st;
}

static enum status
check_totals(struct walk *w)
{
	const struct mailbox *mb = &w->mb;

	if (!w->alive || mb->modseq != w->first_modseq)
		return OK;
	if (w->messages != mb->messages || w->unseen != mb->unseen || w->deleted != mb->deleted || w->size != mb->size ||
	    w->deleted_size != mb->deleted_size)
		fault(w, "counts differ from the pages': %u/%llu messages, %u/%llu unseen, %u/%llu deleted, %llu/%llu bytes",
		    mb->messages, (unsigned long long)w->messages, mb->unseen, (unsigned long long)w->unseen, mb->deleted,
		    (unsigned long long)w->deleted, (unsigned long long)mb->size, (unsigned long long)w->size);
	return OK;
}

static enum status
check_reap(struct walk *w)
{
	struct db_stmt *q = db_prepare(w->c->txn, &reap_rows);
	enum status st;

	db_bind_int(q, 1, w->mb.id);
	while ((st = db_step(q)) == OK) {
		if (page_unpack(w->page, db_blob(q, 4), w->mb.id, (uint32_t)db_int(q, 2)) != OK) {
			fault(w, "reap=%lld: damaged", (long long)db_int(q, 0));
			continue;
		}
		for (uint32_t i = 0; i < w->page->n; i++) {
			const struct entry *e = &w->page->e[i];
			check_name_email(w->c, e->email);
			if (w->alive && !runs_has(&w->gone, e->uid) && w->mb.modseq == w->first_modseq)
				fault(w, "uid=%u: expunged without a tombstone", e->uid);
		}
	}
	db_done(q);
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
walk_dirs(struct walk *w)
{
	int64_t at = page_id(w->mb.id, 0) - 1, covered = page_id(w->mb.id, 0), pages;
	bool renewed = false;
	enum status st;

	while ((st = check_dir(w, &at, &covered)) == OK) {
		renewed = false;
		if ((st = check_breathe(w->c, &renewed)) != OK)
			return st;
		if (renewed && (st = load(w, w->mb.id)) != OK)
			return st == ERR_NOT_FOUND ? OK : st;
		if (renewed) {
			w->row_modseq = 0;
			covered = UNCOVERED;
		}
	}
	if (st != ERR_NOT_FOUND || covered == UNCOVERED)
		return st == ERR_NOT_FOUND ? OK : st;
	st = db_get_ints(w->c->txn, &pages_between, &pages, 1, "ii", covered, page_id(w->mb.id + 1, 0));
	if (st == OK && pages != 0)
		fault(w, "%lld pages are in no directory", (long long)pages);
	return st;
}

static enum status
check_mailbox(struct walk *w, int64_t id)
{
	bool yes;
	enum status st;

	if ((st = load(w, id)) != OK)
		return st == ERR_NOT_FOUND ? OK : st;
	w->first_modseq = w->mb.modseq;
	if ((st = check_exists(w->c, &account_exists, w->mb.account, &yes)) != OK)
		return st;
	if (!yes)
		fault(w, "its account does not exist");
	if ((st = check_mailbox_names(w->c, id)) != OK)
		return st;
	if ((st = check_sums(w)) != OK || (st = gather_changes(w)) != OK || (st = check_reap(w)) != OK)
		return st;
	if ((st = walk_dirs(w)) != OK)
		return st;
	w->c->report->messages += w->messages;
	w->c->report->mailboxes += w->alive;
	return check_totals(w);
}

enum status
check_one_mailbox(struct check *c, int64_t id, struct page *page)
{
	struct walk *w = x_new(struct walk);
	enum status st;

	w->c = c;
	w->page = page;
	if ((st = check_mailbox(w, id)) == ERR_CORRUPT) {
		fault(w, "cannot be read to its end");
		st = OK;
	}
	runs_free(&w->gone);
	runs_free(&w->row_uids);
	free(w);
	return st;
}

enum status
check_mailboxes(struct check *c)
{
	struct page *page = page_new();
	int64_t id = 0, total = 0;
	uint64_t done = 0;
	enum status st;

	st = db_get_ints(c->txn, &count_mailboxes, &total, 1, "");
	while (st == OK && (st = check_next(c, &next_mailbox, &id)) == OK) {
		st = check_one_mailbox(c, id, page);
		if (c->report->progress != NULL)
			c->report->progress(c->report->arg, ++done, (uint64_t)total);
		if (st == OK)
			st = check_breathe(c, NULL);
	}
	page_free(page);
	return st == ERR_NOT_FOUND ? OK : st;
}
