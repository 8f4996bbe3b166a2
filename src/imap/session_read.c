/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes to commands: what a session does with its client's input. */
#include "imap/session_priv.h"

#include "base/assert.h"
#include "base/watchdog.h"
#include "imap/ahead.h"
#include "imap/commands.h"
#include "imap/core/language.h"
#include "imap/core/reply.h"
#include "imap/literal.h"
#include "imap/news/notify.h"
#include "imap/news/selected_close.h"
#include "imap/news/update.h"

/* Why a command may not run now, or NULL. */
static const char *
wrong_state(struct session *s, const struct command *row)
{
	if (row->states & s->state)
		return NULL;
	if (s->state == STATE_NOT_AUTH)
		return "Log in first";
	if (s->state == STATE_AUTH && (row->states & STATE_SELECTED))
		return "Select a mailbox first";
	return "You are logged in already";
}

/* How the command begins that the reader holds. */
struct head {
	struct str tag;            /* "*" where there is none; in the reader's memory */
	const struct command *row; /* NULL: none of ours */
	const char *why;           /* it may not run, or NULL */
	size_t at;                 /* where its arguments begin */
};

/* Whatever is asked of it is asked of this: it is looked up once. */
static void
read_head(struct session *s, struct head *h)
{
	struct arena arena = {0};
	struct args args;
	struct str name;

	*h = (struct head){.tag = STR("*")};
	args_init(&args, s->reader.command, &arena, false);
	if (arg_tag(&args, &h->tag) != OK || arg_space(&args) != OK || arg_command(&args, &name) != OK)
		h->why = "Not a command";
	else if ((h->row = command_find(name)) == NULL)
		h->why = "No such command";
	else
		h->why = wrong_state(s, h->row);
	h->at = args.at;
	arena_free_secret(&arena);
}

/* Begins it. */
static enum conn_next
begin_command(struct session *s, const struct head *h, enum cmd_text text)
{
	struct cmd *cmd;
	const struct command *row = h->row;

	ensure(s->cmd == NULL); /* one reads at a time; those that commit stand in a list of their own */
	cmd = s->cmd = cmd_new(s, s->reader.command);
	cmd->number = ++s->numbered;
	cmd->began = s->looked;
	cmd->text_read = text;
	/* The reader's memory is the next command's soon. */
	if (h->why == NULL && text == CMD_WHOLE && (row->flags & CMDF_OVERLAP) && cmd_followed(cmd))
		args_init(&cmd->args, arena_str(&cmd->arena, s->reader.command), &cmd->arena, session_utf8(s));
	cmd->args.at = h->at;
	cmd_set_tag(cmd, h->tag);
	s->login.commands++;
	if (h->why != NULL)
		return session_after(s, reply_bad(cmd, h->why));
	cmd->row = row;
	cmd->uid = row->flags & CMDF_UID;
	cmd->may_expunge = !(row->flags & CMDF_NO_EXPUNGE);
	/* RFC 9586 3.2, 3.8 */
	if ((s->enabled & ENABLED_UIDONLY) && (row->flags & (CMDF_NO_EXPUNGE | CMDF_NUMBERS)))
		return session_after(s, reply_bad_code(cmd, "UIDREQUIRED", "Message numbers are not allowed any more"));
	/* A search may speak of numbers as they are now: it sees to it itself. */
	if (cmd->uid && !(row->flags & CMDF_HEAVY) && !cmd_ahead(cmd) && update_due(s, true, UPDATE_ALL))
		cmd_enter(cmd, CMD_BEFORE);
	return session_begin(s);
}

/* A literal of a command whose handler does not want it as it comes. */
static enum conn_next
collect_literal(struct session *s)
{
	bool sync = s->reader.literal.sync;
	enum status st = session_hold_literal(s);

	if (st == OK && imap_reader_collect(&s->reader) == OK) {
		if (sync)
			out_continue(conn_out(s->conn), STR("OK"));
		return SESSION_GO;
	}
	out_tagged(conn_out(s->conn), imap_reader_tag(&s->reader), "NO", st == OK ? "TOOBIG" : reply_status_code(st),
	    language_text(s, st == OK ? "The literal is too long" : reply_status_text(st)));
	imap_reader_refuse(&s->reader);
	return SESSION_GO;
}

static enum conn_next
at_literal(struct session *s, const struct head *h)
{
	return h->why == NULL && !(h->row->flags & CMDF_STREAM) ? collect_literal(s) : begin_command(s, h, CMD_COMING);
}

/* The client broke the syntax below commands. */
static enum conn_next
bad_input(struct session *s)
{
	struct str tag = imap_reader_tag(&s->reader);

	if (tag.n)
		out_tagged(conn_out(s->conn), tag, "BAD", s->reader.code, language_text(s, s->reader.why));
	else
		out_untagged(conn_out(s->conn), "BAD", NULL, language_text(s, s->reader.why));
	if (s->state == STATE_NOT_AUTH && ++s->bad >= s->imap->settings.bad_max) {
		login_log_stranger(&s->login, "too many bad commands");
		session_bye(s, NULL, "Too many bad commands");
		return CONN_CLOSE;
	}
	return SESSION_GO;
}

static enum conn_next
fatal_input(struct session *s)
{
	login_log_stranger(&s->login, s->reader.why ? s->reader.why : "out of step");
	session_bye(s, NULL, s->reader.why ? s->reader.why : "Out of step");
	return CONN_CLOSE;
}

/* The reader has found something. */
static enum conn_next
take(struct session *s, enum imap_read what)
{
	struct head h;

	switch (what) {
	case IMAP_READ_MORE:
		return CONN_INPUT;
	case IMAP_READ_COMMAND:
		read_head(s, &h);
		return begin_command(s, &h, CMD_WHOLE);
	case IMAP_READ_LITERAL:
		read_head(s, &h);
		return at_literal(s, &h);
	case IMAP_READ_BAD:
		return bad_input(s);
	case IMAP_READ_NOT_IMAP:
		login_log_stranger(&s->login, "what it sent is no IMAP");
		return CONN_ABORT;
	case IMAP_READ_CHUNK: /* only while a command streams */
	case IMAP_READ_FATAL:
		break;
	}
	return fatal_input(s);
}

/* Between commands, while some wait for their commits: of the next so much is read as tells whether it may begin. */
static enum conn_next
read_ahead(struct session *s)
{
	struct str in = conn_in(s->conn);
	size_t had = in.n;
	enum imap_read what;
	struct head h;

	if (s->held != IMAP_READ_MORE || s->stopping || login_shut_out(&s->login))
		return CONN_WAKE;
	if (had == 0)
		return CONN_INPUT;
	what = imap_reader_read(&s->reader, &in);
	conn_eat(s->conn, had - in.n);
	if (what == IMAP_READ_MORE)
		return CONN_INPUT;
	if (what == IMAP_READ_LITERAL || what == IMAP_READ_COMMAND) {
		bool literal = what == IMAP_READ_LITERAL;

		read_head(s, &h);
		if (h.why == NULL && ahead_may_begin(s, h.row, literal))
			return literal ? at_literal(s, &h) : begin_command(s, &h, CMD_WHOLE);
	}
	s->held = (uint8_t)what;
	return CONN_WAKE;
}

/* Between commands. */
enum conn_next
session_read(struct session *s)
{
	struct str in;
	size_t had;
	enum imap_read what = (enum imap_read)s->held;

	watchdog_place("-", "input");
	if (s->committing != NULL)
		return read_ahead(s);
	if (s->selected != NULL && s->selected->closed_told)
		selected_close(s);
	if (session_must_end(s))
		return CONN_CLOSE;
	if (notify_due(s))
		return session_tell_news(s);
	s->held = IMAP_READ_MORE;
	if (what != IMAP_READ_MORE)
		return take(s, what);
	in = conn_in(s->conn);
	if ((had = in.n) == 0)
		return CONN_INPUT;
	what = imap_reader_read(&s->reader, &in);
	conn_eat(s->conn, had - in.n);
	return take(s, what);
}

/* A command waits for a line. */
static enum conn_next
feed_line(struct session *s, unsigned events)
{
	struct cmd *cmd = s->cmd;
	struct str in = conn_in(s->conn);
	size_t had = in.n;
	enum imap_read what = IMAP_READ_MORE;

	ensure(cmd->phase == CMD_LISTENS);
	watchdog_place(cmd->row->name, "line");
	if (had > 0) {
		what = imap_reader_line(&s->reader, &in, cmd->line_limit);
		conn_eat(s->conn, had - in.n);
	}
	if (what == IMAP_READ_MORE) {
		cmd->events = events & (CONN_EV_CHANGE | CONN_EV_TIMEOUT | CONN_EV_OUTPUT | CONN_EV_USER);
		return cmd->events ? session_call(s, CMD_AT_EVENT) : CONN_INPUT;
	}
	cmd->line_limit = 0;
	cmd->line = what == IMAP_READ_COMMAND ? s->reader.command : STR_NONE;
	return session_call(s, what == IMAP_READ_COMMAND ? CMD_AT_LINE : CMD_AT_BAD_LINE);
}

/* A streaming command waits for more of itself. */
static enum conn_next
feed_command(struct session *s)
{
	struct cmd *cmd = s->cmd;
	struct str in = conn_in(s->conn);
	size_t had = in.n;
	enum imap_read what;

	ensure(cmd->phase == CMD_LISTENS && cmd->text_read == CMD_COMING);
	watchdog_place(cmd->row->name, "input");
	if (had == 0)
		return CONN_INPUT;
	what = imap_reader_read(&s->reader, &in);
	/* Before the handler, which may end the command. A chunk stays where it is until more is read. */
	conn_eat(s->conn, had - in.n);
	switch (what) {
	case IMAP_READ_MORE:
		return CONN_INPUT;
	case IMAP_READ_CHUNK:
		/* Many a client writes the line's end by itself, and its kernel keeps that until the literal is acknowledged. */
		if (s->reader.literal.left == 0 && in.n == 0)
			conn_acknowledge(s->conn);
		cmd->chunk = s->reader.chunk;
		return session_call(s, CMD_AT_CHUNK);
	case IMAP_READ_LITERAL:
		args_extend(&cmd->args, s->reader.command);
		return session_call(s, CMD_AT_LITERAL);
	case IMAP_READ_COMMAND:
		args_extend(&cmd->args, s->reader.command);
		cmd->text_read = CMD_WHOLE;
		return session_call(s, CMD_AT_END);
	case IMAP_READ_BAD:
		cmd->text_read = CMD_WHOLE;
		return session_after(s, reply_bad(cmd, s->reader.why));
	default:
		return fatal_input(s);
	}
}

enum conn_next
session_feed(struct session *s, unsigned events)
{
	return s->cmd->line_limit ? feed_line(s, events) : feed_command(s);
}
