/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/capability.h"
#include "imap/login.h"
#include "imap/reply.h"

enum cmd_next
login_reply(struct cmd *cmd, enum status st, const struct auth_result *result)
{
	struct session *s = cmd->session;
	struct buf code = {0};
	struct str copy;

	if (st == OK)
		st = session_login(s, result);
	else
		session_delay(s, result->delay_ms);
	switch (st) {
	case OK:
		capability_add(&code, s);
		copy = arena_str(&cmd->arena, buf_str(&code));
		buf_free(&code);
		return reply_ok_code(cmd, copy, "Logged in");
	case ERR_NO_PERM:
	case ERR_BAD_INPUT:
		return reply_no(cmd, "AUTHENTICATIONFAILED", "Wrong user name or password");
	case ERR_CONFLICT:
		return reply_no(cmd, "PRIVACYREQUIRED", "Start TLS first");
	case ERR_LIMIT:
		return reply_no(cmd, "LIMIT", "Too many connections or failures, try later");
	default:
		return reply_no(cmd, "UNAVAILABLE", "Logins are not possible now");
	}
}

/* LOGIN, RFC 3501 6.2.3. */
enum cmd_next
cmd_login(struct cmd *cmd)
{
	struct auth_client client = session_auth_client(cmd->session);
	struct auth *auth = cmd->session->imap->auth;
	struct auth_result result = {0};
	struct str user, password;
	enum status st;

	if ((st = arg_space(&cmd->args)) != OK || (st = arg_astring(&cmd->args, &user)) != OK ||
	    (st = arg_space(&cmd->args)) != OK || (st = arg_astring(&cmd->args, &password)) != OK ||
	    (st = arg_end(&cmd->args)) != OK)
		return reply_syntax(cmd, st, "LOGIN takes a user name and a password");
	if (!auth_plaintext_allowed(auth, &client))
		return login_reply(cmd, ERR_CONFLICT, &result);
	st = auth_login(auth, &client, user, password, &result);
	return login_reply(cmd, st, &result);
}
