/* SPDX-License-Identifier: Apache-2.0 */
/* LOGIN, and how every login ends. */
#include "imap/commands.h"
#include "imap/core/capability.h"
#include "imap/core/reply.h"
#include "imap/login.h"

static enum cmd_next
welcome(struct cmd *cmd)
{
	struct buf code = {0};
	struct str copy;

	session_logged_in(cmd->session);
	capability_add(&code, cmd->session);
	copy = arena_str(&cmd->arena, buf_str(&code));
	buf_free(&code);
	return reply_ok_code(cmd, copy, "Logged in");
}

enum cmd_next
login_reply(struct cmd *cmd, enum login_outcome outcome)
{
	switch (outcome) {
	case LOGIN_IN: return welcome(cmd);
	case LOGIN_WRONG: return reply_no(cmd, "AUTHENTICATIONFAILED", "Wrong user name or password");
	case LOGIN_NOT_PRIVATE: return reply_no(cmd, "PRIVACYREQUIRED", "Start TLS first");
	case LOGIN_TOO_MANY: return reply_no(cmd, "LIMIT", "Too many connections or failures, try later");
	case LOGIN_NO_MECHANISM: return reply_no(cmd, "CANNOT", "No such mechanism");
	case LOGIN_BAD_BASE64: return reply_bad(cmd, "Bad base64");
	case LOGIN_GIVEN_UP: return reply_bad(cmd, "AUTHENTICATE given up");
	case LOGIN_UNAVAILABLE:
	case LOGIN_OUTCOMES: break;
	}
	return reply_no(cmd, "UNAVAILABLE", "Logins are not possible now");
}

static void
login_cleanup(struct cmd *cmd)
{
	login_try_fini(cmd_state(cmd, struct login_try));
}

static enum cmd_next
after(struct cmd *cmd, enum login_next next)
{
	struct login_try *t = cmd_state(cmd, struct login_try);

	return next == LOGIN_OVER ? login_reply(cmd, t->outcome) : CMD_WAIT_WAKE;
}

static enum cmd_next
go_on(struct cmd *cmd)
{
	return after(cmd, login_go_on(cmd_state(cmd, struct login_try)));
}

/* LOGIN, RFC 3501 6.2.3. */
enum cmd_next
cmd_login(struct cmd *cmd)
{
	struct login_try *t = arena_new(&cmd->arena, struct login_try);
	struct str user, password;
	enum status st;

	if ((st = arg_space(&cmd->args)) != OK || (st = arg_astring(&cmd->args, &user)) != OK ||
	    (st = arg_space(&cmd->args)) != OK || (st = arg_astring(&cmd->args, &password)) != OK ||
	    (st = arg_end(&cmd->args)) != OK)
		return reply_syntax(cmd, st);
	login_try_init(t, &cmd->session->login);
	cmd_state_set(cmd, struct login_try, t);
	cmd->cleanup = login_cleanup;
	cmd->step = go_on;
	return after(cmd, login_password(t, user, password));
}
