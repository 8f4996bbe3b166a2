/* SPDX-License-Identifier: Apache-2.0 */
/* correlators: what an ESEARCH response begins with: whose answer it is (RFC 4466 2.6.2), and of which mailbox (RFC 7377 2.1). Pure. */
#ifndef IMAP_CORE_CORRELATORS_H
#define IMAP_CORE_CORRELATORS_H

#include "base/buf.h"

struct correlators {
	struct str tag;
	struct str mailbox;      /* name and UIDVALIDITY are told too; p == NULL: not */
	uint32_t uidvalidity;
	bool utf8;               /* of the name */
	bool uid;                /* numbers are UIDs */
};
/* "* ESEARCH (TAG "x" MAILBOX name UIDVALIDITY n) UID", as much of it as is to be told. */
void correlators_print(struct buf *out, const struct correlators *c);

#endif
