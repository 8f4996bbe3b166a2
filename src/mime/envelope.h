/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope: the ENVELOPE answer (RFC 9051 7.5.2): ten fields in parentheses, always all ten (T60).
 * What it writes goes to clients verbatim. Pure, any thread.
 */
#ifndef MIME_ENVELOPE_H
#define MIME_ENVELOPE_H

#include "mime/nstring.h"
#include "mime/parser.h"

/*
 * Adds the envelope of the message whose header is that of `part`: 0 for the message itself, or the
 * child of a MIME_MESSAGE part. Sender and Reply-To default to From (RFC 9051 7.5.2). Long fields are
 * cut: 16 KiB of subject and ids, MIME_ADDRESSES_MAX addresses and 256 KiB of each kind.
 */
void mime_envelope_add(struct buf *out, const struct mime_message *m, uint32_t part, enum mime_text mode);
/* The same from raw header bytes. */
void mime_envelope_of_header(struct buf *out, struct str header, struct str charset, enum mime_text mode);

#endif
