/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPEND (RFC 3501 6.3.11, RFC 4315). The message streams into a delivery as it comes; whatever goes wrong, the rest
 * of its bytes is read and thrown away (T86).
 */
#include "base/clock.h"
#include "deliver/deliver.h"
#include "imap/notify.h"
#include "imap/reply.h"

struct appending {
	struct args begin;      /* behind the command's name: what stands before the message is read from here */
	struct str name;
	struct arg_flags flags;
	bool dated;
	struct date_time date;
	uint32_t uidvalidity;
	struct delivery *d;
	bool binary;
	struct delivery_target target;
};

static enum cmd_next go_on(struct cmd *cmd);

static void
cleanup(struct cmd *cmd)
{
	struct appending *x = cmd->state;

	delivery_free(x->d);
}

/* ---- what stands before the message ---- */

/* mailbox [(flags)] ["date"], up to the message's announcer. ERR_AGAIN: one of them is a literal that must be collected. */
static enum status
parse(struct appending *x, struct args *a, uint64_t *size_r)
{
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_mailbox(a, &x->name)) != OK || (st = arg_space(a)) != OK)
		return st;
	if (arg_peek(a) == '(' && ((st = arg_flags(a, &x->flags)) != OK || (st = arg_space(a)) != OK))
		return st;
	if (arg_peek(a) == '"') {
		if ((st = arg_date_time(a, &x->date)) != OK || (st = arg_space(a)) != OK)
			return st;
		x->dated = true;
	}
	return arg_literal_streamed(a, size_r, &x->binary);
}

/* Before the client sends the message it learns whether there is a place for it. */
static enum status
find(struct cmd *cmd, struct appending *x)
{
	struct mailbox mb;
	struct db_txn *txn;
	enum status st;

	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return st;
	st = mailbox_find(&cmd->session->actor, txn, &cmd->arena, x->name, &mb);
	cmd_read_end(cmd, txn);
	if (st == OK && mb.noselect)
		st = ERR_NOT_FOUND;
	if (st != OK)
		return st;
	x->target.mailbox = mb.id;
	x->uidvalidity = mb.uidvalidity;
	return OK;
}

static enum cmd_next
refuse(struct cmd *cmd, enum status st)
{
	if (st == ERR_NOT_FOUND)
		return reply_trycreate(cmd);
	if (st == ERR_LIMIT)
		return reply_no(cmd, "TOOBIG", "The message is too big");
	return reply_status(cmd, st);
}

static enum cmd_next
at_literal(struct cmd *cmd)
{
	struct appending *x = cmd->state;
	struct session *s = cmd->session;
	struct args a = cmd->args;
	uint64_t size = 0;
	enum status st;

	a.at = x->begin.at;
	st = parse(x, &a, &size);
	if (st == ERR_AGAIN) {
		if (cmd_literal_collect(cmd) != OK)
			return reply_no(cmd, "TOOBIG", "The literal is too long");
		return CMD_WAIT_INPUT;
	}
	if (st != OK)
		return reply_syntax(cmd, st, "APPEND takes a mailbox, perhaps flags and a date, and a message");
	cmd->args = a;
	if (size > s->imap->settings.message_max)
		return refuse(cmd, ERR_LIMIT);
	if (size == 0)
		return reply_no(cmd, "CANNOT", "The message is empty");
	if ((st = find(cmd, x)) != OK)
		return refuse(cmd, st);
	x->d = delivery_new(s->imap->store, (uint64_t)s->actor.account, s->imap->settings.message_max);
	cmd_literal_stream(cmd);
	return CMD_WAIT_INPUT;
}

/* ---- the message ---- */

static enum status
append_fn(struct db_txn *txn, void *arg)
{
	struct appending *x = arg;

	return delivery_store(x->d, txn, &x->target, 1);
}

static enum cmd_next
appended(struct cmd *cmd, enum status st)
{
	struct appending *x = cmd->state;
	struct str code;

	if (st == OK)
		st = x->target.status;
	if (st == ERR_LIMIT)
		return reply_status(cmd, st);
	if (st != OK)
		return refuse(cmd, st);
	notify_own_uids(cmd->session, x->target.mailbox, x->target.uid, 1);
	code = arena_printf(&cmd->arena, "APPENDUID %u %u", x->uidvalidity, x->target.uid);
	return reply_ok_code(cmd, code, "APPEND completed");
}

static enum cmd_next
at_end(struct cmd *cmd)
{
	struct appending *x = cmd->state;
	enum status st;

	if (x->d == NULL || arg_end(&cmd->args) != OK)
		return reply_bad(cmd, "APPEND takes a mailbox, perhaps flags and a date, and a message");
	if ((st = delivery_finish(x->d)) != OK)
		return refuse(cmd, st);
	x->target.actor = cmd->session->actor;
	x->target.flags = (uint8_t)x->flags.system;
	x->target.keywords = x->flags.keywords;
	x->target.keywords_n = x->flags.n;
	x->target.internal_date = x->dated ? x->date.seconds : clock_seconds();
	x->target.zone = x->dated ? x->date.zone : 0;
	delivery_prepare(x->d, &x->target);
	return cmd_write(cmd, append_fn, x, appended);
}

static enum cmd_next
go_on(struct cmd *cmd)
{
	struct appending *x = cmd->state;
	enum status st;

	switch (cmd->at) {
	case CMD_AT_LITERAL:
		if (x->d == NULL)
			return at_literal(cmd);
		return reply_bad(cmd, "One message at a time");
	case CMD_AT_CHUNK:
		if ((st = delivery_add(x->d, cmd->chunk)) != OK)
			return refuse(cmd, st);
		return CMD_WAIT_INPUT;
	case CMD_AT_END:
		return at_end(cmd);
	default:
		return CMD_WAIT_INPUT;
	}
}

enum cmd_next
cmd_append(struct cmd *cmd)
{
	struct appending *x = arena_new(&cmd->arena, struct appending);

	x->begin = cmd->args;
	cmd->state = x;
	cmd->cleanup = cleanup;
	cmd->step = go_on;
	return go_on(cmd);
}
