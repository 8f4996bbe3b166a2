/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a command by its name. */
#include "imap/commands.h"

#define C(name, handler, states, flags, usage, doc) {name, cmd_##handler, states, flags, usage, doc},
static const struct command rows[] = {
#include "imap/commands.tbl"
};
#undef C
#define ROWS (sizeof(rows) / sizeof(rows[0]))

const struct command *
command_find(struct str name)
{
	size_t low = 0, high = ROWS;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = str_cmp(name, str_c(rows[mid].name));

		if (c == 0)
			return &rows[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct command *
command_row(unsigned i)
{
	return i < ROWS ? &rows[i] : NULL;
}
