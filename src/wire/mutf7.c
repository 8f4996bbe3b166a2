/* SPDX-License-Identifier: Apache-2.0 */
/* Modified UTF-7 (RFC 3501 5.1.3), strict. */
#include "wire/mutf7.h"

#include "base/assert.h"
#include "base/utf8.h"

/* RFC 4648 with ',' for '/', which separates levels. */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static int
value(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

static bool
plain(uint32_t c)
{
	return c >= 0x20 && c <= 0x7e;
}

/* Takes one UTF-16 unit; *high keeps a high surrogate until its other half comes. */
static bool
add_unit(struct buf *out, uint32_t unit, uint32_t *high)
{
	ensure(unit <= 0xffff && (*high == 0 || (*high >= 0xd800 && *high <= 0xdbff)));
	if (unit >= 0xdc00 && unit <= 0xdfff) {
		if (*high == 0)
			return false;
		utf8_add(out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
		*high = 0;
		return true;
	}
	/* Printable ASCII stands for itself, never in a shift; NUL never stands at all (S3). */
	if (*high != 0 || unit == 0 || plain(unit))
		return false;
	if (unit >= 0xd800 && unit <= 0xdbff)
		*high = unit;
	else
		utf8_add(out, unit);
	return true;
}

/* What stands between '&' and '-', which is consumed too. */
static bool
decode_shift(struct buf *out, struct str *s)
{
	uint32_t bits = 0, high = 0, n = 0;
	size_t i, units = 0;
	int v;

	for (i = 0; i < s->n && s->p[i] != '-'; i++) {
		if ((v = value(s->p[i])) < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		n += 6;
		if (n < 16)
			continue;
		n -= 16;
		if (!add_unit(out, bits >> n & 0xffff, &high))
			return false;
		bits &= (1u << n) - 1;
		units++;
	}
	if (i == s->n || units == 0 || high != 0 || n >= 6 || bits != 0)
		return false;
	*s = str_from(*s, i + 1);
	return true;
}

static bool
decode(struct buf *out, struct str s)
{
	bool shifted = false; /* the last thing was a shift */

	while (s.n > 0) {
		char c = s.p[0];

		s = str_from(s, 1);
		if (c != '&') {
			if (!plain((unsigned char)c))
				return false;
			buf_addc(out, c);
			shifted = false;
		} else if (s.n > 0 && s.p[0] == '-') {
			buf_addc(out, '&');
			s = str_from(s, 1);
			shifted = false;
		} else {
			if (shifted || !decode_shift(out, &s))
				return false;
			shifted = true;
		}
	}
	return true;
}

enum status
mutf7_decode(struct buf *out, struct str s)
{
	size_t before = out->n;

	if (decode(out, s))
		return OK;
	ensure(out->n >= before);
	out->n = before;
	return ERR_BAD_INPUT;
}

struct shift {
	uint32_t bits;
	unsigned n;
	bool open;
};

static void
put_unit(struct buf *out, struct shift *sh, uint32_t unit)
{
	ensure(unit <= 0xffff && sh->n < 6);
	if (!sh->open)
		buf_addc(out, '&');
	sh->open = true;
	sh->bits = sh->bits << 16 | unit;
	sh->n += 16;
	while (sh->n >= 6) {
		sh->n -= 6;
		buf_addc(out, alphabet[sh->bits >> sh->n & 63]);
	}
	sh->bits &= (1u << sh->n) - 1;
}

static void
close_shift(struct buf *out, struct shift *sh)
{
	if (!sh->open)
		return;
	if (sh->n > 0)
		buf_addc(out, alphabet[sh->bits << (6 - sh->n) & 63]);
	buf_addc(out, '-');
	*sh = (struct shift){0};
}

void
mutf7_encode(struct buf *out, struct str s)
{
	struct shift sh = {0};
	size_t len;

	for (; s.n > 0; s = str_from(s, len)) {
		int32_t c = utf8_next(s, &len);

		ensure(len > 0 && len <= s.n);
		if (c < 0)
			c = 0xfffd;
		if (plain((uint32_t)c)) {
			close_shift(out, &sh);
			buf_addc(out, (char)c);
			if (c == '&')
				buf_addc(out, '-');
		} else if (c < 0x10000) {
			put_unit(out, &sh, (uint32_t)c);
		} else {
			put_unit(out, &sh, 0xd800 + (((uint32_t)c - 0x10000) >> 10));
			put_unit(out, &sh, 0xdc00 + (((uint32_t)c - 0x10000) & 0x3ff));
		}
	}
	close_shift(out, &sh);
}
