/* SPDX-License-Identifier: Apache-2.0 */
/* DATA (RFC 5321 4.1.1.4, RFC 2033 4.2): a message up to its dot, then an answer a recipient. */
#include "lmtp/session_priv.h"

/* DATA, RFC 5321 4.1.1.4, RFC 2033 4.2. */
enum conn_next
lmtp_cmd_data(struct lmtp_session *s, const struct esmtp_command *cmd)
{
	struct transaction *t = s->t;

	if (t == NULL)
		return lmtp_say(s, 503, "5.5.1", "Say MAIL first");
	if (t->chunked)
		return lmtp_say(s, 503, "5.5.1", "BDAT began, BDAT ends"); /* RFC 3030 2 */
	if (t->body == ESMTP_BODY_BINARYMIME)
		return lmtp_say(s, 503, "5.5.1", "BINARYMIME wants BDAT"); /* RFC 3030 3 */
	if (t->rcpts_n == 0)
		return lmtp_say(s, 503, "5.5.1", "No recipient was taken"); /* RFC 2033 4.2 */
	lmtp_content_begin(s);
	s->mode = MODE_DATA;
	buf_adds(conn_out(s->conn), "354 Go on, end with a dot on a line of its own\r\n");
	return CONN_AGAIN;
}
