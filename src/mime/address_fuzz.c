/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes address lists and envelopes. */
#include "base/assert.h"
#include "mime/address.h"
#include "mime/envelope.h"
#include "mime/grammar_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_of(data, size);
	struct arena a = {0};
	struct mime_addresses list;
	struct mime_address m;
	struct buf header = {0}, out = {0};
	size_t n = 0, open = 0;

	mime_addresses_init(&list, &a, s);
	while (mime_address_next(&list, &m)) {
		ensure(++n <= 2 * size + 1);
		if (m.kind == MIME_GROUP_START)
			ensure(++open == 1);
		else if (m.kind == MIME_GROUP_END)
			ensure(open-- == 1);
		else
			ensure(m.local.p != NULL && m.local.n <= size && m.domain.n <= size && m.name.n <= size);
	}
	ensure(open == 0);
	buf_adds(&header, "From: ");
	buf_add(&header, s);
	buf_adds(&header, "\r\nTo: ");
	buf_add(&header, s);
	for (int mode = 0; mode < 2; mode++) {
		buf_clear(&out);
		mime_envelope_of_header(&out, buf_str(&header), STR("gb2312"), (enum mime_text)mode);
		ensure(grammar_envelope(buf_str(&out), mode == MIME_UTF8));
	}
	(void)grammar_body;
	buf_free(&header), buf_free(&out);
	arena_free(&a);
	return 0;
}
