/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a session: reading commands, running them, answering. Everything that waits returns to the
 * connection with what it waits for and is found again in s->cmd.
 */
#include "imap/session.h"

#include <stdlib.h>
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "imap/ahead.h"
#include "imap/capability.h"
#include "imap/language.h"
#include "imap/limit.h"
#include "imap/notify.h"
#include "imap/condstore.h"
#include "imap/reply.h"
#include "imap/selected.h"
#include "imap/update.h"
#include "store/account.h"

/* Not a value of enum conn_next: go round the loop again. */
#define GO ((enum conn_next) - 1)
/* A connection lets others have their turn after so long, in microseconds; the clock is looked at
 * every so many commands. */
#define TURN_US 5000
#define TURN_LOOK 16

static enum conn_next answer(struct session *s);

/* ---- who is there ---- */

static bool
exporter(void *arg, uint8_t key_r[32])
{
	return conn_tls_exporter(arg, STR("EXPORTER-Channel-Binding"), key_r, 32);
}

static bool
unique(void *arg, struct buf *out)
{
	uint8_t data[64];
	size_t n = conn_tls_unique(arg, data);

	buf_add(out, str_of(data, n));
	return n > 0;
}

struct auth_client
session_auth_client(struct session *s)
{
	struct conn *c = s->conn;
	bool tls = conn_tls(c), unix_socket = str_eq(str_c(conn_peer(c)), STR("unix"));

	return (struct auth_client){
		.address = unix_socket ? STR("") : str_c(conn_peer(c)),
		.tls = tls,
		.local = unix_socket || (s->imap->settings.trust_loopback && conn_loopback(c)),
		.exporter = tls ? exporter : NULL,
		.unique = tls ? unique : NULL,
		.arg = c,
	};
}

enum status
session_login(struct session *s, const struct auth_result *result)
{
	struct imap *imap = s->imap;
	unsigned max = imap->settings.account_max;

	hub_watch(imap->hub, (uint64_t)result->account, HUB_LOGINS, &s->logins, s->conn);
	if (max && hub_watchers(imap->hub, (uint64_t)result->account, HUB_LOGINS) > max) {
		hub_unwatch(imap->hub, &s->logins);
		return ERR_LIMIT;
	}
	s->account_seen = hub_modseq(&s->logins);
	watcher_push(&s->logins, true);
	s->actor = (struct actor){.store = s->imap->store, .account = result->account};
	s->user = x_strdup(result->user);
	s->state = STATE_AUTH;
	s->reader.limits = &s->imap->limits;
	conn_in_limit(s->conn, 256 * 1024);
	conn_known(s->conn);
	conn_deadline(s->conn, 0);
	session_timeout(s);
	return OK;
}

void
session_timeout(struct session *s)
{
	if (s->state & STATE_LOGGED_IN) {
		conn_timeout(s->conn, s->imap->settings.idle_seconds);
	} else {
		int64_t left = s->imap->settings.login_seconds + s->strange_since - conn_age(s->conn);

		conn_deadline(s->conn, left > 1 ? left : 1);
	}
}

void
session_logged_out(struct session *s)
{
	ensure(s->selected == NULL);
	notify_set(s, NULL);
	hub_unwatch(s->imap->hub, &s->logins);
	notify_set(s, NULL);
	s->actor = (struct actor){0};
	free(s->user);
	s->user = NULL;
	s->account_seen = 0;
	s->enabled = 0;
	s->comparator = (struct comparator){0};
	s->language = 0;
	s->bad = 0;
	s->state = STATE_NOT_AUTH;
	s->reader.limits = &s->imap->limits_before;
	conn_in_limit(s->conn, 64 * 1024);
	s->strange_since = (uint32_t)conn_age(s->conn);
	conn_timeout(s->conn, 0);
	session_timeout(s);
}

void
session_delay(struct session *s, unsigned ms)
{
	if (ms == 0)
		return;
	s->delayed = true;
	/* The wheel of time-outs counts seconds that have begun: one more, so that it is never less. */
	conn_pause(s->conn, (ms + 999) / 1000 + 1);
}

void
session_start_tls(struct session *s)
{
	s->starting_tls = true;
}

void
session_bye(struct session *s, const char *code, const char *text)
{
	if (s->state == STATE_LOGOUT)
		return;
	s->state = STATE_LOGOUT;
	out_untagged(conn_out(s->conn), "BYE", code, language_text(s, text));
}

/* ---- running a command ---- */

static void
drop_cmd(struct session *s)
{
	cmd_free(s->cmd);
	s->cmd = s->below ? s->below : s->reading;
	if (s->below)
		s->below = NULL;
	else
		s->reading = NULL;
}

/* What a handler returned. */
static enum conn_next
after(struct session *s, enum cmd_next next)
{
	struct cmd *cmd = s->cmd;

	cmd->waiting = false;
	switch (next) {
	case CMD_DONE:
		if (cmd->unread) {
			imap_reader_refuse(&s->reader);
			cmd->unread = false;
		}
		cmd->answering = true;
		return answer(s);
	case CMD_WAIT_INPUT:
		cmd->waiting = true;
		return GO;
	case CMD_WAIT_OUTPUT:
		return CONN_OUTPUT;
	case CMD_WAIT_COMMIT:
		return ahead_push(s) ? GO : CONN_WAKE;
	case CMD_AGAIN:
		return CONN_AGAIN;
	case CMD_CLOSE:
		drop_cmd(s);
		return CONN_CLOSE;
	case CMD_ABORT:
		break;
	}
	drop_cmd(s);
	return CONN_ABORT;
}

static enum conn_next
call(struct session *s, enum cmd_at at)
{
	struct cmd *cmd = s->cmd;

	cmd->at = at;
	return after(s, cmd->step ? cmd->step(cmd) : cmd->row->run(cmd));
}

/* Updates before a UID command, so that it sees what is new (T45), then the command. */
static enum conn_next
begin(struct session *s)
{
	struct cmd *cmd = s->cmd;

	if (cmd->before) {
		enum cmd_next next = update_step(s, true, true);

		if (next != CMD_DONE)
			return after(s, next);
		cmd->before = false;
	}
	if (cmd->row->states == STATE_SELECTED && s->selected == NULL)
		return after(s, reply_no(cmd, "NONEXISTENT", "The mailbox has been deleted"));
	return call(s, cmd->unread ? CMD_AT_LITERAL : CMD_AT_END);
}

/* While an expunge is withheld, a client that saw higher mod-sequences learns how far it may trust them (RFC 7162 6). Once expunges
 * were told, the tagged OK says how far that is (RFC 7162 3.2.7, T89). */
static void
tell_modseq(struct session *s, struct cmd *cmd)
{
	struct selected *sel = s->selected;
	bool withheld;

	if (sel == NULL || !(s->enabled & ENABLED_CONDSTORE) || sel->view.deleted)
		return;
	withheld = sel->view.ghosts.n > 0 && sel->modseq_told;
	if (cmd->code.n == 0 && cmd->cond[0] == 'O' && !cmd->expunge_issued) {
		if (withheld || sel->gone_line || cmd->modseq_due)
			cmd->code = arena_printf(&cmd->arena, "HIGHESTMODSEQ %llu",
			    (unsigned long long)condstore_told(sel));
	} else if (withheld) {
		condstore_print(s);
	}
	sel->modseq_told = sel->gone_line = false;
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
	if (cmd->code.n == 0 && !cmd->expunge_issued) {
		cmd->code = arena_str(&cmd->arena, buf_str(&code));
	} else {
		out_code_begin(cmd_out(cmd), STR(""), "NO");
		buf_add(cmd_out(cmd), buf_str(&code));
		out_code_end(cmd_out(cmd), language_text(cmd->session, "Only the last of the messages were worked on"));
	}
	buf_free(&code);
}

/* The tagged line, after the updates (T80, T82). */
static enum conn_next
answer(struct session *s)
{
	struct cmd *cmd = s->cmd;
	bool quiet = cmd->row == NULL || (cmd->row->flags & CMDF_QUIET);
	void (*sent)(struct session *);

	if (s->delayed)
		return CONN_WAKE;
	/* In the order of the commands. */
	if (s->committing != NULL && !cmd->its_turn)
		return CONN_WAKE;
	if (cmd->row == &notify_row) {
		drop_cmd(s);
		return GO;
	}
	if (!quiet && s->selected && update_due(s, cmd->may_expunge)) {
		enum cmd_next next = update_step(s, cmd->may_expunge, cmd->uid);

		if (next != CMD_DONE)
			return after(s, next);
	}
	tell_modseq(s, cmd);
	tell_limit(cmd);
	if (cmd->expunge_issued && str_eq(str_c(cmd->cond), STR("OK"))) {
		cmd->cond = "NO";
		/* MODIFIED stays (RFC 7162 3.1.3, example 11). */
		if (!str_starts(cmd->code, STR("MODIFIED ")))
			cmd->code = STR("EXPUNGEISSUED");
		cmd->text = "Some of the messages have been expunged";
	}
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
	drop_cmd(s);
	if (sent != NULL)
		sent(s);
	if (s->state == STATE_LOGOUT)
		return CONN_CLOSE;
	if (s->state == STATE_NOT_AUTH && s->bad >= s->imap->settings.bad_max) {
		session_bye(s, NULL, "Too many bad commands");
		return CONN_CLOSE;
	}
	return s->starting_tls ? CONN_INPUT : GO;
}

/* ---- from bytes to commands ---- */

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

/* Begins the command that the reader holds, of which more may come (unread). */
static enum conn_next
begin_command(struct session *s, bool unread)
{
	struct cmd *cmd = s->cmd = cmd_new(s, s->reader.command);
	struct str tag = STR("*"), name = STR("");
	const struct command *row = NULL;
	const char *why;

	cmd->unread = unread;
	if (arg_tag(&cmd->args, &tag) != OK || arg_space(&cmd->args) != OK ||
	    arg_command(&cmd->args, &name) != OK)
		why = "Not a command";
	else if ((row = command_find(name)) == NULL)
		why = "No such command";
	else
		why = wrong_state(s, row);
	cmd_set_tag(cmd, tag);
	if (why != NULL)
		return after(s, reply_bad(cmd, why));
	cmd->row = row;
	cmd->uid = row->flags & CMDF_UID;
	cmd->may_expunge = !(row->flags & CMDF_NO_EXPUNGE);
	if (row->states == STATE_SELECTED && s->selected->gone_told && !(row->flags & CMDF_QUIET))
		return after(s, reply_no(cmd, "NONEXISTENT", "The mailbox has been deleted"));
	/* RFC 9586 3.2, 3.8 */
	if ((s->enabled & ENABLED_UIDONLY) && (row->flags & (CMDF_NO_EXPUNGE | CMDF_NUMBERS)))
		return after(s, reply_bad_code(cmd, "UIDREQUIRED", "Message numbers are not allowed any more"));
	/* A search may speak of numbers as they are now: it sees to it itself. */
	cmd->before = cmd->uid && !(row->flags & CMDF_HEAVY) && update_due(s, true);
	return begin(s);
}

/* A literal of a command whose handler does not want it as it comes. */
static enum conn_next
collect_literal(struct session *s)
{
	bool sync = s->reader.literal.sync;

	if (imap_reader_collect(&s->reader) == OK) {
		if (sync)
			out_continue(conn_out(s->conn), STR("OK"));
		return GO;
	}
	out_tagged(conn_out(s->conn), imap_reader_tag(&s->reader), "NO", "TOOBIG",
	    language_text(s, "The literal is too long"));
	imap_reader_refuse(&s->reader);
	return GO;
}

/* The row of the command whose literal is announced, if it is one. */
static const struct command *
literal_row(struct session *s)
{
	struct args args;
	struct str tag, name;
	struct arena arena = {0};
	const struct command *row = NULL;

	args_init(&args, s->reader.command, &arena, false);
	if (arg_tag(&args, &tag) == OK && arg_space(&args) == OK && arg_command(&args, &name) == OK)
		row = command_find(name);
	arena_free(&arena);
	return row != NULL && (row->states & s->state) ? row : NULL;
}

static enum conn_next
at_literal(struct session *s)
{
	const struct command *row = literal_row(s);

	return row != NULL && !(row->flags & CMDF_STREAM) ? collect_literal(s) : begin_command(s, true);
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
		session_bye(s, NULL, "Too many bad commands");
		return CONN_CLOSE;
	}
	return GO;
}

static enum conn_next
fatal_input(struct session *s)
{
	log_event(EV_client_error, "conn=%llu peer=%s why=%s", (unsigned long long)conn_id(s->conn),
	    conn_peer(s->conn), s->reader.why ? s->reader.why : "");
	session_bye(s, NULL, s->reader.why ? s->reader.why : "Out of step");
	return CONN_CLOSE;
}

/* The account was changed since the login: is it still allowed to be here? */
static bool
shut_out(struct session *s)
{
	uint64_t news = hub_modseq(&s->logins);
	struct arena arena = {0};
	struct account account;
	struct db_txn *txn;
	enum status st;

	if (news == s->account_seen)
		return false;
	s->account_seen = news;
	if (db_read_begin(s->imap->db, &txn) != OK)
		return false;
	st = account_get(txn, &arena, s->actor.account, &account);
	db_read_end(txn);
	arena_free(&arena);
	return st == ERR_NOT_FOUND || (st == OK && account.disabled);
}

/* Says BYE when the session has to end now; true then. */
static bool
must_end(struct session *s)
{
	if (s->stopping)
		session_bye(s, "UNAVAILABLE", "The server is going down, come back soon");
	else if ((s->state & STATE_LOGGED_IN) && shut_out(s))
		session_bye(s, "EXPIRED", "This account is not open any more");
	else
		return false;
	return true;
}

/* What NOTIFY asked for is told by a command without a tag, between others or inside IDLE. */
static enum conn_next
tell_news(struct session *s)
{
	s->below = s->cmd;
	s->cmd = cmd_new(s, STR(""));
	s->cmd->row = &notify_row;
	return call(s, CMD_AT_EVENT);
}

/* The reader has found something. */
static enum conn_next
take(struct session *s, enum imap_read what)
{
	switch (what) {
	case IMAP_READ_MORE:
		return CONN_INPUT;
	case IMAP_READ_COMMAND:
		return begin_command(s, false);
	case IMAP_READ_LITERAL:
		return at_literal(s);
	case IMAP_READ_BAD:
		return bad_input(s);
	case IMAP_READ_NOT_IMAP:
		return CONN_ABORT;
	case IMAP_READ_CHUNK: /* only while a command streams */
	case IMAP_READ_FATAL:
		break;
	}
	return fatal_input(s);
}

/* Between commands, while APPENDs wait for their commits: of the next command so much is read as tells whether it may begin. */
static enum conn_next
read_ahead(struct session *s)
{
	struct str in = conn_in(s->conn);
	size_t had = in.n;
	enum imap_read what;

	if (s->held != IMAP_READ_MORE || s->stopping)
		return CONN_WAKE;
	if (had == 0)
		return CONN_INPUT;
	what = imap_reader_read(&s->reader, &in);
	conn_eat(s->conn, had - in.n);
	if (what == IMAP_READ_MORE || ahead_may_begin(s, what, what == IMAP_READ_LITERAL ? literal_row(s) : NULL))
		return take(s, what);
	s->held = (uint8_t)what;
	return CONN_WAKE;
}

/* Between commands. */
static enum conn_next
read_command(struct session *s)
{
	struct str in;
	size_t had;
	enum imap_read what = (enum imap_read)s->held;

	if (s->committing != NULL)
		return read_ahead(s);
	if (must_end(s))
		return CONN_CLOSE;
	if (notify_due(s))
		return tell_news(s);
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

	if (had > 0) {
		what = imap_reader_line(&s->reader, &in, cmd->line_limit);
		conn_eat(s->conn, had - in.n);
	}
	if (what == IMAP_READ_MORE) {
		cmd->events = events & (CONN_EV_CHANGE | CONN_EV_TIMEOUT | CONN_EV_OUTPUT | CONN_EV_USER);
		return cmd->events ? call(s, CMD_AT_EVENT) : CONN_INPUT;
	}
	cmd->line_limit = 0;
	cmd->line = what == IMAP_READ_COMMAND ? s->reader.command : STR_NONE;
	return call(s, what == IMAP_READ_COMMAND ? CMD_AT_LINE : CMD_AT_BAD_LINE);
}

/* A streaming command waits for more of itself. */
static enum conn_next
feed_command(struct session *s)
{
	struct cmd *cmd = s->cmd;
	struct str in = conn_in(s->conn);
	size_t had = in.n;
	enum conn_next next;

	if (had == 0)
		return CONN_INPUT;
	switch (imap_reader_read(&s->reader, &in)) {
	case IMAP_READ_MORE:
		next = CONN_INPUT;
		break;
	case IMAP_READ_CHUNK:
		/* Many a client writes the line's end by itself, and its kernel keeps that until the literal is acknowledged. */
		if (s->reader.literal.left == 0 && in.n == 0)
			conn_acknowledge(s->conn);
		cmd->chunk = s->reader.chunk;
		next = call(s, CMD_AT_CHUNK);
		break;
	case IMAP_READ_LITERAL:
		args_extend(&cmd->args, s->reader.command);
		next = call(s, CMD_AT_LITERAL);
		break;
	case IMAP_READ_COMMAND:
		args_extend(&cmd->args, s->reader.command);
		cmd->unread = false;
		conn_eat(s->conn, had - in.n);
		return call(s, CMD_AT_END);
	case IMAP_READ_BAD:
		cmd->unread = false;
		next = after(s, reply_bad(cmd, s->reader.why));
		break;
	default:
		next = fatal_input(s);
		break;
	}
	conn_eat(s->conn, had - in.n);
	return next;
}

/* The running command's change is on disk, or not. */
static enum conn_next
written(struct session *s)
{
	struct cmd *cmd = s->cmd;

	cmd->writing = false;
	if (cmd->write_status == ERR_UNKNOWN)
		return CONN_ABORT;
	return after(s, cmd->done(cmd, cmd->write_status));
}

/* Goes on with the running command. */
static enum conn_next
go_on(struct session *s, unsigned events)
{
	struct cmd *cmd = s->cmd;

	if (cmd->writing)
		return atomic_load_explicit(&cmd->write_over, memory_order_acquire) ? written(s) : CONN_WAKE;
	if (cmd->interruptible && must_end(s)) {
		drop_cmd(s);
		return CONN_CLOSE;
	}
	if (!cmd->waiting && conn_out_full(s->conn))
		return CONN_OUTPUT;
	if (cmd->answering)
		return answer(s);
	if (cmd->before)
		return begin(s);
	if (cmd->waiting && cmd->row->run == cmd_idle && !(events & CONN_EV_TIMEOUT) && notify_due(s))
		return tell_news(s);
	if (cmd->waiting)
		return cmd->line_limit ? feed_line(s, events) : feed_command(s);
	cmd->events = events;
	return call(s, CMD_AT_EVENT);
}

/* ---- the connection's handler ---- */

static enum status
session_open(struct conn *c)
{
	struct session *s = x_new(struct session);
	struct buf *out = conn_out(c);

	s->conn = c;
	s->imap = conn_arg(c);
	s->state = STATE_NOT_AUTH;
	imap_reader_init(&s->reader, &s->imap->limits_before);
	conn_set_user(c, s);
	session_timeout(s);
	out_code_begin(out, STR(""), "OK");
	capability_add(out, s);
	out_code_end(out, "Mansio is ready");
	return OK;
}

/* TLS is on: nothing from before it counts (S1). */
static void
forget(struct session *s)
{
	imap_reader_free(&s->reader);
	imap_reader_init(&s->reader, &s->imap->limits_before);
	s->enabled = 0;
	s->language = 0;
	s->starting_tls = false;
}

/* A time-out or deadline passed. GO: the session lives on. */
static enum conn_next
timed_out(struct session *s)
{
	if (s->state == STATE_NOT_AUTH) {
		session_bye(s, NULL, "Too slow to log in");
		return CONN_CLOSE;
	}
	if (s->cmd && s->cmd->interruptible)
		return GO;
	if (s->committing || (s->cmd && !s->cmd->waiting))
		return GO;
	session_bye(s, NULL, "Nothing heard for too long");
	return CONN_CLOSE;
}

static enum conn_next
session_run(struct conn *c, unsigned events)
{
	struct session *s = conn_user(c);
	enum conn_next next = GO;
	int64_t start = 0;

	if (events & CONN_EV_TLS)
		forget(s);
	if (events & CONN_EV_STOP)
		s->stopping = true;
	if (events & CONN_EV_COMMIT)
		s->delayed = false;
	if (events & CONN_EV_TIMEOUT)
		next = timed_out(s);
	for (unsigned turns = 0; next == GO; turns++) {
		if (turns % TURN_LOOK == TURN_LOOK - 1) {
			int64_t now = clock_mono();

			if (start == 0)
				start = now;
			else if (now - start > TURN_US)
				return CONN_AGAIN;
		}
		if (s->committing && !conn_out_full(c) && ahead_pop(s))
			next = written(s);
		else if (s->cmd)
			next = go_on(s, events);
		else if (conn_out_full(c))
			next = CONN_OUTPUT;
		else
			next = read_command(s);
		events = 0;
	}
	return next;
}

static void
session_rest(struct conn *c)
{
	struct session *s = conn_user(c);

	imap_reader_park(&s->reader);
	if (s->selected)
		selected_rest(s->selected);
}

static void
session_closed(struct conn *c)
{
	struct session *s = conn_user(c);

	if (s == NULL)
		return;
	while (s->cmd)
		drop_cmd(s);
	ahead_free(s);
	selected_close(s);
	notify_set(s, NULL);
	hub_unwatch(s->imap->hub, &s->logins);
	imap_reader_free(&s->reader);
	free(s->user);
	free(s);
}

const struct conn_handler imap_handler = {
	.name = "imap",
	.open = session_open,
	.run = session_run,
	.rest = session_rest,
	.closed = session_closed,
	.refused = "* BYE [UNAVAILABLE] Too many connections\r\n",
};
