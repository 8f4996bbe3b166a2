/* SPDX-License-Identifier: Apache-2.0 */
/* A mailbox while it is changed: its counters, the directory row and page at hand, melting and filling. */
#include "store/edit_priv.h"

#include <stdlib.h>
#include "base/assert.h"
#include "store/access_priv.h"
#include "store/feed_priv.h"
#include "store/quota_priv.h"

/* ---- the mailbox row ---- */

static struct db_sql counters_get = DB_SQL(
    "SELECT account, uidvalidity, uidnext, keywords, modseq, messages, unseen, deleted, size, deleted_size, oldest_change,"
    " noselect, name IS NULL, acl FROM mailbox WHERE id = ?1");
static struct db_sql counters_set = DB_SQL(
    "UPDATE mailbox SET uidnext = ?2, keywords = ?3, modseq = ?4, messages = ?5, unseen = ?6, deleted = ?7, size = ?8,"
    " deleted_size = ?9, oldest_change = ?10 WHERE id = ?1");

enum status
edit_begin(struct edit *e, const struct grant *grant, struct db_txn *txn, unsigned rights)
{
	int64_t v[14];
	enum status st;

	*e = (struct edit){.grant = &e->renewed, .txn = txn, .mailbox = grant->mailbox, .account = grant->owner};
	if ((st = db_get_ints(txn, &counters_get, v, 14, "i", grant->mailbox)) != OK)
		return st;
	/* A mailbox has one owner for ever. */
	if (v[0] != grant->owner || v[11] || v[12])
		return ERR_NOT_FOUND;
	if ((st = grant_renew(grant, txn, (uint32_t)v[13], &e->renewed)) != OK || (st = grant_need(e->grant, rights)) != OK)
		return st;
	/* The grant may have been made in a snapshot: as in grant_make(). */
	if ((st = access_declared(&grant->actor, txn, grant->owner)) != OK)
		return st;
	e->uidvalidity = (uint32_t)v[1];
	e->uidnext = (uint32_t)v[2];
	e->keywords = e->keywords_was = (uint32_t)v[3];
	e->modseq = (uint64_t)v[4] + 1;
	e->messages = e->messages_was = v[5];
	e->unseen = v[6];
	e->deleted = v[7];
	e->size = e->size_was = v[8];
	e->deleted_size = v[9];
	e->oldest_change = (uint64_t)v[10];
	return OK;
}

/* Damage may have made a counter too small; it never goes below zero. */
static int64_t
positive(int64_t n)
{
	return n < 0 ? 0 : n;
}

enum status
edit_pay(struct edit *e, struct quota_charge *c)
{
	enum status st = quota_charge(e->grant->actor.store, e->txn, e->account, c);

	if (st != OK)
		return st;
	e->messages_paid += c->messages;
	e->size_paid += c->bytes;
	e->over = c->over;
	return OK;
}

/* What is not on the account's sums yet. */
static enum status
pay_rest(struct edit *e)
{
	struct quota_charge c = {.messages = positive(e->messages) - e->messages_was - e->messages_paid,
	    .bytes = positive(e->size) - e->size_was - e->size_paid};

	if (e->settled || (c.messages == 0 && c.bytes == 0))
		return OK;
	return edit_pay(e, &c);
}

/* The write may go on without this edit. */
static enum status
give_back(struct edit *e, enum status st)
{
	struct quota_charge c = {.messages = -e->messages_paid, .bytes = -e->size_paid};
	enum status back = OK;

	if (c.messages != 0 || c.bytes != 0)
		back = quota_charge(e->grant->actor.store, e->txn, e->account, &c);
	return back == OK ? st : back;
}

static enum status
counters_write(struct edit *e)
{
	uint64_t modseq = e->changed ? e->modseq : e->modseq - 1;
	enum status st = OK;

	if (!e->changed && e->keywords == e->keywords_was)
		return OK;
	if (e->changed)
		st = change_trim(e->txn, e->mailbox, e->modseq, &e->oldest_change);
	if (st == OK)
		st = db_exec(e->txn, &counters_set, "iiiiiiiiii", e->mailbox, (int64_t)e->uidnext,
		    (int64_t)e->keywords, (int64_t)modseq, positive(e->messages), positive(e->unseen),
		    positive(e->deleted), positive(e->size), positive(e->deleted_size),
		    (int64_t)e->oldest_change);
	if (st == OK)
		st = pay_rest(e);
	if (st == OK && e->changed)
		feed_messages(e->grant->actor.store, e->txn, e->account, e->mailbox, e->modseq, e->uidnext);
	return st;
}

/* ---- the directory row ---- */

static struct db_sql dir_put = DB_SQL(
    "INSERT INTO dir (id, messages, unseen, deleted, modseq, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
    " ON CONFLICT (id) DO UPDATE SET messages = ?2, unseen = ?3, deleted = ?4, modseq = ?5, data = ?6");
static struct db_sql dir_set =
    DB_SQL("UPDATE dir SET messages = ?2, unseen = ?3, deleted = ?4, modseq = ?5, data = ?6 WHERE id = ?1");
static struct db_sql dir_del = DB_SQL("DELETE FROM dir WHERE id = ?1");

static enum status
dir_write(struct edit *e, struct dir *dir, bool new)
{
	uint64_t modseq = 0;

	ensure(dir->n > 0 && dir->n <= DIR_MAX);
	dir_sum_up(dir);
	for (uint32_t i = 0; i < dir->n; i++)
		modseq = dir->p[i].modseq > modseq ? dir->p[i].modseq : modseq;
	buf_clear(&e->packed);
	dir_pack(&e->packed, dir);
	return db_exec(e->txn, new ? &dir_put : &dir_set, "iiiiib", page_id(e->mailbox, dir->key),
	    (int64_t)dir->messages, (int64_t)dir->unseen, (int64_t)dir->deleted, (int64_t)modseq,
	    buf_str(&e->packed));
}

/* A row that shrank melts into the one before it when both together are small. *done_r tells. */
static enum status
dir_melt(struct edit *e, bool *done_r)
{
	struct dir *before = x_malloc(sizeof(*before));
	enum status st = dir_load(e->txn, e->mailbox, e->dir->key - 1, before);

	*done_r = false;
	if (st == OK && before->key < e->dir->key && before->n + e->dir->n <= DIR_MAX / 2) {
		ensure(before->n + e->dir->n <= DIR_MAX);
		memcpy(before->p + before->n, e->dir->p, e->dir->n * sizeof(*before->p));
		before->n += e->dir->n;
		*done_r = true;
		if ((st = dir_write(e, before, false)) == OK)
			st = db_exec(e->txn, &dir_del, "i", page_id(e->mailbox, e->dir->key));
	}
	free(before);
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
dir_flush(struct edit *e)
{
	enum status st = OK;
	bool done = false;

	if (!e->dir_loaded || !e->dir_dirty)
		return OK;
	e->dir_dirty = false;
	if (e->dir->n == 0)
		return e->dir_new ? OK : db_exec(e->txn, &dir_del, "i", page_id(e->mailbox, e->dir->key));
	if (!e->dir_new && e->dir->n < DIR_MAX / 8)
		st = dir_melt(e, &done);
	e->dir_loaded = !done;
	if (st == OK && !done)
		st = dir_write(e, e->dir, e->dir_new);
	e->dir_new = false;
	return st;
}

static void
want_room(struct edit *e)
{
	if (e->dir == NULL)
		e->dir = x_malloc(sizeof(*e->dir));
	if (e->page == NULL)
		e->page = page_new();
}

enum status
edit_end(struct edit *e, enum status st)
{
	if (st == OK)
		st = dir_flush(e);
	if (st == OK)
		st = counters_write(e);
	if (st != OK)
		st = give_back(e, st);
	free(e->dir);
	page_free(e->page);
	buf_free(&e->packed);
	runs_free(&e->named);
	e->dir = NULL;
	e->page = NULL;
	return st;
}

/* ---- walking ---- */

enum status
edit_seek(struct edit *e, uint32_t uid)
{
	enum status st;

	want_room(e);
	/* Further on in the same row: no need to read it again. */
	if (e->dir_loaded && e->dir->n > 0 && uid >= e->dir->key && uid <= e->dir->p[e->dir->n - 1].last) {
		e->at = dir_seek(e->dir, uid);
		return OK;
	}
	if ((st = dir_flush(e)) != OK)
		return st;
	e->dir_loaded = e->dir_new = false;
	if ((st = dir_load(e->txn, e->mailbox, uid, e->dir)) != OK)
		return st;
	e->dir_loaded = true;
	e->at = dir_seek(e->dir, uid);
	return e->at < e->dir->n ? OK : edit_next_row(e);
}

enum status
edit_next_row(struct edit *e)
{
	ensure(e->dir != NULL);
	uint32_t key = e->dir->key;
	enum status st = dir_flush(e);

	if (st != OK)
		return st;
	e->dir_loaded = e->dir_new = false;
	if ((st = dir_next(e->txn, e->mailbox, key, 0, e->dir)) != OK)
		return st;
	e->dir_loaded = true;
	e->at = 0;
	return e->dir->n > 0 ? OK : edit_next_row(e);
}

struct page_sum *
edit_sum(struct edit *e)
{
	ensure(e->dir_loaded && e->at < e->dir->n);
	return &e->dir->p[e->at];
}

/* ---- pages ---- */

static struct db_sql page_set = DB_SQL("UPDATE page SET data = ?2 WHERE id = ?1");
static struct db_sql page_add = DB_SQL("INSERT INTO page (id, data) VALUES (?1, ?2)");
static struct db_sql page_del = DB_SQL("DELETE FROM page WHERE id = ?1");

static void
sizes(const struct entry *entries, size_t n, int64_t *all, int64_t *deleted)
{
	*all = *deleted = 0;
	for (size_t i = 0; i < n; i++) {
		*all += (int64_t)entries[i].size;
		if (entries[i].flags & FLAG_DELETED)
			*deleted += (int64_t)entries[i].size;
	}
}

enum status
edit_page(struct edit *e)
{
	enum status st = page_load(e->txn, e->mailbox, edit_sum(e)->key, e->page);

	sizes(e->page->e, e->page->n, &e->page_size, &e->page_deleted_size);
	e->page_was = e->page->n;
	return st;
}

static enum status
page_write(struct edit *e, struct db_sql *sql, uint32_t key, const struct entry *entries, uint32_t n)
{
	buf_clear(&e->packed);
	page_pack(&e->packed, e->mailbox, key, entries, n);
	return db_exec(e->txn, sql, "ib", page_id(e->mailbox, key), buf_str(&e->packed));
}

static void
dir_remove(struct edit *e, uint32_t at, uint32_t n)
{
	ensure(at + n <= e->dir->n);
	memmove(e->dir->p + at, e->dir->p + at + n, (e->dir->n - at - n) * sizeof(*e->dir->p));
	e->dir->n -= n;
}

/* Melts the pages [at, at + n) of the row into the first of them. A damaged one stays as it is, with all of them. */
static enum status
melt_pages(struct edit *e, uint32_t at, uint32_t n, bool *done_r)
{
	struct page *pages = x_malloc(n * sizeof(*pages));
	struct entry *all = x_malloc(PAGE_MAX * sizeof(*all));
	uint32_t key = e->dir->p[at].key, total = 0;
	enum status st = OK;

	ensure(n > 1 && at + n <= e->dir->n);
	*done_r = false;
	for (uint32_t i = 0; i < n; i++)
		pages[i].ids = NULL, pages[i].ids_cap = 0;
	for (uint32_t i = 0; i < n && st == OK; i++) {
		st = page_load(e->txn, e->mailbox, e->dir->p[at + i].key, &pages[i]);
		/* Two pages that have the same messages, as salvage may find them, stay two. */
		if (st == OK && (total + pages[i].n > PAGE_MAX || (total > 0 && pages[i].e[0].uid <= all[total - 1].uid)))
			st = ERR_CORRUPT;
		if (st == OK) {
			memcpy(all + total, pages[i].e, pages[i].n * sizeof(*all));
			total += pages[i].n;
		}
	}
	if (st == OK)
		st = page_write(e, &page_set, key, all, total);
	for (uint32_t i = 1; i < n && st == OK; i++)
		st = db_exec(e->txn, &page_del, "i", page_id(e->mailbox, e->dir->p[at + i].key));
	if (st == OK) {
		e->dir->p[at] = page_summary(key, all, total);
		dir_remove(e, at + 1, n - 1);
		e->dir_dirty = *done_r = true;
	}
	for (uint32_t i = 0; i < n; i++)
		free(pages[i].ids);
	free(pages);
	free(all);
	return st == ERR_CORRUPT ? OK : st;
}

static void
count(struct edit *e, const struct page_sum *old, const struct page_sum *new, int64_t size, int64_t deleted_size)
{
	e->messages += (int64_t)new->messages - old->messages;
	e->unseen += (int64_t)new->unseen - old->unseen;
	e->deleted += (int64_t)new->deleted - old->deleted;
	e->size += size;
	e->deleted_size += deleted_size;
	e->dir_dirty = true;
	e->changed = true;
}

enum status
edit_put(struct edit *e)
{
	struct page_sum *sum = edit_sum(e), new = {0};
	int64_t size, deleted_size;
	enum status st;
	bool melted;

	/* The page at hand, from which some may have been taken. */
	ensure(e->page->key == sum->key && e->page->n <= e->page_was);
	sizes(e->page->e, e->page->n, &size, &deleted_size);
	if (e->page->n > 0)
		new = page_summary(sum->key, e->page->e, e->page->n);
	count(e, sum, &new, size - e->page_size, deleted_size - e->page_deleted_size);
	if (e->page->n == 0) {
		st = db_exec(e->txn, &page_del, "i", page_id(e->mailbox, sum->key));
		dir_remove(e, e->at, 1);
	} else {
		*sum = new;
		st = page_write(e, &page_set, sum->key, e->page->e, e->page->n);
		if (st == OK && e->page->n < e->page_was && e->at > 0 &&
		    e->dir->p[e->at - 1].messages + new.messages <= PAGE_MAX / 2)
			st = melt_pages(e, e->at - 1, 2, &melted);
	}
	e->page_size = size;
	e->page_deleted_size = deleted_size;
	e->page_was = e->page->n;
	return st;
}

/* ---- adding at the end ---- */

/* Goes to the last page of the mailbox; at == n: the mailbox is empty. */
static enum status
seek_end(struct edit *e)
{
	enum status st;

	want_room(e);
	if (e->dir_loaded && e->dir->n > 0 && e->dir->p[e->dir->n - 1].last + 1 == e->uidnext) {
		e->at = e->dir->n - 1;
		return OK;
	}
	if ((st = dir_flush(e)) != OK)
		return st;
	e->dir_loaded = e->dir_new = false;
	st = dir_load(e->txn, e->mailbox, UINT32_MAX, e->dir);
	if (st != OK && st != ERR_NOT_FOUND)
		return st;
	if (st == ERR_NOT_FOUND) {
		e->dir->mailbox = e->mailbox;
		e->dir->key = e->uidnext;
		e->dir->n = 0;
		e->dir_new = true;
	}
	e->dir_loaded = true;
	e->at = e->dir->n > 0 ? e->dir->n - 1 : 0;
	return OK;
}

/* Small pages at the end of the row (before index end) melt once they fill one. */
static enum status
melt_tail(struct edit *e, uint32_t end)
{
	uint32_t at = end, total = 0;
	bool done;

	while (at > 0 && e->dir->p[at - 1].messages <= 2 * PAGE_SMALL &&
	    total + e->dir->p[at - 1].messages <= PAGE_MAX)
		total += e->dir->p[--at].messages;
	if (end - at < PAGE_MAX / PAGE_SMALL && total <= PAGE_MAX - PAGE_SMALL)
		return OK;
	return end - at > 1 ? melt_pages(e, at, end - at, &done) : OK;
}

/* Makes room for one more summary at the end of the directory and appends it. */
static enum status
dir_add(struct edit *e, const struct page_sum *sum)
{
	enum status st = melt_tail(e, e->dir->n);

	if (st != OK)
		return st;
	if (e->dir->n == DIR_MAX) {
		if ((st = dir_flush(e)) != OK)
			return st;
		e->dir->key = sum->key;
		e->dir->n = 0;
		e->dir_new = true;
	}
	ensure(e->dir->n < DIR_MAX && (e->dir->n == 0 || sum->key > e->dir->p[e->dir->n - 1].last));
	e->dir->p[e->dir->n] = *sum;
	e->at = e->dir->n++;
	e->dir_dirty = true;
	return OK;
}

/* Fills the last page up where that is cheap; the number of entries taken. */
static enum status
fill_last(struct edit *e, const struct entry *entries, size_t n, size_t *taken_r)
{
	struct page_sum *sum;
	size_t room, most;
	enum status st;

	*taken_r = 0;
	if (e->dir->n == 0)
		return OK;
	sum = edit_sum(e);
	/* Many at once may rewrite more: the cost for each stays the same. */
	most = n >= PAGE_SMALL && n * 8 >= sum->messages ? PAGE_MAX : PAGE_SMALL;
	if (sum->messages >= most)
		return OK;
	if ((st = edit_page(e)) != OK || e->page->n >= most || e->page->e[e->page->n - 1].uid >= entries[0].uid)
		return st == ERR_CORRUPT ? OK : st;
	room = most - e->page->n;
	room = room < n ? room : n;
	ensure(e->page->n + room <= PAGE_MAX);
	memcpy(e->page->e + e->page->n, entries, room * sizeof(*entries));
	e->page->n += (uint32_t)room;
	*taken_r = room;
	*sum = page_summary(sum->key, e->page->e, e->page->n);
	e->dir_dirty = true;
	return page_write(e, &page_set, sum->key, e->page->e, e->page->n);
}

enum status
edit_append(struct edit *e, const struct entry *entries, size_t n)
{
	size_t done;
	int64_t size, deleted_size;
	enum status st;

	ensure(n > 0 && entries[0].uid >= e->uidnext);
	if ((st = seek_end(e)) != OK || (st = fill_last(e, entries, n, &done)) != OK)
		return st;
	while (done < n && st == OK) {
		uint32_t part = n - done < PAGE_MAX ? (uint32_t)(n - done) : PAGE_MAX;
		struct page_sum sum = page_summary(entries[done].uid, entries + done, part);

		st = page_write(e, &page_add, sum.key, entries + done, part);
		if (st == OK)
			st = dir_add(e, &sum);
		done += part;
	}
	sizes(entries, n, &size, &deleted_size);
	for (size_t i = 0; i < n; i++) {
		e->unseen += !(entries[i].flags & FLAG_SEEN);
		e->deleted += (entries[i].flags & FLAG_DELETED) != 0;
	}
	e->messages += (int64_t)n;
	e->size += size;
	e->deleted_size += deleted_size;
	e->uidnext = entries[n - 1].uid + 1;
	e->changed = true;
	return st;
}

enum status
edit_append_page(struct edit *e, struct str packed, const struct page_sum *sum)
{
	enum status st;

	ensure(sum->messages > 0 && sum->messages <= PAGE_MAX && sum->key >= e->uidnext && sum->last >= sum->key);
	st = seek_end(e);
	if (st == OK)
		st = db_exec(e->txn, &page_add, "ib", page_id(e->mailbox, sum->key), packed);
	if (st == OK)
		st = dir_add(e, sum);
	if (st != OK)
		return st;
	e->messages += sum->messages;
	e->unseen += sum->unseen;
	e->deleted += sum->deleted;
	e->uidnext = sum->last + 1;
	e->changed = true;
	return OK;
}

enum status
edit_change(struct edit *e, enum change_kind kind, const struct runs *uids)
{
	return change_write(e->txn, e->mailbox, e->modseq, kind, uids, 0);
}

enum status
edit_change_flags(struct edit *e, const struct runs *uids, uint64_t which)
{
	return change_write(e->txn, e->mailbox, e->modseq, CHANGE_FLAGS, uids, which);
}
