/* SPDX-License-Identifier: Apache-2.0 */
/* Strict UTF-8 and what Unicode says of its characters, by utf8proc. */
#include "base/utf8.h"

#include <stdlib.h>
#include <utf8proc.h>

int32_t
utf8_next(struct str s, size_t *len_r)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t len;
	uint32_t c, min;

	*len_r = 1;
	if (p[0] < 0x80)
		return p[0];
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2, c = p[0] & 0x1fu, min = 0x80;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3, c = p[0] & 0x0fu, min = 0x800;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4, c = p[0] & 0x07u, min = 0x10000;
	else
		return -1;
	if (s.n < len)
		return -1;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return -1;
	*len_r = len;
	return (int32_t)c;
}

bool
utf8_valid(struct str s)
{
	size_t len;

	if (str_is_ascii(s))
		return true;
	for (; s.n > 0; s = str_from(s, len))
		if (utf8_next(s, &len) < 0)
			return false;
	return true;
}

bool
utf8_is_letter(int32_t c)
{
	utf8proc_category_t k = c < 0 ? UTF8PROC_CATEGORY_CN : utf8proc_category(c);

	return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) || (k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO);
}

bool
utf8_is_word(int32_t c)
{
	utf8proc_category_t k = c < 0 ? UTF8PROC_CATEGORY_CN : utf8proc_category(c);

	return utf8_is_letter(c) || (k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_ME);
}

void
utf8_add(struct buf *out, uint32_t c)
{
	char b[4];

	if (c < 0x80) {
		buf_addc(out, (char)c);
	} else if (c < 0x800) {
		b[0] = (char)(0xc0 | c >> 6);
		b[1] = (char)(0x80 | (c & 0x3f));
		buf_add(out, str_of(b, 2));
	} else if (c < 0x10000) {
		b[0] = (char)(0xe0 | c >> 12);
		b[1] = (char)(0x80 | (c >> 6 & 0x3f));
		b[2] = (char)(0x80 | (c & 0x3f));
		buf_add(out, str_of(b, 3));
	} else {
		b[0] = (char)(0xf0 | c >> 18);
		b[1] = (char)(0x80 | (c >> 12 & 0x3f));
		b[2] = (char)(0x80 | (c >> 6 & 0x3f));
		b[3] = (char)(0x80 | (c & 0x3f));
		buf_add(out, str_of(b, 4));
	}
}

/* Through utf8proc; ASCII goes the short way. */
static enum status
map(struct buf *out, struct str s, utf8proc_option_t options)
{
	utf8proc_uint8_t *mapped = NULL;
	utf8proc_ssize_t n;

	if (!utf8_valid(s))
		return ERR_BAD_INPUT;
	n = utf8proc_map((const utf8proc_uint8_t *)s.p, (utf8proc_ssize_t)s.n, &mapped, UTF8PROC_STABLE | UTF8PROC_COMPOSE | options);
	if (n < 0)
		return ERR_BAD_INPUT;
	buf_add(out, str_of(mapped, (size_t)n));
	free(mapped);
	return OK;
}

static void
ascii_lower_add(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_addc(out, ascii_lower(s.p[i]));
}

enum status
utf8_nfc(struct buf *out, struct str s)
{
	if (!str_is_ascii(s))
		return map(out, s, 0);
	buf_add(out, s);
	return OK;
}

enum status
utf8_casefold(struct buf *out, struct str s)
{
	if (!str_is_ascii(s))
		return map(out, s, UTF8PROC_CASEFOLD);
	ascii_lower_add(out, s);
	return OK;
}

enum status
utf8_lower(struct buf *out, struct str s)
{
	struct buf lower = {0};
	enum status st;
	size_t len;

	if (str_is_ascii(s)) {
		ascii_lower_add(out, s);
		return OK;
	}
	if (!utf8_valid(s))
		return ERR_BAD_INPUT;
	for (; s.n > 0; s = str_from(s, len))
		utf8_add(&lower, (uint32_t)utf8proc_tolower(utf8_next(s, &len)));
	st = map(out, buf_str(&lower), 0);
	buf_free(&lower);
	return st;
}

bool
utf8_has_control(struct str s)
{
	size_t len;

	for (; s.n > 0; s = str_from(s, len)) {
		int32_t c = utf8_next(s, &len);

		if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
			return true;
	}
	return false;
}

bool
utf8_is_visible(int32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && c != 0x2028 && c != 0x2029 && !(c >= 0x202a && c <= 0x202e) &&
	    !(c >= 0x2066 && c <= 0x2069) && c != 0x200e && c != 0x200f && c != 0x061c;
}

void
utf8_visible(struct buf *out, struct str s)
{
	size_t len;

	for (; s.n > 0; s = str_from(s, len)) {
		int32_t c = utf8_next(s, &len);

		if (c >= 0 && utf8_is_visible(c)) {
			buf_add(out, str_head(s, len));
			continue;
		}
		for (size_t i = 0; i < len; i++)
			buf_addf(out, "\\x%02x", (unsigned char)s.p[i]);
	}
}
