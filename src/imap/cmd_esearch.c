/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ESEARCH, RFC 7377: one program, asked in several mailboxes one after the other; the selected mailbox is the last of them, since it may take
 * the program over to keep its results up (RFC 5267). A mailbox in which nothing is found, or that disappears meanwhile, is not told of.
 */
#include "imap/commands.h"
#include "imap/core/mailbox_filter.h"
#include "imap/core/names.h"
#include "imap/core/reply.h"
#include "imap/core/selected.h"
#include "imap/news/context.h"
#include "imap/search/search_run.h"

#define FILTERS_MAX 100
/* Mailboxes of one command; more are refused (RFC 7377 2.4). */
#define MAILBOXES_MAX 10000

struct esearch {
	struct searching searching; /* first */
	struct mailbox_filter *filters;
	struct names names;         /* of all mailboxes */
	struct mailbox_index index; /* of the filters, while the names are looked through */
	bool indexed;
	size_t filters_n;
	bool selected;              /* the selected mailbox is among the sources */
	int64_t *targets;           /* all but the selected one */
	size_t n, at;
	struct str name;            /* of the one that is searched */
	struct search_elsewhere elsewhere;
	bool open;                  /* elsewhere is */
};

static cmd_fn next_mailbox;

static void
close_mailbox(struct esearch *x)
{
	x->searching.elsewhere = NULL;
	if (x->open)
		view_close(&x->elsewhere.view);
	arena_free(&x->elsewhere.arena);
	x->elsewhere = (struct search_elsewhere){0};
	x->open = false;
}

static void
esearch_cleanup(struct cmd *cmd)
{
	struct esearch *x = cmd_state(cmd, struct esearch);

	names_free(&x->names);
	if (x->indexed)
		mailbox_index_free(&x->index);
	close_mailbox(x);
	search_run_free(&x->searching);
}

/* ---- what is found ---- */

static enum cmd_next
telling(struct cmd *cmd)
{
	struct esearch *x = cmd_state(cmd, struct esearch);
	enum cmd_next next = search_tell(&x->searching.tell, cmd->session->conn);

	if (next != CMD_DONE)
		return next;
	cmd->step = next_mailbox;
	return CMD_AGAIN;
}

/* The selected mailbox is all that was asked for, and another session has deleted it. */
static bool
only_gone(const struct cmd *cmd)
{
	const struct esearch *x = cmd_state(cmd, struct esearch);

	return x->selected && x->n == 0 && cmd->session->selected->view.deleted;
}

static enum cmd_next
over(struct cmd *cmd)
{
	struct esearch *x = cmd_state(cmd, struct esearch);
	struct searching *s = &x->searching;
	struct search_return *r = &s->ret;
	struct view *v = s->search.query.env.view;

	if (r->save)
		search_return_saved(r, &s->uids, &s->uids, &cmd->session->selected->saved);
	cmd->step = next_mailbox;
	/* With COUNT and its like, too, silence is the answer where nothing is found (2.1); SAVE alone is quiet (RFC 5182 1). */
	if (s->uids.n == 0 || v->deleted || ((r->save || r->update) &&
	    !(r->min || r->max || r->all || r->count || r->relevancy || r->partial.given)))
		return CMD_AGAIN;
	s->tell = (struct search_tell){
		.ret = r,
		.found = &s->uids,
		.of = {
			.tag = cmd->tag,
			.mailbox = x->name,
			.uidvalidity = v->uidvalidity,
			.utf8 = session_utf8(cmd->session),
			.uid = true,
		},
		.modseq = search_modseq(s),
		.scores = (const uint8_t *)s->scores.p,
	};
	cmd->step = telling;
	return telling(cmd);
}

/* ---- the mailboxes ---- */

/* ERR_NOT_FOUND: gone, or not to be read by this user; passed over (2.2). */
static enum status
open_mailbox(struct cmd *cmd, int64_t mailbox)
{
	struct esearch *x = cmd_state(cmd, struct esearch);
	struct search_elsewhere *o = &x->elsewhere;
	struct mailbox mb;
	struct db_txn *txn;
	enum status st = cmd_read_begin(cmd, &txn);

	if (st != OK)
		return st;
	if ((st = mailbox_get(&cmd->session->actor, txn, &cmd->arena, mailbox, &mb)) == OK)
		st = mb.noselect ? ERR_NOT_FOUND : view_open(&o->view, &cmd->session->actor, txn, &mb, true);
	cmd_read_end(cmd, txn);
	if (st == ERR_NO_PERM)
		return ERR_NOT_FOUND;
	if (st != OK)
		return st;
	x->open = true;
	x->name = mb.name;
	/* As STATUS counts them. */
	if (!cmd_enabled(cmd, ENABLED_IMAP4REV2) && mb.recent_from < mb.uidnext)
		runs_add(&o->view.recent, mb.recent_from ? mb.recent_from : 1, mb.uidnext - 1);
	x->searching.elsewhere = o;
	return OK;
}

static enum status
name_selected(struct cmd *cmd)
{
	struct esearch *x = cmd_state(cmd, struct esearch);
	struct db_txn *txn;
	enum status st = cmd_read_begin(cmd, &txn);

	if (st != OK)
		return st;
	x->name = selected_name(cmd->session, txn, &cmd->arena);
	cmd_read_end(cmd, txn);
	return OK;
}

static enum cmd_next
finish(struct cmd *cmd)
{
	struct esearch *x = cmd_state(cmd, struct esearch);
	struct searching *s = &x->searching;
	const char *why = s->context ? search_cannot_keep(cmd) : NULL;

	close_mailbox(x);
	if (why == NULL && !x->selected)
		why = "The selected mailbox is not searched";
	if (s->context != NULL)
		context_keep(s->context, cmd->session, &s->search.query, &s->uids, NULL, why);
	s->context = NULL;
	return reply_ok(cmd, "ESEARCH completed");
}

/* Each in a step of its own, so that others have their turn between them. */
static enum cmd_next
next_mailbox(struct cmd *cmd)
{
	struct esearch *x = cmd_state(cmd, struct esearch);
	enum status st = ERR_NOT_FOUND;

	cmd->step_start = 0;
	if (x->at % 64 == 63 && conn_gone(cmd->session->conn))
		return CMD_ABORT;
	while (st == ERR_NOT_FOUND && x->at < x->n) {
		close_mailbox(x);
		search_forget(&x->searching);
		st = open_mailbox(cmd, x->targets[x->at++]);
		if (st == ERR_NOT_FOUND && cmd_spent(cmd))
			return CMD_AGAIN;
	}
	if (st == OK)
		return search_in(cmd);
	if (st != ERR_NOT_FOUND)
		return reply_status(cmd, st);
	if (!x->selected || x->at++ > x->n || cmd->session->selected->gone_told)
		return only_gone(cmd) ? reply_mailbox_gone(cmd) : finish(cmd);
	close_mailbox(x);
	search_forget(&x->searching);
	if ((st = name_selected(cmd)) != OK)
		return reply_status(cmd, st);
	return search_in(cmd);
}

static void
make_index(const struct esearch *x, struct mailbox_index *index_r)
{
	size_t names = 0;

	for (size_t i = 0; i < x->filters_n; i++)
		names += x->filters[i].n;
	mailbox_index_init(index_r, names);
	for (size_t i = 0; i < x->filters_n; i++)
		mailbox_index_add(index_r, &x->filters[i], 1);
	mailbox_index_sort(index_r);
}

/* Which of the names are meant; each comes once, whatever names it. */
static enum cmd_next
pick(struct cmd *cmd)
{
	struct esearch *x = cmd_state(cmd, struct esearch);
	const struct selected *sel = cmd->session->selected;
	enum cmd_next next = CMD_DONE;

	cmd->step_start = 0;
	for (; next == CMD_DONE && x->at < x->names.n; x->at++) {
		const struct mailbox *mb = &x->names.mb[x->at];

		next = cmd_pause(cmd);
		if (mb->noselect || mailbox_need(mb, RIGHT_READ) != OK || !mailbox_index_bits(&x->index, mb->name, mb->account == cmd->session->actor.account, mb->subscribed))
			continue;
		if (sel != NULL && sel->view.grant.mailbox == mb->id)
			x->selected = true;
		else
			x->targets[x->n++] = mb->id;
	}
	if (next != CMD_DONE)
		return next;
	if (x->n > MAILBOXES_MAX)
		return reply_no(cmd, "LIMIT", "There are too many mailboxes to search");
	if (x->searching.context)
		x->searching.context->esearch = true;
	x->at = 0;
	cmd->step = next_mailbox;
	return next_mailbox(cmd);
}

static enum cmd_next
named(struct cmd *cmd)
{
	struct esearch *x = cmd_state(cmd, struct esearch);

	x->targets = arena_array(&cmd->arena, x->names.n + 1, sizeof(*x->targets));
	make_index(x, &x->index);
	x->indexed = true;
	cmd->step = pick;
	return pick(cmd);
}

static enum cmd_next
open_some(struct cmd *cmd)
{
	return names_take(cmd, &cmd_state(cmd, struct esearch)->names, named);
}

/* Finds out which mailboxes are searched. */
static enum cmd_next
open_all(struct cmd *cmd)
{
	cmd->step = open_some;
	return open_some(cmd);
}

/* ---- reading ---- */

/* "IN (filter ...)", and the space behind it. */
static enum status
parse_sources(struct esearch *x, struct args *a, bool *others_r)
{
	enum status st;

	if (!arg_keyword(a, "IN")) {
		x->selected = true;
		return OK;
	}
	x->filters = arena_array(a->arena, FILTERS_MAX, sizeof(*x->filters));
	if ((st = arg_space(a)) != OK || (st = arg_open(a)) != OK)
		return st;
	do {
		struct mailbox_filter *f = &x->filters[x->filters_n];

		if (x->filters_n == FILTERS_MAX)
			return ERR_LIMIT;
		if ((st = mailbox_filter_parse(f, a, a->arena, true)) != OK)
			return st;
		x->filters_n++;
		x->selected |= f->kind == MAILBOXES_SELECTED;
		*others_r |= f->kind != MAILBOXES_SELECTED;
	} while (arg_more(a));
	return (st = arg_close(a)) != OK ? st : arg_space(a);
}

enum cmd_next
cmd_esearch(struct cmd *cmd)
{
	struct esearch *x = arena_new(&cmd->arena, struct esearch);
	struct search_return *r = &x->searching.ret;
	bool others = false;
	enum status st;

	cmd_state_set_with(cmd, struct esearch, x, struct searching, searching);
	cmd->cleanup = esearch_cleanup;
	cmd->uid = true; /* whatever is searched (2.1) */
	x->searching.over = over;
	x->searching.open = open_all;
	if ((st = arg_space(&cmd->args)) != OK || (st = parse_sources(x, &cmd->args, &others)) != OK ||
	    (st = search_return_parse(r, cmd)) != OK)
		return search_refuse(cmd, st);
	if ((x->selected || r->update || r->save) && cmd->session->selected == NULL)
		return reply_bad(cmd, "Select a mailbox first");
	if (r->save && others)
		return reply_bad(cmd, "SAVE is for the selected mailbox alone");
	if (!r->given)
		r->all = true;
	r->given = true;
	x->searching.heavy_always = others;
	return search_run(cmd, false);
}
