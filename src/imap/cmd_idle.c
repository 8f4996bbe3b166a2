/* SPDX-License-Identifier: Apache-2.0 */
/* IDLE: updates as they come, until DONE. */
#include "imap/commands.h"
#include "imap/core/language.h"
#include "imap/core/reply.h"
#include "imap/news/notify.h"
#include "imap/news/update.h"

/* "DONE", and what clients send instead (T90). */
#define LINE_MAX_IDLE 1024

static void
idle_cleanup(struct cmd *cmd)
{
	struct session *s = cmd->session;

	if (s->selected)
		notify_bell(s, false);
	session_timeout(s);
}

static enum cmd_next
stay(struct cmd *cmd)
{
	struct session *s = cmd->session;

	if (s->imap->settings.keepalive_seconds)
		conn_timeout_batched(s->conn, s->imap->settings.keepalive_seconds);
	else
		conn_timeout(s->conn, 0);
	cmd_read_line(cmd, LINE_MAX_IDLE);
	return CMD_WAIT_INPUT;
}

static enum cmd_next
idle(struct cmd *cmd)
{
	struct session *s = cmd->session;

	if (cmd->at == CMD_AT_LINE && str_caseeq(str_trim(cmd->line), STR("DONE")))
		return reply_ok(cmd, "IDLE completed");
	if (cmd->at == CMD_AT_LINE || cmd->at == CMD_AT_BAD_LINE)
		return reply_bad(cmd, "DONE ends IDLE, nothing else");
	if (cmd->events & CONN_EV_TIMEOUT)
		out_untagged(cmd_out(cmd), "OK", NULL, language_text(cmd->session, "Still here"));
	if (update_lost(s))
		return CMD_CLOSE;
	/* With NOTIFY the session tells it (RFC 5465 4). */
	if (s->notify == NULL && s->selected && update_due(s, true, UPDATE_ALL)) {
		enum cmd_next next = update_step(s, true, false, UPDATE_ALL);

		if (next != CMD_DONE)
			return next;
	}
	return stay(cmd);
}

/* IDLE, RFC 2177 (T90, T91, T92). */
enum cmd_next
cmd_idle(struct cmd *cmd)
{
	struct session *s = cmd->session;
	enum status st;

	if (arg_end(&cmd->args) != OK)
		return reply_usage(cmd);
	/* There will be no news of it until it is closed. */
	if (s->selected && (st = view_lost(&s->selected->view)) != OK)
		return reply_status(cmd, st);
	cmd->step = idle;
	cmd->cleanup = idle_cleanup;
	cmd->interruptible = true;
	cmd_continue(cmd, str_c(language_text(cmd->session, "idling")));
	/* First the bell, then the look (session/hub.h). */
	if (s->selected)
		notify_bell(s, true);
	cmd->events = 0;
	return idle(cmd);
}
