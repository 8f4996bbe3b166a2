/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/notify.h"

#include <stdlib.h>
#include "imap/fetch.h"
#include "imap/language.h"
#include "imap/notify_picture.h"
#include "imap/reply.h"
#include "imap/update.h"

void
notify_free(struct session *s, struct notify *n)
{
	if (n == NULL)
		return;
	hub_unwatch(s->imap->hub, &n->watcher);
	picture_free(n->picture);
	arena_free(&n->arena);
	arena_free(&n->own_arena);
	free(n->own);
	free(n);
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
	if (s->notify != NULL && s->notify->items.n > 0 && s->selected && s->selected->view.mailbox == mailbox && n > 0)
		runs_add(&s->selected->notify_own, first, first + n - 1);
}

/* ---- the selected mailbox ---- */

/* EXPUNGE and MOVE answer with their own expunges whatever NOTIFY says, and NOTIFY SET with all that has gathered (3.1). */
static bool
answers_anyway(const struct cmd *cmd)
{
	if (cmd == NULL || cmd->row == NULL)
		return false;
	return cmd->row->run == cmd_expunge || cmd->row->run == cmd_notify || (cmd->row->flags & CMDF_MOVE);
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

static bool
new_to_fetch(const struct session *s)
{
	return s->notify->items.n > 0 && s->selected->notify_from < s->selected->view.next_told;
}

bool
notify_due(struct session *s)
{
	struct notify *n = s->notify;

	if (n == NULL || !(s->state & STATE_LOGGED_IN))
		return false;
	if (s->selected && n->selected != NOTIFY_SILENT) {
		if (s->selected->notify_from == 0)
			s->selected->notify_from = s->selected->view.next_told;
		if (update_due(s, n->selected == NOTIFY_AT_ONCE || s->cmd != NULL) || new_to_fetch(s))
			return true;
	}
	return n->picture != NULL && hub_modseq(&n->watcher) != n->seen;
}

/* ---- the others ---- */

enum status
notify_begin(struct cmd *cmd, struct notify *n, bool tell_status)
{
	struct session *s = cmd->session;
	struct db_txn *txn;
	enum status st;

	if (n->n == 0)
		return OK;
	/* First the bell, then the look. */
	hub_watch(s->imap->hub, (uint64_t)s->actor.account, 0, &n->watcher, s->conn);
	n->seen = hub_modseq(&n->watcher);
	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return st;
	st = picture_take(&s->actor, txn, &n->picture);
	for (size_t i = 0; st == OK && tell_status && i < n->picture->n; i++) {
		const struct mailbox *mb = n->picture->by_name[i];
		unsigned events = notify_events(n, mb->name, !mb->noselect, picture_subscribed(n->picture, mb->name));

		if (!mb->noselect && (events & NOTIFY_MESSAGES) && (!s->selected || s->selected->view.mailbox != mb->id))
			st = notify_status(cmd, txn, mb, events);
	}
	cmd_read_end(cmd, txn);
	return st;
}

static enum status
tell_others(struct cmd *cmd)
{
	struct session *s = cmd->session;
	struct notify *n = s->notify;
	struct notify_picture *now = NULL;
	uint64_t seen = hub_modseq(&n->watcher);
	struct db_txn *txn;
	enum status st;

	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return st;
	if ((st = picture_take(&s->actor, txn, &now)) == OK)
		st = picture_tell(cmd, txn, n->picture, now);
	cmd_read_end(cmd, txn);
	if (st != OK) {
		picture_free(now);
		return st;
	}
	picture_free(n->picture);
	n->picture = now;
	n->seen = seen;
	n->own_n = 0;
	arena_free(&n->own_arena);
	return OK;
}

/* Nothing more can be told (5.8): as after NOTIFY NONE. */
static void
overflow(struct session *s)
{
	out_untagged(conn_out(s->conn), "OK", "NOTIFICATIONOVERFLOW",
	    language_text(s, "Too much to tell; ask by yourself"));
	notify_set(s, x_new(struct notify));
}

/* ---- the command without a tag ---- */

static enum cmd_next
fetch_new(struct cmd *cmd)
{
	struct selected *sel = cmd->session->selected;
	struct runs uids = {0};
	enum cmd_next next;

	runs_add(&uids, sel->notify_from, sel->view.next_told - 1);
	runs_remove_all(&uids, &sel->notify_own);
	runs_clear(&sel->notify_own);
	sel->notify_from = sel->view.next_told;
	next = uids.n > 0 ? fetch_start(cmd, cmd->session->notify->items, &uids) : CMD_DONE;
	runs_free(&uids);
	return next;
}

static enum cmd_next
notify_run(struct cmd *cmd)
{
	struct session *s = cmd->session;
	struct notify *n = s->notify;

	if (s->selected && n->selected != NOTIFY_SILENT && update_due(s, may_expunge(s))) {
		enum cmd_next next = update_step(s, may_expunge(s), true);

		if (next != CMD_DONE)
			return next;
	}
	if (n->picture != NULL && hub_modseq(&n->watcher) != n->seen && tell_others(cmd) != OK) {
		overflow(s);
		return CMD_DONE;
	}
	if (s->selected && n->selected != NOTIFY_SILENT && new_to_fetch(s))
		return fetch_new(cmd);
	return CMD_DONE;
}

const struct command notify_row = {"", notify_run, STATE_LOGGED_IN, CMDF_QUIET, "news between commands"};
