/* SPDX-License-Identifier: Apache-2.0 */
/* UNAUTHENTICATE: the session is as it was before the login. */
#include "base/assert.h"
#include "imap/commands.h"
#include "imap/core/capability.h"
#include "imap/core/reply.h"
#include "imap/news/notify.h"
#include "imap/news/selected_close.h"

/* What commands hold from now on is held by nobody. */
static void
leave_budget(struct session *s)
{
	struct cmd *list[] = {s->cmd, s->below, s->reading};

	ensure(s->committing == NULL);
	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		if (list[i] != NULL) {
			charge_is(&list[i]->charge, 0);
			list[i]->counted = 0;
			list[i]->charge.of = NULL;
		}
}

/* Back to not authenticated, everything forgotten but TLS: what an extension keeps in the session is reset here. A selected mailbox is closed. */
static void
forget(struct session *s)
{
	selected_close(s);
	notify_set(s, NULL);
	leave_budget(s);
	login_out(&s->login, "UNAUTHENTICATE");
	s->actor = (struct actor){0};
	s->enabled = 0;
	s->comparator = (struct comparator){0};
	s->language = 0;
	s->bad = 0;
	s->state = STATE_NOT_AUTH;
	s->reader.limits = &s->imap->limits_before;
	s->reader.buf.secret = true;
	conn_in_limit(s->conn, 64 * 1024);
	conn_timeout(s->conn, 0);
	session_timeout(s);
}

static enum status
logged_out(struct session *s)
{
	/* The OK was the last thing that is compressed (RFC 8437 4.1). */
	enum status st = conn_end_filter(s->conn);

	if (st == OK)
		forget(s);
	return st;
}

/* UNAUTHENTICATE, RFC 8437 3: never NO; what cannot be undone would be answered with BYE. */
enum cmd_next
cmd_unauthenticate(struct cmd *cmd)
{
	if (arg_end(&cmd->args) != OK)
		return reply_usage(cmd);
	if (!capability_on(cmd->session, "UNAUTHENTICATE"))
		return reply_hidden(cmd);
	selected_close(cmd->session);
	cmd->sent = logged_out;
	return reply_ok(cmd, "Logged out, log in again");
}
