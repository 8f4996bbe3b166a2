/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/codec.h"
#include "base/watchdog.h"
#include "imap/login.h"
#include "imap/reply.h"

/* Longest base64 line that is read (S2). */
#define ANSWER_MAX 65536

struct exchange {
	struct auth_client client; /* outlives the SASL session */
	struct auth_sasl *sasl;
	bool waiting;    /* for a turn */
	bool held;       /* line is to be sent */
	int64_t arrived; /* the client's last bytes: clock_mono() */
	struct buf line; /* the challenge that is held back */
};

static void
cleanup(struct cmd *cmd)
{
	struct exchange *x = cmd->state;

	auth_sasl_free(x->sasl);
	buf_free(&x->line);
}

/* The challenge, when its time has come. */
static enum cmd_next
challenge(struct cmd *cmd)
{
	struct exchange *x = cmd->state;

	if (session_held_back(cmd->session))
		return CMD_WAIT_COMMIT;
	cmd_continue(cmd, buf_str(&x->line));
	buf_free(&x->line);
	cmd_read_line(cmd, ANSWER_MAX);
	x->held = false;
	return CMD_WAIT_INPUT;
}

static enum cmd_next
give(struct cmd *cmd, struct str input)
{
	struct exchange *x = cmd->state;
	struct auth_result result;
	struct buf bytes = {0};
	enum auth_step step;

	/* Hashing cannot be divided; it has turns of its own. */
	watchdog_pause();
	step = auth_sasl_step(x->sasl, input, &bytes);
	watchdog_resume();
	if ((x->waiting = step == AUTH_AGAIN)) {
		buf_free(&bytes);
		return CMD_WAIT_COMMIT;
	}
	cmd_turn_over(cmd);
	if ((x->held = step == AUTH_CONTINUE)) {
		base64_encode(&x->line, buf_str(&bytes));
		session_delay(cmd->session, x->arrived, auth_sasl_delay(x->sasl));
	}
	buf_free(&bytes);
	if (x->held)
		return challenge(cmd);
	result = *auth_sasl_result(x->sasl);
	return login_reply(cmd, step == AUTH_DONE ? OK : auth_sasl_status(x->sasl), &result, x->arrived);
}

/* Base64 as it came on the wire; "=" is the empty initial response (RFC 4959). */
static enum cmd_next
give_base64(struct cmd *cmd, struct str text)
{
	struct exchange *x = cmd->state;
	struct buf plain = {.secret = true};
	enum cmd_next next;

	x->arrived = clock_mono();
	if (base64_decode(&plain, text) != OK) {
		buf_free_secret(&plain);
		return reply_bad(cmd, "Bad base64");
	}
	next = give(cmd, plain.n ? buf_str(&plain) : STR(""));
	buf_free_secret(&plain);
	return next;
}

/* The client's next answer. */
static enum cmd_next
go_on(struct cmd *cmd)
{
	struct exchange *x = cmd->state;

	if (x->waiting)
		return give(cmd, STR_NONE);
	if (x->held)
		return challenge(cmd);
	if (cmd->at == CMD_AT_BAD_LINE)
		return reply_bad_code(cmd, "TOOBIG", "The answer is too long");
	if (cmd->at != CMD_AT_LINE) {
		cmd_read_line(cmd, ANSWER_MAX);
		return CMD_WAIT_INPUT;
	}
	if (str_eq(cmd->line, STR("*")))
		return reply_bad(cmd, "AUTHENTICATE given up");
	return give_base64(cmd, cmd->line);
}

/* AUTHENTICATE, RFC 3501 6.2.2, with an initial response (RFC 4959). */
enum cmd_next
cmd_authenticate(struct cmd *cmd)
{
	struct session *s = cmd->session;
	struct exchange *x = arena_new(&cmd->arena, struct exchange);
	struct str mech, initial = STR_NONE;
	enum status st;

	if ((st = arg_space(&cmd->args)) != OK || (st = arg_atom_upper(&cmd->args, &mech)) != OK)
		return reply_syntax(cmd, st, "AUTHENTICATE takes a mechanism");
	if (arg_peek(&cmd->args) == ' ' && arg_space(&cmd->args) == OK && arg_peek(&cmd->args) != 0) {
		/* base64 holds '=' and '/', all of them atom characters. */
		initial = str_from(cmd->args.all, cmd->args.at);
		initial = str_trim(initial);
	} else if ((st = arg_end(&cmd->args)) != OK) {
		return reply_syntax(cmd, st, "AUTHENTICATE takes a mechanism");
	}
	x->client = session_auth_client(s);
	login_turn_init(cmd, &x->client);
	st = auth_sasl_new(s->imap->auth, &x->client, mech, &x->sasl);
	if (st == ERR_NOT_FOUND && !auth_plaintext_allowed(s->imap->auth, &x->client) &&
	    (str_eq(mech, STR("PLAIN")) || str_eq(mech, STR("LOGIN"))))
		return login_reply(cmd, ERR_CONFLICT, &(struct auth_result){0}, 0);
	if (st == ERR_NOT_FOUND)
		return reply_no(cmd, "CANNOT", "No such mechanism");
	if (st != OK)
		return reply_no(cmd, "UNAVAILABLE", "Logins are not possible now");
	cmd->state = x;
	cmd->cleanup = cleanup;
	cmd->step = go_on;
	cmd->interruptible = true;
	if (initial.p == NULL)
		return give(cmd, STR_NONE);
	return give_base64(cmd, str_eq(initial, STR("=")) ? STR("") : initial);
}
