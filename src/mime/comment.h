/* SPDX-License-Identifier: Apache-2.0 */
/* White space and comments of structured header fields (RFC 5322 3.2.2), for the parsers of addresses, parameters and dates. */
#ifndef MIME_COMMENT_H
#define MIME_COMMENT_H

#include "base/str.h"

static inline bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Where the comment that begins at i ends; an open one takes the rest (S3: a backslash may be last). */
size_t comment_end(struct str s, size_t i);

#endif
