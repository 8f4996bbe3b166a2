/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/map.h"
#include "base/network.h"
#include "base/watchdog.h"
#include "imap/capability.h"
#include "imap/login.h"
#include "imap/reply.h"

struct logging_in {
	struct auth_client client;
	struct str user;
	struct buf password; /* wiped */
	struct auth_result result;
	int64_t arrived;
};

static bool
turn(void *arg)
{
	struct cmd *cmd = arg;

	return cmd->turn.pool == NULL || heavy_enter(&cmd->turn);
}

/* Whose turn it is: a client's network's, so that nobody has more of them for having many addresses. */
static uint64_t
lane(const struct auth_client *client)
{
	struct network n;

	return network_of_text(client->address, &n) ? hash_keyed(network_str(&n)) : hash_keyed(client->address);
}

void
login_turn_init(struct cmd *cmd, struct auth_client *client)
{
	struct session *s = cmd->session;

	heavy_init_login(&cmd->turn, s->imap->pool, s->conn, lane(client));
	client->turn = turn;
	client->turn_arg = cmd;
}

enum cmd_next
login_reply(struct cmd *cmd, enum status st, struct auth_result *result, int64_t arrived)
{
	struct session *s = cmd->session;
	struct buf code = {0};
	struct str copy;

	if (st == OK)
		st = session_login(s, result);
	if (st != OK)
		session_delay(s, arrived, result->delay_ms);
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
		session_log_refused(s, "", "a password without TLS");
		return reply_no(cmd, "PRIVACYREQUIRED", "Start TLS first");
	case ERR_LIMIT:
		return reply_no(cmd, "LIMIT", "Too many connections or failures, try later");
	default:
		return reply_no(cmd, "UNAVAILABLE", "Logins are not possible now");
	}
}

static void
cleanup(struct cmd *cmd)
{
	struct logging_in *x = cmd->state;

	buf_free_secret(&x->password);
}

static enum cmd_next
try(struct cmd *cmd)
{
	struct logging_in *x = cmd->state;
	enum status st;

	/* Hashing cannot be divided; it has turns of its own. */
	watchdog_pause();
	st = auth_login(cmd->session->imap->auth, &x->client, x->user, buf_str(&x->password), &x->result);
	watchdog_resume();
	if (st == ERR_AGAIN)
		return CMD_WAIT_COMMIT;
	cmd_turn_over(cmd);
	return login_reply(cmd, st, &x->result, x->arrived);
}

/* LOGIN, RFC 3501 6.2.3. */
enum cmd_next
cmd_login(struct cmd *cmd)
{
	struct logging_in *x = arena_new(&cmd->arena, struct logging_in);
	struct auth *auth = cmd->session->imap->auth;
	struct str user, password;
	enum status st;

	x->client = session_auth_client(cmd->session);
	x->arrived = clock_mono();
	x->password.secret = true;
	if ((st = arg_space(&cmd->args)) != OK || (st = arg_astring(&cmd->args, &user)) != OK ||
	    (st = arg_space(&cmd->args)) != OK || (st = arg_astring(&cmd->args, &password)) != OK ||
	    (st = arg_end(&cmd->args)) != OK)
		return reply_syntax(cmd, st, "LOGIN takes a user name and a password");
	if (!auth_plaintext_allowed(auth, &x->client))
		return login_reply(cmd, ERR_CONFLICT, &x->result, x->arrived);
	x->user = arena_str(&cmd->arena, user);
	buf_add(&x->password, password);
	login_turn_init(cmd, &x->client);
	cmd->state = x;
	cmd->cleanup = cleanup;
	cmd->step = try;
	return try(cmd);
}
