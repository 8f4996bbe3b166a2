/* SPDX-License-Identifier: Apache-2.0 */
/* What changed in the mailbox, as changes of the results of contexts. */
#include <stdlib.h>
#include "base/clock.h"
#include "imap/core/correlators.h"
#include "imap/core/selected.h"
#include "imap/news/context.h"
#include "imap/news/notify.h"
#include "imap/news/session_memory.h"

/* Changes of one context in one line. */
#define LOT 1024
/* New messages for all contexts of SORT together in one step: for each of them keys of some twenty others are read, to find its place. */
#define PLACES 32
/* Bytes of bodies in one step. */
#define STEP_BYTES (4u << 20)

struct context_update {
	struct runs uids;        /* to be looked at */
	struct runs ghost_seqs;  /* numbers of what is gone and cannot be told yet */
	bool ghosts_known;
	unsigned places;         /* in this step */
	uint32_t first_new;      /* UIDs from here on came in now; 0: none */
	struct view_iter it;
	bool heavy;              /* a program opens bodies: steps take turns */
	bool begun;
};

static void
add(struct context_members *set, uint32_t uid, uint32_t seq)
{
	if (set->n == set->cap) {
		set->cap = set->cap ? set->cap * 2 : 16;
		set->m = x_realloc(set->m, set->cap * sizeof(*set->m));
	}
	set->m[set->n++] = (struct context_member){uid, seq};
}

static void
drop(struct context_members *set)
{
	free(set->m);
	*set = (struct context_members){0};
}

/* ---- telling ---- */

/* In mailbox order: at position 0 (RFC 5267 4.3.3). */
static void
print_set(const struct context *c, const struct context_members *set, struct buf *out)
{
	struct runs list = {0};

	for (size_t i = 0; i < set->n; i++) {
		uint32_t n = c->uid ? set->m[i].uid : set->m[i].seq;

		runs_add(&list, n, n);
	}
	buf_add(out, STR("0 "));
	runs_print(out, &list);
	runs_free(&list);
}

static void
to_runs(const struct context_members *set, struct runs *out)
{
	for (size_t i = 0; i < set->n; i++)
		runs_add(out, set->m[i].uid, set->m[i].uid);
}

/* Moves the results, adds what is to be said of it. */
static enum status
apply(struct context *c, struct session *s, struct db_txn *txn, struct buf *out)
{
	struct runs uids = {0};
	enum status st = OK;

	if (c->left.n) {
		buf_add(out, STR(" REMOVEFROM ("));
		if (c->sorted)
			context_order_remove(c, out);
		else
			print_set(c, &c->left, out);
		buf_addc(out, ')');
		to_runs(&c->left, &uids);
		runs_remove_all(&c->uids, &uids);
		runs_clear(&uids);
	}
	if (c->came.n) {
		buf_add(out, STR(" ADDTO ("));
		if (c->sorted)
			st = context_order_insert(c, s, txn, out);
		else
			print_set(c, &c->came, out);
		buf_addc(out, ')');
		to_runs(&c->came, &uids);
		runs_add_all(&c->uids, &uids);
	}
	runs_free(&uids);
	return st;
}

/* Tells what came and left, and forgets it. */
static enum status
tell(struct context *c, struct session *s, struct db_txn *txn)
{
	struct buf line = {0};
	struct arena arena = {0};
	enum status st = OK;

	if (c->left.n || c->came.n) {
		correlators_print(&line, &(struct correlators){
			.tag = c->tag,
			.mailbox = c->esearch ? selected_name(s, txn, &arena) : STR_NONE,
			.uidvalidity = s->selected->view.uidvalidity,
			.utf8 = session_utf8(s),
			.uid = c->uid,
		});
		if ((st = apply(c, s, txn, &line)) == OK) {
			buf_add(&line, STR("\r\n"));
			buf_add(conn_out(s->conn), buf_str(&line));
		}
	}
	buf_free(&line);
	arena_free(&arena);
	drop(&c->left);
	drop(&c->came);
	sort_free(&c->fresh);
	c->fresh = (struct sorting){0};
	return st;
}

/* ---- what is gone ---- */

/* A set of UIDs and that of their numbers, in step: number i of the one is number i of the other. */
struct in_step {
	const struct runs *seqs;
	size_t run;
	uint64_t below; /* numbers of the runs before that one */
};

/* Where number i (from 0; ascending from call to call) is. */
static uint32_t
nth(struct in_step *w, uint64_t i)
{
	for (; w->run < w->seqs->n; w->run++) {
		const struct run *r = &w->seqs->run[w->run];
		uint64_t n = (uint64_t)r->last - r->first + 1;

		if (i < w->below + n)
			return r->first + (uint32_t)(i - w->below);
		w->below += n;
	}
	return 0;
}

/* Collects a lot of results that are gone, from c->gone_at on: one pass over both sets. */
static void
find_gone(struct context *c, const struct runs *gone, const struct runs *seqs)
{
	struct in_step w = {.seqs = seqs};
	uint64_t before = 0;

	for (size_t i = 0, k = runs_seek(&c->uids, c->gone_at); i < gone->n && k < c->uids.n; i++) {
		const struct run *g = &gone->run[i];

		for (; k < c->uids.n && c->uids.run[k].last < g->first; k++)
			;
		for (size_t m = k; m < c->uids.n && c->uids.run[m].first <= g->last; m++) {
			const struct run *r = &c->uids.run[m];
			uint64_t uid = r->first > g->first ? r->first : g->first;

			for (uid = uid < c->gone_at ? c->gone_at : uid; uid <= r->last && uid <= g->last; uid++) {
				if (c->left.n == LOT) {
					c->gone_at = (uint32_t)uid;
					return;
				}
				add(&c->left, (uint32_t)uid, c->uid ? 0 : nth(&w, before + (uid - g->first)));
			}
		}
		before += (uint64_t)g->last - g->first + 1;
	}
	c->gone_at = UINT32_MAX;
}

/* The numbers of what is gone, where a context speaks of such. */
static enum status
numbers_of_gone(struct session *s, struct db_txn *txn, const struct view_update *u, struct context_update *cu, const struct runs **seqs_r)
{
	bool wanted = false;
	enum status st = OK;

	*seqs_r = u->gone.n ? &u->gone_seqs : &cu->ghost_seqs;
	for (const struct context *c = s->selected->contexts; c != NULL; c = c->next)
		wanted |= !c->uid;
	if (u->gone.n == 0 && wanted && !cu->ghosts_known) {
		cu->ghosts_known = true;
		st = view_ghost_seqs(&s->selected->view, txn, &cu->ghost_seqs);
	}
	return st;
}

enum cmd_next
contexts_gone(struct session *s, struct db_txn *txn, const struct view_update *u, struct context_update *cu, enum status *st_r)
{
	struct selected *sel = s->selected;
	const struct runs *gone = u->gone.n ? &u->gone : &sel->view.ghosts, *seqs;

	if (sel->gone_told) {
		contexts_withdraw(s, false, "The mailbox has been deleted");
		return CMD_DONE;
	}
	if (gone->n == 0 || cu == NULL || (*st_r = numbers_of_gone(s, txn, u, cu, &seqs)) != OK)
		return CMD_DONE;
	for (struct context *c = sel->contexts; c != NULL;) {
		enum cmd_next next;

		if (c->gone_at == UINT32_MAX) {
			c = c->next;
			continue;
		}
		find_gone(c, gone, seqs);
		if ((*st_r = tell(c, s, txn)) != OK)
			return CMD_DONE;
		if ((next = cmd_pause(s->cmd)) != CMD_DONE)
			return next;
	}
	return CMD_DONE;
}

/* ---- what is new or changed ---- */

struct context_update *
context_update_new(struct session *s, const struct view_update *u)
{
	struct context_update *cu = x_new(struct context_update);
	struct selected *sel = s->selected;

	for (struct context *c = sel->contexts; c != NULL; c = c->next)
		c->gone_at = 0;
	runs_add_all(&cu->uids, &u->changed);
	runs_add_all(&cu->uids, &u->own);
	cu->first_new = u->first_new;
	if (u->first_new != 0 && u->first_new < sel->view.next_told)
		runs_add(&cu->uids, u->first_new, sel->view.next_told - 1);
	return cu;
}

void
context_update_free(struct context_update *cu)
{
	if (cu == NULL)
		return;
	runs_free(&cu->uids);
	runs_free(&cu->ghost_seqs);
	free(cu);
}

/* "UID 5:*" is about the last message, whichever that is now. */
static enum status
move_star(struct context *c, struct context_update *cu, struct session *s, struct db_txn *txn)
{
	uint32_t last;
	enum status st;

	if (!c->query.star)
		return OK;
	if ((st = view_last_uid(&s->selected->view, txn, &last)) != OK || last == c->query.last)
		return st;
	if (c->query.last != 0)
		runs_add(&cu->uids, c->query.last, c->query.last);
	if (last != 0)
		runs_add(&cu->uids, last, last);
	query_star(&c->query, last);
	return OK;
}

static enum status
begin(struct session *s, struct db_txn *txn, struct context_update *cu)
{
	bool uid = true;
	enum status st;

	cu->begun = true;
	for (struct context *c = s->selected->contexts; c != NULL; c = c->next) {
		uid &= c->uid;
		cu->heavy |= c->query.heavy || c->query.textual;
		c->query.now = clock_seconds();
		c->looked = c->query.half = 0;
		if ((st = move_star(c, cu, s, txn)) != OK)
			return st;
	}
	cu->it = (struct view_iter)VIEW_ITER(&s->selected->view, &cu->uids);
	cu->it.no_seq = uid;
	return OK;
}

/* Does a message belong to the results now, and did it? */
static enum status
look(struct context *c, struct session *s, struct db_txn *txn, struct context_update *cu, const struct entry *e)
{
	bool hit;
	enum status st = query_message(&c->query, e, &hit);

	if (st != OK || hit == runs_has(&c->uids, e->uid))
		return st;
	if (!hit) {
		add(&c->left, e->uid, cu->it.seq);
		return OK;
	}
	add(&c->came, e->uid, cu->it.seq);
	if (c->items.n > 0 && cu->first_new != 0 && e->uid >= cu->first_new && !runs_has(&s->selected->notify_own, e->uid))
		runs_add(&c->fetch, e->uid, e->uid);
	if (!c->sorted)
		return OK;
	cu->places++;
	if (c->came.n == 1)
		sort_like(&c->fresh, &c->by);
	return context_order_key(&c->fresh, s, txn, e);
}

/* Has this step done enough? */
static bool
enough(const struct context *c)
{
	return c->came.n + c->left.n >= LOT || (c->query.textual && search_matcher_read(c->query.matcher) > STEP_BYTES);
}

#define UNREADABLE "Something could not be read; search again"

/* A context that fails ends; the others go on. ERR_AGAIN: the step is over within the message, which comes again; those that have seen it do not look twice. */
static enum status
look_all(struct session *s, struct db_txn *txn, struct context_update *cu, const struct entry *e, bool *enough_r)
{
	struct context *c, *next;

	for (c = s->selected->contexts; c != NULL; c = next) {
		enum status st;

		next = c->next;
		if (c->looked == e->uid)
			continue;
		if ((st = look(c, s, txn, cu, e)) == ERR_AGAIN)
			return st;
		c->looked = e->uid;
		if (st != OK) {
			query_end(&c->query);
			context_withdraw(s, c, UNREADABLE);
		} else {
			*enough_r |= enough(c);
		}
	}
	return OK;
}

static enum cmd_next
walk(struct session *s, struct db_txn *txn, struct context_update *cu, enum status *st_r)
{
	enum cmd_next next = CMD_DONE;
	const struct entry *e;
	bool full = false;
	enum status end;

	cu->places = 0;
	if ((*st_r = view_iter_begin(&cu->it, txn)) != OK)
		return CMD_DONE;
	while (next == CMD_DONE && (e = view_iter_next(&cu->it)) != NULL) {
		if (!e->expunged && look_all(s, txn, cu, e, &full) == ERR_AGAIN) {
			cu->it.next_uid = e->uid;
			next = CMD_AGAIN;
			break;
		}
		if (full || cu->places >= PLACES || cmd_spent(s->cmd))
			next = CMD_AGAIN;
	}
	end = view_iter_end(&cu->it);
	if (*st_r == OK)
		*st_r = end;
	return next;
}

static void
tell_all(struct session *s, struct db_txn *txn)
{
	struct selected *sel = s->selected;
	size_t bytes = 0;
	struct context *c, *next;

	for (c = sel->contexts; c != NULL; c = next) {
		next = c->next;
		query_end(&c->query);
		if (tell(c, s, txn) != OK)
			context_withdraw(s, c, UNREADABLE);
		else if (((bytes += context_size(c)) > CONTEXT_BYTES || session_hold(s, 0) != OK) && (next != NULL || c->sorted))
			context_withdraw(s, c, "The results need too much memory");
	}
}

enum cmd_next
contexts_changed(struct session *s, struct db_txn *txn, struct context_update *cu, enum status *st_r)
{
	struct context *c, *after;
	enum cmd_next next;

	if (!cu->begun && (*st_r = begin(s, txn, cu)) != OK)
		return CMD_DONE;
	if (cu->uids.n == 0)
		return CMD_DONE;
	if (cu->heavy && !cmd_turn(s->cmd))
		return CMD_WAIT_WAKE;
	for (c = s->selected->contexts; c != NULL; c = after) {
		after = c->next;
		if (query_begin(&c->query, txn) != OK)
			context_withdraw(s, c, UNREADABLE);
	}
	next = walk(s, txn, cu, st_r);
	tell_all(s, txn);
	cmd_turn_over(s->cmd);
	if (next != CMD_DONE && cu->heavy && conn_gone(s->conn))
		return CMD_ABORT;
	if (next == CMD_DONE && (s->notify == NULL || s->notify->items.n == 0))
		runs_clear(&s->selected->notify_own);
	if (next == CMD_DONE)
		for (c = s->selected->contexts; c != NULL; c = c->next)
			query_rest(&c->query);
	return next != CMD_DONE && conn_out_full(s->conn) ? CMD_WAIT_OUTPUT : next;
}
