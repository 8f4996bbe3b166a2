/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content: what makes two copies of a message one, wherever they came from: SHA-256 of its bytes without what programs change when they keep mail
 * or carry it: CR before LF and line ends at the end, and the header fields in which an mbox keeps flags and lengths (Status, X-Status, X-Keywords, X-UID,
 * X-IMAP, X-IMAPbase, X-Mozilla-Status and its like, Content-Length, Lines). One thread at a time.
 */
#ifndef FORMATS_CONTENT_H
#define FORMATS_CONTENT_H

#include "base/buf.h"

#define CONTENT_ID_SIZE 32

struct content;

struct content *content_new(void);
/* Any cut. */
void content_add(struct content *c, struct str bytes);
/* The id of the bytes since content_new() or the last content_id(); ready for the next message. */
void content_id(struct content *c, unsigned char id[CONTENT_ID_SIZE]);
void content_free(struct content *c);

/* Is this the name of a header field in which an mbox keeps what it knows of a message? */
bool content_is_bookkeeping(struct str name);

#endif
