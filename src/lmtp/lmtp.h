/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lmtp: the door for mail (RFC 2033), with PIPELINING (RFC 2920), SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531),
 * ENHANCEDSTATUSCODES (2034), CHUNKING and BINARYMIME (3030), STARTTLS (3207). A 250 after DATA or BDAT LAST is sent for a
 * recipient after the message is durable in its mailbox, not before. There is no login: who may connect may deliver.
 */
#ifndef LMTP_LMTP_H
#define LMTP_LMTP_H

#include "session/door.h"

/* conn_arg() of LMTP connections; outlives them. */
struct lmtp_service {
	const struct door *door;
	uint64_t max_message;    /* bytes; 0: no limit */
	size_t max_recipients;
	bool quota_permanent;    /* who is over quota is refused for good (552), not for now (452) */
};

extern const struct conn_handler lmtp_handler;

#endif
