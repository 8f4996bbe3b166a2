/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preview: up to 200 characters of UTF-8 that say what a message says (RFC 8970). The caller asks which
 * part to read, brings the beginning of its body, and gets the text. Pure, any thread.
 */
#ifndef MIME_PREVIEW_H
#define MIME_PREVIEW_H

#include "mime/parser.h"

#define MIME_PREVIEW_CHARS 200
#define MIME_PREVIEW_MAX (4 * MIME_PREVIEW_CHARS) /* bytes */
/* This many raw bytes of the part's body are enough (fewer if the body is shorter). */
#define MIME_PREVIEW_BYTES 32768

/* The part to preview: the first text/plain with a body that is no attachment, else the first
 * text/html, else any other text; MIME_NO_PART: there is none. */
uint32_t mime_preview_part(const struct mime_message *m);
/* Adds the preview: one line, blanks joined, quoted lines and signatures left out where other text is
 * there. `body` is the beginning of the part's body, raw. Adds nothing where there is no text. */
void mime_preview_add(struct buf *out, const struct mime_part *part, struct str body);

#endif
