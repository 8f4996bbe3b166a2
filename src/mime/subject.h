/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subject: keys for SORT and THREAD (RFC 5256, 5957) and the collation i;unicode-casemap (RFC 5051).
 * Pure, any thread.
 */
#ifndef MIME_SUBJECT_H
#define MIME_SUBJECT_H

#include "base/arena.h"
#include "base/buf.h"

/* Adds the base subject (RFC 5256 2.1) of decoded UTF-8 text; *reply_r tells whether "re", "fwd" or the
 * like was taken off (for THREAD=REFERENCES). */
void mime_base_subject(struct buf *out, struct str decoded, bool *reply_r);
/* Collations (RFC 4790, RFC 5051). What cannot be decoded compares as i;octet whatever the collation, and after all else: its key
 * begins with MIME_KEY_OCTETS, which begins no UTF-8 (RFC 5255 4.6 c). */
enum mime_collation { MIME_UNICODE_CASEMAP, MIME_ASCII_CASEMAP, MIME_OCTET };
#define MIME_KEY_OCTETS '\xff'

/* Adds the key under which i;unicode-casemap compares by bytes (RFC 5051 2): title case, then full
 * compatibility decomposition. What is not UTF-8 goes through as it is. */
void mime_casemap(struct buf *out, struct str utf8);
/* Adds the key of UTF-8 text under a collation. */
void mime_collate(struct buf *out, enum mime_collation c, struct str utf8);

/* Keys of raw field values, charset being that of raw 8-bit bytes which are not UTF-8. */
/* The base subject. *reply_r as above. */
void mime_subject_key(struct buf *out, enum mime_collation c, struct str raw, struct str charset, bool *reply_r);
/* SORT FROM, TO, CC: the mailbox (local part) of the first address; nothing where there is none. */
void mime_address_key(struct buf *out, enum mime_collation c, struct str raw);
/* DISPLAYFROM, DISPLAYTO (RFC 5957 3): the decoded name of the first address, or else mailbox@host; a group counts by its name. */
void mime_display_key(struct buf *out, enum mime_collation c, struct str raw, struct str charset);

#endif
