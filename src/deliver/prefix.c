/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/prefix.h"

#include "base/assert.h"

static uint64_t
count_lines(struct str s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

const struct mime_message *
message_with_prefix(struct arena *a, const struct mime_message *m, struct str prefix)
{
	struct mime_message *out = arena_new(a, struct mime_message);
	struct mime_part *root;
	uint64_t lines = count_lines(prefix);
	char *header;

	ensure(str_ends(prefix, STR("\r\n")));
	*out = *m;
	out->parts = arena_copy(a, m->parts, m->n_parts, m->n_parts, sizeof(*out->parts));
	out->size += prefix.n;
	out->lines += lines;
	for (uint32_t i = 0; i < out->n_parts; i++) {
		struct mime_part *p = &out->parts[i];

		p->header_start += i > 0 ? prefix.n : 0;
		p->body_start += prefix.n;
		p->body_end += prefix.n;
	}
	root = &out->parts[0];
	root->header_lines += lines;
	header = arena_alloc(a, prefix.n + root->header.n);
	memcpy(header, prefix.p, prefix.n);
	if (root->header.n > 0)
		memcpy(header + prefix.n, root->header.p, root->header.n);
	root->header = str_of(header, prefix.n + root->header.n);
	return out;
}
