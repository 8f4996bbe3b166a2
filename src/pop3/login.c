/* SPDX-License-Identifier: Apache-2.0 */
/* USER, PASS (RFC 1939 7) and AUTH (RFC 5034). */
#include <stdlib.h>
#include "pop3/session_priv.h"

void
pop3_login_end(struct pop3_session *s)
{
	if (s->try != NULL)
		login_try_fini(s->try);
	free(s->try);
	s->try = NULL;
	buf_free_secret(&s->user);
}

static enum conn_next
welcome(struct pop3_session *s)
{
	enum status st = maildrop_open(s);

	if (st != OK) {
		s->end = true;
		s->why = "the mailbox cannot be opened";
		return pop3_failed(s, st);
	}
	return pop3_ok(s, "%u messages, %llu octets", s->drop.messages, (unsigned long long)s->drop.size);
}

/* [AUTH] is for what is wrong with the credentials, and for nothing else (RFC 3206 5). */
static enum conn_next
outcome(struct pop3_session *s, enum login_outcome o)
{
	switch (o) {
	case LOGIN_IN: return welcome(s);
	case LOGIN_WRONG: return pop3_err(s, "AUTH", "Wrong user name or password");
	case LOGIN_NOT_PRIVATE: return pop3_err(s, "", "Start TLS first");
	case LOGIN_TOO_MANY: return pop3_err(s, "SYS/TEMP", "Too many connections or failures, try later");
	case LOGIN_NO_MECHANISM: return pop3_err(s, "", "No such mechanism");
	case LOGIN_BAD_BASE64: return pop3_err(s, "", "Bad base64");
	case LOGIN_GIVEN_UP: return pop3_err(s, "", "AUTH given up");
	case LOGIN_UNAVAILABLE:
	case LOGIN_OUTCOMES: break;
	}
	return pop3_err(s, "SYS/TEMP", "Logins are not possible now");
}

static enum conn_next
after(struct pop3_session *s, enum login_next next)
{
	struct buf *out = conn_out(s->conn);
	enum login_outcome o;

	switch (next) {
	case LOGIN_WAIT: s->mode = POP3_LOGIN; return CONN_WAKE;
	case LOGIN_CHALLENGE:
		buf_adds(out, "+ ");
		buf_add(out, buf_str(&s->try->challenge));
		buf_adds(out, "\r\n");
		s->mode = POP3_ANSWER;
		return CONN_AGAIN;
	case LOGIN_OVER: break;
	}
	s->mode = POP3_COMMANDS;
	o = s->try->outcome;
	pop3_login_end(s);
	return outcome(s, o);
}

enum conn_next
pop3_login_step(struct pop3_session *s)
{
	return after(s, login_go_on(s->try));
}

enum conn_next
pop3_login_answer(struct pop3_session *s, struct str line)
{
	return after(s, login_answer(s->try, line));
}

static void
begin(struct pop3_session *s)
{
	s->try = x_new(struct login_try);
	login_try_init(s->try, &s->login);
}

/* Whether there is such a user is not told here. */
enum conn_next
pop3_user(struct pop3_session *s, const struct pop3_command *cmd)
{
	if (!login_plaintext_allowed(&s->login))
		return pop3_err(s, "", "Start TLS first");
	buf_free_secret(&s->user);
	s->user.secret = true;
	buf_add(&s->user, cmd->text);
	return pop3_ok(s, "Now the password");
}

enum conn_next
pop3_pass(struct pop3_session *s, const struct pop3_command *cmd)
{
	if (s->user.n == 0)
		return pop3_err(s, "", "Say USER first");
	begin(s);
	return after(s, login_password(s->try, buf_str(&s->user), cmd->text));
}

/* Without a mechanism old clients want to know which there are. */
static enum conn_next
tell_mechanisms(struct pop3_session *s)
{
	struct buf *out = conn_out(s->conn);

	buf_adds(out, "+OK ");
	buf_adds(out, language_translate(s->language, "These mechanisms"));
	login_mechanisms(&s->login, out, "\r\n");
	buf_adds(out, "\r\n.\r\n");
	return CONN_AGAIN;
}

enum conn_next
pop3_auth(struct pop3_session *s, const struct pop3_command *cmd)
{
	if (cmd->text.n == 0)
		return tell_mechanisms(s);
	buf_free_secret(&s->user);
	begin(s);
	return after(s, login_sasl(s->try, cmd->text, cmd->initial));
}
