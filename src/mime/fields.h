/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fields: where the fields of a header are, found once for whoever asks for many by name. Pure, any thread.
 */
#ifndef MIME_FIELDS_H
#define MIME_FIELDS_H

#include "mime/header.h"

/* Zeroes: empty. */
struct mime_fields {
	struct str header;
	uint32_t *start;  /* of each field in the header; those of a bucket stand together, in order */
	uint32_t *bucket; /* by a hash of the name, where in start each begins, and the end */
	uint32_t n;
};

/* In a time that goes with the header's length, less than 4 GiB. The bytes must live as long. */
void mime_fields_make(struct mime_fields *x, struct str header);
void mime_fields_free(struct mime_fields *x);
/* What mime_header_select() gives. Where few fields are looked for, or bear a name that is asked for, not the whole header is gone through. */
void mime_fields_select(const struct mime_fields *x, struct buf *out, const struct mime_names *set, bool not);

#endif
