/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expunged messages past their grace. An email that was never copied goes with its reap row; one that was goes when no page,
 * no staged page and no other reap row names it any more. That is looked up in one snapshot, before the write that removes it, which
 * is safe: a name is only ever made from a name in a page, so what no page names will never be named again. Reap rows of MOVE name
 * nothing: the email lives on elsewhere. Where only a staged page names an email, its reap row waits until that COPY is through.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/assert.h"
#include "base/log.h"
#include "store/across_priv.h"
#include "store/copied_priv.h"
#include "store/digest_priv.h"
#include "store/dir_priv.h"
#include "store/reap_priv.h"

#define REAP_ROWS 2000    /* taken on at a time */
#define REAP_EMAILS 50000 /* and about so many messages */
#define ROWS_A_COMMIT 500
#define EMAILS_A_COMMIT 100
#define BYTES_A_COMMIT (4 << 20) /* of rows and bodies that go: a mail may be made of little and have large rows */
#define PAGES_A_COMMIT 64
#define CHANGES_A_COMMIT 2000
#define STAGED_FOR 3600 /* seconds that a large COPY may take */

struct ids {
	int64_t *id;
	size_t n, cap;
};

static void
ids_add(struct ids *ids, int64_t id)
{
	if (ids->n == ids->cap) {
		ids->cap = ids->cap * 2 + 256;
		ids->id = x_realloc(ids->id, ids->cap * sizeof(*ids->id));
	}
	ids->id[ids->n++] = id;
}

static int
by_id(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Sorts and removes doubles. */
static void
ids_sort(struct ids *ids)
{
	size_t kept = 0;

	if (ids->n > 0)
		qsort(ids->id, ids->n, sizeof(*ids->id), by_id);
	for (size_t i = 0; i < ids->n; i++)
		if (i == 0 || ids->id[i] != ids->id[i - 1])
			ids->id[kept++] = ids->id[i];
	ids->n = kept;
}

/* One round: some rows that are due, and the emails that go with them. */
struct round {
	struct store *store;
	int64_t now;
	struct page *page;
	struct ids rows;   /* reap rows */
	struct ids dead;   /* emails to be removed */
	struct ids copied; /* emails of these rows that may have other names */
	bool *named;       /* for each of them: a name was found */
	size_t not_named;  /* how many of them are not named so far */
	bool more;         /* not all that is due fits in the round */
	bool wait;         /* a staged page names something: the rows stay for a later round */
	/* the write in progress: what is removed from dead[at] and rows[row] on */
	size_t at, at_next, row, row_next;
};

/* ---- finding out ---- */

static struct db_sql due_rows =
    DB_SQL("SELECT id, moved, entries FROM reap WHERE due <= ?1 ORDER BY due, id LIMIT ?2");

static enum status
sort_emails(struct round *r, struct db_txn *txn)
{
	for (uint32_t i = 0; i < r->page->n; i++) {
		bool copied;
		enum status st = copied_has(txn, r->page->e[i].email, &copied);

		if (st != OK)
			return st;
		ids_add(copied ? &r->copied : &r->dead, r->page->e[i].email);
	}
	return OK;
}

static enum status
find_due(struct round *r, struct db_txn *txn)
{
	struct db_stmt *s = db_prepare(txn, &due_rows);
	enum status st;

	db_bind_int(s, 1, r->now);
	db_bind_int(s, 2, REAP_ROWS);
	while ((st = db_step(s)) == OK) {
		if (r->dead.n + r->copied.n >= REAP_EMAILS)
			break;
		ids_add(&r->rows, db_int(s, 0));
		if (db_int(s, 1))
			continue;
		if (page_unpack(r->page, db_blob(s, 2), 0, 0) != OK)
			log_event(EV_damage, "expunged messages, row=%lld", (long long)db_int(s, 0));
		else if ((st = sort_emails(r, txn)) != OK)
			break;
	}
	db_done(s);
	r->more = st == OK || r->rows.n == REAP_ROWS;
	return st == ERR_NOT_FOUND ? OK : st;
}

/* ---- looking for other names ---- */

static void
spare_page(struct round *r)
{
	for (uint32_t i = 0; i < r->page->n; i++) {
		int64_t *at = bsearch(&r->page->e[i].email, r->copied.id, r->copied.n, sizeof(int64_t), by_id);

		if (at == NULL || r->named[at - r->copied.id])
			continue;
		ensure(r->not_named > 0);
		r->named[at - r->copied.id] = true;
		r->not_named--;
	}
}

/* Spares what the rows of the statement name: id, data. Rows of this round do not count. A damaged one may name anything. */
static enum status
spare_rows(struct round *r, struct db_stmt *s, bool reap_rows)
{
	enum status st = OK;

	while (r->not_named > 0 && (st = db_step(s)) == OK) {
		int64_t id = db_int(s, 0);

		if (reap_rows && bsearch(&id, r->rows.id, r->rows.n, sizeof(id), by_id) != NULL)
			continue;
		if (page_unpack(r->page, db_blob(s, 1), 0, 0) == OK)
			spare_page(r);
		else {
			memset(r->named, true, r->copied.n);
			r->not_named = 0;
		}
	}
	db_done(s);
	return st == ERR_NOT_FOUND ? OK : st;
}

static struct db_sql all_pages =
    DB_SQL("SELECT page.id, page.data FROM mailbox JOIN page ON page.id >= (mailbox.id << 32)"
	   " AND page.id <= (mailbox.id << 32 | 4294967295) WHERE mailbox.account = ?1");
static struct db_sql all_reap = DB_SQL("SELECT id, entries FROM reap WHERE moved = 0");
static struct db_sql all_staged = DB_SQL("SELECT id, data FROM staged");

static enum status
find_names(struct round *r, struct db_txn *txn)
{
	int64_t account = 0;
	size_t left;
	enum status st = OK;

	ids_sort(&r->copied);
	ids_sort(&r->rows);
	if (r->copied.n == 0)
		return OK;
	r->named = x_calloc(r->copied.n, sizeof(*r->named));
	r->not_named = r->copied.n;
	for (size_t i = 0; i < r->copied.n && st == OK; i++) {
		struct db_stmt *s;

		if (r->copied.id[i] >> 32 == account)
			continue;
		account = r->copied.id[i] >> 32;
		s = db_prepare(txn, &all_pages);
		db_bind_int(s, 1, account);
		st = spare_rows(r, s, false);
	}
	if (st == OK)
		st = spare_rows(r, db_prepare(txn, &all_reap), true);
	left = r->not_named;
	if (st == OK)
		st = spare_rows(r, db_prepare(txn, &all_staged), false);
	r->wait = r->not_named < left;
	for (size_t i = 0; i < r->copied.n && st == OK; i++)
		if (!r->named[i])
			ids_add(&r->dead, r->copied.id[i]);
	return st;
}

static enum status
find_out(struct round *r)
{
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(r->store), &txn);

	if (st != OK)
		return st;
	if ((st = find_due(r, txn)) == OK)
		st = find_names(r, txn);
	db_read_end(txn);
	ids_sort(&r->dead);
	return st;
}

/* ---- removing ---- */

/* A larger body goes in steps of its own. */
static struct db_sql body_of = DB_SQL("SELECT email.body, length(email.summary) + length(structure.data) + min(email.size, 1048576)"
    " FROM email LEFT JOIN structure ON structure.email = email.id WHERE email.id = ?1");
static struct db_sql owner_del = DB_SQL("DELETE FROM body_owner WHERE body = ?1 AND email = ?2");
static struct db_sql owner_any = DB_SQL("SELECT email FROM body_owner WHERE body = ?1 LIMIT 1");
static struct db_sql structure_del = DB_SQL("DELETE FROM structure WHERE email = ?1");
static struct db_sql uidl_del = DB_SQL("DELETE FROM uidl WHERE email = ?1");
static struct db_sql email_del = DB_SQL("DELETE FROM email WHERE id = ?1");
static struct db_sql stale_any = DB_SQL("SELECT id FROM staged WHERE made < ?1 LIMIT 1");
static struct db_sql row_del = DB_SQL("DELETE FROM reap WHERE id = ?1");

/* *done_r false: the body is large, again in the next transaction. Adds to *bytes how much goes. */
static enum status
remove_email(struct store *store, struct db_txn *txn, int64_t id, int64_t *bytes, bool *done_r)
{
	int64_t row[2], body, other;
	enum status st = db_get_ints(txn, &body_of, row, 2, "i", id);

	*done_r = true;
	if (st != OK)
		return st == ERR_NOT_FOUND ? OK : st;
	body = row[0];
	*bytes += row[1];
	if ((st = db_exec(txn, &owner_del, "ii", body, id)) != OK)
		return st;
	st = db_get_ints(txn, &owner_any, &other, 1, "i", body);
	if (st == ERR_NOT_FOUND) {
		st = blob_delete(store_blobs(store), txn, body, done_r);
		if (st == ERR_NOT_FOUND)
			st = OK;
	}
	if (st != OK || !*done_r)
		return st;
	if ((st = db_exec(txn, &structure_del, "i", id)) != OK || (st = db_exec(txn, &uidl_del, "i", id)) != OK ||
	    (st = object_forget(txn, id)) != OK)
		return st;
	return db_exec(txn, &email_del, "i", id);
}

static enum status
remove_some(struct db_txn *txn, void *arg)
{
	struct round *r = arg;
	enum status st = OK;
	int64_t bytes = 0;
	bool done = true;

	r->at_next = r->at;
	r->row_next = r->row;
	for (int n = 0; n < EMAILS_A_COMMIT && bytes < BYTES_A_COMMIT && r->at_next < r->dead.n && st == OK && done; n++) {
		st = remove_email(r->store, txn, r->dead.id[r->at_next], &bytes, &done);
		r->at_next += st == OK && done;
	}
	if (st == OK)
		st = digest_forget(txn, &r->dead.id[r->at], r->at_next - r->at);
	/* The rows go last: what a crash interrupts is found again. */
	if (r->at_next == r->dead.n && !r->wait)
		for (int n = 0; n < ROWS_A_COMMIT && r->row_next < r->rows.n && st == OK; n++)
			st = db_exec(txn, &row_del, "i", r->rows.id[r->row_next++]);
	return st;
}

/* Staged pages of a COPY that its session has given up long ago. */
static enum status
remove_stale(struct db_txn *txn, void *done)
{
	struct staged_which which = {.last = INT64_MAX, .before = clock_seconds() - STAGED_FOR};

	return staged_drop(txn, &which, PAGES_A_COMMIT, done);
}

static enum status
reap_staged(struct store *store)
{
	struct db_txn *txn;
	int64_t any;
	bool done = false;
	enum status st = db_read_begin(store_db(store), &txn);

	if (st != OK)
		return st;
	st = db_get_ints(txn, &stale_any, &any, 1, "i", clock_seconds() - STAGED_FOR);
	db_read_end(txn);
	while (st == OK && !done)
		st = db_write_reserve(store_db(store), remove_stale, &done);
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
reap_messages(struct store *store, int64_t now)
{
	enum status st = reap_staged(store);
	bool more = true;

	while (st == OK && more) {
		struct round r = {.store = store, .now = now, .page = page_new()};
		struct db_write w = {.fn = remove_some, .what = "reaper", .arg = &r, .reserve = true};

		if ((st = find_out(&r)) == OK && r.rows.n > 0)
			do {
				st = db_write_and_wait(store_db(store), &w);
				r.at = r.at_next;
				r.row = r.row_next;
			} while (st == OK && (r.at < r.dead.n || (r.row < r.rows.n && !r.wait)));
		more = r.more && !r.wait;
		page_free(r.page);
		free(r.rows.id);
		free(r.dead.id);
		free(r.copied.id);
		free(r.named);
	}
	return st;
}

/* ---- deleted mailboxes ---- */

static struct db_sql pages_get =
    DB_SQL("SELECT id, data FROM page WHERE id >= ?1 AND id <= ?2 ORDER BY id LIMIT ?3");
static struct db_sql pages_del = DB_SQL("DELETE FROM page WHERE id >= ?1 AND id <= ?2");
static struct db_sql dirs_del = DB_SQL("DELETE FROM dir WHERE id >= ?1 AND id <= ?2");
static struct db_sql keywords_del = DB_SQL("DELETE FROM keyword WHERE mailbox = ?1");
static struct db_sql readers_del = DB_SQL("DELETE FROM reader_page WHERE id >= ?1 AND id <= ?2");
static struct db_sql change_first = DB_SQL("SELECT modseq FROM change WHERE mailbox = ?1 ORDER BY modseq LIMIT 1");
static struct db_sql changes_del = DB_SQL("DELETE FROM change WHERE mailbox = ?1 AND modseq < ?2");
static struct db_sql reap_page = DB_SQL("INSERT INTO reap (mailbox, modseq, first, last, due, moved, entries)"
    " VALUES (?1, 0, ?2, ?3, ?4, 0, ?5)");

/* Turns a page into a reap row that is due: reap_messages() does the rest. No view sees it, its modseq is 0. */
static enum status
page_to_reap(struct db_txn *txn, int64_t mailbox, uint32_t key, struct str blob)
{
	uint32_t uids[PAGE_MAX], n;

	if (page_uids(blob, mailbox, key, uids, &n) != OK) {
		log_event(EV_damage, "page of deleted mailbox=%lld from uid=%u", (long long)mailbox, key);
		return OK;
	}
	return db_exec(txn, &reap_page, "iiiib", mailbox, (int64_t)uids[0], (int64_t)uids[n - 1], clock_seconds(), blob);
}

/* *n_r: how many pages there were. */
static enum status
reap_pages(struct db_txn *txn, int64_t mailbox, int *n_r)
{
	struct db_stmt *s = db_prepare(txn, &pages_get);
	int64_t last = 0;
	int n = 0;
	enum status st;

	db_bind_int(s, 1, page_id(mailbox, 0));
	db_bind_int(s, 2, page_id(mailbox, UINT32_MAX));
	db_bind_int(s, 3, PAGES_A_COMMIT);
	while ((st = db_step(s)) == OK) {
		last = db_int(s, 0);
		n++;
		if ((st = page_to_reap(txn, mailbox, (uint32_t)last, db_blob(s, 1))) != OK)
			break;
	}
	db_done(s);
	if (st == ERR_NOT_FOUND)
		st = OK;
	if (st == OK && n > 0)
		st = db_exec(txn, &pages_del, "ii", page_id(mailbox, 0), last);
	*n_r = n;
	return st;
}

enum status
reap_mailbox(struct store *store, struct db_txn *txn, int64_t mailbox, bool *done_r)
{
	int64_t first = page_id(mailbox, 0), last = page_id(mailbox, UINT32_MAX), modseq;
	struct staged_which which = {.last = INT64_MAX, .before = INT64_MAX, .made_for = mailbox};
	bool over = false;
	int pages;
	enum status st = reap_pages(txn, mailbox, &pages);

	(void)store;
	*done_r = false;
	if (st != OK || pages == PAGES_A_COMMIT)
		return st;
	if ((st = staged_drop(txn, &which, PAGES_A_COMMIT, &over)) != OK || !over)
		return st;
	st = db_get_ints(txn, &change_first, &modseq, 1, "i", mailbox);
	if (st == OK)
		return db_exec(txn, &changes_del, "ii", mailbox, modseq + CHANGES_A_COMMIT);
	if (st == ERR_NOT_FOUND)
		st = db_exec(txn, &dirs_del, "ii", first, last);
	if (st == OK)
		st = db_exec(txn, &readers_del, "ii", first, last);
	if (st == OK)
		st = db_exec(txn, &keywords_del, "i", mailbox);
	*done_r = st == OK;
	return st;
}
