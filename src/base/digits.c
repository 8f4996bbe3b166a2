/* SPDX-License-Identifier: Apache-2.0 */
/* Digits two at a time, from a table. */
#include "base/digits.h"

static const char digits2[201] = "00010203040506070809101112131415161718192021222324"
				 "25262728293031323334353637383940414243444546474849"
				 "50515253545556575859606162636465666768697071727374"
				 "75767778798081828384858687888990919293949596979899";

/* Writes the digits of n into the len bytes at p. */
static void
digits_put(char *p, unsigned len, uint64_t n)
{
	p += len;
	while (n >= 100) {
		memcpy(p -= 2, digits2 + n % 100 * 2, 2);
		n /= 100;
	}
	if (n >= 10)
		memcpy(p - 2, digits2 + n * 2, 2);
	else
		p[-1] = (char)('0' + n);
}

char *
put_u64(char *p, uint64_t n)
{
	unsigned len = 1;

	for (uint64_t more = 10; n >= more && len < 20; more *= 10)
		len++;
	digits_put(p, len, n);
	return p + len;
}

char *
put_u32(char *p, uint32_t n)
{
	return put_u64(p, n);
}
