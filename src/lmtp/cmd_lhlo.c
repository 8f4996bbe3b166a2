/* SPDX-License-Identifier: Apache-2.0 */
/* LHLO (RFC 2033 4.1): the greeting, and what we can do. */
#include <stdio.h>
#include <stdlib.h>
#include "lmtp/session_priv.h"

/* LHLO, RFC 2033 4.1: greets, and tells the extensions. Ends a transaction. */
enum conn_next
lmtp_cmd_lhlo(struct lmtp_session *s, const struct esmtp_command *cmd)
{
	struct buf *out = conn_out(s->conn);
	char size[40];

	lmtp_transaction_end(s);
	free(s->client);
	s->client = x_strndup(cmd->arg);
	s->greeted = true;
	esmtp_reply_part(out, 250, s->service->door->hostname);
	esmtp_reply_part(out, 250, "PIPELINING");
	esmtp_reply_part(out, 250, "ENHANCEDSTATUSCODES");
	esmtp_reply_part(out, 250, "8BITMIME");
	esmtp_reply_part(out, 250, "BINARYMIME");
	esmtp_reply_part(out, 250, "CHUNKING");
	esmtp_reply_part(out, 250, "SMTPUTF8");
	if (conn_tls_offer(s->conn))
		esmtp_reply_part(out, 250, "STARTTLS");
	snprintf(size, sizeof(size), "SIZE %llu", (unsigned long long)lmtp_message_max(s));
	return lmtp_say(s, 250, NULL, size);
}
