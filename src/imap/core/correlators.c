/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of an ESEARCH response. */
#include "imap/core/correlators.h"

#include "wire/imap_out.h"

void
correlators_print(struct buf *out, const struct correlators *c)
{
	/* The tag is a quoted string (RFC 4466 2.6.2, T71). */
	buf_add(out, STR("* ESEARCH (TAG \""));
	buf_add(out, c->tag);
	buf_addc(out, '"');
	if (c->mailbox.p != NULL) {
		buf_add(out, STR(" MAILBOX "));
		out_mailbox(out, c->mailbox, c->utf8);
		buf_addf(out, " UIDVALIDITY %u", c->uidvalidity);
	}
	buf_adds(out, c->uid ? ") UID" : ")");
}
