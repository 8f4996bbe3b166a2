/* SPDX-License-Identifier: Apache-2.0 */
/* Punycode (RFC 3492), and labels of domains. */
#include "base/punycode.h"

#include <string.h>

#include "base/utf8.h"

/* RFC 3492 5. */
enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, INITIAL_BIAS = 72, INITIAL_N = 128 };

static uint32_t
adapt(uint32_t delta, uint32_t points, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / DAMP : delta / 2;
	delta += delta / points;
	for (; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
		delta /= BASE - TMIN;
	return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

static uint32_t
digit_of(char c)
{
	if (ascii_digit(c))
		return (uint32_t)(c - '0') + 26;
	return ascii_alpha(c) ? (uint32_t)(ascii_lower(c) - 'a') : BASE;
}

/* One number of variable length (RFC 3492 3.3), added to *i. */
static bool
read_delta(struct str *rest, uint32_t bias, uint32_t *i)
{
	uint64_t w = 1, sum = *i;

	for (uint32_t k = BASE;; k += BASE) {
		uint32_t t = k <= bias + TMIN ? TMIN : k >= bias + TMAX ? TMAX : k - bias, digit;

		if (rest->n == 0 || (digit = digit_of(rest->p[0])) == BASE)
			return false;
		*rest = str_from(*rest, 1);
		sum += digit * w;
		if (sum > UINT32_MAX)
			return false;
		if (digit < t)
			break;
		w *= BASE - t;
		if (w > UINT32_MAX)
			return false;
	}
	*i = (uint32_t)sum;
	return true;
}

enum status
punycode_decode(struct buf *out, struct str label)
{
	uint32_t c[PUNYCODE_CHARS], n = INITIAL_N, i = 0, bias = INITIAL_BIAS, count = 0;
	size_t dash = label.n;

	while (dash > 0 && label.p[dash - 1] != '-')
		dash--;
	if (dash > PUNYCODE_CHARS || !str_is_ascii(label))
		return ERR_BAD_INPUT;
	for (; count + 1 < dash; count++)
		c[count] = (unsigned char)label.p[count];
	label = str_from(label, dash);
	while (label.n > 0) {
		uint32_t before = i;

		if (count == PUNYCODE_CHARS || !read_delta(&label, bias, &i))
			return ERR_BAD_INPUT;
		bias = adapt(i - before, count + 1, before == 0);
		n += i / (count + 1);
		i %= count + 1;
		if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff))
			return ERR_BAD_INPUT;
		memmove(c + i + 1, c + i, (count - i) * sizeof(*c));
		c[i++] = n;
		count++;
	}
	for (i = 0; i < count; i++)
		utf8_add(out, c[i]);
	return OK;
}
