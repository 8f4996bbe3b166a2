/* SPDX-License-Identifier: Apache-2.0 */
/* Changes that wait for their commits while the next is read. */
#include "imap/ahead.h"

#include "base/assert.h"
#include "base/budget.h"
#include "imap/news/notify.h"
#include "imap/news/update.h"

/* Commands of a session that wait for their commits, and what they may hold in memory together. */
#define AHEAD_MAX 64
#define AHEAD_BYTES (1u << 20)

/* What it keeps in memory. */
static size_t
weight(const struct cmd *cmd)
{
	return sizeof(*cmd) + cmd->counted + cmd->held;
}

/* One more of that size? */
static bool
has_room(const struct session *s, size_t bytes)
{
	unsigned n = 0;

	for (const struct cmd *c = s->committing; c != NULL; c = c->behind) {
		bytes += weight(c);
		n++;
	}
	return n < AHEAD_MAX && bytes <= AHEAD_BYTES;
}

bool
ahead_push(struct session *s)
{
	struct cmd *cmd = s->cmd, **at = &s->committing;

	if (cmd->phase != CMD_COMMITS || s->below != NULL || s->reading != NULL)
		return false;
	/* Its place in the history is asked for where somebody may come behind it. */
	if (!cmd_followed(cmd) || (s->selected != NULL && cmd->place.mailbox == 0) || !has_room(s, weight(cmd)))
		return false;
	while (*at != NULL)
		at = &(*at)->behind;
	ensure(cmd->behind == NULL); /* once, and at the end: answers come in the order of the commands */
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
	/* One before it is being answered, and its updates wait for output or for their next step. */
	if (s->cmd != NULL && cmd_oldest(s->cmd))
		return false;
	ensure(cmd->phase == CMD_COMMITS && (cmd->behind == NULL || cmd->behind->number > cmd->number));
	s->committing = cmd->behind;
	cmd->behind = NULL;
	s->reading = s->cmd;
	s->cmd = cmd;
	return true;
}

static bool
takes_numbers(const struct command *row)
{
	return row->flags & (CMDF_NO_EXPUNGE | CMDF_NUMBERS);
}

/* May it begin behind that one? */
static bool
independent(const struct command *row, const struct command *before)
{
	bool takes_away = before->flags & CMDF_EXPUNGES, names = before->flags & CMDF_NAMES;

	if (takes_away && takes_numbers(row))
		return false;
	if (names && (row->flags & CMDF_FINDS))
		return false;
	/* The selected mailbox itself may go. */
	if (names && takes_away && row->states == STATE_SELECTED)
		return false;
	return !((row->flags & CMDF_NAMES) && (row->flags & CMDF_EXPUNGES) && before->states == STATE_SELECTED);
}

/* The session's updates go out undivided. */
static bool
undivided(const struct session *s)
{
	return s->notify != NULL || (s->selected != NULL && s->selected->contexts != NULL);
}

bool
ahead_may_begin(struct session *s, const struct command *row, bool literal)
{
	if (!(row->flags & CMDF_OVERLAP) || s->stopping || login_shut_out(&s->login) || notify_due(s))
		return false;
	if (s->selected != NULL && s->selected->closed_told)
		return false;
	/* A literal that nobody must say "+" for, and that the command takes as it comes. */
	if (literal && (!(row->flags & CMDF_STREAM) || s->reader.literal.sync))
		return false;
	if (!has_room(s, 0) || budget_full(s->login.budget))
		return false;
	/* Which messages a limit leaves is found before the change. */
	if (row->states == STATE_SELECTED && (s->imap->settings.work_max > 0 || (s->imap->settings.save_max > 0 && (row->flags & CMDF_FINDS))))
		return false;
	for (const struct cmd *c = s->committing; c != NULL; c = c->behind)
		if (!independent(row, c->row) || (undivided(s) && !(row->flags & c->row->flags & CMDF_STREAM)))
			return false;
	return true;
}

bool
ahead_numbers(const struct session *s)
{
	for (const struct cmd *c = s->committing; c != NULL; c = c->behind)
		if (takes_numbers(c->row))
			return true;
	return s->reading != NULL && s->reading->row != NULL && takes_numbers(s->reading->row);
}

uint64_t
ahead_upto(const struct session *s)
{
	ensure(s->cmd != NULL); /* how far is a question of one command */
	if ((s->committing == NULL && s->reading == NULL) || undivided(s))
		return UPDATE_ALL;
	return s->cmd->place.modseq;
}

void
ahead_free(struct session *s)
{
	while (s->committing != NULL) {
		struct cmd *cmd = s->committing;

		s->committing = cmd->behind;
		cmd->behind = NULL;
		cmd_free(cmd);
	}
}
