/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imap_url: relative IMAP URLs that name a message or a part of one (RFC 5092 7 and 11, RFC 4469 3):
 *
 *	/mailbox[;UIDVALIDITY=n]/;UID=n[/;SECTION=section][/;PARTIAL=first[.count]]
 *	;UID=n[/;SECTION=section][/;PARTIAL=first[.count]]	in the selected mailbox
 *
 * Other relative-path references are not taken (RFC 5092 7.2), nor is anything that names a server, a
 * search, a whole mailbox, or an access right (URLAUTH, EXPIRE). Strict: what RFC 5092 wants percent-encoded must
 * be so. Dot segments are removed before the name is decoded (RFC 3986 5.2.4). Pure, any thread.
 */
#ifndef WIRE_IMAP_URL_H
#define WIRE_IMAP_URL_H

#include "wire/imap_args.h"

/* Bytes of a URL: a name at its longest, percent-encoded throughout, and a section with some fields. */
#define IMAP_URL_MAX 16384

struct imap_url {
	struct str mailbox;     /* canonical (mailbox_name.h), in the arena; n 0: the selected one */
	uint32_t uidvalidity;   /* 0: not given */
	uint32_t uid;
	struct section section; /* PARTIAL is its partial; without a count all the rest is meant */
};

/* ERR_BAD_INPUT: not such a URL. ERR_LIMIT: too long, or too many parts or fields. */
must_check enum status imap_url_parse(struct arena *arena, struct str url, struct imap_url *url_r);

/* Adds a URL as BADURL tells it (RFC 4469 5, url-resp-text): whatever cannot stand there is percent-encoded. Cut to some
 * hundred bytes. */
void imap_url_print(struct buf *out, struct str url);

#endif
