/* SPDX-License-Identifier: Apache-2.0 */
/* The system flags and their names; what a keyword may be. */
#include "wire/flag.h"

#include "wire/imap_char.h"

static const struct {
	unsigned bit;
	struct str name;
} flags[] = {
    {FLAG_ANSWERED, {"\\Answered", 9}},
    {FLAG_FLAGGED, {"\\Flagged", 8}},
    {FLAG_DELETED, {"\\Deleted", 8}},
    {FLAG_SEEN, {"\\Seen", 5}},
    {FLAG_DRAFT, {"\\Draft", 6}},
    {FLAG_RECENT, {"\\Recent", 7}},
};

unsigned
flag_bit(struct str s)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (str_caseeq(s, flags[i].name))
			return flags[i].bit;
	return 0;
}

struct str
flag_name(unsigned bit)
{
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].bit == bit)
			return flags[i].name;
	return STR_NONE;
}

bool
flag_keyword_valid(struct str s)
{
	if (s.n == 0 || s.n > FLAG_KEYWORD_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!atom_char(s.p[i]))
			return false;
	return true;
}
