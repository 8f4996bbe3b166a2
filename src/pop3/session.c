/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: its events, its lines, the table of commands, and those that need no mailbox. */
#include "pop3/session_priv.h"

#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/watchdog.h"
#include "net/net.h"

#define IDLE_SECONDS 600 /* RFC 1939 3 */
#define MAX_ERRORS 20
#define TURN_US 5000 /* then others have their turn */
#define INPUT_MAX (POP3_LINE_MAX + 4096)

__attribute__((format(printf, 4, 0))) static void
say(struct pop3_session *s, const char *how, const char *code, const char *fmt, va_list ap)
{
	struct buf *out = conn_out(s->conn);

	buf_adds(out, how);
	if (*code != '\0')
		buf_addf(out, " [%s]", code);
	buf_addc(out, ' ');
	buf_vaddf(out, language_translate(s->language, fmt), ap);
	buf_adds(out, "\r\n");
}

enum conn_next
pop3_ok(struct pop3_session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(s, "+OK", "", fmt, ap);
	va_end(ap);
	return CONN_AGAIN;
}

enum conn_next
pop3_err(struct pop3_session *s, const char *code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(s, "-ERR", code, fmt, ap);
	va_end(ap);
	return CONN_AGAIN;
}

/* RFC 3206 4: [SYS/TEMP] may go away by itself, [SYS/PERM] wants somebody. */
enum conn_next
pop3_failed(struct pop3_session *s, enum status st)
{
	switch (st) {
	case ERR_NOT_FOUND: return pop3_err(s, "", "The message is gone: another session has removed it");
	case ERR_CORRUPT: return pop3_err(s, "SYS/PERM", "The mail store is damaged here");
	case ERR_MEMORY: return pop3_err(s, "SYS/TEMP", "Not enough memory now, try again later");
	default: return pop3_err(s, "SYS/TEMP", "Not possible now, try again later");
	}
}

/* What is true in the state that the session is in (RFC 2449 5; STLS: RFC 2595 4). */
enum conn_next
pop3_capa(struct pop3_session *s, const struct pop3_command *cmd)
{
	struct buf *out = conn_out(s->conn);
	struct buf mechanisms = {0};

	(void)pop3_ok(s, "Capabilities");
	buf_adds(out, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nUTF8 USER\r\nLANG\r\n");
	login_mechanisms(&s->login, &mechanisms, " ");
	if (login_plaintext_allowed(&s->login))
		buf_adds(out, "USER\r\n");
	if (mechanisms.n > 0) {
		buf_adds(out, "SASL");
		buf_add(out, buf_str(&mechanisms));
		buf_adds(out, "\r\n");
	}
	if (s->login.account == 0 && conn_tls_offer(s->conn))
		buf_adds(out, "STLS\r\n");
	if (s->login.account != 0)
		buf_adds(out, "IMPLEMENTATION Mansio\r\n"); /* RFC 2449 6.9 */
	buf_adds(out, ".\r\n");
	buf_free(&mechanisms);
	return CONN_AGAIN;
}

static enum conn_next
noop(struct pop3_session *s, const struct pop3_command *cmd)
{
	return pop3_ok(s, "Here");
}

static enum conn_next
quit(struct pop3_session *s, const struct pop3_command *cmd)
{
	return pop3_leave(s, true);
}

static enum conn_next
stls(struct pop3_session *s, const struct pop3_command *cmd)
{
	if (!conn_tls_offer(s->conn))
		return conn_tls(s->conn) ? pop3_err(s, "", "TLS is on already") : pop3_err(s, "", "TLS is not on offer");
	if (s->utf8)
		return pop3_err(s, "", "STLS comes before UTF8");
	s->starttls = true;
	return CONN_AGAIN;
}

/* Bytes behind STLS in the clear end the connection (S1). */
static enum conn_next
begin_tls(struct pop3_session *s)
{
	s->starttls = false;
	switch (conn_starttls(s->conn)) {
	case OK: (void)pop3_ok(s, "Begin TLS"); return CONN_INPUT;
	case ERR_BAD_INPUT: (void)pop3_err(s, "", "Bytes behind STLS"); return CONN_CLOSE;
	default: return pop3_err(s, "SYS/TEMP", "TLS is not available");
	}
}

/* The states of RFC 1939 3 in which a command may come. */
enum { BEFORE = 1, AFTER = 2 };

static const struct {
	enum pop3_verb verb;
	unsigned states;
	const char *name; /* for the watchdog */
	const char *usage;
	enum conn_next (*run)(struct pop3_session *, const struct pop3_command *);
} commands[] = {
    {POP3_AUTH, BEFORE, "AUTH", "AUTH takes a mechanism", pop3_auth},
    {POP3_CAPA, BEFORE | AFTER, "CAPA", "CAPA takes nothing", pop3_capa},
    {POP3_DELE, AFTER, "DELE", "DELE takes a message number", pop3_dele},
    {POP3_LANG, BEFORE | AFTER, "LANG", "LANG takes a language or nothing", pop3_lang},
    {POP3_LIST, AFTER, "LIST", "LIST takes a message number or nothing", pop3_list},
    {POP3_NOOP, AFTER, "NOOP", "NOOP takes nothing", noop},
    {POP3_PASS, BEFORE, "PASS", "PASS takes a password", pop3_pass},
    {POP3_QUIT, BEFORE | AFTER, "QUIT", "QUIT takes nothing", quit},
    {POP3_RETR, AFTER, "RETR", "RETR takes a message number", pop3_retr},
    {POP3_RSET, AFTER, "RSET", "RSET takes nothing", pop3_rset},
    {POP3_STAT, AFTER, "STAT", "STAT takes nothing", pop3_stat},
    {POP3_STLS, BEFORE, "STLS", "STLS takes nothing", stls},
    {POP3_TOP, AFTER, "TOP", "TOP takes a message number and a number of lines", pop3_top_of},
    {POP3_UIDL, AFTER, "UIDL", "UIDL takes a message number or nothing", pop3_uidl},
    {POP3_USER, BEFORE, "USER", "USER takes a name", pop3_user},
    {POP3_UTF8, BEFORE, "UTF8", "UTF8 takes nothing", pop3_utf8},
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

/* After an error: too many end the connection. */
static enum conn_next
count_error(struct pop3_session *s)
{
	if (++s->errors < MAX_ERRORS)
		return CONN_AGAIN;
	log_event(EV_client_error, "pop3 peer=%s: too many errors", conn_peer(s->conn));
	(void)pop3_err(s, "", "Too many errors");
	s->why = "too many errors";
	return CONN_CLOSE;
}

static enum conn_next
run_command(struct pop3_session *s, struct str line)
{
	struct pop3_command cmd;
	bool fine = pop3_parse(line, &cmd);
	unsigned state = s->login.account != 0 ? AFTER : BEFORE;
	size_t i;

	for (i = 0; i < COMMANDS && commands[i].verb != cmd.verb; i++)
		;
	s->login.commands += state == AFTER;
	if (i == COMMANDS)
		(void)pop3_err(s, "", "No such command");
	else if (!(commands[i].states & state))
		(void)(state == AFTER ? pop3_err(s, "", "You are logged in") : pop3_err(s, "", "Log in first"));
	else if (!fine)
		(void)pop3_err(s, "", "%s", language_translate(s->language, commands[i].usage));
	else {
		watchdog_place(commands[i].name, "command");
		return commands[i].run(s, &cmd);
	}
	return count_error(s);
}

static enum conn_next
run_line(struct pop3_session *s)
{
	struct str in = conn_in(s->conn), line;
	size_t had = in.n;
	enum conn_next next = CONN_INPUT;

	if (s->end)
		return pop3_leave(s, false);
	switch (pop3_line(&in, &s->skip, &line)) {
	case POP3_READ_MORE: break;
	case POP3_READ_LONG:
		s->mode = POP3_COMMANDS;
		pop3_login_end(s);
		(void)pop3_err(s, "", "The line is too long");
		next = count_error(s);
		break;
	case POP3_READ_LINE: next = s->mode == POP3_ANSWER ? pop3_login_answer(s, line) : run_command(s, line); break;
	}
	conn_eat(s->conn, had - in.n);
	return s->starttls ? begin_tls(s) : next;
}

/* One step of the connection. */
static enum conn_next
step(struct pop3_session *s)
{
	switch (s->mode) {
	case POP3_COMMANDS:
	case POP3_ANSWER: break;
	case POP3_LOGIN: return pop3_login_step(s);
	case POP3_LISTING: return pop3_listing_step(s);
	case POP3_LETTER: return pop3_letter_step(s);
	case POP3_LEAVING: return pop3_leave_step(s);
	}
	return run_line(s);
}

static const char *const modes[] = {
    [POP3_COMMANDS] = "commands",
    [POP3_LOGIN] = "login",
    [POP3_ANSWER] = "AUTH",
    [POP3_LISTING] = "LIST",
    [POP3_LETTER] = "RETR",
    [POP3_LEAVING] = "QUIT",
};

static void
end(struct pop3_session *s, const char *why)
{
	s->end = true;
	if (s->why == NULL)
		s->why = why;
}

/* RFC 1939 3: who says nothing for long is told nothing. */
static void
take_events(struct pop3_session *s, unsigned events)
{
	/* Nothing is known of what was said before (RFC 2595 4). */
	if (events & CONN_EV_TLS) {
		pop3_login_end(s);
		s->language = LANGUAGE_I_DEFAULT;
	}
	if (events & CONN_EV_STOP)
		end(s, net_stopping(conn_net(s->conn)) ? "the server stops" : "an administrator ended it");
	if (events & CONN_EV_TIMEOUT) {
		if (s->login.account == 0)
			login_log_stranger(&s->login, "too slow to log in");
		end(s, "it said nothing for long");
	}
}

static enum conn_next
go_on(struct pop3_session *s)
{
	enum conn_next next = CONN_AGAIN;
	int64_t start = clock_mono();

	for (bool first = true; next == CONN_AGAIN; first = false) {
		if (conn_out_full(s->conn))
			return CONN_OUTPUT;
		if (!first && clock_mono() - start > TURN_US)
			return CONN_AGAIN;
		next = step(s);
	}
	return next;
}

static enum conn_next
pop3_run(struct conn *c, unsigned events)
{
	struct pop3_session *s = conn_user(c);
	enum conn_next next;

	watchdog_place("POP3", modes[s->mode]);
	take_events(s, events);
	/* What is being written is waited for, the rest is cut off. */
	if (login_shut_out(&s->login) && s->mode != POP3_LEAVING) {
		end(s, "the account was closed or renamed, or its password changed");
		return CONN_CLOSE;
	}
	next = go_on(s);
	if (next == CONN_INPUT && (events & CONN_EV_EOF) && s->mode != POP3_LEAVING) {
		(void)pop3_leave(s, false);
		next = go_on(s);
	}
	if (next == CONN_INPUT && s->login.account != 0)
		conn_timeout(c, IDLE_SECONDS);
	return next;
}

static enum status
pop3_open(struct conn *c)
{
	const struct pop3_service *service = conn_arg(c);
	struct pop3_session *s = x_new(struct pop3_session);

	s->conn = c;
	s->service = service;
	login_init(&s->login, c, service->door);
	conn_set_user(c, s);
	conn_in_limit(c, INPUT_MAX);
	login_deadline(&s->login, service->login_seconds);
	(void)pop3_ok(s, "%s POP3 ready", service->door->hostname);
	return OK;
}

static void
pop3_closed(struct conn *c)
{
	struct pop3_session *s = conn_user(c);

	if (s == NULL)
		return;
	pop3_login_end(s);
	pop3_letter_end(s);
	maildrop_close(s);
	runs_free(&s->batch);
	login_fini(&s->login, s->why != NULL ? s->why : "the connection was closed");
	free(s);
}

const struct conn_handler pop3_handler = {
    .name = "pop3",
    .open = pop3_open,
    .run = pop3_run,
    .closed = pop3_closed,
    .refused = "-ERR [SYS/TEMP] Too many connections\r\n",
};
