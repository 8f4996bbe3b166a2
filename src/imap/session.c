/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a session: what its connection calls. Everything that waits returns to the connection with
 * what it waits for and is found again in s->cmd.
 */
#include "imap/session_priv.h"

#include <stdlib.h>
#include "base/assert.h"
#include "base/clock.h"
#include "base/watchdog.h"
#include "imap/ahead.h"
#include "imap/core/capability.h"
#include "imap/core/reply.h"
#include "imap/core/selected.h"
#include "imap/imap.h"
#include "imap/news/notify.h"
#include "imap/news/selected_close.h"
#include "imap/news/session_memory.h"

/* A connection lets others have their turn after so long, in microseconds. */
#define TURN_US 5000
/* So many turns in which nothing is told are worked for a client that is gone. */
#define UNHEARD_MAX 8

/* Says BYE when the session has to end now; true then. */
bool
session_must_end(struct session *s)
{
	if (s->stopping)
		session_bye(s, "UNAVAILABLE", net_stopping(conn_net(s->conn)) ? "The server is going down, come back soon" : "An administrator ended this session");
	else if ((s->state & STATE_LOGGED_IN) && login_shut_out(&s->login))
		session_bye(s, "EXPIRED", "This account was closed or renamed, or its password was changed");
	else
		return false;
	return true;
}

/* The session has to end while a command runs. SESSION_GO: it does not, or the command comes first. */
static enum conn_next
end_early(struct session *s)
{
	struct cmd *cmd = s->cmd;
	bool said;

	if (cmd->interruptible && session_must_end(s)) {
		session_drop(s);
		return CONN_CLOSE;
	}
	if (!(s->state & STATE_LOGGED_IN) || !login_shut_out(&s->login))
		return SESSION_GO;
	/* In the middle of a line, perhaps, where there is no place for a word. */
	said = cmd->phase == CMD_LISTENS && session_must_end(s);
	session_drop(s);
	return said ? CONN_CLOSE : CONN_ABORT;
}

/* The running command waits for its change, or for the answers of those before it. */
static enum conn_next
go_on_writing(struct session *s)
{
	if (cmd_oldest(s->cmd))
		return change_over(&s->cmd->change) ? session_written(s) : CONN_WAKE;
	if (ahead_push(s))
		return SESSION_GO;
	return conn_out_full(s->conn) ? CONN_OUTPUT : CONN_WAKE;
}

/* Goes on with the running command. */
static enum conn_next
go_on(struct session *s, unsigned events)
{
	struct cmd *cmd = s->cmd;
	enum conn_next end;

	if (cmd->phase == CMD_WRITES || cmd->phase == CMD_COMMITS)
		return go_on_writing(s);
	if ((end = end_early(s)) != SESSION_GO)
		return end;
	if (cmd->phase != CMD_LISTENS && conn_out_full(s->conn))
		return CONN_OUTPUT;
	switch (cmd->phase) {
	case CMD_BEFORE:
		return session_begin(s);
	case CMD_LISTENS:
		if ((cmd->row->flags & CMDF_NEWS) && !(events & CONN_EV_TIMEOUT) && notify_due(s))
			return session_tell_news(s);
		return session_feed(s, events);
	case CMD_ANSWERS:
		return session_answer(s);
	case CMD_RUNS:
	case CMD_WRITES: /* above, and the next */
	case CMD_COMMITS:
		break;
	}
	cmd->events = events;
	return session_call(s, CMD_AT_EVENT);
}

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
	login_init(&s->login, c, s->imap->door);
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
	ensure(s->state == STATE_NOT_AUTH && s->committing == NULL);
	imap_reader_free(&s->reader);
	imap_reader_init(&s->reader, &s->imap->limits_before);
	s->enabled = 0;
	s->language = 0;
	s->starting_tls = false;
}

/* A time-out or deadline passed. SESSION_GO: the session lives on. */
static enum conn_next
timed_out(struct session *s)
{
	if (s->state == STATE_NOT_AUTH) {
		login_log_stranger(&s->login, "too slow to log in");
		session_bye(s, NULL, "Too slow to log in");
		return CONN_CLOSE;
	}
	if (s->cmd && s->cmd->interruptible)
		return SESSION_GO;
	if (s->committing || (s->cmd && s->cmd->phase != CMD_LISTENS))
		return SESSION_GO;
	session_bye(s, NULL, "Nothing heard for too long");
	return CONN_CLOSE;
}

/* While the client is waited for nothing that was granted is held (S20): a turn may have been granted that the command could not come for, because its
 * output is full. */
static enum conn_next
let_go(struct session *s, enum conn_next next)
{
	struct cmd *commands[] = {s->cmd, s->below, s->reading};

	if (next == CONN_OUTPUT || next == CONN_INPUT || next == CONN_AGAIN)
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			if (commands[i] != NULL)
				cmd_turn_over(commands[i]);
	return next;
}

/*
 * Whoever hangs up leaves no work behind, however much he sent ahead. A client that only sends no more may read still: what is told
 * to one that is gone ends the connection by itself, so what counts is turns in which nothing was.
 */
static enum conn_next
unless_unheard(struct session *s, enum conn_next next)
{
	uint32_t told = (uint32_t)conn_bytes_out(s->conn);

	if (next != CONN_AGAIN || !conn_gone(s->conn))
		return next;
	if (told != s->unheard_at)
		s->unheard = 0;
	s->unheard_at = told;
	return ++s->unheard > UNHEARD_MAX ? CONN_ABORT : next;
}

static enum conn_next
run(struct conn *c, unsigned events)
{
	struct session *s = conn_user(c);
	enum conn_next next = SESSION_GO;
	int64_t start = s->looked = clock_mono();

	watchdog_place("-", "session");
	if (events & CONN_EV_TLS)
		forget(s);
	if (events & CONN_EV_STOP)
		s->stopping = true;
	if (events & CONN_EV_TIMEOUT)
		next = timed_out(s);
	for (bool first = true; next == SESSION_GO; first = false) {
		if (!first && clock_mono() - start > TURN_US)
			return unless_unheard(s, let_go(s, CONN_AGAIN));
		if (s->committing && !conn_out_full(c) && ahead_pop(s))
			next = session_written(s);
		else if (s->cmd)
			next = go_on(s, events);
		else if (conn_out_full(c))
			next = CONN_OUTPUT;
		else
			next = session_read(s);
		events = 0;
	}
	return unless_unheard(s, let_go(s, next));
}

static enum conn_next
session_run(struct conn *c, unsigned events)
{
	enum conn_next next = run(c, events);

	session_count(conn_user(c));
	return next;
}

static void
session_rest(struct conn *c)
{
	struct session *s = conn_user(c);

	imap_reader_park(&s->reader);
	if (s->selected)
		selected_rest(s->selected);
	session_count(s);
}

static void
session_closed(struct conn *c)
{
	struct session *s = conn_user(c);

	if (s == NULL)
		return;
	watchdog_place("-", "closed");
	while (s->cmd)
		session_drop(s);
	ahead_free(s);
	selected_close(s);
	notify_set(s, NULL);
	/* Whoever knew of it has been told. */
	ensure(s->below == NULL && s->reading == NULL && s->committing == NULL && s->selected == NULL && s->notify == NULL);
	imap_reader_free(&s->reader);
	login_fini(&s->login, s->ended != NULL ? s->ended : "the connection was closed");
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
