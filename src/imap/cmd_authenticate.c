/* SPDX-License-Identifier: Apache-2.0 */
/* AUTHENTICATE: a SASL exchange, line by line. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/login.h"

/* Longest base64 line that is read (S2). */
#define ANSWER_MAX 65536

struct exchange {
	struct login_try try;
	bool asked; /* a challenge was sent */
};

static void
authenticate_cleanup(struct cmd *cmd)
{
	struct exchange *x = cmd_state(cmd, struct exchange);

	login_try_fini(&x->try);
}

static enum cmd_next
wait_for_answer(struct cmd *cmd)
{
	cmd_read_line(cmd, ANSWER_MAX);
	return CMD_WAIT_INPUT;
}

static enum cmd_next
after(struct cmd *cmd, enum login_next next)
{
	struct exchange *x = cmd_state(cmd, struct exchange);

	x->asked = next == LOGIN_CHALLENGE;
	switch (next) {
	case LOGIN_WAIT: return CMD_WAIT_WAKE;
	case LOGIN_CHALLENGE: cmd_continue(cmd, buf_str(&x->try.challenge)); return wait_for_answer(cmd);
	case LOGIN_OVER: break;
	}
	return login_reply(cmd, x->try.outcome);
}

/* The client's next answer, or the moment for ours. */
static enum cmd_next
go_on(struct cmd *cmd)
{
	struct exchange *x = cmd_state(cmd, struct exchange);

	if (!x->asked)
		return after(cmd, login_go_on(&x->try));
	if (cmd->at == CMD_AT_BAD_LINE)
		return reply_bad_code(cmd, "TOOBIG", "The answer is too long");
	if (cmd->at != CMD_AT_LINE)
		return wait_for_answer(cmd);
	return after(cmd, login_answer(&x->try, cmd->line));
}

/* AUTHENTICATE, RFC 3501 6.2.2, with an initial response (RFC 4959). */
enum cmd_next
cmd_authenticate(struct cmd *cmd)
{
	struct exchange *x = arena_new(&cmd->arena, struct exchange);
	struct str mech, initial = STR_NONE;
	enum status st;

	if ((st = arg_space(&cmd->args)) != OK || (st = arg_atom_upper(&cmd->args, &mech)) != OK)
		return reply_syntax(cmd, st);
	if (arg_peek(&cmd->args) == ' ' && arg_space(&cmd->args) == OK && arg_peek(&cmd->args) != 0) {
		/* base64 holds '=' and '/', all of them atom characters. */
		initial = str_from(cmd->args.all, cmd->args.at);
		initial = str_trim(initial);
	} else if ((st = arg_end(&cmd->args)) != OK) {
		return reply_syntax(cmd, st);
	}
	login_try_init(&x->try, &cmd->session->login);
	cmd_state_set(cmd, struct exchange, x);
	cmd->cleanup = authenticate_cleanup;
	cmd->step = go_on;
	cmd->interruptible = true;
	return after(cmd, login_sasl(&x->try, mech, initial));
}
