/* SPDX-License-Identifier: Apache-2.0 */
/* NOTIFY, RFC 5465. */
#include <stdlib.h>

#include "imap/commands.h"
#include "imap/core/capability.h"
#include "imap/core/reply.h"
#include "imap/fetch/fetch.h"
#include "imap/news/notify.h"

#define EVENTS_KNOWN                                                                                                   \
	"BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange"          \
	" ServerMetadataChange)"

static const struct {
	const char *name;
	unsigned event;
} event_names[] = {
	{"MESSAGENEW", NOTIFY_NEW},
	{"MESSAGEEXPUNGE", NOTIFY_EXPUNGE},
	{"FLAGCHANGE", NOTIFY_FLAGS},
	{"MAILBOXNAME", NOTIFY_NAME},
	{"SUBSCRIPTIONCHANGE", NOTIFY_SUBSCRIPTION},
	{"MAILBOXMETADATACHANGE", NOTIFY_METADATA},
	{"SERVERMETADATACHANGE", NOTIFY_SERVER_METADATA},
};

struct parser {
	struct cmd *cmd;
	struct args *a;
	struct notify *n;
	struct notify_group *groups;
	size_t groups_cap;
	bool bad_event;
	bool selected_seen;
};

/* "(uid flags)" after MessageNew: checked now, read again for each lot of new messages. */
static enum status
parse_items(struct parser *p, struct str *items_r)
{
	size_t from = p->a->at;
	struct fetch *f;
	enum status st;

	/* Once: they are kept as long as the session. */
	if (items_r->n > 0)
		return ERR_BAD_INPUT;
	f = arena_new(&p->cmd->arena, struct fetch);
	f->cmd = p->cmd;
	if ((st = fetch_parse(f, p->a)) != OK)
		return st;
	*items_r = arena_str(&p->n->arena, str_of(p->a->all.p + from, p->a->at - from));
	return OK;
}

static enum status
parse_event(struct parser *p, unsigned *events, struct str *items_r)
{
	struct str name;
	enum status st;

	if ((st = arg_atom_upper(p->a, &name)) != OK)
		return st;
	for (size_t i = 0; i < sizeof(event_names) / sizeof(event_names[0]); i++) {
		if (!str_eq(name, str_c(event_names[i].name)))
			continue;
		*events |= event_names[i].event;
		if (event_names[i].event == NOTIFY_NEW) {
			struct args next = *p->a;

			if (arg_peek(p->a) == ' ' && arg_space(&next) == OK && arg_peek(&next) == '(') {
				*p->a = next;
				return parse_items(p, items_r);
			}
		}
		return OK;
	}
	p->bad_event = true;
	return OK;
}

/* The rules of section 5: new and expunged messages go together, flag changes need both. */
static bool
sensible(unsigned events)
{
	unsigned both = events & (NOTIFY_NEW | NOTIFY_EXPUNGE);

	return both == (NOTIFY_NEW | NOTIFY_EXPUNGE) || (both == 0 && !(events & NOTIFY_FLAGS));
}

static enum status
parse_events(struct parser *p, unsigned *events_r, struct str *items_r)
{
	enum status st;

	*events_r = 0;
	if (arg_keyword(p->a, "NONE"))
		return OK;
	if ((st = arg_open(p->a)) != OK)
		return st;
	do {
		if ((st = parse_event(p, events_r, items_r)) != OK)
			return st;
	} while (arg_more(p->a));
	if ((st = arg_close(p->a)) != OK)
		return st;
	return p->bad_event || sensible(*events_r) ? OK : ERR_BAD_INPUT;
}

static enum status
parse_selected(struct parser *p, bool delayed)
{
	struct notify *n = p->n;
	unsigned events = 0;
	enum status st;

	if (p->selected_seen)
		return ERR_BAD_INPUT;
	p->selected_seen = true;
	if ((st = arg_space(p->a)) != OK || (st = parse_events(p, &events, &n->items)) != OK)
		return st;
	if (events & ~(unsigned)NOTIFY_MESSAGES)
		return ERR_BAD_INPUT;
	n->selected_events = events;
	if (events != 0)
		n->selected = delayed ? NOTIFY_DELAYED : NOTIFY_AT_ONCE;
	return OK;
}

static void
add_group(struct parser *p, const struct notify_group *g)
{
	if (p->n->n == p->groups_cap) {
		size_t cap = 2 * p->groups_cap + 4;

		p->n->groups = p->groups = arena_grow(&p->n->arena, p->groups, p->n->n, p->groups_cap, cap, sizeof(*p->groups));
		p->groups_cap = cap;
	}
	p->groups[p->n->n++] = *g;
}

static enum status
parse_group(struct parser *p)
{
	struct notify_group g = {0};
	struct str items = STR_NONE;
	enum status st;

	if ((st = arg_open(p->a)) != OK)
		return st;
	if (arg_keyword(p->a, "SELECTED-DELAYED"))
		st = parse_selected(p, true);
	else if (arg_keyword(p->a, "SELECTED"))
		st = parse_selected(p, false);
	else if ((st = mailbox_filter_parse(&g.filter, p->a, &p->n->arena, false)) == OK && (st = arg_space(p->a)) == OK &&
	    (st = parse_events(p, &g.events, &items)) == OK) {
		/* Only of the selected mailbox messages are fetched (8). */
		if (items.n > 0)
			return ERR_BAD_INPUT;
		if (g.events != 0)
			add_group(p, &g);
	}
	return st == OK ? arg_close(p->a) : st;
}

static enum status
parse_set(struct parser *p, bool *status_r)
{
	enum status st;

	*status_r = false;
	if ((st = arg_space(p->a)) != OK)
		return st;
	if (arg_keyword(p->a, "STATUS")) {
		*status_r = true;
		if ((st = arg_space(p->a)) != OK)
			return st;
	}
	do {
		if ((st = parse_group(p)) != OK)
			return st;
	} while (arg_more(p->a));
	return arg_end(p->a);
}

/* It watches already, and is the session's when all is told that it begins with. */
struct beginning {
	struct notify *n;
	bool status; /* STATUS was asked for */
	size_t at;
};

static void
notify_cleanup(struct cmd *cmd)
{
	notify_free(cmd->session, cmd_state(cmd, struct beginning)->n);
}

static enum cmd_next
set(struct cmd *cmd)
{
	struct beginning *b = cmd_state(cmd, struct beginning);

	notify_set(cmd->session, b->n);
	b->n = NULL;
	return reply_ok(cmd, "NOTIFY completed");
}

static enum cmd_next
tell_status(struct cmd *cmd)
{
	struct beginning *b = cmd_state(cmd, struct beginning);
	enum status st = OK;
	enum cmd_next next = notify_tell_status(cmd, b->n, &b->at, &st);

	if (next != CMD_DONE)
		return next;
	return st == OK ? set(cmd) : reply_status(cmd, st);
}

static enum cmd_next
begin(struct cmd *cmd)
{
	struct beginning *b = cmd_state(cmd, struct beginning);
	enum status st;
	enum cmd_next next = notify_begin(cmd, b->n, &st);

	if (next != CMD_DONE)
		return next;
	if (st == ERR_LIMIT)
		return reply_no(cmd, "NOTIFICATIONOVERFLOW", "There are too many mailboxes to watch");
	if (st != OK)
		return reply_status(cmd, st);
	cmd->step = b->status ? tell_status : set;
	return cmd->step(cmd);
}

enum cmd_next
cmd_notify(struct cmd *cmd)
{
	struct session *s = cmd->session;
	struct parser p = {.cmd = cmd, .a = &cmd->args};
	struct beginning *b;
	struct notify *n;
	bool status = false;
	enum status st = arg_space(p.a);

	if (!capability_on(s, "NOTIFY"))
		return reply_hidden(cmd);
	p.n = n = x_new(struct notify);
	if (st == OK && arg_keyword(p.a, "NONE"))
		st = arg_end(p.a);
	else if (st == OK)
		st = arg_keyword(p.a, "SET") ? parse_set(&p, &status) : ERR_BAD_INPUT;
	if (st != OK || p.bad_event) {
		notify_free(s, n);
		if (st != OK)
			return reply_syntax(cmd, st);
		return reply_no(cmd, EVENTS_KNOWN, "There is no such event here");
	}
	b = arena_new(&cmd->arena, struct beginning);
	b->n = n;
	cmd_state_set(cmd, struct beginning, b);
	cmd->cleanup = notify_cleanup;
	notify_index(n);
	b->status = status;
	cmd->step = begin;
	return begin(cmd);
}
