/* SPDX-License-Identifier: Apache-2.0 */
/* Reads lines, finds their command, and lets it run in the states in which it may. */
#include "lmtp/session_priv.h"

#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/watchdog.h"

#define IDLE_SECONDS 300 /* RFC 5321 4.5.3.2.7 */
#define MAX_ERRORS 50
#define TURN_US 5000 /* then others have their turn */

enum conn_next
lmtp_say(struct lmtp_session *s, int code, const char *enhanced, const char *text)
{
	esmtp_reply(conn_out(s->conn), code, enhanced, text);
	return CONN_AGAIN;
}

void
lmtp_transaction_end(struct lmtp_session *s)
{
	struct transaction *t = s->t;

	if (t == NULL)
		return;
	s->t = NULL;
	s->mode = MODE_COMMANDS;
	delivery_free(t->delivery);
	arena_free(&t->arena);
	arena_free(&t->batch_arena);
	free(t->rcpts);
	free(t->places);
	map_free(&t->places_known);
	free(t->targets);
	free(t);
}

static enum conn_next
cmd_rset(struct lmtp_session *s, const struct esmtp_command *cmd)
{
	lmtp_transaction_end(s);
	return lmtp_say(s, 250, "2.0.0", "Reset");
}

static enum conn_next
cmd_noop(struct lmtp_session *s, const struct esmtp_command *cmd)
{
	return lmtp_say(s, 250, "2.0.0", "Here");
}

static enum conn_next
cmd_quit(struct lmtp_session *s, const struct esmtp_command *cmd)
{
	(void)lmtp_say(s, 221, "2.0.0", "Goodbye");
	return CONN_CLOSE;
}

/* Nobody learns here which accounts there are (RFC 5321 7.3). */
static enum conn_next
cmd_vrfy(struct lmtp_session *s, const struct esmtp_command *cmd)
{
	return lmtp_say(s, 252, "2.5.2", "Try RCPT");
}

static enum conn_next
cmd_help(struct lmtp_session *s, const struct esmtp_command *cmd)
{
	return lmtp_say(s, 214, "2.0.0", "LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS QUIT");
}

static const struct {
	enum esmtp_verb verb;
	enum conn_next (*run)(struct lmtp_session *, const struct esmtp_command *);
} commands[] = {
    {ESMTP_LHLO, lmtp_cmd_lhlo},
    {ESMTP_MAIL, lmtp_cmd_mail},
    {ESMTP_RCPT, lmtp_cmd_rcpt},
    {ESMTP_DATA, lmtp_cmd_data},
    {ESMTP_BDAT, lmtp_cmd_bdat},
    {ESMTP_STARTTLS, lmtp_cmd_starttls},
    {ESMTP_RSET, cmd_rset},
    {ESMTP_NOOP, cmd_noop},
    {ESMTP_QUIT, cmd_quit},
    {ESMTP_VRFY, cmd_vrfy},
    {ESMTP_HELP, cmd_help},
};

static enum conn_next
too_many_errors(struct lmtp_session *s)
{
	if (++s->errors < MAX_ERRORS)
		return CONN_AGAIN;
	log_event(EV_client_error, "lmtp peer=%s: too many errors", conn_peer(s->conn));
	(void)lmtp_say(s, 421, "4.7.0", "Too many errors");
	return CONN_CLOSE;
}

static enum conn_next
run_line(struct lmtp_session *s, struct str line)
{
	struct arena arena = {0};
	struct esmtp_command cmd;
	enum esmtp_fault fault = esmtp_parse(&arena, line, &cmd);
	enum conn_next next = CONN_AGAIN;
	size_t i, n = sizeof(commands) / sizeof(*commands);

	for (i = 0; i < n && commands[i].verb != cmd.verb; i++)
		;
	if (fault != ESMTP_FINE) {
		esmtp_fault_reply(conn_out(s->conn), fault);
		next = too_many_errors(s);
	} else if (i < n) {
		next = commands[i].run(s, &cmd);
	} else {
		(void)lmtp_say(s, cmd.verb == ESMTP_UNKNOWN || cmd.verb == ESMTP_HELO ? 500 : 502, "5.5.1",
		    cmd.verb == ESMTP_HELO ? "This is LMTP: say LHLO" : "No such command");
		next = too_many_errors(s);
	}
	arena_free(&arena);
	return next;
}

static enum conn_next
command_input(struct lmtp_session *s, struct str *in)
{
	switch (esmtp_reader_read(&s->reader, in)) {
	case ESMTP_READ_MORE: return CONN_INPUT;
	case ESMTP_READ_LINE: return run_line(s, s->reader.line);
	case ESMTP_READ_LONG:
		(void)lmtp_say(s, 500, "5.5.6", "Line too long");
		return too_many_errors(s);
	case ESMTP_READ_BARE:
		(void)lmtp_say(s, 500, "5.5.2", "Lines end in CRLF and hold no NUL");
		return too_many_errors(s);
	case ESMTP_READ_FATAL: break;
	}
	(void)lmtp_say(s, 421, "4.7.0", "Line far too long");
	return CONN_CLOSE;
}

/* One step of the connection: a command, or a piece of content. */
static enum conn_next
step(struct lmtp_session *s)
{
	struct str in = conn_in(s->conn);
	size_t had = in.n;
	enum conn_next next;

	if (s->mode == MODE_COMMANDS)
		next = command_input(s, &in);
	else
		next = lmtp_content_input(s, &in);
	conn_eat(s->conn, had - in.n);
	return s->starttls ? lmtp_starttls_begin(s) : next;
}

/* For the watchdog. */
static const char *const modes[] = {[MODE_COMMANDS] = "commands", [MODE_DATA] = "DATA", [MODE_BDAT] = "BDAT", [MODE_COMMIT] = "committed"};

static enum conn_next
lmtp_run(struct conn *c, unsigned events)
{
	struct lmtp_session *s = conn_user(c);
	enum conn_next next = CONN_AGAIN;
	int64_t start = clock_mono();

	watchdog_place("LMTP", modes[s->mode]);
	if (events & CONN_EV_TLS) {
		/* RFC 3207 4.2: what was said before is forgotten. */
		lmtp_transaction_end(s);
		esmtp_reader_free(&s->reader);
		s->greeted = false;
	}
	if (s->mode == MODE_COMMIT) {
		if (change_waits(&s->t->change))
			return CONN_WAKE;
		next = lmtp_content_committed(s);
	}
	if (events & (CONN_EV_STOP | CONN_EV_TIMEOUT) && next == CONN_AGAIN && s->mode == MODE_COMMANDS) {
		(void)lmtp_say(s, 421, events & CONN_EV_STOP ? "4.3.2" : "4.4.2",
		    events & CONN_EV_STOP ? net_stopping(conn_net(c)) ? "The server stops" : "An administrator ended this session" : "You said nothing for long");
		return CONN_CLOSE;
	}
	if (events & CONN_EV_TIMEOUT)
		return CONN_ABORT;
	for (bool first = true; next == CONN_AGAIN; first = false) {
		if (conn_out_full(c))
			return CONN_OUTPUT;
		if (!first && clock_mono() - start > TURN_US)
			return CONN_AGAIN;
		next = step(s);
	}
	if (next == CONN_INPUT)
		conn_timeout(c, IDLE_SECONDS);
	return next;
}

static enum status
lmtp_open(struct conn *c)
{
	const struct lmtp_service *service = conn_arg(c);
	struct lmtp_session *s = x_new(struct lmtp_session);
	struct buf *out = conn_out(c);

	s->conn = c;
	s->service = service;
	s->charge.of = budget_take(service->door->budgets, 0);
	esmtp_reader_init(&s->reader);
	conn_set_user(c, s);
	conn_timeout(c, IDLE_SECONDS);
	buf_addf(out, "220 %s LMTP ready\r\n", service->door->hostname);
	return OK;
}

static void
lmtp_rest(struct conn *c)
{
	struct lmtp_session *s = conn_user(c);

	if (esmtp_reader_idle(&s->reader))
		esmtp_reader_free(&s->reader);
}

static void
lmtp_closed(struct conn *c)
{
	struct lmtp_session *s = conn_user(c);

	if (s == NULL)
		return;
	lmtp_transaction_end(s);
	esmtp_reader_free(&s->reader);
	budget_drop(s->charge.of);
	free(s->client);
	free(s);
}

const struct conn_handler lmtp_handler = {
    .name = "lmtp",
    .open = lmtp_open,
    .run = lmtp_run,
    .rest = lmtp_rest,
    .closed = lmtp_closed,
};
