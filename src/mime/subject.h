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
/* Adds the key under which i;unicode-casemap compares by bytes (RFC 5051 2): title case, then full
 * compatibility decomposition. What is not UTF-8 goes through as it is. */
void mime_casemap(struct buf *out, struct str utf8);

/* Key of an address field (raw value) for SORT FROM, TO, CC: the casemapped mailbox (local part) of
 * its first address; nothing where there is none. */
void mime_address_key(struct buf *out, struct str raw);
/* Key for DISPLAYFROM, DISPLAYTO (RFC 5957): the casemapped decoded name of the first address, or else
 * mailbox@host; a group counts by its name. */
void mime_display_key(struct buf *out, struct str raw, struct str charset);

#endif
