/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listing mailboxes, in steps. What is listed is one state of the account: it is read in one snapshot after the other only while the account's clock stands
 * still; where it moved the list begins anew, and where it moves again and again the rest of the work is done in one snapshot.
 */
#include "store/mailbox.h"

#include <stdlib.h>

#include "base/assert.h"
#include "store/access_priv.h"
#include "store/mailbox_priv.h"
#include "store/others_priv.h"

#define ROWS 64u  /* of the table in a step */
#define MARKS 512u /* of the list in a step */
#define ANEW_MAX 8
#define SLOT_BYTES 64 /* of a name in a map, beside its bytes */

static struct db_sql rows =
    DB_SQL("SELECT " MAILBOX_COLUMNS ", sort FROM mailbox WHERE account = ?1 AND sort > ?2 ORDER BY sort LIMIT ?3");
static struct db_sql subscribed = DB_SQL("SELECT name FROM subscription WHERE account = ?1 AND name > ?2 ORDER BY name LIMIT ?3");

static struct str
after(const struct mailbox_walk *w)
{
	return w->after.n > 0 ? buf_str(&w->after) : STR("");
}

/* The rows behind the last one. ERR_AGAIN: there may be more. */
static enum status
read_rows(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct mailbox_walk *w)
{
	struct db_stmt *q = db_prepare(txn, &rows);
	unsigned n = 0;
	enum status st;

	db_bind_int(q, 1, actor->account);
	db_bind_text(q, 2, after(w));
	db_bind_int(q, 3, ROWS);
	while ((st = db_step(q)) == OK) {
		if (w->n == w->cap) {
			w->cap = w->cap ? w->cap * 2 : 32;
			w->list = x_realloc(w->list, w->cap * sizeof(*w->list));
		}
		mailbox_fill(q, arena, &w->list[w->n]);
		st = access_rights(actor, txn, actor->account, w->list[w->n].id, w->list[w->n].acl, &w->list[w->n].rights);
		if (st != OK)
			break;
		w->n++;
		if (++n == ROWS) {
			struct str last = db_text(q, MAILBOX_NAME_COLUMN + 1);

			buf_clear(&w->next);
			buf_add(&w->next, last);
		}
	}
	db_done(q);
	if (st != ERR_NOT_FOUND)
		return st;
	buf_clear(&w->after);
	if (n < ROWS)
		return OK;
	buf_add(&w->after, buf_str(&w->next));
	return ERR_AGAIN;
}

/* What others share, in its place among the names. */
static enum status
read_others(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct mailbox_walk *w)
{
	struct others_walk *o = w->others != NULL ? w->others : (w->others = x_new(struct others_walk));
	size_t at = w->n;
	enum status st = others_walk(actor, txn, arena, o);

	if (st != OK || o->n == 0)
		return st;
	while (at > 0 && place_cmp(w->list[at - 1].name, o->list[0].name) > 0)
		at--;
	w->list = x_realloc(w->list, (w->n + o->n) * sizeof(*w->list));
	w->cap = w->n + o->n;
	memmove(w->list + at + o->n, w->list + at, (w->n - at) * sizeof(*w->list));
	memcpy(w->list + at, o->list, o->n * sizeof(*w->list));
	w->n += o->n;
	return OK;
}

/* The subscriptions behind the last one: one walk through them, where a question for each mailbox was more than all the rest of a list of thousands. */
static enum status
read_subscribed(const struct actor *actor, struct db_txn *txn, struct mailbox_walk *w)
{
	struct db_stmt *q = db_prepare(txn, &subscribed);
	static char yes;
	unsigned n = 0;
	enum status st;

	db_bind_int(q, 1, actor->account);
	db_bind_text(q, 2, after(w));
	db_bind_int(q, 3, ROWS);
	while ((st = db_step(q)) == OK) {
		(void)map_put(&w->subscribed, db_text(q, 0), &yes);
		w->names += db_text(q, 0).n + SLOT_BYTES;
		if (++n == ROWS) {
			struct str last = db_text(q, 0);

			buf_clear(&w->next);
			buf_add(&w->next, last);
		}
	}
	db_done(q);
	if (st != ERR_NOT_FOUND)
		return st;
	if (n < ROWS)
		return OK;
	buf_clear(&w->after);
	buf_add(&w->after, buf_str(&w->next));
	return ERR_AGAIN;
}

/* In the order of keys the first child of a mailbox comes right after it. */
static enum status
mark(struct mailbox_walk *w)
{
	size_t end = w->n - w->marked > MARKS ? w->marked + MARKS : w->n;

	for (; w->marked < end; w->marked++) {
		struct mailbox *mb = &w->list[w->marked];

		mb->subscribed = map_get(&w->subscribed, mb->name) != NULL;
		if (w->marked + 1 < w->n) {
			struct str a = mb->name, b = w->list[w->marked + 1].name;

			mb->children = b.n > a.n && b.p[a.n] == '/' && str_starts(b, a);
		}
	}
	return w->marked == w->n ? OK : ERR_AGAIN;
}

static void
begin(struct mailbox_walk *w)
{
	map_free(&w->subscribed);
	buf_clear(&w->after);
	if (w->others != NULL)
		others_walk_free(w->others);
	w->n = w->marked = w->names = 0;
	w->phase = WALK_ROWS;
}

static enum status
go_on(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct mailbox_walk *w)
{
	enum status st = OK;

	switch (w->phase) {
	case WALK_ROWS: st = read_rows(actor, txn, arena, w); break;
	case WALK_OTHERS: st = read_others(actor, txn, arena, w); break;
	case WALK_SUBSCRIBED: st = read_subscribed(actor, txn, w); break;
	case WALK_MARK: st = mark(w); break;
	case WALK_OVER: return OK;
	}
	if (st != OK)
		return st;
	return ++w->phase == WALK_OVER ? OK : ERR_AGAIN;
}

enum status
mailbox_walk(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct mailbox_walk *w)
{
	uint64_t version = db_version(txn);
	enum status st;

	if ((st = access_account(actor, actor->account)) != OK)
		return st;
	if (w->began && (version == 0 || version != w->version)) {
		begin(w);
		w->anew++;
	}
	w->began = true;
	w->version = version;
	do
		st = go_on(actor, txn, arena, w);
	while (st == ERR_AGAIN && w->anew >= ANEW_MAX);
	return st;
}

size_t
mailbox_walk_bytes(const struct mailbox_walk *w)
{
	return w->cap * sizeof(*w->list) + w->names + (w->others != NULL ? w->others->cap * sizeof(*w->list) : 0);
}

void
mailbox_walk_free(struct mailbox_walk *w)
{
	if (w->others != NULL)
		others_walk_free(w->others);
	free(w->others);
	map_free(&w->subscribed);
	buf_free(&w->after);
	buf_free(&w->next);
	free(w->list);
	*w = (struct mailbox_walk){0};
}

enum status
mailbox_list(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct mailbox **list_r, size_t *n_r)
{
	struct mailbox_walk w = {.anew = ANEW_MAX};
	enum status st = mailbox_walk(actor, txn, arena, &w);

	if (st == OK) {
		*list_r = arena_copy(arena, w.list, w.n, w.n ? w.n : 1, sizeof(*w.list));
		*n_r = w.n;
	}
	mailbox_walk_free(&w);
	return st;
}
