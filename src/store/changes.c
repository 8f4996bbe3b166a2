/* SPDX-License-Identifier: Apache-2.0 */
/* A row's uids: u8 version (1), runs_pack(), for CHANGE_FLAGS a varint which (absent: not known), CRC-32C. */
#include "store/changes_priv.h"

#include "base/log.h"
#include "store/columns_priv.h"
#include "store/dir_priv.h"

#define CHANGE_VERSION 1

/* ---- writing ---- */

static struct db_sql insert = DB_SQL("INSERT INTO change (mailbox, modseq, kind, reader, uids) VALUES (?1, ?2, ?3, 0, ?4)");
static struct db_sql trim =
    DB_SQL("DELETE FROM change WHERE mailbox = ?1 AND modseq > ?2 AND modseq <= ?3 AND kind <> 3");

enum status
change_write(struct db_txn *txn, int64_t mailbox, uint64_t modseq, enum change_kind kind, const struct runs *uids, uint64_t which)
{
	struct buf b = {0};
	enum status st;

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
	st = db_exec(txn, &trim, "iii", mailbox, (int64_t)*oldest, (int64_t)until);
	if (st == OK)
		*oldest = until;
	return st;
}

/* ---- walking ---- */

static struct db_sql rows_all = DB_SQL("SELECT modseq, kind, uids FROM change WHERE mailbox = ?1 AND modseq > ?2"
    " ORDER BY modseq, kind");
static struct db_sql rows_gone = DB_SQL("SELECT modseq, kind, uids FROM change WHERE mailbox = ?1 AND modseq > ?2"
    " AND kind = 3 ORDER BY modseq, kind");

void
change_walk_begin(struct change_walk *w, struct db_txn *txn, int64_t mailbox, uint64_t since, bool only_gone)
{
	*w = (struct change_walk){.mailbox = mailbox};
	w->stmt = db_prepare(txn, only_gone ? &rows_gone : &rows_all);
	db_bind_int(w->stmt, 1, mailbox);
	db_bind_int(w->stmt, 2, (int64_t)since);
}

enum status
change_walk_next(struct change_walk *w)
{
	struct change_row *row = &w->row;
	struct str content;
	enum status st = db_step(w->stmt);

	if (st != OK)
		return st;
	row->modseq = (uint64_t)db_int(w->stmt, 0);
	row->kind = (enum change_kind)db_int(w->stmt, 1);
	row->which = CHANGE_ALL_FLAGS;
	row->damaged = true;
	runs_clear(&row->uids);
	if (blob_sealed(db_blob(w->stmt, 2), &content) && content.n > 0 && content.p[0] == CHANGE_VERSION) {
		struct unpack u = {.rest = str_from(content, 1)};

		runs_unpack(&u, &row->uids);
		if (row->kind == CHANGE_FLAGS && u.rest.n > 0)
			row->which = unpack_varint(&u);
		row->damaged = u.failed;
	}
	if (row->damaged) {
		runs_clear(&row->uids);
		log_event(EV_damage, "change row of mailbox=%lld modseq=%llu", (long long)w->mailbox,
		    (unsigned long long)row->modseq);
	}
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

static enum status
walk(struct db_txn *txn, int64_t mailbox, uint64_t since, const struct modseq_run *skip, size_t skip_n,
    bool *damaged, struct changes *c)
{
	struct change_walk w;
	enum status st;

	change_walk_begin(&w, txn, mailbox, since, false);
	while ((st = change_walk_next(&w)) == OK) {
		struct runs *to = w.row.kind == CHANGE_GONE ? &c->gone :
		    w.row.kind == CHANGE_ADDED		   ? &c->added :
							     &c->flags;

		*damaged |= w.row.damaged;
		if (to != &c->flags || !is_own(skip, skip_n, w.row.modseq))
			runs_add_all(to, &w.row.uids);
	}
	change_walk_end(&w);
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
changes_since(struct db_txn *txn, int64_t mailbox, int64_t reader, uint64_t since, const struct modseq_run *skip,
    size_t skip_n, struct changes *changes_r)
{
	struct changes c = {0};
	int64_t v[2];
	bool damaged = false;
	enum status st = db_get_ints(txn, &mailbox_state, v, 2, "i", mailbox);

	(void)reader;
	if (st != OK)
		return st;
	c.modseq = (uint64_t)v[0];
	if (c.modseq > since)
		st = walk(txn, mailbox, since, skip, skip_n, &damaged, &c);
	/* Rows that are gone (or damaged) are made up for by the pages. */
	if (st == OK && c.modseq > since && (since < (uint64_t)v[1] || damaged))
		st = changes_from_pages(txn, mailbox, since, UINT32_MAX, skip, skip_n, &c.flags);
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
