/* SPDX-License-Identifier: Apache-2.0 */
/* The special uses of mailboxes, by name and by bit. */
#include "imap/core/special.h"

static const struct {
	const char *name;
	unsigned bit;
} uses[] = {
	{"\\All", SPECIAL_ALL},
	{"\\Archive", SPECIAL_ARCHIVE},
	{"\\Drafts", SPECIAL_DRAFTS},
	{"\\Flagged", SPECIAL_FLAGGED},
	{"\\Important", SPECIAL_IMPORTANT},
	{"\\Junk", SPECIAL_JUNK},
	{"\\Sent", SPECIAL_SENT},
	{"\\Trash", SPECIAL_TRASH},
};
#define USES (sizeof(uses) / sizeof(uses[0]))

enum status
special_parse(struct args *a, unsigned *bit_r)
{
	struct str s;

	if (!arg_char(a, '\\') || arg_atom(a, &s) != OK)
		return ERR_BAD_INPUT;
	*bit_r = 0;
	for (size_t i = 0; i < USES; i++)
		if (str_caseeq(s, str_c(uses[i].name + 1)))
			*bit_r = uses[i].bit;
	return OK;
}

const char *
special_name(unsigned i, unsigned *bit_r)
{
	if (i >= USES)
		return NULL;
	*bit_r = uses[i].bit;
	return uses[i].name;
}
