/* SPDX-License-Identifier: Apache-2.0 */
/* message_expunge(), and what it shares with MOVE. */
#include "store/expunge_priv.h"

#include <stdlib.h>
#include "base/assert.h"
#include "base/clock.h"
#include "store/message.h"
#include "store/store_priv.h"

/* Entries on their way into a reap row. */
struct pile {
	struct edit *e;
	bool moved;
	size_t n;
	struct arena arena; /* keywords */
	struct entry entry[PAGE_MAX];
};

static struct db_sql reap_add = DB_SQL("INSERT INTO reap (mailbox, modseq, first, last, due, moved, entries)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");

static enum status
pile_write(struct pile *p)
{
	struct edit *e = p->e;
	enum status st;

	if (p->n == 0)
		return OK;
	buf_clear(&e->packed);
	page_pack(&e->packed, e->mailbox, p->entry[0].uid, p->entry, (uint32_t)p->n);
	st = db_exec(e->txn, &reap_add, "iiiiiib", e->mailbox, (int64_t)e->modseq, (int64_t)p->entry[0].uid,
	    (int64_t)p->entry[p->n - 1].uid, clock_seconds() + e->grant->actor.store->grace, (int64_t)p->moved,
	    buf_str(&e->packed));
	p->n = 0;
	arena_free(&p->arena);
	return st;
}

static enum status
pile_add(struct pile *p, const struct entry *entry)
{
	struct entry *to;

	ensure(p->n < PAGE_MAX);
	to = &p->entry[p->n++];
	*to = *entry;
	to->keywords = arena_copy(&p->arena, entry->keywords, entry->keywords_n, entry->keywords_n, sizeof(*to->keywords));
	return p->n == PAGE_MAX ? pile_write(p) : OK;
}

/* Takes what is to go out of the page. */
static enum status
sift(struct edit *e, struct expunge *x, struct pile *pile, size_t *left)
{
	struct page *page = e->page;
	uint32_t kept = 0;
	enum status st = OK;

	for (uint32_t i = 0; i < page->n; i++) {
		const struct entry *entry = &page->e[i];

		if ((x->only_deleted && !(entry->flags & FLAG_DELETED)) ||
		    (x->uids != NULL && !runs_has(x->uids, entry->uid))) {
			page->e[kept++] = *entry;
			continue;
		}
		if (*left == 0) {
			x->more = true;
			page->e[kept++] = *entry;
			continue;
		}
		--*left;
		runs_add(&x->gone, entry->uid, entry->uid);
		if (st == OK)
			st = pile_add(pile, entry);
	}
	ensure(kept <= page->n);
	if (st != OK || kept == page->n)
		return st;
	page->n = kept;
	return edit_put(e);
}

/* Does the page hold anything of interest, as far as its summary tells? */
static bool
worth_a_look(const struct expunge *x, const struct page_sum *sum)
{
	uint32_t uid;

	if (x->only_deleted && sum->deleted == 0)
		return false;
	if (x->uids == NULL)
		return true;
	uid = runs_next(x->uids, sum->key);
	return uid != 0 && uid <= sum->last;
}

static enum status
walk(struct edit *e, struct expunge *x, struct pile *pile)
{
	uint32_t uid = 1;
	size_t left = x->max;
	enum status st = OK;

	while (st == OK && !x->more && uid != 0) {
		uint32_t last;

		if (x->uids != NULL && (uid = runs_next(x->uids, uid)) == 0)
			break;
		if ((st = edit_seek(e, uid)) != OK)
			break;
		last = edit_sum(e)->last;
		if (x->only_deleted && e->dir->deleted == 0)
			last = e->dir->p[e->dir->n - 1].last;
		else if (worth_a_look(x, edit_sum(e))) {
			st = edit_page(e);
			st = st == OK ? sift(e, x, pile, &left) : st == ERR_CORRUPT ? OK : st;
		}
		uid = last == UINT32_MAX ? 0 : last + 1;
	}
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
expunge_run(struct edit *e, struct expunge *x)
{
	struct pile *pile = x_malloc(sizeof(*pile));
	enum status st;

	ensure(x->max > 0 && (x->uids == NULL || x->uids->n > 0)); /* or nothing would be asked for, and all found */
	pile->e = e;
	pile->moved = x->moved;
	pile->n = 0;
	pile->arena = (struct arena){0};
	st = walk(e, x, pile);
	if (st == OK)
		st = pile_write(pile);
	if (st == OK)
		st = edit_change(e, CHANGE_GONE, &x->gone);
	arena_free(&pile->arena);
	free(pile);
	return st;
}

enum status
message_expunge(const struct grant *grant, struct db_txn *txn, const struct runs *uids, size_t max, struct runs *gone_r,
    bool *more_r, uint64_t *modseq_r)
{
	struct expunge x = {.uids = uids, .only_deleted = true, .max = max};
	struct edit e;
	enum status st = edit_begin(&e, grant, txn, RIGHT_EXPUNGE);
	uint64_t modseq;

	if (st != OK)
		return st;
	/* The usual case of a mailbox with nothing to expunge: \Deleted is counted. */
	if (e.deleted > 0)
		st = expunge_run(&e, &x);
	modseq = e.changed ? e.modseq : e.modseq - 1;
	st = edit_end(&e, st);
	if (st == OK) {
		runs_add_all(gone_r, &x.gone);
		*more_r = x.more;
		*modseq_r = modseq;
	}
	runs_free(&x.gone);
	return st;
}
