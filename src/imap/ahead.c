/* SPDX-License-Identifier: Apache-2.0 */
/* APPENDs that wait for their commits while the next is read. */
#include "imap/ahead.h"

#include "base/assert.h"

/* Commands of a session that wait for their commits, and what they may hold in memory together. */
#define AHEAD_MAX 32
#define AHEAD_BYTES (1u << 20)

/* One more of that size? */
static bool
has_room(const struct session *s, size_t bytes)
{
	unsigned n = 0;

	for (const struct cmd *c = s->committing; c != NULL; c = c->behind) {
		bytes += c->held;
		n++;
	}
	return n < AHEAD_MAX && bytes <= AHEAD_BYTES;
}

bool
ahead_push(struct session *s)
{
	struct cmd *cmd = s->cmd, **at = &s->committing;

	if (cmd->phase != CMD_WRITES || cmd->row == NULL || !(cmd->row->flags & CMDF_OVERLAP) || s->below != NULL || s->reading != NULL)
		return false;
	if (conn_in(s->conn).n == 0 || !has_room(s, cmd->held))
		return false;
	while (*at != NULL)
		at = &(*at)->behind;
	ensure(cmd->behind == NULL && !cmd->its_turn); /* once, and at the end: answers come in the order of the commands */
	*at = cmd;
	s->cmd = NULL;
	return true;
}

bool
ahead_pop(struct session *s)
{
	struct cmd *cmd = s->committing;

	/* Not into the middle of what somebody else says. */
	if (cmd == NULL || !change_over(&cmd->change) || s->below != NULL || s->reading != NULL)
		return false;
	if (s->cmd != NULL && !(s->cmd->row != NULL && (s->cmd->row->flags & CMDF_OVERLAP)))
		return false;
	/* It is being answered, and its updates wait for output or for their next step: those behind it wait, too. */
	if (s->cmd != NULL && s->cmd->its_turn)
		return false;
	s->committing = cmd->behind;
	cmd->behind = NULL;
	cmd->its_turn = true;
	s->reading = s->cmd;
	s->cmd = cmd;
	return true;
}

bool
ahead_may_begin(const struct session *s, const struct command *row)
{
	return (row->flags & CMDF_OVERLAP) && !s->reader.literal.sync && has_room(s, 0);
}

void
ahead_free(struct session *s)
{
	while (s->committing != NULL) {
		struct cmd *cmd = s->committing;

		s->committing = cmd->behind;
		cmd_free(cmd);
	}
}
