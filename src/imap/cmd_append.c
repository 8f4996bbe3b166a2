/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPEND (RFC 3501 6.3.11, RFC 4315) and MULTIAPPEND (RFC 3502). Messages stream into deliveries as they come, invisibly; one
 * short commit stores all of them or none. REPLACE (RFC 8508) is the same for one message, and the commit also removes
 * one of the selected mailbox. Whatever goes wrong, the rest of the command is read and thrown away (T86).
 */
#include "base/clock.h"
#include "blob/blob.h"
#include "deliver/deliver.h"
#include "imap/notify.h"
#include "imap/reply.h"
#include "imap/set.h"
#include "wire/flag.h"

/* Messages of one command: they hold the writer together. interimap sends up to 128. */
#define PARTS_MAX 256
/* Bodies below a chunk stay in memory until the commit: so much of them in one command. */
#define SMALL_MAX (8u << 20)

/* One message. */
struct part {
	struct part *next;
	struct arg_flags flags;
	bool dated;
	struct date_time date;
	bool binary;
	bool utf8; /* written UTF8 (~{n}...) */
	struct delivery *d;
	struct delivery_target target;
};

struct appending {
	struct args begin;      /* behind the command's name: what stands before the first message is read from here */
	struct str name;
	int64_t mailbox;
	uint32_t uidvalidity;
	struct part *first, **tail; /* the last one is the one that comes */
	struct part *last;
	unsigned n;
	uint64_t small;         /* bytes of bodies in memory */
	/* REPLACE */
	bool replace;
	struct runs source;     /* the UID of the message that goes, in the selected mailbox */
	int64_t from;
	enum status source_status; /* why it cannot go */
	struct runs gone;
};

static enum cmd_next go_on(struct cmd *cmd);

static void
cleanup(struct cmd *cmd)
{
	struct appending *x = cmd->state;

	for (struct part *p = x->first; p != NULL; p = p->next)
		delivery_free(p->d);
	runs_free(&x->source);
	runs_free(&x->gone);
}

/* ---- what stands before a message ---- */

/* [(flags)] ["date"], up to the message's announcer. UTF8 (~{n}...) is how RFC 6855 4 wrote a message with UTF-8 in its header; RFC
 * 9755 B.1 has removed it, and to us it says nothing: clients write it around any message. */
static enum status
parse_part(struct part *p, struct args *a, uint64_t *size_r)
{
	enum status st;

	if ((st = arg_space(a)) != OK)
		return st;
	if (arg_peek(a) == '(' && ((st = arg_flags(a, &p->flags)) != OK || (st = arg_space(a)) != OK))
		return st;
	if (arg_peek(a) == '"') {
		if ((st = arg_date_time(a, &p->date)) != OK || (st = arg_space(a)) != OK)
			return st;
		p->dated = true;
	}
	if (arg_keyword(a, "UTF8")) {
		p->utf8 = true;
		if ((st = arg_space(a)) != OK || (st = arg_open(a)) != OK)
			return st;
	}
	if ((st = arg_literal_streamed(a, size_r, &p->binary)) == OK && p->utf8 && !p->binary)
		return ERR_BAD_INPUT;
	return st;
}

/* Behind a message's bytes. */
static enum status
parse_part_end(struct part *p, struct args *a)
{
	return p->utf8 ? arg_close(a) : OK;
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
	x->mailbox = mb.id;
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

/* REPLACE: which message goes (RFC 8508 5: a single number). ERR_NOT_FOUND: there is no such UID. */
static enum status
parse_source(struct cmd *cmd, struct appending *x, struct args *a)
{
	struct arg_set set = {0};
	struct db_txn *txn;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_set(a, &set)) != OK)
		return st;
	if (set.saved || (!set.star && runs_count(&set.runs) != 1) || (set.star && set.runs.n > 0)
	    || set.star_low != 0) {
		arg_set_free(&set);
		return ERR_BAD_INPUT;
	}
	if ((st = cmd_read_begin(cmd, &txn)) != OK) {
		arg_set_free(&set);
		return st;
	}
	runs_clear(&x->source);
	st = set_resolve(cmd, txn, &set, &x->source);
	cmd_read_end(cmd, txn);
	x->from = cmd->session->selected->view.mailbox;
	return st;
}

static const char usage[] = "The mailbox, perhaps flags and a date, and a message are wanted";

/* The message before is complete: what can be done without the writer is done now. */
static enum status
finish_part(struct cmd *cmd, struct appending *x, struct part *p)
{
	enum status st;

	if ((st = delivery_finish(p->d)) != OK)
		return st;
	if (delivery_size(p->d) < BLOB_CHUNK)
		x->small += delivery_size(p->d);
	p->target.actor = cmd->session->actor;
	p->target.mailbox = x->mailbox;
	p->target.flags = (uint8_t)p->flags.system;
	p->target.keywords = p->flags.keywords;
	p->target.keywords_n = p->flags.n;
	p->target.internal_date = p->dated ? p->date.seconds : clock_seconds();
	p->target.zone = p->dated ? p->date.zone : 0;
	delivery_prepare(p->d, &p->target);
	return OK;
}

/* The announcer of the first message, with the mailbox before it. ERR_AGAIN: that is a literal, which must be collected. */
static enum status
parse_first(struct cmd *cmd, struct part *p, struct args *a, uint64_t *size_r)
{
	struct appending *x = cmd->state;
	enum status st;

	a->at = x->begin.at;
	if (x->replace && (st = parse_source(cmd, x, a)) != OK)
		return st;
	if ((st = arg_space(a)) != OK || (st = arg_mailbox(a, &x->name)) != OK)
		return st;
	return parse_part(p, a, size_r);
}

static enum status
may_replace(struct cmd *cmd, struct appending *x)
{
	if (cmd->session->selected->view.read_only)
		return ERR_READ_ONLY;
	return x->source.n > 0 ? OK : ERR_NOT_FOUND;
}

static enum cmd_next
refuse_source(struct cmd *cmd, enum status st)
{
	if (st == ERR_NOT_FOUND)
		return reply_no(cmd, "NONEXISTENT", "There is no such message to replace");
	return reply_status(cmd, st);
}

static enum cmd_next
at_literal(struct cmd *cmd)
{
	struct appending *x = cmd->state;
	struct session *s = cmd->session;
	struct part *p = arena_new(&cmd->arena, struct part);
	struct args a = cmd->args;
	uint64_t size = 0;
	enum status st;

	if (x->last != NULL && (st = finish_part(cmd, x, x->last)) != OK)
		return refuse(cmd, st);
	if (x->last == NULL)
		st = parse_first(cmd, p, &a, &size);
	else if ((st = parse_part_end(x->last, &a)) == OK)
		st = parse_part(p, &a, &size);
	if (st == ERR_AGAIN && x->last == NULL) {
		if (cmd_literal_collect(cmd) != OK)
			return reply_no(cmd, "TOOBIG", "The literal is too long");
		return CMD_WAIT_INPUT;
	}
	if (st != OK)
		return reply_syntax(cmd, st == ERR_AGAIN ? ERR_BAD_INPUT : st, usage);
	cmd->args = a;
	if (size > s->imap->settings.message_max)
		return refuse(cmd, ERR_LIMIT);
	/* An empty message cancels all (RFC 3502). */
	if (size == 0)
		return reply_no(cmd, "CANNOT", "The message is empty");
	if (x->replace && x->n == 1)
		return reply_bad(cmd, "REPLACE takes one message"); /* RFC 8508 4.7 */
	if (x->n == PARTS_MAX || x->small > SMALL_MAX)
		return reply_no(cmd, "LIMIT", "Too many messages in one command");
	if (x->replace && (st = may_replace(cmd, x)) != OK)
		return refuse_source(cmd, st);
	if (x->n == 0 && (st = find(cmd, x)) != OK)
		return refuse(cmd, st);
	p->d = delivery_new(s->imap->store, (uint64_t)s->actor.account, s->imap->settings.message_max);
	*x->tail = x->last = p;
	x->tail = &p->next;
	x->n++;
	cmd_literal_stream(cmd);
	return CMD_WAIT_INPUT;
}

/* ---- the commit ---- */

/* The message that is replaced goes (RFC 8508 3.4): nobody sees it marked \Deleted in between. */
static enum status
remove_source(struct appending *x, struct db_txn *txn)
{
	static const struct flag_change mark = {.op = FLAGS_ADD, .flags = FLAG_DELETED};
	const struct actor *actor = &x->first->target.actor;
	struct flag_result marked = {0};
	uint64_t modseq;
	bool more;

	runs_clear(&x->gone);
	x->source_status = message_flags(actor, txn, x->from, &x->source, &mark, &marked);
	runs_free(&marked.changed);
	runs_free(&marked.failed);
	if (x->source_status == OK)
		x->source_status = message_expunge(actor, txn, x->from, &x->source, 1, &x->gone, &more, &modseq);
	/* Somebody else was faster. */
	if (x->source_status == OK && x->gone.n == 0)
		x->source_status = ERR_NOT_FOUND;
	return x->source_status;
}

static enum status
append_fn(struct db_txn *txn, void *arg)
{
	struct appending *x = arg;
	enum status st = OK;

	/* The first refusal undoes them all (RFC 3502). */
	for (struct part *p = x->first; p != NULL && st == OK; p = p->next)
		st = delivery_store(p->d, txn, &p->target, 1);
	x->source_status = OK;
	return st == OK && x->replace ? remove_source(x, txn) : st;
}

static enum cmd_next
appended(struct cmd *cmd, enum status st)
{
	struct appending *x = cmd->state;
	struct runs uids = {0};
	struct buf code = {0};
	struct str copy;

	if (x->source_status != OK)
		return refuse_source(cmd, x->source_status);
	if (st == ERR_LIMIT)
		return reply_status(cmd, st);
	if (st != OK)
		return refuse(cmd, st);
	/* One transaction gave them numbers in this order. */
	for (struct part *p = x->first; p != NULL; p = p->next)
		runs_add(&uids, p->target.uid, p->target.uid);
	notify_own_uids(cmd->session, x->mailbox, x->first->target.uid, x->n);
	buf_addf(&code, "APPENDUID %u ", x->uidvalidity);
	runs_print(&code, &uids);
	runs_free(&uids);
	copy = arena_str(&cmd->arena, buf_str(&code));
	buf_free(&code);
	if (x->replace) {
		/* Before the EXPUNGE, so that the client knows the new one first (RFC 8508 4.3). */
		out_code_begin(cmd_out(cmd), STR(""), "OK");
		buf_add(cmd_out(cmd), copy);
		out_code_end(cmd_out(cmd), "Replacement message is there");
		cmd->modseq_due = true;
		return reply_ok(cmd, "REPLACE completed");
	}
	return reply_ok_code(cmd, copy, "APPEND completed");
}

static enum cmd_next
at_end(struct cmd *cmd)
{
	struct appending *x = cmd->state;
	enum status st;

	if (x->last == NULL || parse_part_end(x->last, &cmd->args) != OK || arg_end(&cmd->args) != OK)
		return reply_bad(cmd, usage);
	if ((st = finish_part(cmd, x, x->last)) != OK)
		return refuse(cmd, st);
	return cmd_write(cmd, append_fn, x, appended);
}

static enum cmd_next
go_on(struct cmd *cmd)
{
	struct appending *x = cmd->state;
	enum status st;

	switch (cmd->at) {
	case CMD_AT_LITERAL:
		return at_literal(cmd);
	case CMD_AT_CHUNK:
		if ((st = delivery_add(x->last->d, cmd->chunk)) != OK)
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
	x->replace = cmd->row->flags & CMDF_REPLACE;
	x->tail = &x->first;
	cmd->state = x;
	cmd->cleanup = cleanup;
	cmd->step = go_on;
	return go_on(cmd);
}
