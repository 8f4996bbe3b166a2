/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing, cutting and reading borrowed bytes. */
#include "base/str.h"

int
str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	if (c != 0)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

void
ascii_lower_copy(char *to, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		to[i] = ascii_lower(s.p[i]);
}

bool
str_case_starts(struct str s, struct str prefix)
{
	if (s.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++)
		if (ascii_lower(s.p[i]) != ascii_lower(prefix.p[i]))
			return false;
	return true;
}

bool
str_caseeq(struct str a, struct str b)
{
	return a.n == b.n && str_case_starts(a, b);
}

bool
str_is_ascii(struct str s)
{
	uint64_t word;

	for (; s.n >= 8; s.p += 8, s.n -= 8) {
		memcpy(&word, s.p, 8);
		if (word & 0x8080808080808080u)
			return false;
	}
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] & 0x80)
			return false;
	return true;
}

bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool
str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	    (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

size_t
str_chr(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

size_t
str_find(struct str s, struct str needle, size_t from)
{
	const char *at;

	if (from > s.n)
		return SIZE_MAX;
	if (needle.n == 0)
		return from;
	if (s.n == from)
		return SIZE_MAX;
	at = memmem(s.p + from, s.n - from, needle.p, needle.n);
	return at ? (size_t)(at - s.p) : SIZE_MAX;
}

bool
str_eq_secret(struct str a, struct str b)
{
	unsigned char diff = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		diff |= (unsigned char)(a.p[i] ^ b.p[i]);
	return diff == 0;
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str
str_trim(struct str s)
{
	while (s.n > 0 && blank(s.p[0]))
		s.p++, s.n--;
	while (s.n > 0 && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str
str_trim_suffix(struct str s, char c)
{
	if (s.n > 0 && s.p[s.n - 1] == c)
		s.n--;
	return s;
}

bool
str_split(struct str *rest, char sep, struct str *piece_r)
{
	size_t i;

	if (rest->p == NULL)
		return false;
	i = str_chr(*rest, sep);
	*piece_r = str_head(*rest, i);
	*rest = i < rest->n ? str_from(*rest, i + 1) : STR_NONE;
	return true;
}

bool
str_u64(struct str s, uint64_t max, uint64_t *n_r)
{
	uint64_t n = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)(s.p[i] - '0');

		if (!ascii_digit(s.p[i]) || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, digit, &n) || n > max)
			return false;
	}
	*n_r = n;
	return true;
}

bool
str_i64(struct str s, int64_t max, int64_t *n_r)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	uint64_t n;

	if (!str_u64(str_from(s, minus), (uint64_t)max, &n))
		return false;
	*n_r = minus ? -(int64_t)n : (int64_t)n;
	return true;
}
