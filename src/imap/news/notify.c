/* SPDX-License-Identifier: Apache-2.0 */
/* NOTIFY: what is due between commands, and telling it. */
#include "imap/news/notify.h"

#include <stdlib.h>
#include "imap/core/language.h"
#include "imap/core/reply.h"
#include "imap/fetch/fetch.h"
#include "imap/news/context.h"
#include "imap/news/notify_pictures.h"
#include "imap/news/session_memory.h"
#include "imap/news/update.h"

void
notify_free(struct session *s, struct notify *n)
{
	if (n == NULL)
		return;
	picture_telling_free(n->telling);
	picture_taking_release(n->taking);
	picture_release(n->picture);
	hub_unwatch(s->imap->hub, &n->watcher);
	mailbox_index_free(&n->index);
	arena_free(&n->arena);
	arena_free(&n->own_arena);
	free(n->own);
	free(n);
}

size_t
notify_memory(const struct notify *n)
{
	if (n == NULL)
		return 0;
	return sizeof(*n) + n->arena.held + n->own_arena.held + n->own_cap * sizeof(*n->own) + picture_taking_memory(n->taking) +
	    (n->picture != NULL ? n->picture->arena.held : 0);
}

void
notify_set(struct session *s, struct notify *n)
{
	notify_free(s, s->notify);
	s->notify = n;
	/* What was there before is told without being fetched. */
	if (s->selected)
		s->selected->notify_from = 0;
	notify_bell(s, false);
	if (n != NULL && watcher_watches(&n->watcher))
		watcher_push(&n->watcher, true);
}

void
notify_bell(struct session *s, bool idle)
{
	if (s->selected)
		watcher_push(&s->selected->watcher, idle || (s->notify && s->notify->selected != NOTIFY_SILENT));
}

void
notify_own(struct session *s, struct str name)
{
	struct notify *n = s->notify;

	if (n == NULL || n->n == 0)
		return;
	if (n->own_n == n->own_cap) {
		n->own_cap = n->own_cap * 2 + 8;
		n->own = x_realloc(n->own, n->own_cap * sizeof(*n->own));
	}
	n->own[n->own_n++] = arena_str(&n->own_arena, name);
}

void
notify_own_uids(struct session *s, int64_t mailbox, uint32_t first, uint32_t n)
{
	if (s->selected == NULL || s->selected->view.grant.mailbox != mailbox || n == 0)
		return;
	if (contexts_fetch(s->selected) || (s->notify != NULL && s->notify->items.n > 0))
		runs_add(&s->selected->notify_own, first, first + n - 1);
}

/* ---- the selected mailbox ---- */

/* EXPUNGE and MOVE answer with their own expunges whatever NOTIFY says, and NOTIFY SET with all that has gathered (3.1). */
static bool
answers_anyway(const struct cmd *cmd)
{
	return cmd != NULL && cmd->row != NULL && (cmd->row->flags & CMDF_ALL_NEWS);
}

bool
notify_silent(const struct session *s)
{
	return s->notify != NULL && s->notify->selected == NOTIFY_SILENT && !answers_anyway(s->cmd);
}

bool
notify_flags(const struct session *s)
{
	return s->notify == NULL || (s->notify->selected_events & NOTIFY_FLAGS) || answers_anyway(s->cmd);
}

/* Outside IDLE a delayed EXPUNGE waits for a command (6.1.2). */
static bool
may_expunge(const struct session *s)
{
	return s->notify->selected == NOTIFY_AT_ONCE || s->below != NULL;
}

/* NOTIFY wants new messages fetched, and there are some. */
static bool
new_for_notify(const struct session *s)
{
	const struct notify *n = s->notify;
	const struct selected *sel = s->selected;

	return n != NULL && n->selected != NOTIFY_SILENT && n->items.n > 0 && sel->notify_from != 0 &&
	    sel->notify_from < sel->view.next_told;
}

/* The same of UPDATE (7). */
static bool
new_for_contexts(const struct session *s)
{
	const struct context *c = s->selected->contexts;

	while (c != NULL && c->fetch.n == 0)
		c = c->next;
	return c != NULL;
}

bool
notify_due(struct session *s)
{
	struct notify *n = s->notify;

	if (!(s->state & STATE_LOGGED_IN))
		return false;
	if (s->selected && new_for_contexts(s))
		return true;
	if (n == NULL)
		return false;
	if (s->selected && n->selected != NOTIFY_SILENT) {
		if (s->selected->notify_from == 0)
			s->selected->notify_from = s->selected->view.next_told;
		if (update_due(s, n->selected == NOTIFY_AT_ONCE || s->cmd != NULL, UPDATE_ALL) || new_for_notify(s))
			return true;
	}
	return n->picture != NULL && (n->telling != NULL || hub_modseq(&n->watcher) != n->seen);
}

/* ---- the others ---- */

void
notify_index(struct notify *n)
{
	size_t names = 0;

	for (size_t i = 0; i < n->n; i++)
		names += n->groups[i].filter.n;
	mailbox_index_init(&n->index, names);
	for (size_t i = 0; i < n->n; i++) {
		mailbox_index_add(&n->index, &n->groups[i].filter, n->groups[i].events);
		n->events |= n->groups[i].events;
	}
	mailbox_index_sort(&n->index);
}

/* Until the picture is there, or others have their turn: then not CMD_DONE. */
static enum cmd_next
take_picture(struct cmd *cmd, struct notify *n, const struct picture_for *who, struct notify_picture **p_r, enum status *st_r)
{
	struct session *s = cmd->session;
	enum cmd_next next = CMD_DONE;
	struct db_txn *txn;

	if ((*st_r = cmd_read_begin(cmd, &txn)) != OK)
		return CMD_DONE;
	while (next == CMD_DONE && ((*st_r = pictures_get(s->imap->pictures, &s->actor, txn, who, &n->taking, p_r)) == ERR_AGAIN || *st_r == ERR_CONFLICT)) {
		next = *st_r == ERR_CONFLICT ? CMD_AGAIN : cmd_pause(cmd);
		if ((*st_r = session_hold(s, n == s->notify ? 0 : notify_memory(n))) != OK)
			break;
	}
	cmd_read_end(cmd, txn);
	return *st_r == OK ? next : CMD_DONE;
}

enum cmd_next
notify_begin(struct cmd *cmd, struct notify *n, enum status *st_r)
{
	struct session *s = cmd->session;
	enum cmd_next next;

	*st_r = OK;
	if (n->n == 0)
		return CMD_DONE;
	/* First the bell, then the look. */
	if (!watcher_watches(&n->watcher)) {
		hub_watch(s->imap->hub, (uint64_t)s->actor.account, 0, &n->watcher, s->conn);
		n->seen = hub_modseq(&n->watcher);
	}
	next = take_picture(cmd, n, &(struct picture_for){.now = n->seen}, &n->picture, st_r);
	if (next == CMD_DONE && *st_r == OK)
		*st_r = session_hold(s, notify_memory(n));
	return next;
}

enum cmd_next
notify_tell_status(struct cmd *cmd, struct notify *n, size_t *at, enum status *st_r)
{
	struct session *s = cmd->session;
	enum cmd_next next = CMD_DONE;
	struct db_txn *txn;

	if (n->picture == NULL || (*st_r = cmd_read_begin(cmd, &txn)) != OK)
		return CMD_DONE;
	for (; *st_r == OK && next == CMD_DONE && *at < n->picture->n; ++*at) {
		const struct mailbox *mb = n->picture->by_name[*at];
		unsigned events = notify_events(n, mb->name, !mb->noselect && mb->account == s->actor.account, picture_subscribed(n->picture, mb->name));

		if (!mb->noselect && (events & NOTIFY_MESSAGES) && (!s->selected || s->selected->view.grant.mailbox != mb->id))
			*st_r = notify_status(cmd, txn, mb, events, true);
		next = cmd_pause(cmd);
	}
	cmd_read_end(cmd, txn);
	return *st_r == OK ? next : CMD_DONE;
}

/* What happened to all the others, in steps. */
static enum cmd_next
tell_others(struct cmd *cmd, enum status *st_r)
{
	struct session *s = cmd->session;
	struct notify *n = s->notify;
	struct picture_for who = {.now = hub_modseq(&n->watcher), .told = n->seen, .newer = n->own_n == 0};
	struct notify_picture *now = NULL;
	enum cmd_next next = CMD_DONE;
	struct db_txn *txn;

	if (n->telling == NULL) {
		if ((next = take_picture(cmd, n, &who, &now, st_r)) != CMD_DONE || *st_r != OK)
			return next;
		if ((*st_r = session_hold(s, now->arena.held)) != OK) {
			picture_release(now);
			return CMD_DONE;
		}
		n->telling = picture_telling_new(n, n->picture, now);
	}
	if ((*st_r = cmd_read_begin(cmd, &txn)) != OK)
		return CMD_DONE;
	next = picture_tell(n->telling, cmd, txn, st_r);
	cmd_read_end(cmd, txn);
	if (next != CMD_DONE || *st_r != OK)
		return next;
	picture_release(n->picture);
	n->picture = picture_told(n->telling);
	n->telling = NULL;
	n->seen = n->picture->seen;
	n->own_n = 0;
	arena_free(&n->own_arena);
	return CMD_DONE;
}

/* Nothing more can be told (5.8): as after NOTIFY NONE. */
static void
overflow(struct session *s)
{
	out_untagged(conn_out(s->conn), "OK", "NOTIFICATIONOVERFLOW",
	    language_text(s, "Too much to report; please check for changes yourself"));
	notify_set(s, x_new(struct notify));
}

/* ---- the command without a tag ---- */

/* Messages for which the same is to be fetched: what of several sets is the lowest, as far as all sets go on alike. */
struct group {
	uint32_t first, last;
	struct buf items;
};

static void
narrow(struct group *g, const struct runs *set)
{
	uint32_t next = runs_next(set, g->first), last;

	if (next == 0)
		return;
	last = next > g->first ? next - 1 : set->run[runs_seek(set, next)].last;
	if (last < g->last)
		g->last = last;
}

/* "(a b)" and "(c)" are "(a b c)". */
static void
join(struct group *g, const struct runs *set, struct str items)
{
	if (!runs_has(set, g->first))
		return;
	buf_addc(&g->items, g->items.n ? ' ' : '(');
	buf_add(&g->items, str_of(items.p + 1, items.n - 2));
}

/* The lowest of all. */
static void
find_first(struct group *g, const struct runs *news, const struct context *contexts)
{
	uint32_t first = runs_next(news, 1), next;

	for (const struct context *c = contexts; c != NULL; c = c->next)
		if ((next = runs_next(&c->fetch, 1)) != 0 && (first == 0 || next < first))
			first = next;
	g->first = first;
	g->last = UINT32_MAX;
}

/*
 * What NOTIFY and UPDATE want of new messages, in one FETCH (5.2). It follows the ADDTO, as 5.2 demands; the example in section 7 has it
 * the other way round, but FETCH lines of NOTIFY and of UPDATE are to be one. One group now, the others next.
 */
static enum cmd_next
fetch_new(struct cmd *cmd)
{
	struct session *s = cmd->session;
	struct selected *sel = s->selected;
	struct runs news = {0}, uids = {0};
	struct group g = {0};
	enum cmd_next next = CMD_DONE;

	if (new_for_notify(s))
		runs_add(&news, sel->notify_from, sel->view.next_told - 1);
	runs_remove_all(&news, &sel->notify_own);
	find_first(&g, &news, sel->contexts);
	if (g.first != 0) {
		narrow(&g, &news);
		for (struct context *c = sel->contexts; c != NULL; c = c->next)
			narrow(&g, &c->fetch);
		join(&g, &news, s->notify ? s->notify->items : STR_NONE);
		for (struct context *c = sel->contexts; c != NULL; c = c->next) {
			join(&g, &c->fetch, c->items);
			runs_remove(&c->fetch, g.first, g.last);
		}
		buf_addc(&g.items, ')');
		runs_add(&uids, g.first, g.last);
		next = fetch_start(cmd, buf_str(&g.items), &uids);
	}
	if (new_for_notify(s))
		sel->notify_from = g.first && g.last < sel->view.next_told ? g.last + 1 : sel->view.next_told;
	if (!new_for_notify(s) && !new_for_contexts(s))
		runs_clear(&sel->notify_own);
	buf_free(&g.items);
	runs_free(&news);
	runs_free(&uids);
	return next;
}

static enum cmd_next
notify_run(struct cmd *cmd)
{
	struct session *s = cmd->session;
	struct notify *n = s->notify;
	enum status st = OK;

	if (n != NULL && n->telling == NULL && s->selected && n->selected != NOTIFY_SILENT && update_due(s, may_expunge(s), UPDATE_ALL)) {
		enum cmd_next next = update_step(s, may_expunge(s), true, UPDATE_ALL);

		if (next != CMD_DONE)
			return next;
	}
	if (n != NULL && n->picture != NULL && (n->telling != NULL || hub_modseq(&n->watcher) != n->seen)) {
		enum cmd_next next = tell_others(cmd, &st);

		if (st == OK && next != CMD_DONE)
			return next;
		if (st != OK) {
			overflow(s);
			return CMD_DONE;
		}
	}
	if (s->selected && (new_for_notify(s) || new_for_contexts(s)))
		return fetch_new(cmd);
	return CMD_DONE;
}

const struct command notify_row = {"", notify_run, STATE_LOGGED_IN, CMDF_QUIET, NULL, "news between commands"};
