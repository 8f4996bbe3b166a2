/* SPDX-License-Identifier: Apache-2.0 */
/* BDAT (RFC 3030): a message in chunks, and after the last one an answer a recipient. */
#include "lmtp/session_priv.h"

/*
 * BDAT, RFC 3030 2: the chunk's bytes follow at once, also where the answer is no; then they are read past. A
 * transaction that does not exist, or has no recipient, is made a refused one for that.
 */
enum conn_next
lmtp_cmd_bdat(struct lmtp_session *s, const struct esmtp_command *cmd)
{
	if (s->t == NULL) {
		s->t = x_new(struct transaction);
		s->t->status = ERR_CONFLICT;
	} else if (s->t->rcpts_n == 0) {
		s->t->status = ERR_CONFLICT;
	} else if (s->t->delivery == NULL) {
		lmtp_content_begin(s);
	}
	s->t->chunked = true;
	s->t->chunk_left = cmd->chunk;
	s->t->last = cmd->last;
	s->mode = MODE_BDAT;
	return CONN_AGAIN;
}
