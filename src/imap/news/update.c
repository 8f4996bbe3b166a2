/* SPDX-License-Identifier: Apache-2.0 */
/* Untagged updates in steps, and \Recent. */
#include "imap/news/update.h"

#include <stdlib.h>
#include "base/assert.h"
#include "base/digits.h"
#include "base/log.h"
#include "imap/core/condstore.h"
#include "imap/core/language.h"
#include "imap/core/reply.h"
#include "imap/core/selected.h"
#include "imap/news/context.h"
#include "imap/news/notify.h"
#include "imap/news/selected_close.h"

/* How many expunges go out before the mark is looked at again. */
#define GONE_STEP 256

enum phase { CONTEXTS_GONE, GONE, COUNTS, FLAGS, CONTEXTS_CHANGED, OVER };

/* Updates that are half sent. Owned by struct selected. */
struct updater {
	enum phase phase;
	struct view_update u;
	size_t vanished;     /* runs of u.gone sent as VANISHED */
	size_t run;          /* runs of u.gone_seqs still to send */
	uint32_t left;       /* in the last of them, from its first on; 0: not begun */
	struct view_iter it;
	bool uid;
	uint64_t recent;     /* how many there were before */
	struct context_update *contexts; /* NULL: there are none */
};

bool
update_due(struct session *s, bool may_expunge, uint64_t upto)
{
	const struct selected *sel = s->selected;
	uint64_t news;

	if (sel == NULL || sel->closed_told || sel->view.lost)
		return false;
	if (sel->updater)
		return true;
	if (notify_silent(s))
		return false;
	news = hub_modseq(&sel->watcher);
	if (sel->look || (news < upto ? news : upto) > sel->synced)
		return true;
	if (!may_expunge || sel->gone_told)
		return false;
	return (sel->view.ghosts.n > 0 && sel->view.gone_told < upto) || (sel->view.deleted && upto == UPDATE_ALL);
}

void
update_free(struct selected *sel)
{
	if (sel->updater == NULL)
		return;
	view_update_free(&sel->updater->u);
	context_update_free(sel->updater->contexts);
	free(sel->updater);
	sel->updater = NULL;
}

/* ---- \Recent ---- */

struct recent_write {
	struct db_write write;
	struct hub *hub;
	struct watcher watcher; /* keeps the hub's own mark until the store has ours */
	struct grant grant;
	uint32_t uid;
};

static enum status
recent_fn(struct db_txn *txn, void *arg)
{
	struct recent_write *w = arg;

	return mailbox_set_recent(&w->grant, txn, w->uid);
}

static void
recent_done(struct db_write *w, enum status st)
{
	struct recent_write *r = (struct recent_write *)((char *)w - offsetof(struct recent_write, write));

	hub_unwatch(r->hub, &r->watcher);
	free(r);
}

/* The mark that later sessions begin at; it may be lost, so nobody waits for it. */
static void
recent_mark(struct session *s, uint32_t uid)
{
	struct recent_write *w = x_new(struct recent_write);

	w->write = (struct db_write){
		.fn = recent_fn,
		.what = "recent",
		.arg = w,
		.lane = (uint64_t)s->selected->view.grant.owner,
		.lazy = true,
		.done = recent_done,
	};
	w->grant = s->selected->view.grant;
	w->uid = uid;
	w->hub = s->imap->hub;
	hub_watch(w->hub, (uint64_t)w->grant.owner, (uint64_t)w->grant.mailbox, &w->watcher, s->conn);
	db_submit(s->imap->db, &w->write);
}

enum status
update_recent(struct session *s, struct db_txn *txn, const struct mailbox *mb, uint32_t first)
{
	struct view *v = &s->selected->view;
	struct watcher *w = &s->selected->watcher;
	struct runs claimed = {0};
	enum status st = OK;
	uint32_t from;

	/* What is \\Recent is its owner's. */
	if ((s->enabled & ENABLED_IMAP4REV2) || v->grant.owner != v->grant.actor.account)
		return OK;
	from = v->read_only ? hub_recent_peek(w, mb->recent_from, mb->uidnext)
			    : hub_recent_claim(w, mb->recent_from, mb->uidnext);
	if (from >= mb->uidnext)
		return OK;
	if (!v->read_only)
		recent_mark(s, mb->uidnext);
	if (from < first)
		from = first;
	if (from < v->next_told) {
		runs_add(&claimed, from ? from : 1, v->next_told - 1);
		st = view_uids_present(v, txn, &claimed, &v->recent);
	}
	runs_free(&claimed);
	return st;
}

/* ---- sending ---- */

static void
put_number_line(struct buf *out, uint32_t n, struct str word)
{
	char *p = buf_room(out, 32), *start = p;

	if (p == NULL)
		return;
	p = put_lit(p, "* ");
	p = put_u32(p, n);
	*p++ = ' ';
	p = put_str(p, word);
	p = put_lit(p, "\r\n");
	buf_wrote(out, (size_t)(p - start));
}

/* From the highest number down, so that the numbers below stay true. */
static enum cmd_next
send_gone(struct session *s, struct updater *up)
{
	struct buf *out = conn_out(s->conn);
	unsigned sent = 0;

	s->selected->gone_line |= up->u.gone.n > 0;
	if (s->enabled & (ENABLED_QRESYNC | ENABLED_UIDONLY))
		return vanished_print(s, &up->u.gone, false, &up->vanished) ? CMD_DONE : CMD_WAIT_OUTPUT;

	ensure(up->run <= up->u.gone_seqs.n);
	for (; up->run > 0; up->run--, up->left = 0) {
		struct run *r = &up->u.gone_seqs.run[up->run - 1];

		if (up->left == 0)
			up->left = r->last;
		ensure(up->left >= r->first && up->left <= r->last); /* or it would count down for ever */
		for (;; up->left--) {
			if (++sent % GONE_STEP == 0 && conn_out_full(s->conn))
				return CMD_WAIT_OUTPUT;
			put_number_line(out, up->left, STR("EXPUNGE"));
			if (up->left == r->first)
				break;
		}
	}
	return CMD_DONE;
}

static enum status
send_counts(struct session *s, struct db_txn *txn, struct updater *up)
{
	struct selected *sel = s->selected;
	struct buf *out = conn_out(s->conn);
	struct arena arena = {0};
	struct mailbox mb;
	enum status st = OK;

	if (up->u.grown) {
		st = mailbox_get(&s->actor, txn, &arena, sel->view.grant.mailbox, &mb);
		if (st == OK)
			st = update_recent(s, txn, &mb, up->u.first_new);
		arena_free(&arena);
		if (st == ERR_NOT_FOUND)
			st = OK;
		put_number_line(out, sel->view.exists, STR("EXISTS"));
	}
	/* Also when some of them went (RFC 3501 7.3.2). */
	if ((up->u.grown || runs_count(&sel->view.recent) != up->recent) && !(s->enabled & ENABLED_IMAP4REV2))
		put_number_line(out, (uint32_t)runs_count(&sel->view.recent), STR("RECENT"));
	if (up->u.keywords)
		selected_keywords_forget(sel);
	if (st == OK && (up->u.keywords || up->u.changed.n || selected_rights_due(sel)))
		st = selected_keywords(s, txn);
	/* Others may have other rights now (RFC 4314 5.1.1). */
	if (st == OK && selected_rights_due(sel))
		selected_print_flags(s, conn_out(s->conn));
	return st;
}

static void
send_flags(struct session *s, struct updater *up, const struct entry *e)
{
	struct buf *out = conn_out(s->conn);

	selected_fetch_line(s, out, up->it.seq, e, up->uid || (s->enabled & (ENABLED_CONDSTORE | ENABLED_IMAP4REV2)), true);
}

static enum cmd_next
send_changed(struct session *s, struct db_txn *txn, struct updater *up, enum status *st_r)
{
	struct selected *sel = s->selected;
	const struct entry *e;
	enum cmd_next next = CMD_DONE;

	if ((*st_r = selected_keywords(s, txn)) != OK ||
	    (*st_r = view_iter_begin(&up->it, txn)) != OK)
		return CMD_DONE;
	while (next == CMD_DONE && (e = view_iter_next(&up->it)) != NULL) {
		if (!e->expunged) {
			if (!selected_keywords_cover(sel, e)) {
				selected_keywords_forget(sel);
				if ((*st_r = selected_keywords(s, txn)) != OK)
					break;
			}
			send_flags(s, up, e);
		}
		next = cmd_pause(s->cmd);
	}
	if (*st_r == OK)
		*st_r = view_iter_end(&up->it);
	else
		(void)!view_iter_end(&up->it);
	return next;
}

static enum status
begin(struct session *s, struct db_txn *txn, uint64_t news, bool may_expunge, bool uid, uint64_t upto)
{
	struct selected *sel = s->selected;
	struct updater *up = x_new(struct updater);
	enum status st;

	/* What was half told goes on; a second look would move the view past what was not sent. */
	ensure(sel->updater == NULL && !sel->closed_told);
	sel->updater = up;
	up->recent = runs_count(&sel->view.recent);
	if ((st = view_sync_to(&sel->view, txn, may_expunge, upto, &up->u)) != OK)
		return st;
	ensure(may_expunge || (up->u.gone.n == 0 && up->u.gone_seqs.n == 0)); /* T80 */
	if (upto != UPDATE_ALL && !sel->view.deleted && sel->view.flags_told < sel->view.seen_modseq) {
		sel->synced = sel->view.flags_told;
	} else {
		sel->synced = news > sel->view.seen_modseq ? news : sel->view.seen_modseq;
		sel->look = false;
	}
	if (sel->view.deleted && may_expunge && upto == UPDATE_ALL)
		sel->gone_told = true;
	runs_remove_all(&sel->view.recent, &up->u.gone);
	runs_remove_all(&sel->saved, &up->u.gone); /* RFC 5182 2.1 */
	up->run = up->u.gone_seqs.n;
	up->uid = uid || s->notify != NULL; /* RFC 5465 5.1 */
	if (sel->contexts != NULL)
		up->contexts = context_update_new(s, &up->u);
	if (!notify_flags(s))
		runs_clear(&up->u.changed);
	up->it = (struct view_iter)VIEW_ITER(&sel->view, &up->u.changed);
	up->it.no_seq = s->enabled & ENABLED_UIDONLY;
	return OK;
}

static enum cmd_next
updater_step(struct session *s, struct db_txn *txn, struct updater *up, enum status *st_r)
{
	enum cmd_next next = CMD_DONE;

	ensure(up->phase < OVER);
	if (up->phase == CONTEXTS_GONE) {
		if ((next = contexts_gone(s, txn, &up->u, up->contexts, st_r)) != CMD_DONE || *st_r != OK)
			return next;
		up->phase = GONE;
	}
	if (up->phase == GONE) {
		if ((next = send_gone(s, up)) != CMD_DONE)
			return next;
		up->phase = COUNTS;
	}
	if (up->phase == COUNTS) {
		if ((*st_r = send_counts(s, txn, up)) != OK)
			return CMD_DONE;
		up->phase = FLAGS;
	}
	if (up->phase == FLAGS) {
		if (up->u.changed.n && ((next = send_changed(s, txn, up, st_r)) != CMD_DONE || *st_r != OK))
			return next;
		up->phase = CONTEXTS_CHANGED;
	}
	if (up->phase == CONTEXTS_CHANGED && up->contexts)
		next = contexts_changed(s, txn, up->contexts, st_r);
	return next;
}

/* The mailbox is gone, and with it the knowledge which UIDs it had: VANISHED, which may name only those that are there (RFC 7162
 * 3.2.10.2), cannot tell it. */
static bool
vague(const struct session *s, const struct updater *up)
{
	return s->selected->gone_told && (s->enabled & (ENABLED_QRESYNC | ENABLED_UIDONLY)) &&
	    runs_count(&up->u.gone) != runs_count(&up->u.gone_seqs);
}

bool
update_lost(struct session *s)
{
	enum status st = s->selected != NULL ? view_lost(&s->selected->view) : OK;

	if (st == OK || (s->below == NULL && (s->cmd == NULL || s->cmd->row == NULL || !(s->cmd->row->flags & CMDF_NEWS))))
		return false;
	session_bye(s, reply_status_code(st), reply_status_text(st));
	return true;
}

enum cmd_next
update_step(struct session *s, bool may_expunge, bool uid, uint64_t upto)
{
	struct selected *sel = s->selected;
	enum cmd_next next = CMD_DONE;
	struct db_txn *txn;
	/* The hub is asked before the snapshot is taken: what comes in between is looked at again. */
	uint64_t news = hub_modseq(&sel->watcher);
	enum status st = cmd_read_begin(s->cmd, &txn);

	if (st == OK) {
		if (sel->updater == NULL)
			st = begin(s, txn, news, may_expunge, uid, upto);
		if (st == OK && vague(s, sel->updater)) {
			db_read_end(txn);
			selected_gone(s);
			return CMD_DONE;
		}
		if (st == OK)
			next = updater_step(s, txn, sel->updater, &st);
		db_read_end(txn);
	}
	if (st != OK && sel->view.lost) {
		selected_lost(s);
		return update_lost(s) ? CMD_CLOSE : CMD_DONE;
	}
	if (st != OK) {
		log_event(EV_internal, "untagged updates of mailbox %lld: %s", (long long)sel->view.grant.mailbox,
		    status_word(st));
		session_bye(s, reply_status_code(st), "The mailbox cannot be read");
		update_free(sel);
		return CMD_CLOSE;
	}
	if (next == CMD_DONE)
		update_free(sel);
	return next;
}
