/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the DATA decoder: any cuts give the same bytes and the same end, and that end is the
 * first CRLF . CRLF. */
#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"
#include "wire/esmtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decodes; the number of bytes consumed up to the end, or 0. */
static size_t
decode(struct str all, size_t step, struct buf *out, struct data_decoder *d)
{
	size_t used = 0;

	data_decoder_reset(d);
	while (used < all.n) {
		struct str part = str_head(str_from(all, used), step), in = part, chunk;
		enum data_next next;

		while ((next = data_decode(d, &in, &chunk)) == DATA_CHUNK)
			buf_add(out, chunk);
		used += part.n - in.n;
		if (next == DATA_END)
			return used;
		ensure(in.n == 0);
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_of(data, size);
	struct buf whole = {0}, cut = {0};
	struct data_decoder d, e;
	size_t end, at;

	if (size == 0)
		return 0;
	end = decode(s, size, &whole, &d);
	ensure(decode(s, 1 + data[0] % 5, &cut, &e) == end);
	ensure(str_eq(buf_str(&whole), buf_str(&cut)));
	if (end == 0)
		ensure(d.bytes == e.bytes);
	at = str_find(s, STR("\r\n.\r\n"), 0);
	at = str_starts(s, STR(".\r\n")) ? 3 : at == SIZE_MAX ? 0 : at + 5;
	ensure(end == at);
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
