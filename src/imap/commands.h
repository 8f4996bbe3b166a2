/* SPDX-License-Identifier: Apache-2.0 */
/* commands: the table of commands (commands.tbl), and the handlers that it names. */
#ifndef IMAP_COMMANDS_H
#define IMAP_COMMANDS_H

#include "imap/core/cmd.h"

/* The handlers: cmd_<name>() stands in cmd_<name>.c. */
#define C(name, handler, states, flags, usage, doc) cmd_fn cmd_##handler;
#include "imap/commands.tbl"
#undef C

/* The row of a command's name in upper case, or NULL. */
const struct command *command_find(struct str name);
/* One was answered: with "OK", "NO" or "BAD" (its first letter), after so many microseconds. Any thread. */
void command_took(const struct command *row, char cond, int64_t us);
/* What that came to (base/metrics.h). */
void commands_print(struct buf *out);
/* Row i in order of name, or NULL past the end: for the manual and the tests. */
const struct command *command_row(unsigned i);

#endif
