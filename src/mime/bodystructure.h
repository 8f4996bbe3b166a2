/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bodystructure: the BODY and BODYSTRUCTURE answers (RFC 9051 7.5.2 and 9 "body"), with all extension
 * data in the latter (T62), always valid by both grammars (T61, T63). Iterative. Pure, any thread.
 */
#ifndef MIME_BODYSTRUCTURE_H
#define MIME_BODYSTRUCTURE_H

#include "mime/nstring.h"
#include "mime/parser.h"

/*
 * What a sender can make grow is bounded: an answer that would be longer than MIME_BODYSTRUCTURE_MAX is the tree alone, types, encodings and sizes,
 * with NIL for parameters, ids, descriptions, dispositions and the envelopes of messages inside, and usual types for those whose names are longer than
 * MIME_BARE_TYPE: some 150 bytes a part at most.
 */
#define MIME_BODYSTRUCTURE_MAX (512u << 10)
#define MIME_BARE_TYPE 24

void mime_bodystructure_add(struct buf *out, const struct mime_message *m, enum mime_text mode);
/* Type and subtype of a part in such an answer. */
void mime_bare_type(const struct mime_part *part, struct str *type_r, struct str *subtype_r);
/* BODY: the same without extension data. */
void mime_body_add(struct buf *out, const struct mime_message *m, enum mime_text mode);
/*
 * Makes BODY out of a BODYSTRUCTURE that mime_bodystructure_add wrote, so that only one needs to be
 * stored. ERR_CORRUPT where it is not one (nothing is added then).
 */
must_check enum status mime_body_of_bodystructure(struct buf *out, struct str bodystructure);

#endif
