/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digits: fast writers for lines that go out in great numbers. p has room for what is written (20 bytes for a number); they return its end.
 * Nothing is written behind it. Pure.
 */
#ifndef BASE_DIGITS_H
#define BASE_DIGITS_H

#include <string.h>
#include "base/str.h"

char *put_u32(char *p, uint32_t n);
char *put_u64(char *p, uint64_t n);
static inline char *
put_str(char *p, struct str s)
{
	memcpy(p, s.p, s.n);
	return p + s.n;
}
#define put_lit(p, lit) put_str((p), STR(lit))

#endif
