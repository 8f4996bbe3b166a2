/* SPDX-License-Identifier: Apache-2.0 */
/* Object ids, written and read. */
#include "imap/core/objectid.h"

#define DIGITS_MAX 16

void
objectid_add(struct buf *out, const char *word, enum objectid_kind kind, int64_t id)
{
	static const char hex[] = "0123456789abcdef";
	char digits[DIGITS_MAX], *p = digits + DIGITS_MAX;
	uint64_t n = (uint64_t)id;

	do
		*--p = hex[n & 15];
	while ((n >>= 4) != 0);
	buf_adds(out, word);
	buf_add(out, STR(" ("));
	buf_addc(out, (char)kind);
	buf_add(out, str_of(p, (size_t)(digits + DIGITS_MAX - p)));
	buf_addc(out, ')');
}

int64_t
objectid_parse(struct str text, enum objectid_kind kind)
{
	uint64_t id = 0;

	if (text.n < 2 || text.n > 1 + DIGITS_MAX || text.p[0] != (char)kind || text.p[1] == '0')
		return -1;
	for (size_t i = 1; i < text.n; i++) {
		char c = text.p[i];

		if (!ascii_digit(c) && (c < 'a' || c > 'f'))
			return -1;
		id = id << 4 | (uint64_t)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
	}
	return id <= INT64_MAX ? (int64_t)id : -1;
}

bool
objectid_valid(struct str text)
{
	if (text.n < 1 || text.n > 255)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (!ascii_alpha(text.p[i]) && !ascii_digit(text.p[i]) && text.p[i] != '_' && text.p[i] != '-')
			return false;
	return true;
}
