/* SPDX-License-Identifier: Apache-2.0 */
/* settings: the settings of the IMAP service; the defaults are imap_settings_default (imap/imap.h). */
#ifndef IMAP_CORE_SETTINGS_H
#define IMAP_CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct imap_settings {
	uint64_t message_max;      /* bytes of one message in APPEND, where the listener says nothing */
	uint64_t save_max;         /* messages that one COPY or APPEND may store: SAVELIMIT (RFC 9738); 0: no limit */
	uint64_t work_max;         /* messages that any command may work on: MESSAGELIMIT (RFC 9738); 0: no limit */
	int64_t login_seconds;     /* from the greeting to the login */
	int64_t idle_seconds;      /* silence after login until BYE, outside IDLE; at least 1800 (RFC 9051 5.4) */
	int64_t keepalive_seconds; /* "* OK Still here" in IDLE (T91); 0: none */
	int64_t step_us;           /* a command works so long, then others have their turn */
	int64_t progress_ms;       /* a long command tells how far it is so often (RFC 9585); 0: never */
	size_t search_cache;       /* bytes of search/brief.h, all accounts together; 0: none */
	unsigned bad_max;          /* bad commands before login until BYE (T07) */
	size_t line_max;           /* bytes of a command line after login; 0: the default */
	size_t literals_max;       /* bytes of a command's literals, messages not counted; 0: the default */
	uint8_t language;          /* what LANGUAGE "default" gives (RFC 5255 3.2): from language_find() */
	bool literal_minus;        /* LITERAL- in place of LITERAL+ (RFC 7888 5) */
};

#endif
