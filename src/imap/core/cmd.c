/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a command: its phases, its memory, its snapshots, turns and changes. */
#include "imap/core/cmd.h"

#include <stdlib.h>
#include "base/assert.h"
#include "base/clock.h"
#include "store/view.h"

struct cmd *
cmd_new(struct session *s, struct str command)
{
	struct cmd *cmd = x_new(struct cmd);

	cmd->session = s;
	cmd->charge.of = s->login.budget;
	cmd->secret = s->state == STATE_NOT_AUTH;
	args_init(&cmd->args, command, &cmd->arena, session_utf8(s));
	return cmd;
}

void
cmd_set_tag(struct cmd *cmd, struct str tag)
{
	if (tag.n <= sizeof(cmd->tag_bytes)) {
		memcpy(cmd->tag_bytes, tag.p, tag.n);
		cmd->tag = str_of(cmd->tag_bytes, tag.n);
	} else {
		cmd->tag = arena_str(&cmd->arena, tag);
	}
}

void
cmd_free(struct cmd *cmd)
{
	if (cmd == NULL)
		return;
	/* Nobody finds it any more: not the session's list, and not the committer, which calls fn with what lies here. */
	ensure(cmd->behind == NULL && !change_waits(&cmd->change));
	if (cmd->cleanup)
		cmd->cleanup(cmd);
	cmd_turn_over(cmd);
	charge_is(&cmd->charge, 0);
	if (cmd->secret)
		arena_free_secret(&cmd->arena);
	else
		arena_free(&cmd->arena);
	free(cmd);
}

void
cmd_state_keep(struct cmd *cmd, void *p, const char *type, const char *base)
{
	ensure(p != NULL && type != NULL && base != NULL);
	cmd->state = (struct cmd_state){p, type, base};
}

void *
cmd_state_of(const struct cmd *cmd, const char *type)
{
	const struct cmd_state *s = &cmd->state;

	ensure(s->p != NULL && (strcmp(s->type, type) == 0 || strcmp(s->base, type) == 0));
	return s->p;
}

void
cmd_enter(struct cmd *cmd, enum cmd_phase phase)
{
	static const uint8_t ways[] = {
		[CMD_RUNS] = 1 << CMD_RUNS | 1 << CMD_BEFORE | 1 << CMD_LISTENS | 1 << CMD_WRITES | 1 << CMD_COMMITS | 1 << CMD_ANSWERS,
		[CMD_BEFORE] = 1 << CMD_RUNS | 1 << CMD_ANSWERS,
		[CMD_LISTENS] = 1 << CMD_RUNS | 1 << CMD_ANSWERS,
		[CMD_WRITES] = 1 << CMD_RUNS,
		[CMD_COMMITS] = 1 << CMD_RUNS,
		[CMD_ANSWERS] = 0,
	};

	ensure(ways[cmd->phase] & (1 << phase));
	cmd->phase = phase;
}

enum status
cmd_hold(struct cmd *cmd, size_t n)
{
	enum status st = charge_part(&cmd->charge, &cmd->counted, cmd->arena.held + n);

	if (st == OK)
		cmd->holding = n;
	return st;
}

void
cmd_count(struct cmd *cmd)
{
	size_t now = cmd->arena.held + cmd->holding;

	ensure(cmd->counted <= cmd->charge.n); /* it is a part of the charge */
	charge_is(&cmd->charge, cmd->charge.n - cmd->counted + now);
	cmd->counted = now;
}

enum status
cmd_read_begin(struct cmd *cmd, struct db_txn **txn_r)
{
	enum status st = db_read_begin(cmd->session->imap->db, txn_r);

	cmd->step_start = 0;
	if (st == OK && cmd->session->actor.account != 0)
		db_read_account(*txn_r, cmd->session->actor.account);
	return st;
}

void
cmd_read_end(struct cmd *cmd, struct db_txn *txn)
{
	db_read_end(txn);
}

bool
cmd_turn(struct cmd *cmd)
{
	struct session *s = cmd->session;

	if (s->imap->door->pool == NULL)
		return true;
	if (cmd->turn.pool == NULL)
		heavy_init(&cmd->turn, s->imap->door->pool, s->conn, (uint64_t)s->actor.account);
	return heavy_enter(&cmd->turn);
}

void
cmd_turn_over(struct cmd *cmd)
{
	heavy_leave(&cmd->turn);
}

bool
cmd_spent(struct cmd *cmd)
{
	if (cmd->step_start == 0) {
		cmd->step_start = clock_mono();
		return false;
	}
	/* The clock is looked at each time: what lies between two looks may be the dearest program on the largest message, and a look is
	 * nothing beside that of the smallest. */
	return clock_mono() - cmd->step_start >= cmd->session->imap->settings.step_us;
}

enum cmd_next
cmd_pause(struct cmd *cmd)
{
	if (conn_out_full(cmd->session->conn))
		return CMD_WAIT_OUTPUT;
	return cmd_spent(cmd) ? CMD_AGAIN : CMD_DONE;
}

void
cmd_writes_to(struct cmd *cmd, int64_t owner)
{
	size_t at = 0;

	if (cmd->owners_n == 0)
		cmd->owners[cmd->owners_n++] = cmd->session->actor.account;
	while (at < cmd->owners_n && cmd->owners[at] < owner)
		at++;
	if (at < cmd->owners_n && cmd->owners[at] == owner)
		return;
	ensure(cmd->phase != CMD_WRITES && cmd->phase != CMD_COMMITS); /* the committer has been told whose they are */
	ensure(cmd->owners_n < sizeof(cmd->owners) / sizeof(*cmd->owners));
	memmove(cmd->owners + at + 1, cmd->owners + at, (cmd->owners_n - at) * sizeof(*cmd->owners));
	cmd->owners[at] = owner;
	cmd->owners_n++;
}

enum status
cmd_writes_name(struct cmd *cmd, struct str name)
{
	struct str inner;
	struct db_txn *txn;
	int64_t owner;
	enum status st;

	if (!mailbox_name_reserved(name))
		return OK;
	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return st;
	st = mailbox_where(&cmd->session->actor, txn, name, &owner, &inner);
	cmd_read_end(cmd, txn);
	if (st == OK)
		cmd_writes_to(cmd, owner);
	/* The change says so in its own words. */
	return st == ERR_NOT_FOUND ? OK : st;
}

/* The command's change, and what the mailbox is at behind it: on the committer's thread. */
static enum status
write_at_place(struct db_txn *txn, void *arg)
{
	struct cmd_place *place = arg;
	enum status st = place->fn(txn, place->arg), found = ERR_IO;

	if (st == OK)
		found = view_position(place->mailbox, txn, &place->modseq);
	/* It has ended: nothing of it comes later. */
	if (found != OK)
		place->modseq = found == ERR_NOT_FOUND ? UINT64_MAX : 0;
	return st;
}

/* Submits it; in the lane it runs behind the session's earlier ones. */
static enum cmd_next
submit(struct cmd *cmd, enum cmd_phase phase, db_write_fn fn, void *arg, cmd_done_fn *done)
{
	struct session *s = cmd->session;
	struct db_write w = {.fn = fn, .arg = arg, .what = cmd->row->name, .lane = (uint64_t)s->actor.account, .reserve = cmd->reserve};

	if (cmd->owners_n > 1) {
		w.accounts = cmd->owners;
		w.accounts_n = cmd->owners_n;
	}

	ensure(fn != NULL && done != NULL && cmd->row != NULL);
	/* Nobody's writes come between those of a command that writes several times. */
	ensure(cmd->done == NULL || s->committing == NULL);
	cmd->done = done;
	cmd->place = (struct cmd_place){.fn = fn, .arg = arg, .behind = s->committing != NULL};
	if (phase == CMD_COMMITS && s->selected != NULL && cmd_followed(cmd)) {
		cmd->place.mailbox = s->selected->view.grant.mailbox;
		w.fn = write_at_place;
		w.arg = &cmd->place;
	}
	cmd_enter(cmd, phase);
	change_submit(&cmd->change, s->conn, s->imap->db, &w);
	return CMD_WAIT_WAKE;
}

enum cmd_next
cmd_write(struct cmd *cmd, db_write_fn fn, void *arg, cmd_done_fn *done)
{
	return submit(cmd, CMD_WRITES, fn, arg, done);
}

enum cmd_next
cmd_write_last(struct cmd *cmd, db_write_fn fn, void *arg, cmd_done_fn *done)
{
	return submit(cmd, CMD_COMMITS, fn, arg, done);
}

void
cmd_read_line(struct cmd *cmd, size_t limit)
{
	ensure(limit > 0); /* 0 would be a command again */
	cmd->line_limit = limit;
}

void
cmd_continue(struct cmd *cmd, struct str text)
{
	ensure(cmd->phase == CMD_RUNS);
	out_continue(cmd_out(cmd), text);
}
