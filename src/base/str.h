/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str: borrowed bytes, a pointer and a length. It owns nothing and need not end in NUL; it may hold
 * NUL bytes. It lives as long as what it points into. The empty string is {any, 0}.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf: "%.*s", STR_FMT(s). Lengths past INT_MAX are cut. */
#define STR_FMT(s) ((int)((s).n > 0x7fffffff ? 0x7fffffff : (s).n)), ((s).p ? (s).p : "")

static inline struct str
str_of(const void *p, size_t n)
{
	return (struct str){p, n};
}

/* A NUL-terminated string of our own (never of a client). */
static inline struct str
str_c(const char *z)
{
	return (struct str){z, z ? strlen(z) : 0};
}

static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Order by bytes, as memcmp; a prefix sorts before what it begins. */
int str_cmp(struct str a, struct str b);

/* ASCII case-insensitive comparisons: octets above 127 compare as they are. */
bool str_caseeq(struct str a, struct str b);
bool str_case_starts(struct str s, struct str prefix);
/* No byte of it is above 127. */
bool str_is_ascii(struct str s);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);

/* Index of the first c, or s.n. */
size_t str_chr(struct str s, char c);
/* Index of the first occurrence of needle at or after from, or SIZE_MAX. */
size_t str_find(struct str s, struct str needle, size_t from);
/* Constant-time equality for secrets; only the lengths may leak. */
bool str_eq_secret(struct str a, struct str b);

/* s from byte i on; i past the end gives the empty string. */
static inline struct str
str_from(struct str s, size_t i)
{
	return i >= s.n ? (struct str){s.n ? s.p + s.n : s.p, 0} : (struct str){s.p + i, s.n - i};
}

/* The first n bytes of s, or all of it. */
static inline struct str
str_head(struct str s, size_t n)
{
	return (struct str){s.p, n < s.n ? n : s.n};
}

/* Without ASCII white space (SP HT CR LF) at both ends. */
struct str str_trim(struct str s);
/* Without one trailing c, if there is one. */
struct str str_trim_suffix(struct str s, char c);

/* Splits off what stands before the first sep (all of it if there is none) and moves *rest past
 * the sep. False when *rest was used up (p == NULL). */
bool str_split(struct str *rest, char sep, struct str *piece_r);

/* A whole decimal number without sign; false on anything else or past max. */
bool str_u64(struct str s, uint64_t max, uint64_t *n_r);
/* The same with a '-' before it or not: from -max to max; max at most INT64_MAX. */
bool str_i64(struct str s, int64_t max, int64_t *n_r);

/* ASCII only, whatever the locale. */
static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static inline char
ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}
/* s with its ASCII letters in lower case, to s.n bytes; to may be s.p. */
void ascii_lower_copy(char *to, struct str s);
static inline bool
ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}
/* The value of a hexadecimal digit of either case, or -1. */
static inline int
ascii_hex(char c)
{
	if (ascii_digit(c))
		return c - '0';
	c = ascii_upper(c);
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
static inline bool
ascii_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

#endif
