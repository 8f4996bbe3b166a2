/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes of other accounts: their names, and which of them an actor may see. */
#include "store/others_priv.h"

#include <stdlib.h>

#include "store/access_priv.h"
#include "store/account.h"
#include "store/group_priv.h"
#include "store/mailbox_priv.h"

#define SPACE STR("Other Users/")
#define ROWS 512u        /* rights read in a step */
#define LOOKS 64u        /* mailboxes looked at in a step */
#define SHOWN_MAX 10000u /* of others' in one list: nobody can make it longer for somebody else */

/* From the index, on from a place in it: what others gave may be very much. */
static struct db_sql shared = DB_SQL("SELECT mailbox, negative, rights FROM acl WHERE subject = ?1 AND mailbox > ?2 ORDER BY mailbox LIMIT ?3");
static struct db_sql next_group = DB_SQL("SELECT max(subject) FROM (" GROUPS_OF("?1") ") WHERE subject < ?2");

void
others_read(const struct actor *actor, struct db_txn *txn, int64_t owner)
{
	if (owner != actor->account)
		db_read_account(txn, 0);
}

/* ---- names ---- */

enum status
others_where(const struct actor *actor, struct db_txn *txn, struct str name, int64_t *owner_r, struct str *inner_r)
{
	struct str rest = str_from(name, SPACE.n), who;
	struct arena arena = {0};
	struct account account;
	enum status st;

	*owner_r = actor->account;
	*inner_r = name;
	if (actor->admin || !str_starts(name, SPACE))
		return OK;
	who = str_head(rest, str_chr(rest, '/'));
	if (who.n == 0 || who.n + 1 >= rest.n || !account_name_ok(who))
		return ERR_NOT_FOUND;
	st = account_resolve(actor->store, txn, &arena, who, &account);
	/* One spelling: what LIST tells. One's own mailboxes have no second name. */
	if (st == OK && (!str_eq(account.name, who) || account.id == actor->account))
		st = ERR_NOT_FOUND;
	if (st == OK) {
		*owner_r = account.id;
		*inner_r = str_from(rest, who.n + 1);
	}
	arena_free(&arena);
	return st;
}

enum status
others_name(const struct actor *actor, struct db_txn *txn, struct arena *arena, int64_t owner, struct str inner, struct str *name_r)
{
	struct account account;
	enum status st;

	if (actor->admin || owner == actor->account) {
		*name_r = inner;
		return OK;
	}
	if ((st = account_get(txn, arena, owner, &account)) != OK)
		return st;
	*name_r = arena_printf(arena, "%.*s%.*s/%.*s", STR_FMT(SPACE), STR_FMT(account.name), STR_FMT(inner));
	return OK;
}

/* ---- what there is ---- */

static void
add(struct others_walk *w, const struct mailbox *mb)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 32;
		w->list = x_realloc(w->list, w->cap * sizeof(*w->list));
	}
	w->list[w->n++] = *mb;
}

/* Of those ids what may be listed. */
static enum status
look(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct others_walk *w, const int64_t *ids, unsigned n)
{
	struct mailbox mb;

	for (unsigned i = 0; i < n; i++) {
		enum status st = mailbox_get(actor, txn, arena, ids[i], &mb);

		if (st == OK && mb.account != actor->account && !mb.noselect && (mb.rights & RIGHT_LOOKUP) && w->n < SHOWN_MAX)
			add(w, &mb);
		else if (st != OK && st != ERR_NOT_FOUND)
			return st;
	}
	return OK;
}

int
place_cmp(struct str x, struct str y)
{
	size_t n = x.n < y.n ? x.n : y.n;

	for (size_t i = 0; i < n; i++)
		if (x.p[i] != y.p[i]) {
			int c = x.p[i] == '/' ? 1 : (unsigned char)x.p[i], d = y.p[i] == '/' ? 1 : (unsigned char)y.p[i];

			return c - d;
		}
	return x.n < y.n ? -1 : x.n > y.n;
}

static int
by_place(const void *a, const void *b)
{
	return place_cmp(((const struct mailbox *)a)->name, ((const struct mailbox *)b)->name);
}

static bool
stands_above(struct str above, struct str name)
{
	return name.n > above.n && name.p[above.n] == '/' && str_starts(name, above);
}

/* Names that stand above others and are no mailboxes that may be seen, each once: without them a client that goes level by level would not get
 * there (RFC 3501 6.3.8, T25). */
static void
add_above(struct others_walk *w)
{
	size_t n = w->n;
	struct str before = STR("");

	for (size_t i = 0; i < n; i++) {
		struct str name = w->list[i].name;

		for (size_t k = 0; k < name.n; k++) {
			struct mailbox mb = {.name = str_head(name, k), .noselect = true};

			if (name.p[k] == '/' && !str_eq(before, mb.name) && !stands_above(mb.name, before))
				add(w, &mb);
		}
		before = name;
	}
	if (w->n > n)
		qsort(w->list, w->n, sizeof(*w->list), by_place);
}

/* The next mailboxes that an identifier may look up, if nothing takes that away; *more_r: there may be others behind them. */
static enum status
read_some(const struct actor *actor, struct db_txn *txn, struct others_walk *w, int64_t ids[LOOKS], unsigned *n_r, bool *more_r)
{
	struct db_stmt *q = db_prepare(txn, &shared);
	unsigned n = 0, rows = 0;
	enum status st = OK;

	db_bind_int(q, 1, w->subject);
	db_bind_int(q, 2, w->after);
	db_bind_int(q, 3, ROWS);
	while (n < LOOKS && (st = db_step(q)) == OK) {
		rows++;
		w->after = db_int(q, 0);
		if (db_int(q, 1) == 0 && (db_int(q, 2) & RIGHT_LOOKUP))
			ids[n++] = w->after;
	}
	db_done(q);
	*n_r = n;
	*more_r = n == LOOKS || rows == ROWS;
	return st == ERR_NOT_FOUND ? OK : st;
}

/* The next subject that means the actor. ERR_NOT_FOUND: that was the last. */
static enum status
next_subject(const struct actor *actor, struct db_txn *txn, struct others_walk *w)
{
	int64_t next = 0;
	enum status st = OK;

	w->after = 0;
	if (w->subject <= 0)
		st = db_get_ints(txn, &next_group, &next, 1, "ii", actor->account, w->subject);
	/* Of no rows the largest is nothing, which reads as 0. */
	if (st == OK && w->subject <= 0 && next == 0)
		return ERR_NOT_FOUND;
	w->subject = next;
	return st;
}

/* What was given to the actor in several ways is there once. */
static void
settle(struct others_walk *w)
{
	size_t n = 0;

	if (w->n > 0)
		qsort(w->list, w->n, sizeof(*w->list), by_place);
	for (size_t i = 0; i < w->n; i++)
		if (n == 0 || !str_eq(w->list[n - 1].name, w->list[i].name))
			w->list[n++] = w->list[i];
	w->n = n;
	add_above(w);
}

enum status
others_walk(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct others_walk *w)
{
	int64_t ids[LOOKS];
	unsigned n = 0;
	bool more = false;
	enum status st;

	if (actor->admin)
		return OK;
	if (!w->begun)
		w->subject = actor->account;
	w->begun = true;
	db_read_account(txn, 0);
	if ((st = read_some(actor, txn, w, ids, &n, &more)) == OK)
		st = look(actor, txn, arena, w, ids, n);
	if (st == OK && !more)
		st = next_subject(actor, txn, w);
	db_read_account(txn, actor->account);
	if (st == OK)
		return w->n < SHOWN_MAX ? ERR_AGAIN : (settle(w), OK);
	if (st != ERR_NOT_FOUND)
		return st;
	settle(w);
	return OK;
}

void
others_walk_free(struct others_walk *w)
{
	free(w->list);
	*w = (struct others_walk){0};
}
