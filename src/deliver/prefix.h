/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed message with header lines put before it: what one recipient sees of a body that many share. */
#ifndef DELIVER_PREFIX_H
#define DELIVER_PREFIX_H

#include "mime/parser.h"

/* A copy of m, in the arena, as the parser would have made it from prefix and message together. prefix: whole
 * header lines ended by CRLF that change nothing of what the other fields mean (no MIME fields). */
const struct mime_message *message_with_prefix(struct arena *a, const struct mime_message *m, struct str prefix);

#endif
