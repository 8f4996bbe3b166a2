/* SPDX-License-Identifier: Apache-2.0 */
/* The uids of a row that is not packed: u8 version (1), runs_pack(), for CHANGE_FLAGS a varint which (absent: not known), CRC-32C. */
#include "store/changes_priv.h"

#include "base/assert.h"
#include "base/log.h"
#include "store/columns_priv.h"
#include "store/dir_priv.h"

#define CHANGE_VERSION 1

/* ---- writing ---- */

static struct db_sql insert = DB_SQL("INSERT INTO change (mailbox, modseq, kind, reader, uids) VALUES (?1, ?2, ?3, 0, ?4)");

enum status
change_write(struct db_txn *txn, int64_t mailbox, uint64_t modseq, enum change_kind kind, const struct runs *uids, uint64_t which)
{
	struct buf b = {0};
	enum status st;

	ensure(modseq > 0 && kind != CHANGE_PACKED);
	if (uids->n == 0)
		return OK;
	buf_addc(&b, CHANGE_VERSION);
	runs_pack(&b, uids);
	if (kind == CHANGE_FLAGS)
		varint_add(&b, which);
	blob_seal(&b, 0);
	st = db_exec(txn, &insert, "iiib", mailbox, (int64_t)modseq, (int64_t)kind, buf_str(&b));
	buf_free(&b);
	return st;
}

enum status
change_trim(struct db_txn *txn, int64_t mailbox, uint64_t modseq, uint64_t *oldest)
{
	uint64_t until;
	enum status st;

	if (modseq < *oldest + CHANGES_KEPT + CHANGES_TRIM)
		return OK;
	until = *oldest + CHANGES_TRIM;
	st = tombstones_pack(txn, mailbox, *oldest, until);
	if (st == OK)
		*oldest = until;
	return st;
}

/* ---- walking ---- */

static struct db_sql rows_all = DB_SQL("SELECT modseq, kind, uids FROM change WHERE mailbox = ?1 AND modseq > ?2"
    " ORDER BY modseq, kind");
static struct db_sql rows_gone = DB_SQL("SELECT modseq, kind, uids FROM change WHERE mailbox = ?1 AND modseq > ?2"
    " AND kind IN (3, 5) ORDER BY modseq, kind");

void
change_walk_begin(struct change_walk *w, struct db_txn *txn, int64_t mailbox, uint64_t since, bool only_gone)
{
	*w = (struct change_walk){.mailbox = mailbox, .since = since};
	w->stmt = db_prepare(txn, only_gone ? &rows_gone : &rows_all);
	db_bind_int(w->stmt, 1, mailbox);
	db_bind_int(w->stmt, 2, (int64_t)since);
}

bool
change_unpack(struct str row, struct runs *uids_r, uint64_t *which_r)
{
	struct unpack u = {0};

	if (!blob_sealed(row, &u.rest) || unpack_u8(&u) != CHANGE_VERSION)
		return false;
	runs_unpack(&u, uids_r);
	if (which_r != NULL && u.rest.n > 0)
		*which_r = unpack_varint(&u);
	return !u.failed;
}

/* The next tombstone of the packed row at hand. False: there is no more. */
static bool
next_packed(struct change_walk *w)
{
	struct change_row *row = &w->row;
	uint64_t last = (uint64_t)db_int(w->stmt, 0);

	while (runs_clear(&row->uids), tombstone_next(&w->packed, &row->uids)) {
		row->modseq = w->packed.modseq;
		row->merged = w->packed.merged;
		if (row->modseq > last)
			break;
		if (row->modseq > w->since)
			return true;
	}
	w->unpacking = false;
	/* The key is the last one's. */
	row->damaged = w->packed.u.failed || w->packed.modseq != last;
	row->modseq = last;
	return row->damaged;
}

static void
tell_damage(struct change_walk *w)
{
	if (!w->row.damaged)
		return;
	runs_clear(&w->row.uids);
	log_event(EV_damage, "change row of mailbox=%lld modseq=%llu", (long long)w->mailbox, (unsigned long long)w->row.modseq);
}

enum status
change_walk_next(struct change_walk *w)
{
	struct change_row *row = &w->row;
	enum status st;

	while (!w->unpacking || !next_packed(w)) {
		if ((st = db_step(w->stmt)) != OK)
			return st;
		row->modseq = (uint64_t)db_int(w->stmt, 0);
		row->kind = (enum change_kind)db_int(w->stmt, 1);
		row->which = CHANGE_ALL_FLAGS;
		row->damaged = row->merged = false;
		row->packed = row->kind == CHANGE_PACKED;
		runs_clear(&row->uids);
		if (!row->packed) {
			row->damaged = !change_unpack(db_blob(w->stmt, 2), &row->uids, row->kind == CHANGE_FLAGS ? &row->which : NULL);
			break;
		}
		row->kind = CHANGE_GONE;
		if (!(w->unpacking = tombstone_reader_init(&w->packed, db_blob(w->stmt, 2)))) {
			row->damaged = true;
			break;
		}
	}
	tell_damage(w);
	return OK;
}

void
change_walk_end(struct change_walk *w)
{
	db_done(w->stmt);
	runs_free(&w->row.uids);
	w->stmt = NULL;
}

/* ---- since ---- */

static bool
is_own(const struct modseq_run *own, size_t n, uint64_t modseq)
{
	for (size_t i = 0; i < n; i++)
		if (modseq >= own[i].first && modseq <= own[i].last)
			return true;
	return false;
}

enum status
changes_from_pages(struct db_txn *txn, int64_t mailbox, uint64_t since, uint32_t limit, const struct modseq_run *own,
    size_t own_n, struct runs *out)
{
	struct dir dir;
	struct page *page = page_new();
	uint32_t key = 0;
	enum status st;

	while ((st = dir_next(txn, mailbox, key, since, &dir)) == OK) {
		for (uint32_t i = 0; i < dir.n && dir.p[i].key < limit; i++) {
			if (dir.p[i].modseq <= since)
				continue;
			st = page_load(txn, mailbox, dir.p[i].key, page);
			if (st != OK && st != ERR_CORRUPT)
				goto out;
			for (uint32_t k = 0; k < page->n && page->e[k].uid < limit; k++)
				if (page->e[k].modseq > since && !is_own(own, own_n, page->e[k].modseq))
					runs_add(out, page->e[k].uid, page->e[k].uid);
		}
		key = dir.key;
	}
	if (st == ERR_NOT_FOUND)
		st = OK;
out:
	page_free(page);
	return st;
}

static struct db_sql mailbox_state = DB_SQL("SELECT modseq, oldest_change FROM mailbox WHERE id = ?1");
static struct db_sql mailbox_uidnext = DB_SQL("SELECT uidnext FROM mailbox WHERE id = ?1");

/* Everything that is not there any more: of UIDs of pages that cannot be read nobody knows. */
static enum status
gone_from_pages(struct db_txn *txn, int64_t mailbox, struct runs *out)
{
	struct dir dir;
	struct page *page = page_new();
	uint32_t key = 0, next = 1;
	int64_t uidnext;
	enum status st = db_get_ints(txn, &mailbox_uidnext, &uidnext, 1, "i", mailbox);

	while (st == OK && (st = dir_next(txn, mailbox, key, 0, &dir)) == OK) {
		for (uint32_t i = 0; i < dir.n && (st == OK || st == ERR_CORRUPT); i++) {
			st = page_load(txn, mailbox, dir.p[i].key, page);
			if (st == ERR_CORRUPT) {
				if (dir.p[i].key > next)
					runs_add(out, next, dir.p[i].key - 1);
				next = dir.p[i].last + 1;
			}
			for (uint32_t k = 0; st == OK && k < page->n; next = page->e[k++].uid + 1)
				if (page->e[k].uid > next)
					runs_add(out, next, page->e[k].uid - 1);
		}
		if (st == ERR_CORRUPT)
			st = OK;
		key = dir.key;
	}
	if (st == ERR_NOT_FOUND && next < uidnext)
		runs_add(out, next, (uint32_t)uidnext - 1);
	page_free(page);
	return st == ERR_NOT_FOUND ? OK : st;
}

struct damage {
	bool flags, gone;
};

static enum status
walk(struct db_txn *txn, int64_t mailbox, uint64_t since, const struct modseq_run *skip, size_t skip_n,
    struct damage *damage, struct changes *c)
{
	struct change_walk w;
	struct run_pile gone = {0}, added = {0}, flags = {0};
	enum status st;

	change_walk_begin(&w, txn, mailbox, since, false);
	while ((st = change_walk_next(&w)) == OK) {
		*(w.row.kind == CHANGE_GONE ? &damage->gone : &damage->flags) |= w.row.damaged;
		if (w.row.kind == CHANGE_GONE)
			run_pile_gather(&gone, &w.row.uids, &c->gone);
		else if (w.row.kind == CHANGE_ADDED)
			run_pile_gather(&added, &w.row.uids, &c->added);
		else if (!is_own(skip, skip_n, w.row.modseq))
			run_pile_gather(&flags, &w.row.uids, &c->flags);
	}
	change_walk_end(&w);
	run_pile_into(&gone, &c->gone, NULL);
	run_pile_into(&added, &c->added, NULL);
	run_pile_into(&flags, &c->flags, NULL);
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
changes_since(const struct grant *grant, struct db_txn *txn, uint64_t since, const struct modseq_run *skip, size_t skip_n,
    struct changes *changes_r)
{
	struct changes c = {0};
	int64_t v[2], mailbox = grant->mailbox;
	struct damage damage = {0};
	enum status st;

	if ((st = grant_need(grant, RIGHT_READ)) != OK || (st = db_get_ints(txn, &mailbox_state, v, 2, "i", mailbox)) != OK)
		return st;
	c.modseq = (uint64_t)v[0];
	if (c.modseq > since)
		st = walk(txn, mailbox, since, skip, skip_n, &damage, &c);
	/* Rows that are gone (or damaged) are made up for by the pages; of expunges that tells more than was asked, which is allowed (RFC 7162
	 * 3.2.6, the note on minmodseq). */
	if (st == OK && c.modseq > since && (since < (uint64_t)v[1] || damage.flags))
		st = changes_from_pages(txn, mailbox, since, UINT32_MAX, skip, skip_n, &c.flags);
	if (st == OK && damage.gone) {
		runs_clear(&c.gone);
		st = gone_from_pages(txn, mailbox, &c.gone);
	}
	if (st != OK) {
		changes_free(&c);
		return st;
	}
	runs_remove_all(&c.added, &c.gone);
	runs_remove_all(&c.flags, &c.gone);
	runs_remove_all(&c.flags, &c.added);
	*changes_r = c;
	return OK;
}

void
changes_free(struct changes *c)
{
	runs_free(&c->added);
	runs_free(&c->flags);
	runs_free(&c->gone);
}
