/* SPDX-License-Identifier: Apache-2.0 */
/* MAIL FROM (RFC 5321 4.1.1.2): begins a transaction. */
#include "lmtp/session_priv.h"

/* MAIL, RFC 5321 4.1.1.2: begins a transaction. */
enum conn_next
lmtp_cmd_mail(struct lmtp_session *s, const struct esmtp_command *cmd)
{
	struct transaction *t;

	if (!s->greeted)
		return lmtp_say(s, 503, "5.5.1", "Say LHLO first");
	if (s->t != NULL)
		return lmtp_say(s, 503, "5.5.1", "One sender a message; RSET begins anew");
	/* RFC 1870 6.1 */
	if (lmtp_message_max(s) > 0 && cmd->size > lmtp_message_max(s))
		return lmtp_say(s, 552, "5.3.4", "Message too large");
	t = x_new(struct transaction);
	t->sender = arena_str(&t->arena, cmd->path.address);
	t->size = cmd->size;
	t->utf8 = cmd->smtputf8;
	t->body = cmd->body;
	s->t = t;
	return lmtp_say(s, 250, "2.1.0", "Sender taken");
}
