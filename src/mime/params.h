/* SPDX-License-Identifier: Apache-2.0 */
/* params: the Content-... fields of a part header, for the parser. */
#ifndef MIME_PARAMS_H
#define MIME_PARAMS_H

#include "mime/parser.h"

/* Fills in what the fields at these offsets of part->header say; the first of a kind counts. digest: the part
 * lies in a multipart/digest, whose default is message/rfc822 (RFC 2046 5.1.5). */
void mime_part_read(struct arena *a, struct mime_part *part, const uint32_t *at, uint32_t n, uint32_t max_params,
    bool digest);
/* Adds s as the characters of an extended value (RFC 2231 7). */
void mime_percent_encode(struct buf *out, struct str s);

#endif
