/* SPDX-License-Identifier: Apache-2.0 */
/* STARTTLS (RFC 3207): from the go-ahead on everything said before is forgotten. */
#include "lmtp/session_priv.h"

/* STARTTLS, RFC 3207 4. Bytes behind it in the clear end the connection (S1). */
enum conn_next
lmtp_cmd_starttls(struct lmtp_session *s, const struct esmtp_command *cmd)
{
	if (!conn_tls_offer(s->conn))
		return lmtp_say(s, 502, "5.5.1", "TLS is not on offer");
	s->starttls = true;
	return CONN_AGAIN;
}

enum conn_next
lmtp_starttls_begin(struct lmtp_session *s)
{
	s->starttls = false;
	switch (conn_starttls(s->conn)) {
	case OK:
		(void)lmtp_say(s, 220, "2.0.0", "Begin TLS");
		return CONN_INPUT;
	case ERR_BAD_INPUT:
		(void)lmtp_say(s, 421, "4.7.0", "Bytes behind STARTTLS");
		return CONN_CLOSE;
	default: return lmtp_say(s, 454, "4.7.0", "TLS is not available");
	}
}
