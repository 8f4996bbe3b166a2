/* SPDX-License-Identifier: Apache-2.0 */
/* imap_char: the character classes of RFC 9051 section 9. Pure. */
#ifndef WIRE_IMAP_CHAR_H
#define WIRE_IMAP_CHAR_H

#include "base/str.h"

/* ATOM-CHAR: printable ASCII but atom-specials. */
static inline bool
atom_char(char c)
{
	switch (c) {
	case '(':
	case ')':
	case '{':
	case '%':
	case '*':
	case '"':
	case '\\':
	case ']': return false;
	default: return c > ' ' && c < 0x7f;
	}
}

/* ASTRING-CHAR: an ATOM-CHAR or ']'. */
static inline bool
astring_char(char c)
{
	return atom_char(c) || c == ']';
}

/* list-char: wildcards too. */
static inline bool
list_char(char c)
{
	return astring_char(c) || c == '%' || c == '*';
}

/* What a tag may hold: an ASTRING-CHAR but '+'. */
static inline bool
tag_char(char c)
{
	return astring_char(c) && c != '+';
}

/* Longest tag that is taken and echoed (S2). */
#define IMAP_TAG_MAX 1024

#endif
