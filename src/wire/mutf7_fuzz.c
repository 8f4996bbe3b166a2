/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes modified UTF-7: what decodes encodes to the same bytes (there is one spelling), and the
 * other way round. */
#include "base/arena.h"
#include "base/assert.h"
#include "base/utf8.h"
#include "wire/mailbox_name.h"
#include "wire/mutf7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_of(data, size), name, again;
	struct buf out = {0}, back = {0};
	struct arena arena = {0};

	if (mutf7_decode(&out, s) == OK) {
		ensure(utf8_valid(buf_str(&out)));
		mutf7_encode(&back, buf_str(&out));
		ensure(str_eq(buf_str(&back), s));
	}
	if (utf8_valid(s) && str_chr(s, '\0') == s.n) {
		buf_clear(&out);
		buf_clear(&back);
		mutf7_encode(&back, s);
		ensure(mutf7_decode(&out, buf_str(&back)) == OK && str_eq(buf_str(&out), s));
	}
	/* Canonical is final. */
	if (mailbox_name_canon(&arena, s, size & 1, &name) == OK) {
		(void)!mailbox_name_check(name);
		if (name.n <= 4 * MAILBOX_NAME_MAX)
			ensure(mailbox_name_canon(&arena, name, true, &again) == OK &&
			       str_eq(name, again));
	}
	arena_free(&arena);
	buf_free(&out);
	buf_free(&back);
	return 0;
}
