/* SPDX-License-Identifier: Apache-2.0 */
/* field: the fields of one name in a header, found without looking at the others. Pure, any thread. */
#ifndef SEARCH_FIELD_H
#define SEARCH_FIELD_H

#include "mime/header.h"

struct field_seek {
	struct str rest;
	struct str line; /* a line feed and the name in ASCII upper case; outlives the search */
	bool started;
};
/* The next field of that name; false: there are no more. Start with {header, line}. */
bool field_next(struct field_seek *s, struct mime_field *field_r);

#endif
