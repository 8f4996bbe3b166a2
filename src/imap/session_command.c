/* SPDX-License-Identifier: Apache-2.0 */
/* Running a session's command, and answering it. */
#include "imap/session_priv.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/watchdog.h"
#include "imap/ahead.h"
#include "imap/commands.h"
#include "imap/core/condstore.h"
#include "imap/core/language.h"
#include "imap/core/limit.h"
#include "imap/core/reply.h"
#include "imap/news/notify.h"
#include "imap/news/update.h"

/* For the watchdog. */
static const char *
name_of(const struct cmd *cmd)
{
	return cmd->row ? cmd->row->name : "-";
}

void
session_drop(struct session *s)
{
	/* Behind the running one stands one other at most. */
	ensure(s->below == NULL || s->reading == NULL);
	watchdog_place(name_of(s->cmd), "end");
	cmd_free(s->cmd);
	s->cmd = s->below ? s->below : s->reading;
	if (s->below)
		s->below = NULL;
	else
		s->reading = NULL;
}

/* The command works on the messages of the selected mailbox, and another session has deleted that: nothing can be done (RFC 2180 3). Or the right to
 * read it was taken away: until it is closed nothing is told (RFC 4314 5.1.1). */
static bool
mailbox_gone(const struct session *s, const struct command *row)
{
	if (row == NULL || row->states != STATE_SELECTED || (row->flags & CMDF_GONE))
		return false;
	return s->selected == NULL || s->selected->view.deleted || s->selected->view.lost;
}

static enum cmd_next
reply_gone(struct cmd *cmd)
{
	const struct selected *sel = cmd->session->selected;

	return sel != NULL && sel->view.lost ? reply_status(cmd, view_lost(&sel->view)) : reply_mailbox_gone(cmd);
}

/* The handler has given its answer. It saw no messages, if the mailbox was deleted while it ran. But what has committed elsewhere stays,
 * though an answer before this one has found its own gone meanwhile. */
static void
settle(struct session *s)
{
	struct cmd *cmd = s->cmd;
	bool done = cmd->written && cmd->worked_on && (cmd->row->flags & CMDF_ELSEWHERE);

	ensure(cmd->cond != NULL || cmd->row == &notify_row); /* who is done has answered */
	if (cmd->cond != NULL && cmd->cond[0] == 'O' && !done && s->selected != NULL && mailbox_gone(s, cmd->row))
		(void)reply_gone(cmd);
	cmd_enter(cmd, CMD_ANSWERS);
}

/* What a handler returned. */
enum conn_next
session_after(struct session *s, enum cmd_next next)
{
	struct cmd *cmd = s->cmd;

	switch (next) {
	case CMD_DONE:
		if (cmd->text_read == CMD_COMING) {
			imap_reader_refuse(&s->reader);
			cmd->text_read = CMD_WHOLE;
		}
		settle(s);
		return session_answer(s);
	case CMD_WAIT_INPUT:
		cmd_enter(cmd, CMD_LISTENS);
		return SESSION_GO;
	case CMD_WAIT_OUTPUT:
		return CONN_OUTPUT;
	case CMD_WAIT_WAKE:
		return ahead_push(s) ? SESSION_GO : CONN_WAKE;
	case CMD_AGAIN:
		return CONN_AGAIN;
	case CMD_NOT_YET:
		/* As if it had not begun: the reader has it still. */
		ensure(cmd_ahead(cmd) && cmd->text_read == CMD_WHOLE && cmd->phase == CMD_RUNS);
		s->held = IMAP_READ_COMMAND;
		s->login.commands--;
		session_drop(s);
		return SESSION_GO;
	case CMD_CLOSE:
		session_drop(s);
		return CONN_CLOSE;
	case CMD_ABORT:
		break;
	}
	session_drop(s);
	return CONN_ABORT;
}

enum conn_next
session_call(struct session *s, enum cmd_at at)
{
	struct cmd *cmd = s->cmd;
	enum cmd_next next;

	cmd->at = at;
	cmd_enter(cmd, CMD_RUNS);
	if (s->imap->at_step != NULL)
		s->imap->at_step(s->imap->at_step_arg);
	watchdog_place(name_of(cmd), "run");
	next = cmd->step ? cmd->step(cmd) : cmd->row->run(cmd);
	cmd_count(cmd);
	return session_after(s, next);
}

/* Updates before a UID command, so that it sees what is new (T45), then the command. */
enum conn_next
session_begin(struct session *s)
{
	struct cmd *cmd = s->cmd;

	if (cmd->phase == CMD_BEFORE) {
		enum cmd_next next;

		watchdog_place(name_of(cmd), "updates before");
		next = update_step(s, true, true, UPDATE_ALL);
		if (next != CMD_DONE)
			return session_after(s, next);
		cmd_enter(cmd, CMD_RUNS);
	}
	if (mailbox_gone(s, cmd->row))
		return session_after(s, reply_gone(cmd));
	if ((cmd->row->flags & (CMDF_LARGE | CMDF_HEAVY)) && budget_full(s->login.budget))
		return session_after(s, reply_status(cmd, ERR_MEMORY));
	ensure(cmd->row->states & s->state); /* what a handler may count on: who is there, what is selected */
	return session_call(s, cmd->text_read == CMD_COMING ? CMD_AT_LITERAL : CMD_AT_END);
}

/* While an expunge is withheld, a client that saw higher mod-sequences learns how far it may trust them (RFC 7162 6). Once expunges
 * were told, the tagged OK says how far that is (RFC 7162 3.2.7, T89). */
static void
tell_modseq(struct session *s, struct cmd *cmd)
{
	struct selected *sel = s->selected;
	uint64_t upto = ahead_upto(s);
	bool withheld;

	if (sel == NULL || !(s->enabled & ENABLED_CONDSTORE) || sel->view.deleted || sel->view.lost)
		return;
	/* What went after the command is not withheld by it. */
	withheld = sel->view.ghosts.n > 0 && sel->modseq_told && (upto == 0 || sel->view.gone_told < upto);
	if (cmd->code.n == 0 && cmd->cond[0] == 'O') {
		if (withheld || sel->gone_line || cmd->modseq_due)
			cmd->code = arena_printf(&cmd->arena, "HIGHESTMODSEQ %llu",
			    (unsigned long long)condstore_told(sel));
	} else if (withheld) {
		condstore_print(s);
	}
	sel->modseq_told = sel->gone_line = false;
}

/*
 * Other sessions have expunged messages that this command was to work on. NO when these were all, for then nothing was done. OK as long
 * as one was there (RFC 5530 3; RFC 2180 4.2.3 leaves the choice, and mail programs show a NO to people, T106). In that case a code
 * that tells more has its place.
 */
static void
tell_expunged(struct cmd *cmd)
{
	if (!cmd->expunge_issued || cmd->cond[0] != 'O')
		return;
	cmd->text = "Some of the messages have been expunged";
	if (!cmd->worked_on) {
		cmd->cond = "NO";
		cmd->text = "The messages have been expunged";
	}
	if (cmd->code.n == 0 && (!cmd->worked_on || !cmd->modseq_due))
		cmd->code = STR("EXPUNGEISSUED");
}

/* A command that worked on some of its messages only says so in the tagged OK, or where another code stands there, before it
 * (RFC 9738 3.1). */
static void
tell_limit(struct cmd *cmd)
{
	struct buf code = {0};

	if (cmd->limit_uid == 0 || cmd->cond[0] != 'O')
		return;
	limit_code(&code, cmd);
	if (cmd->code.n == 0) {
		cmd->code = arena_str(&cmd->arena, buf_str(&code));
	} else {
		out_code_begin(cmd_out(cmd), STR(""), "NO");
		buf_add(cmd_out(cmd), buf_str(&code));
		out_code_end(cmd_out(cmd), language_text(cmd->session, "Only the last of the messages were worked on"));
	}
	buf_free(&code);
}

/* The tagged line, after the updates (T80, T82). */
enum conn_next
session_answer(struct session *s)
{
	struct cmd *cmd = s->cmd;
	bool quiet = cmd->row == NULL || (cmd->row->flags & CMDF_QUIET);
	bool may_expunge = cmd->may_expunge && !ahead_numbers(s);
	enum status (*sent)(struct session *), st;
	size_t mark;

	/* In the order of the commands. */
	if (!cmd_oldest(cmd))
		return CONN_WAKE;
	if (cmd->row == &notify_row) {
		session_drop(s);
		return SESSION_GO;
	}
	ensure(cmd->phase == CMD_ANSWERS && cmd->cond != NULL && cmd->text != NULL);
	if (s->imap->at_step != NULL)
		s->imap->at_step(s->imap->at_step_arg);
	if (!quiet && s->selected && update_due(s, may_expunge, ahead_upto(s))) {
		enum cmd_next next;

		watchdog_place(name_of(cmd), "updates");
		next = update_step(s, may_expunge, cmd->uid, ahead_upto(s));
		if (next != CMD_DONE)
			return session_after(s, next);
	}
	tell_expunged(cmd);
	tell_modseq(s, cmd);
	tell_limit(cmd);
	mark = cmd_out(cmd)->n;
	if (cmd->code.n) {
		out_code_begin(cmd_out(cmd), cmd->tag, cmd->cond);
		buf_add(cmd_out(cmd), cmd->code);
		out_code_end(cmd_out(cmd), language_text(s, cmd->text));
	} else {
		out_tagged(cmd_out(cmd), cmd->tag, cmd->cond, NULL, language_text(s, cmd->text));
	}
	if (cmd->cond[0] == 'B' && s->state == STATE_NOT_AUTH)
		s->bad++;
	sent = cmd->cond[0] == 'O' ? cmd->sent : NULL;
	if (sent != NULL && (st = sent(s)) != OK) {
		cmd_out(cmd)->n = mark;
		session_broken(s, st, name_of(cmd), "layer");
	}
	/* How long IDLE lasts is the client's matter. */
	if (cmd->row != NULL && !(cmd->row->flags & CMDF_NEWS))
		command_took(cmd->row, cmd->cond[0], (s->looked = clock_mono()) - cmd->began);
	session_drop(s);
	if (s->state == STATE_LOGOUT)
		return CONN_CLOSE;
	if (s->state == STATE_NOT_AUTH && s->bad >= s->imap->settings.bad_max) {
		login_log_stranger(&s->login, "too many bad commands");
		session_bye(s, NULL, "Too many bad commands");
		return CONN_CLOSE;
	}
	return s->starting_tls ? CONN_INPUT : SESSION_GO;
}

/* The running command's change is on disk, or not. */
enum conn_next
session_written(struct session *s)
{
	struct cmd *cmd = s->cmd;
	enum status st = change_take(&cmd->change);

	watchdog_place(name_of(cmd), "written");
	if (st == ERR_UNKNOWN)
		return CONN_ABORT;
	cmd->written = cmd->written || st == OK;
	cmd_enter(cmd, CMD_RUNS);
	return session_after(s, cmd->done(cmd, st));
}

/* What NOTIFY asked for is told by a command without a tag, between others or inside IDLE. */
enum conn_next
session_tell_news(struct session *s)
{
	ensure(s->below == NULL && (s->cmd == NULL || (s->cmd->row->flags & CMDF_NEWS)));
	s->below = s->cmd;
	s->cmd = cmd_new(s, STR(""));
	s->cmd->row = &notify_row;
	return session_call(s, CMD_AT_EVENT);
}
