/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the next field of a name by its line feed and letters, without cutting the others. */
#include "search/field.h"

#include "base/assert.h"
#include "search/scan.h"

bool
field_next(struct field_seek *s, struct mime_field *field_r)
{
	struct str name = str_from(s->line, 1);

	ensure(s->line.n > 0 && s->line.p[0] == '\n');
	for (;;) {
		bool here = !s->started && str_case_starts(s->rest, name);
		size_t at = here ? 0 : scan_ascii_at(s->rest, s->line, 0);
		struct str rest;

		if (at == SIZE_MAX)
			return false;
		rest = s->rest = str_from(s->rest, here ? 0 : at + 1);
		/* From its first byte on the field is behind us: the line feed before it is gone. */
		s->started = true;
		if (mime_field_next(&rest, field_r) && str_caseeq(field_r->name, name))
			return true;
	}
}
