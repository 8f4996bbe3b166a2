/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3: the door for programs that fetch INBOX and know no folders (RFC 1939), with CAPA and response codes (RFC 2449, RFC 3206), STLS (RFC 2595)
 * and AUTH (RFC 5034), UTF-8 and languages (RFC 6856). APOP is not there: it needs passwords that the server can read. Deletions are made at QUIT, or not at all.
 */
#ifndef POP3_POP3_H
#define POP3_POP3_H

#include "session/door.h"

/* conn_arg() of POP3 connections; outlives them. */
struct pop3_service {
	const struct door *door;
	bool seen;             /* RETR sets \Seen */
	uint8_t language;      /* enum language: what LANG * gives */
	int64_t login_seconds; /* to log in, where the listener says nothing */
};

extern const struct conn_handler pop3_handler;

#endif
