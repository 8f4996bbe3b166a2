/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repair of mailboxes. One in which check finds no fault stays as it is. Another is written anew from the entries of its readable
 * pages and the births of emails that its lost pages must have named; UIDs that are not there any more get a tombstone, so
 * that clients that synchronise (RFC 7162) hear of it. UIDs are never used again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/admit_priv.h"
#include "store/changes_priv.h"
#include "store/mend/check_priv.h"
#include "store/dir_priv.h"
#include "store/mend/repair_priv.h"
#include "store/store_priv.h"

static struct db_sql pages_of = DB_SQL("SELECT id, data FROM page WHERE id >= ?1 AND id < ?2 ORDER BY id");
static struct db_sql drop_pages = DB_SQL("DELETE FROM page WHERE id >= ?1 AND id < ?2");
static struct db_sql drop_dirs = DB_SQL("DELETE FROM dir WHERE id >= ?1 AND id < ?2");
static struct db_sql get_row = DB_SQL("SELECT account, uidvalidity, uidnext, modseq, messages, name IS NULL, keywords"
    " FROM mailbox WHERE id = ?1");
static struct db_sql get_email = DB_SQL("SELECT size, birth FROM email WHERE id = ?1");
static struct db_sql keyword_ids_of = DB_SQL("SELECT coalesce(max(id) + 1, 0) FROM keyword WHERE mailbox = ?1");
static struct db_sql keyword_by_fold = DB_SQL("SELECT id FROM keyword WHERE mailbox = ?1 AND fold = ?2");
static struct db_sql keyword_by_id = DB_SQL("SELECT id FROM keyword WHERE mailbox = ?1 AND id = ?2");
static struct db_sql keyword_add = DB_SQL("INSERT INTO keyword (mailbox, id, name, fold) VALUES (?1, ?2, ?3, ?4)");
static struct db_sql drop_changes = DB_SQL("DELETE FROM change WHERE mailbox = ?1 AND kind NOT IN (3, 5)");
static struct db_sql drop_change = DB_SQL("DELETE FROM change WHERE mailbox = ?1 AND modseq = ?2 AND kind = ?3");
static struct db_sql add_page = DB_SQL("INSERT INTO page (id, data) VALUES (?1, ?2)");
static struct db_sql add_dir = DB_SQL("INSERT INTO dir (id, messages, unseen, deleted, modseq, data) VALUES"
    " (?1, ?2, ?3, ?4, ?5, ?6)");
static struct db_sql set_row = DB_SQL("UPDATE mailbox SET uidnext = ?2, modseq = ?3, messages = ?4, unseen = ?5, deleted = ?6,"
    " size = ?7, deleted_size = ?8, keywords = ?9, oldest_change = ?3, recent_from = min(recent_from, ?2) WHERE id = ?1");

struct anew {
	struct repair *r;
	struct db_txn *txn;
	int64_t id, account;
	uint32_t uidnext, keywords;
	uint64_t modseq;    /* the highest seen; at the end the one of this change */
	uint64_t told;      /* messages that the row counted */
	bool deleted;       /* no name any more */
	bool damaged;       /* pages are lost */
	struct arena arena;
	struct entry *e;    /* by UID */
	size_t n, cap;
	struct runs present, gone;
	uint64_t rebuilt;
};

static void
add_entry(struct anew *w, const struct entry *e)
{
	if (w->n == w->cap) {
		w->cap = w->cap * 2 + 256;
		w->e = x_realloc(w->e, w->cap * sizeof(*w->e));
	}
	w->e[w->n] = *e;
	w->e[w->n++].keywords = arena_copy(&w->arena, e->keywords, e->keywords_n, e->keywords_n, sizeof(*e->keywords));
	runs_add(&w->present, e->uid, e->uid);
	w->modseq = e->modseq > w->modseq ? e->modseq : w->modseq;
	w->uidnext = e->uid >= w->uidnext ? e->uid + 1 : w->uidnext;
}

static enum status
load_row(struct anew *w)
{
	int64_t v[7], max;
	enum status st;

	if ((st = db_get_ints(w->txn, &get_row, v, 7, "i", w->id)) != OK)
		return st;
	if ((st = db_get_ints(w->txn, &keyword_ids_of, &max, 1, "i", w->id)) != OK)
		return st;
	w->account = v[0];
	w->uidnext = v[2] > 0 && v[2] < UINT32_MAX ? (uint32_t)v[2] : 1;
	w->modseq = v[3] > 0 ? (uint64_t)v[3] : 1;
	w->told = v[4] > 0 ? (uint64_t)v[4] : 0;
	w->deleted = v[5] != 0;
	w->keywords = (uint32_t)(max > v[6] ? max : v[6]);
	return OK;
}

/* Reads the tombstones. *again_r: a packed row was damaged, of which some may have been read: it is gone now. */
static enum status
read_tombstones(struct anew *w, struct run_pile *gone, bool *again_r)
{
	struct change_walk cw;
	enum status st;

	*again_r = false;
	change_walk_begin(&cw, w->txn, w->id, 0, true);
	while ((st = change_walk_next(&cw)) == OK) {
		int64_t kind = cw.row.packed ? CHANGE_PACKED : CHANGE_GONE;

		w->modseq = cw.row.modseq > w->modseq ? cw.row.modseq : w->modseq;
		if (!cw.row.damaged)
			run_pile_add(gone, &cw.row.uids);
		else if ((st = db_exec(w->txn, &drop_change, "iii", w->id, (int64_t)cw.row.modseq, kind)) != OK)
			break;
		*again_r |= cw.row.damaged && cw.row.packed;
	}
	change_walk_end(&cw);
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
load_changes(struct anew *w)
{
	struct run_pile gone = {0};
	bool again;
	enum status st;

	do {
		run_pile_free(&gone);
		st = read_tombstones(w, &gone, &again);
	} while (st == OK && again);
	run_pile_into(&gone, &w->gone, NULL);
	if (w->gone.n > 0 && w->gone.run[w->gone.n - 1].last >= w->uidnext && w->gone.run[w->gone.n - 1].last < UINT32_MAX - 1)
		w->uidnext = w->gone.run[w->gone.n - 1].last + 1;
	return st;
}

/* An entry stays when its email is there and says the same. */
static enum status
good(struct anew *w, const struct entry *e, bool *good_r)
{
	int64_t size;
	struct db_stmt *q = db_prepare(w->txn, &get_email);
	enum status st;

	*good_r = false;
	db_bind_int(q, 1, e->email);
	st = db_step(q);
	size = st == OK ? db_int(q, 0) : -1;
	db_done(q);
	if (st != OK && st != ERR_NOT_FOUND)
		return st;
	*good_r = (uint64_t)size == e->size && e->email >> 32 == w->account && !runs_has(&w->gone, e->uid) &&
	    !runs_has(&w->present, e->uid) && e->modseq > 0 && e->modseq < UINT64_MAX / 4 && e->uid < UINT32_MAX - 1;
	return OK;
}

/* Dates that no client could have given. */
static void
mend_dates(struct anew *w, struct entry *e)
{
	if (!admit_date(e->internal_date, e->zone)) {
		repair_lost(w->r, "mailbox=%lld uid=%u: its internal date", (long long)w->id, e->uid);
		e->internal_date = e->zone = 0;
	}
	if (!admit_date(e->save_date, 0))
		e->save_date = e->internal_date;
}

static enum status
load_page(struct anew *w, struct page *page)
{
	enum status st = OK;
	bool ok;

	for (uint32_t i = 0; i < page->n && st == OK; i++) {
		struct entry e = page->e[i];
		if ((st = good(w, &e, &ok)) != OK)
			break;
		e.flags &= FLAG_ALL;
		mend_dates(w, &e);
		if (ok)
			add_entry(w, &e);
		else
			w->damaged = true;
	}
	return st;
}

static enum status
load_pages(struct anew *w)
{
	struct page *page = page_new();
	struct db_stmt *q = db_prepare(w->txn, &pages_of);
	enum status st;

	db_bind_int(q, 1, page_id(w->id, 0));
	db_bind_int(q, 2, page_id(w->id + 1, 0));
	while ((st = db_step(q)) == OK) {
		if (page_unpack(page, db_blob(q, 1), w->id, (uint32_t)db_int(q, 0)) != OK)
			w->damaged = true;
		else if ((st = load_page(w, page)) != OK)
			break;
	}
	db_done(q);
	page_free(page);
	if (w->n < w->told)
		w->damaged = true;
	return st == ERR_NOT_FOUND ? OK : st;
}

/* The id of a keyword's name; makes it when it is not there. */
static enum status
keyword_of(struct anew *w, struct str kw, uint32_t *id_r)
{
	struct str fold = arena_lower(&w->arena, kw);
	int64_t id;
	enum status st = db_get_ints(w->txn, &keyword_by_fold, &id, 1, "it", w->id, fold);

	if (st == ERR_NOT_FOUND) {
		id = w->keywords++;
		st = db_exec(w->txn, &keyword_add, "iitt", w->id, id, kw, fold);
	}
	*id_r = (uint32_t)id;
	return st;
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static enum status
birth_keywords(struct anew *w, const struct birth *birth, struct entry *e)
{
	uint32_t *ids = arena_array(&w->arena, birth->keywords_n + 1, sizeof(*ids)), n = 0;
	enum status st = OK;

	for (size_t i = 0; i < birth->keywords_n && st == OK; i++) {
		if (admit_keyword(birth->keywords[i]) != OK)
			continue;
		st = keyword_of(w, birth->keywords[i], &ids[n++]);
	}
	qsort(ids, n, sizeof(*ids), by_number);
	e->keywords = ids;
	for (uint32_t i = 0; i < n; i++) {
		if (i == 0 || ids[i] != ids[e->keywords_n - 1])
			ids[e->keywords_n++] = ids[i];
	}
	return st;
}

/* The entry of a message as it came in. */
static enum status
entry_of_birth(struct anew *w, int64_t email, struct entry *e)
{
	struct arena a = {0};
	struct db_stmt *q = db_prepare(w->txn, &get_email);
	struct birth birth;
	enum status st;

	db_bind_int(q, 1, email);
	if ((st = db_step(q)) == OK && (st = birth_unpack(&a, db_blob(q, 1), &birth)) == OK) {
		*e = (struct entry){.uid = birth.uid, .flags = birth.flags & FLAG_ALL, .zone = birth.zone,
		    .internal_date = birth.internal_date, .save_date = birth.internal_date, .size = (uint64_t)db_int(q, 0),
		    .email = email};
		mend_dates(w, e);
		st = birth_keywords(w, &birth, e);
	}
	db_done(q);
	arena_free(&a);
	return st;
}

/* Messages that came in here, have no tombstone, and are in no page that can be read. */
static enum status
load_births(struct anew *w)
{
	const struct repair *r = w->r;
	size_t lo = 0, hi = r->births_n;
	struct entry e;
	enum status st;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->births[mid].mailbox < w->id)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < r->births_n && r->births[lo].mailbox == w->id; lo++) {
		const struct repair_birth *b = &r->births[lo];

		if (b->uid >= w->uidnext && b->uid < UINT32_MAX - 1)
			w->uidnext = b->uid + 1;
		if (b->uid == 0 || b->email >> 32 != w->account || runs_has(&w->present, b->uid) || runs_has(&w->gone, b->uid))
			continue;
		if (!w->damaged && repair_named(w->r, b->email))
			continue;
		if ((st = entry_of_birth(w, b->email, &e)) != OK)
			return st;
		e.modseq = 0; /* set when all are known */
		add_entry(w, &e);
		repair_name(w->r, b->email);
		w->rebuilt++;
	}
	return OK;
}

static int
by_uid(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* Keywords whose names are lost get names of their own. */
static enum status
name_keywords(struct anew *w, const struct entry *e)
{
	char text[32];
	int64_t id;
	enum status st;

	for (uint32_t i = 0; i < e->keywords_n; i++) {
		if ((st = db_get_ints(w->txn, &keyword_by_id, &id, 1, "ii", w->id, (int64_t)e->keywords[i])) == OK)
			continue;
		if (st != ERR_NOT_FOUND)
			return st;
		snprintf(text, sizeof(text), "recovered-%u", e->keywords[i]);
		repair_lost(w->r, "mailbox=%lld: the name of a keyword; it is %s now", (long long)w->id, text);
		st = db_exec(w->txn, &keyword_add, "iitt", w->id, (int64_t)e->keywords[i], str_c(text), str_c(text));
		if (st != OK)
			return st;
		if (e->keywords[i] >= w->keywords)
			w->keywords = e->keywords[i] + 1;
	}
	return OK;
}

static enum status
flush_dir(struct anew *w, struct dir *d, struct buf *packed)
{
	uint64_t modseq = 0;
	enum status st;

	if (d->n == 0)
		return OK;
	d->mailbox = w->id;
	d->key = d->p[0].key;
	dir_sum_up(d);
	for (uint32_t i = 0; i < d->n; i++)
		modseq = d->p[i].modseq > modseq ? d->p[i].modseq : modseq;
	buf_clear(packed);
	dir_pack(packed, d);
	st = db_exec(w->txn, &add_dir, "iiiiib", page_id(w->id, d->key), (int64_t)d->messages, (int64_t)d->unseen,
	    (int64_t)d->deleted, (int64_t)modseq, buf_str(packed));
	d->n = 0;
	return st;
}

static enum status
write_pages(struct anew *w)
{
	struct dir *d = x_new(struct dir);
	struct buf packed = {0};
	enum status st = OK;

	for (size_t i = 0; i < w->n && st == OK;) {
		uint32_t n = (uint32_t)(w->n - i < PAGE_MAX ? w->n - i : PAGE_MAX);
		buf_clear(&packed);
		page_pack(&packed, w->id, w->e[i].uid, &w->e[i], n);
		st = db_exec(w->txn, &add_page, "ib", page_id(w->id, w->e[i].uid), buf_str(&packed));
		d->p[d->n++] = page_summary(w->e[i].uid, &w->e[i], n);
		i += n;
		if (st == OK && (d->n == DIR_MAX || i == w->n))
			st = flush_dir(w, d, &packed);
	}
	free(d);
	buf_free(&packed);
	return st;
}

/* Every UID that was given and is not there has a tombstone. */
static enum status
write_changes(struct anew *w)
{
	struct runs lost = {0};
	enum status st;

	if (w->uidnext > 1)
		runs_add(&lost, 1, w->uidnext - 1);
	runs_remove_all(&lost, &w->present);
	runs_remove_all(&lost, &w->gone);
	if ((st = db_exec(w->txn, &drop_changes, "i", w->id)) == OK)
		st = change_write(w->txn, w->id, w->modseq, CHANGE_GONE, &lost, 0);
	runs_free(&lost);
	return st;
}

static enum status
write_row(struct anew *w)
{
	int64_t unseen = 0, deleted = 0, size = 0, deleted_size = 0;

	for (size_t i = 0; i < w->n; i++) {
		unseen += !(w->e[i].flags & FLAG_SEEN);
		size += (int64_t)w->e[i].size;
		if (w->e[i].flags & FLAG_DELETED) {
			deleted++;
			deleted_size += (int64_t)w->e[i].size;
		}
	}
	return db_exec(w->txn, &set_row, "iiiiiiiii", w->id, (int64_t)w->uidnext, (int64_t)w->modseq, (int64_t)w->n, unseen, deleted,
	    size, deleted_size, (int64_t)w->keywords);
}

static enum status
write_all(struct anew *w)
{
	enum status st = OK;

	w->modseq++;
	if (w->n > 0)
		qsort(w->e, w->n, sizeof(*w->e), by_uid);
	for (size_t i = 0; i < w->n && st == OK; i++) {
		if (w->e[i].modseq == 0)
			w->e[i].modseq = w->modseq;
		st = name_keywords(w, &w->e[i]);
	}
	if (st == OK)
		st = db_exec(w->txn, &drop_pages, "ii", page_id(w->id, 0), page_id(w->id + 1, 0));
	if (st == OK)
		st = db_exec(w->txn, &drop_dirs, "ii", page_id(w->id, 0), page_id(w->id + 1, 0));
	if (st == OK && (st = write_pages(w)) == OK && (st = write_changes(w)) == OK)
		st = write_row(w);
	return st;
}

static void
report(struct anew *w)
{
	w->r->changed = true;
	if (w->damaged)
		repair_account_of(w->r, w->account)->damaged = true;
	if (w->rebuilt > 0)
		repair_lost(w->r, "account=%lld mailbox=%lld: changes to flags of %llu messages that were made anew",
		    (long long)w->account, (long long)w->id, (unsigned long long)w->rebuilt);
	if (w->n < w->told)
		repair_lost(w->r, "account=%lld mailbox=%lld: %llu messages of %llu", (long long)w->account, (long long)w->id,
		    (unsigned long long)(w->told - w->n), (unsigned long long)w->told);
}

static enum status
make_anew(struct db_txn *txn, void *arg)
{
	struct anew *w = arg;
	enum status st;

	w->txn = txn;
	if ((st = load_row(w)) != OK || (st = load_changes(w)) != OK || (st = load_pages(w)) != OK)
		return st;
	if (!w->deleted && (st = load_births(w)) != OK)
		return st;
	report(w);
	return write_all(w);
}

static enum status
mend_mailbox(struct repair *r, int64_t id)
{
	struct anew w = {.r = r, .id = id};
	enum status st = db_write(r->store->db, make_anew, &w);

	free(w.e);
	runs_free(&w.present);
	runs_free(&w.gone);
	arena_free(&w.arena);
	return st;
}

/* ---- all of them ---- */

static struct db_sql next_mailbox = DB_SQL("SELECT id FROM mailbox WHERE id > ?1 ORDER BY id LIMIT 1");

/* Finds the next mailbox, and whether it has faults. */
static enum status
look(struct repair *r, int64_t after, int64_t *id_r, bool *faulty_r)
{
	struct check_report report = {0};
	struct check c = {.store = r->store, .report = &report};
	struct page *page = page_new();
	enum status st;

	c.began = INT64_MAX / 2; /* one snapshot: nobody else writes */
	if ((st = db_read_begin(r->store->db, &c.txn)) == OK) {
		if ((st = db_get_ints(c.txn, &next_mailbox, id_r, 1, "i", after)) == OK)
			st = check_one_mailbox(&c, *id_r, page);
		db_read_end(c.txn);
	}
	*faulty_r = report.faults > 0;
	page_free(page);
	arena_free(&c.arena);
	return st;
}

enum status
repair_mailboxes(struct repair *r)
{
	int64_t id = 0;
	bool faulty;
	enum status st;

	while ((st = look(r, id, &id, &faulty)) == OK) {
		if (faulty && (st = mend_mailbox(r, id)) != OK)
			return st;
	}
	return st == ERR_NOT_FOUND ? OK : st;
}
