/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPEND (RFC 3501 6.3.11, RFC 4315), MULTIAPPEND (RFC 3502), and the pieces of CATENATE (RFC 4469). Messages stream into deliveries as
 * they come, invisibly; one short commit stores all of them or none. REPLACE (RFC 8508) is the same for one message, and the
 * commit also removes one of the selected mailbox. Whatever goes wrong, the rest of the command is read and thrown away (T86).
 *
 * The command is read in stretches that end at a literal or at its end. at_message() and at_item() each take one thing off the stretch and
 * return CMD_AGAIN for the next; cmd->args stands behind what was taken.
 */
#include "base/clock.h"
#include "imap/append.h"
#include "imap/commands.h"
#include "imap/core/language.h"
#include "imap/core/limit.h"
#include "imap/core/reply.h"
#include "imap/literal.h"
#include "imap/news/notify.h"
#include "store/account.h"
#include "store/quota.h"
#include "wire/flag.h"
#include "wire/imap_url.h"

/* Messages of one command: one commit stores them, some tens of microseconds each. interimap sends up to 128. */
#define MESSAGES_MAX 1000
/* What one commit writes: the rows of all messages, and bodies below a chunk, which stay in memory until then. */
#define WEIGHT_MAX (16u << 20)
/* Microseconds of copying in one step. */
#define STEP_US 4000


static enum cmd_next go_on(struct cmd *cmd);

static void
append_cleanup(struct cmd *cmd)
{
	struct appending *x = cmd_state(cmd, struct appending);

	for (struct append_message *m = x->first; m != NULL; m = m->next)
		delivery_free(m->d);
	runs_free(&x->source);
	runs_free(&x->gone);
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

/* ---- what stands before a message ---- */

/* How the message's bytes are written: a literal, or the items of a list. */
struct data {
	bool list;     /* CATENATE ( */
	bool wrapped;  /* UTF8 ( */
	uint64_t size; /* of the literal */
};

/* The announcer of the literal that comes. */
static enum status
parse_announcer(struct args *a, struct data *d, bool *binary_r)
{
	enum status st = arg_literal_streamed(a, &d->size, binary_r);

	return st == OK && a->at != a->all.n ? ERR_BAD_INPUT : st;
}

/* UTF8 (~{n}...) is how RFC 6855 4 wrote a message with UTF-8 in its header. RFC 9755 B.1 has removed it; to us it says nothing: clients write
 * it around any message. */
static enum status
parse_wrapped(struct args *a, struct data *d)
{
	bool binary;
	enum status st;

	d->wrapped = true;
	if ((st = arg_space(a)) != OK || (st = arg_open(a)) != OK || (st = parse_announcer(a, d, &binary)) != OK)
		return st;
	return binary ? OK : ERR_BAD_INPUT;
}

/* append-data (RFC 4466 6, RFC 4469 5) */
static enum status
parse_data(struct args *a, struct data *d)
{
	bool binary;
	enum status st;

	if (arg_keyword(a, "UTF8"))
		return parse_wrapped(a, d);
	if (!arg_keyword(a, "CATENATE"))
		return parse_announcer(a, d, &binary);
	d->list = true;
	if ((st = arg_space(a)) != OK)
		return st;
	return arg_open(a);
}

/* [(flags)] ["date"], and the beginning of the data. */
static enum status
parse_message(struct append_message *m, struct args *a, struct data *d)
{
	struct message_new *new = &m->target.message;
	struct arg_flags flags = {0};
	struct date_time date = {0};
	enum status st;

	if ((st = arg_space(a)) != OK)
		return st;
	if (arg_peek(a) == '(' && ((st = arg_flags(a, &flags)) != OK || (st = arg_space(a)) != OK))
		return st;
	if (arg_peek(a) == '"') {
		if ((st = arg_date_time(a, &date)) != OK || (st = arg_space(a)) != OK)
			return st;
		m->dated = true;
	}
	new->flags = (uint8_t)flags.system;
	new->keywords = flags.keywords;
	new->keywords_n = flags.n;
	new->internal_date = date.seconds;
	new->zone = date.zone;
	return parse_data(a, d);
}

/* The first message, with the mailbox before it. ERR_AGAIN: that is a literal, which must be collected. */
static enum status
parse_first(struct cmd *cmd, struct append_message *m, struct args *a, struct data *d)
{
	struct appending *x = cmd_state(cmd, struct appending);
	enum status st;

	*a = x->begin;
	args_extend(a, cmd->args.all);
	if (x->replace && (st = append_source_parse(cmd, a)) != OK)
		return st;
	if ((st = arg_space(a)) != OK || (st = arg_mailbox(a, &x->name)) != OK)
		return st;
	return parse_message(m, a, d);
}

/* ---- messages ---- */

/* Before the client sends the message it learns whether there is a place for it. */
static enum status
append_find(struct cmd *cmd, struct appending *x)
{
	struct mailbox mb;
	struct db_txn *txn;
	enum status st;

	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return st;
	st = mailbox_find(&cmd->session->actor, txn, &cmd->arena, x->name, &mb);
	if (st == OK && mb.noselect)
		st = ERR_NOT_FOUND;
	if (st == OK)
		st = grant_make(&cmd->session->actor, txn, &mb, &x->grant);
	if (st == OK)
		st = grant_need(&x->grant, RIGHT_INSERT);
	cmd_read_end(cmd, txn);
	if (st != OK)
		return st;
	x->uidvalidity = mb.uidvalidity;
	return OK;
}

/* So much more than the messages before it: what has no room need not be sent. Those whose changes are not there yet may make some, and what is replaced
 * leaves some. */
static enum status
append_room(struct cmd *cmd, const struct appending *x, uint64_t size)
{
	struct db_txn *txn;
	enum status st;

	if (x->replace || cmd_ahead(cmd))
		return OK;
	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return st;
	st = quota_room(cmd->session->imap->store, txn, x->grant.owner, (int64_t)x->n + 1, (int64_t)(x->bytes + size));
	cmd_read_end(cmd, txn);
	return st == ERR_NOT_FOUND ? OK : st;
}

/* The open message is complete: what can be done without the writer is done now. */
static enum status
finish_message(struct cmd *cmd, struct appending *x)
{
	struct append_message *m = x->open;
	enum status st;

	if ((st = delivery_finish(m->d)) != OK)
		return st;
	x->weight += delivery_weight(m->d);
	x->bytes += delivery_size(m->d);
	m->target.grant = x->grant;
	if (!m->dated)
		m->target.message.internal_date = clock_seconds();
	delivery_prepare(m->d, &m->target, &cmd->arena);
	x->open = NULL;
	return OK;
}

/* A literal of the open message comes in. */
static enum cmd_next
take_literal(struct cmd *cmd, const struct data *d)
{
	struct appending *x = cmd_state(cmd, struct appending);

	if (d->size > session_message_max(cmd->session) - delivery_size(x->open->d))
		return refuse(cmd, ERR_LIMIT);
	x->wrapped = d->wrapped;
	cmd_literal_stream(cmd);
	return CMD_WAIT_INPUT;
}

/* The next literal belongs to the command itself, if it is not longer than max. */
static enum cmd_next
collect(struct cmd *cmd, uint64_t max)
{
	if (cmd->session->reader.literal.size > max || cmd_literal_collect(cmd) != OK)
		return reply_no(cmd, "TOOBIG", "The literal is too long");
	return CMD_WAIT_INPUT;
}

/* CMD_AGAIN, or the reply that says why not. */
static enum cmd_next
may_begin(struct cmd *cmd, const struct data *d)
{
	struct appending *x = cmd_state(cmd, struct appending);
	uint64_t max;
	enum status st;

	if (d->size > session_message_max(cmd->session))
		return refuse(cmd, ERR_LIMIT);
	/* An empty message cancels all (RFC 3502). */
	if (d->size == 0 && !d->list)
		return reply_no(cmd, "CANNOT", "The message is empty");
	if (x->replace && x->n == 1)
		return reply_bad(cmd, "REPLACE takes one message"); /* RFC 8508 4.7 */
	if ((max = cmd_save_max(cmd)) > 0 && x->n >= max)
		return limit_refuse(cmd, max, 0);
	if (x->n == MESSAGES_MAX || x->weight > WEIGHT_MAX)
		return reply_no(cmd, "LIMIT", "Too many messages in one command");
	if ((st = cmd_hold(cmd, 0)) != OK)
		return refuse(cmd, st);
	if (x->replace && (st = append_source_check(cmd)) != OK)
		return append_source_refuse(cmd, st);
	if ((x->n == 0 && (st = append_find(cmd, x)) != OK) || (st = append_room(cmd, x, d->size)) != OK)
		return refuse(cmd, st);
	return CMD_AGAIN;
}

static enum cmd_next
begin_message(struct cmd *cmd, struct append_message *m, const struct data *d)
{
	struct appending *x = cmd_state(cmd, struct appending);
	struct session *s = cmd->session;
	enum cmd_next next = may_begin(cmd, d);

	if (next != CMD_AGAIN)
		return next;
	m->d = delivery_new(s->imap->store, (uint64_t)s->actor.account, session_message_max(s), &cmd->charge);
	*x->tail = x->open = m;
	x->tail = &m->next;
	x->n++;
	x->list = d->list;
	x->items = 0;
	return x->list ? CMD_AGAIN : take_literal(cmd, d);
}

static enum cmd_next commit(struct cmd *cmd);

/* Between messages. */
static enum cmd_next
at_message(struct cmd *cmd)
{
	struct appending *x = cmd_state(cmd, struct appending);
	struct append_message *m;
	struct args a = cmd->args;
	struct data d = {0};
	enum status st;

	if (x->open != NULL && (st = finish_message(cmd, x)) != OK)
		return refuse(cmd, st);
	if (x->over && x->n > 0 && arg_end(&a) == OK)
		return commit(cmd);
	m = arena_new(&cmd->arena, struct append_message);
	st = x->n == 0 ? parse_first(cmd, m, &a, &d) : parse_message(m, &a, &d);
	if (st == ERR_AGAIN && x->n == 0 && !x->over)
		return collect(cmd, UINT64_MAX);
	if (st == OK && x->over && !d.list)
		st = ERR_BAD_INPUT;
	args_take_fault(&cmd->args, &a);
	if (st != OK)
		return reply_syntax(cmd, st == ERR_AGAIN ? ERR_BAD_INPUT : st);
	/* A URL may mean a message of the APPEND before, which is not stored yet (imap/ahead.h). */
	if (d.list && cmd_ahead(cmd))
		return CMD_WAIT_WAKE;
	cmd->args = a;
	return begin_message(cmd, m, &d);
}

/* ---- CATENATE's list ---- */

/* cat-part (RFC 4469 5). A literal8 is taken as TEXT too: BINARY lets APPEND have it (RFC 3516 4.4). */
static enum status
parse_item(struct args *a, struct data *d, struct str *url_r)
{
	bool binary;
	enum status st;

	if (arg_keyword(a, "UTF8"))
		return parse_wrapped(a, d);
	if (arg_keyword(a, "TEXT"))
		return (st = arg_space(a)) != OK ? st : parse_announcer(a, d, &binary);
	if (!arg_keyword(a, "URL"))
		return ERR_BAD_INPUT;
	return (st = arg_space(a)) != OK ? st : arg_astring(a, url_r);
}

static enum cmd_next
end_list(struct cmd *cmd)
{
	struct appending *x = cmd_state(cmd, struct appending);

	x->list = false;
	/* At least one item is wanted. */
	if (arg_close(&cmd->args) != OK || x->items == 0)
		return reply_bad(cmd, "CATENATE takes a list of TEXT literals and URLs");
	if (delivery_size(x->open->d) == 0)
		return reply_no(cmd, "CANNOT", "The message is empty");
	return CMD_AGAIN;
}

static enum cmd_next
at_item(struct cmd *cmd)
{
	struct appending *x = cmd_state(cmd, struct appending);
	struct args a = cmd->args;
	struct str url = STR_NONE;
	struct data d = {0};
	enum status st;

	if (!arg_more(&a))
		return end_list(cmd);
	st = parse_item(&a, &d, &url);
	if (st == ERR_AGAIN && !x->over)
		return collect(cmd, IMAP_URL_MAX);
	args_take_fault(&cmd->args, &a);
	if (st != OK || (x->over && url.p == NULL))
		return reply_syntax_of(cmd, st == ERR_LIMIT ? st : ERR_BAD_INPUT, "CATENATE takes TEXT literals and URLs");
	cmd->args = a;
	x->items++;
	if (url.p == NULL)
		return take_literal(cmd, &d);
	st = append_url_begin(cmd, url);
	return st == OK ? CMD_AGAIN : append_url_refuse(cmd, st);
}

static enum cmd_next
copy(struct cmd *cmd)
{
	enum status st = append_url_copy(cmd);

	if (st == ERR_AGAIN)
		return CMD_WAIT_WAKE;
	return st == OK ? CMD_AGAIN : append_url_refuse(cmd, st);
}

/* Goes through the stretch of the command that is there. */
static enum cmd_next
advance(struct cmd *cmd)
{
	struct appending *x = cmd_state(cmd, struct appending);
	int64_t start = clock_mono();
	enum cmd_next next;

	do {
		if (x->url.left > 0)
			next = copy(cmd);
		else if (x->wrapped && arg_close(&cmd->args) != OK)
			next = reply_usage(cmd);
		else {
			x->wrapped = false;
			next = x->list ? at_item(cmd) : at_message(cmd);
		}
	} while (next == CMD_AGAIN && clock_mono() - start < STEP_US);
	return next == CMD_AGAIN && conn_gone(cmd->session->conn) ? CMD_ABORT : next;
}

/* ---- the commit ---- */

static enum status
append_fn(struct db_txn *txn, void *arg)
{
	struct appending *x = arg;
	struct account_usage before;
	enum status st = OK;

	x->source_status = OK;
	x->over_quota = false;
	/* What is replaced makes room for what replaces it. */
	if (x->replace && (st = account_usage(txn, x->grant.owner, &before)) == OK) {
		x->targets[0]->message.before = &before;
		st = append_source_remove(x, txn);
	}
	x->targets[0]->message.over_r = &x->over_quota;
	/* The first refusal undoes them all (RFC 3502). */
	if (st == OK)
		st = delivery_store_all(x->deliveries, x->targets, x->n, txn);
	x->targets[0]->message.before = NULL;
	return st;
}

static enum cmd_next
appended(struct cmd *cmd, enum status st)
{
	struct appending *x = cmd_state(cmd, struct appending);
	struct runs uids = {0};
	struct buf code = {0};
	struct str copy;

	if (x->source_status != OK)
		return append_source_refuse(cmd, x->source_status);
	if (st == ERR_LIMIT)
		return reply_status(cmd, st);
	if (st != OK)
		return refuse(cmd, st);
	/* One transaction gave them numbers in this order. */
	for (struct append_message *m = x->first; m != NULL; m = m->next)
		runs_add(&uids, m->target.uid, m->target.uid);
	notify_own_uids(cmd->session, x->grant.mailbox, x->first->target.uid, x->n);
	/* Numbers are for who may read there (RFC 4315 4). */
	if (x->grant.rights & RIGHT_READ) {
		buf_addf(&code, "APPENDUID %u ", x->uidvalidity);
		runs_print(&code, &uids);
	}
	runs_free(&uids);
	if (x->over_quota)
		reply_over_quota(cmd);
	copy = arena_str(&cmd->arena, buf_str(&code));
	buf_free(&code);
	if (x->replace) {
		/* Before the EXPUNGE, so that the client knows the new one first (RFC 8508 4.3). */
		if (copy.n > 0) {
			out_code_begin(cmd_out(cmd), STR(""), "OK");
			buf_add(cmd_out(cmd), copy);
			out_code_end(cmd_out(cmd), language_text(cmd->session, "Replacement message is there"));
		}
		cmd->modseq_due = cmd->worked_on = true;
		return reply_ok(cmd, "REPLACE completed");
	}
	return reply_ok_code(cmd, copy, "APPEND completed");
}

static enum cmd_next
commit(struct cmd *cmd)
{
	struct appending *x = cmd_state(cmd, struct appending);
	size_t n = 0;

	x->deliveries = arena_array(&cmd->arena, x->n, sizeof(*x->deliveries));
	x->targets = arena_array(&cmd->arena, x->n, sizeof(*x->targets));
	for (struct append_message *m = x->first; m != NULL; m = m->next) {
		x->deliveries[n] = m->d;
		x->targets[n++] = &m->target;
	}
	cmd->held = x->weight;
	cmd_writes_to(cmd, x->grant.owner);
	if (x->replace)
		cmd_writes_to(cmd, x->from.owner);
	return cmd_write_last(cmd, append_fn, x, appended);
}

static enum cmd_next
go_on(struct cmd *cmd)
{
	struct appending *x = cmd_state(cmd, struct appending);
	enum status st;

	if (cmd->at == CMD_AT_CHUNK) {
		if ((st = delivery_add(x->open->d, cmd->chunk)) != OK)
			return refuse(cmd, st);
		return CMD_WAIT_INPUT;
	}
	if (cmd->at != CMD_AT_EVENT)
		x->over = cmd->at == CMD_AT_END;
	return advance(cmd);
}

enum cmd_next
cmd_append(struct cmd *cmd)
{
	struct appending *x = arena_new(&cmd->arena, struct appending);

	x->begin = cmd->args;
	x->replace = cmd->row->flags & CMDF_REPLACE;
	x->tail = &x->first;
	cmd_state_set(cmd, struct appending, x);
	cmd->cleanup = append_cleanup;
	cmd->step = go_on;
	return go_on(cmd);
}
