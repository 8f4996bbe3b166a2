/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LIST and LSUB (RFC 3501 6.3.8, 6.3.9), with the options of RFC 5258, RFC 6154 and RFC 5819. \HasChildren and the special use are told
 * always, asked for or not (T26).
 */
#include "base/map.h"
#include "imap/commands.h"
#include "imap/core/condstore.h"
#include "imap/core/list_match.h"
#include "imap/core/metadata_print.h"
#include "imap/core/names.h"
#include "imap/core/reply.h"
#include "imap/core/rights_print.h"
#include "imap/core/special.h"
#include "imap/core/status_item.h"

#define PATTERNS_MAX 100

enum {
	SELECT_SUBSCRIBED = 1 << 0,
	SELECT_SPECIAL = 1 << 1,
	SELECT_RECURSIVE = 1 << 2,
	RETURN_SUBSCRIBED = 1 << 3,
	RETURN_STATUS = 1 << 4,
	RETURN_METADATA = 1 << 6, /* RFC 9590 */
	RETURN_MYRIGHTS = 1 << 7, /* RFC 8440 */
	EXTENDED = 1 << 5, /* some option or several patterns were given */
};

/* A name that may be told. */
struct name {
	struct str name;
	const struct mailbox *mb; /* NULL: there is no such mailbox */
	bool subscribed;
	bool selected;            /* it fits the selection options */
	bool child;               /* something below it does */
	bool hidden;              /* and is not told itself: its name does not match the patterns */
};

struct listing {
	struct names mailboxes;
	unsigned options;
	unsigned status;          /* items of RETURN (STATUS ...) */
	struct metadata_ask metadata; /* of RETURN (METADATA ...) */
	bool lsub;
	bool rev2;                /* RFC 9051 7.3.1: \NonExistent in every LIST */
	struct list_match **match;
	size_t matches;
	bool root;                /* the pattern is empty: only the separator is asked for */
	struct name **names;
	size_t n, cap, at;
	size_t n_real;            /* those that are told on account of themselves; behind them what stands above them */
	enum { COLLECT, MARK, TELL } phase;
	struct map by_name;       /* to struct name, for selections */
	size_t mapped;            /* bytes that it takes */
	struct metadata_print print; /* of the name before at */
	bool printing;
};

static void
cleanup(struct cmd *cmd)
{
	struct listing *l = cmd_state(cmd, struct listing);

	names_free(&l->mailboxes);
	metadata_print_free(&l->print);
	map_free(&l->by_name);
}

/* ---- arguments ---- */

static enum status
parse_selection(struct listing *l, struct args *a)
{
	struct str word;
	enum status st;

	if ((st = arg_open(a)) != OK)
		return st;
	while (arg_more(a)) {
		size_t at = a->at;

		if (arg_atom_upper(a, &word) != OK)
			return arg_expect(a, EXPECT_LIST_OPTION);
		if (str_eq(word, STR("SUBSCRIBED")))
			l->options |= SELECT_SUBSCRIBED | RETURN_SUBSCRIBED;
		else if (str_eq(word, STR("SPECIAL-USE")))
			l->options |= SELECT_SPECIAL;
		else if (str_eq(word, STR("RECURSIVEMATCH")))
			l->options |= SELECT_RECURSIVE;
		else if (!str_eq(word, STR("REMOTE")))
			return arg_expect_at(a, at, EXPECT_LIST_OPTION);
	}
	/* RECURSIVEMATCH is nothing alone (RFC 5258 3.1). */
	if ((l->options & SELECT_RECURSIVE) && !(l->options & (SELECT_SUBSCRIBED | SELECT_SPECIAL)))
		return arg_expect(a, EXPECT_LIST_OPTION);
	l->options |= EXTENDED;
	return (st = arg_close(a)) != OK ? st : arg_space(a);
}

static enum status
parse_return(struct cmd *cmd, struct listing *l)
{
	struct args *a = &cmd->args;
	struct str word;
	enum status st;

	if ((st = arg_space(a)) != OK)
		return st;
	if (!arg_keyword(a, "RETURN"))
		return arg_expect(a, EXPECT_END);
	if ((st = arg_space(a)) != OK || (st = arg_open(a)) != OK)
		return st;
	while (arg_more(a)) {
		size_t at = a->at;

		if (arg_atom_upper(a, &word) != OK)
			return arg_expect(a, EXPECT_LIST_OPTION);
		if (str_eq(word, STR("SUBSCRIBED"))) {
			l->options |= RETURN_SUBSCRIBED;
		} else if (str_eq(word, STR("STATUS"))) {
			l->options |= RETURN_STATUS;
			if ((st = arg_space(a)) != OK || (st = status_items_parse(a, &l->status)) != OK)
				return st;
		} else if (str_eq(word, STR("METADATA"))) {
			l->options |= RETURN_METADATA;
			if ((st = arg_space(a)) != OK || (st = metadata_ask_parse(cmd, &l->metadata)) != OK)
				return st;
		} else if (str_eq(word, STR("MYRIGHTS"))) {
			l->options |= RETURN_MYRIGHTS;
		} else if (!str_eq(word, STR("CHILDREN")) && !str_eq(word, STR("SPECIAL-USE"))) {
			return arg_expect_at(a, at, EXPECT_LIST_OPTION);
		}
	}
	l->options |= EXTENDED;
	return arg_close(a);
}

static enum status
parse_pattern(struct cmd *cmd, struct listing *l, struct str reference)
{
	struct str pattern;
	enum status st;

	if ((st = arg_list_pattern(&cmd->args, &pattern)) != OK)
		return st;
	if (l->matches >= PATTERNS_MAX)
		return ERR_LIMIT;
	/* What can be no name is matched by none (T105). */
	if (pattern.p == NULL || reference.p == NULL)
		return OK;
	if (pattern.n == 0) {
		l->root = true;
		return OK;
	}
	if (reference.n)
		pattern = arena_printf(&cmd->arena, "%.*s%.*s", STR_FMT(reference), STR_FMT(pattern));
	return list_match_new(&cmd->arena, pattern, &l->match[l->matches++]);
}

static enum status
parse_patterns(struct cmd *cmd, struct listing *l, struct str reference)
{
	struct args *a = &cmd->args;
	enum status st;

	l->match = arena_array(&cmd->arena, PATTERNS_MAX, sizeof(*l->match));
	/* LSUB has no list of them; in LIST's is one at least (RFC 5258 6). */
	if (l->lsub || arg_peek(a) != '(')
		return parse_pattern(cmd, l, reference);
	if ((st = arg_open(a)) != OK)
		return st;
	l->options |= EXTENDED;
	do
		st = parse_pattern(cmd, l, reference);
	while (st == OK && arg_more(a));
	return st == OK ? arg_close(a) : st;
}

static enum status
parse(struct cmd *cmd, struct listing *l)
{
	struct args *a = &cmd->args;
	struct str reference;
	enum status st;

	if ((st = arg_space(a)) != OK)
		return st;
	if (!l->lsub && arg_peek(a) == '(' && (st = parse_selection(l, a)) != OK)
		return st;
	if ((st = arg_reference(a, &reference)) != OK || (st = arg_space(a)) != OK ||
	    (st = parse_patterns(cmd, l, reference)) != OK)
		return st;
	if (!l->lsub && arg_end(a) != OK && (st = parse_return(cmd, l)) != OK)
		return st;
	/* With an empty pattern among several, or with options, it is no question for the separator (RFC 5258 3). */
	if (l->options & EXTENDED)
		l->root = false;
	return arg_end(a);
}

/* ---- which names ---- */

static struct name *
name_add(struct cmd *cmd, struct listing *l, struct str s)
{
	struct name *n = arena_new(&cmd->arena, struct name);

	n->name = s;
	if (l->n == l->cap) {
		l->cap = l->cap * 2 + 64;
		l->names = arena_copy(&cmd->arena, l->names, l->n, l->cap, sizeof(struct name *));
	}
	l->names[l->n++] = n;
	return n;
}

/* Beside the copy of its key. */
#define SLOT_BYTES 64

static void
name_map(struct listing *l, struct name *n)
{
	(void)map_put(&l->by_name, n->name, n);
	l->mapped += n->name.n + SLOT_BYTES;
}

/* s lives as long as the command. */
static struct name *
name_get(struct cmd *cmd, struct listing *l, struct str s)
{
	struct name *n = map_get(&l->by_name, s);

	if (n == NULL) {
		n = name_add(cmd, l, s);
		name_map(l, n);
	}
	return n;
}

static bool
matches(struct listing *l, struct str name)
{
	for (size_t i = 0; i < l->matches; i++)
		if (list_match(l->match[i], name))
			return true;
	return false;
}

/* Marks what stands above a name. */
static void
mark_above(struct cmd *cmd, struct listing *l, struct str s)
{
	bool told = matches(l, s);

	for (size_t i = s.n; i-- > 1;) {
		struct name *above;

		if (s.p[i] != '/')
			continue;
		above = name_get(cmd, l, str_head(s, i));
		/* What stands above that is marked, too. */
		if (above->child && (told || above->hidden))
			return;
		above->child = true;
		above->hidden |= !told;
	}
}

static bool
fits(const struct listing *l, const struct name *n)
{
	if ((l->options & SELECT_SUBSCRIBED) && !n->subscribed)
		return false;
	if ((l->options & SELECT_SPECIAL) && !(n->mb && n->mb->special))
		return false;
	return true;
}

/* Names above others count: for LSUB and RECURSIVEMATCH. */
static bool
deep(const struct listing *l)
{
	return l->lsub || (l->options & SELECT_RECURSIVE);
}

/* Everything that may be told, as an array, with the subscribed names that have no mailbox behind the others. */
static enum status
collect(struct cmd *cmd, struct db_txn *txn, struct listing *l)
{
	struct actor *actor = &cmd->session->actor;
	const struct mailbox *mb = l->mailboxes.mb;
	struct str *subs = NULL;
	size_t n_subs = 0;
	enum status st;

	if ((l->options & SELECT_SUBSCRIBED) &&
	    (st = mailbox_subscriptions(actor, txn, &cmd->arena, &subs, &n_subs)) != OK)
		return st;
	for (size_t i = 0; i < l->mailboxes.n; i++) {
		struct name *to = name_add(cmd, l, mb[i].name);

		to->mb = &mb[i];
		to->subscribed = mb[i].subscribed;
		if (n_subs || deep(l))
			name_map(l, to);
	}
	for (size_t i = 0; i < n_subs; i++)
		name_get(cmd, l, subs[i])->subscribed = true;
	l->n_real = l->n;
	l->phase = MARK;
	return OK;
}

/* Which fit the selection, and what stands above them. */
static enum cmd_next
mark(struct cmd *cmd, struct listing *l)
{
	enum cmd_next next = CMD_DONE;

	for (; next == CMD_DONE && l->at < l->n_real; l->at++) {
		struct name *n = l->names[l->at];

		n->selected = fits(l, n);
		if (deep(l) && n->selected)
			mark_above(cmd, l, n->name);
		next = cmd_pause(cmd);
	}
	if (l->at == l->n_real) {
		l->phase = TELL;
		l->at = 0;
	}
	return next;
}

/* LSUB "%": a name above subscribed ones that do not match themselves (RFC 3501 6.3.9). */
static bool
stands_for_children(const struct listing *l, const struct name *n)
{
	/* "SHOULD ONLY ... if at least one matching child is not also being returned" (RFC 5258 3.5). */
	if (!n->child || (!l->lsub && !n->hidden))
		return false;
	/* Without a pattern LSUB only asks for the separator and tells no name. */
	return l->lsub ? l->matches > 0 && list_match_has_percent(l->match[0]) : (l->options & SELECT_RECURSIVE) != 0;
}

/* ---- telling ---- */

static void
attribute(struct buf *out, const char *name, bool *first)
{
	out_sep(out, first);
	buf_adds(out, name);
}

static void
attributes(struct listing *l, struct buf *out, const struct name *n)
{
	unsigned bit;
	const char *use;
	bool first = true;

	if (n->mb == NULL || n->mb->noselect || (l->lsub && !n->selected))
		/* T25: what is no mailbox is \Noselect to those who asked as RFC 3501 has it. */
		attribute(out, ((l->options & EXTENDED) || l->rev2) ? "\\NonExistent" : "\\Noselect", &first);
	if (n->mb)
		attribute(out, n->mb->children ? "\\HasChildren" : "\\HasNoChildren", &first);
	else if (n->child)
		attribute(out, "\\HasChildren", &first);
	if ((l->options & RETURN_SUBSCRIBED) && n->subscribed && !l->lsub)
		attribute(out, "\\Subscribed", &first);
	for (unsigned i = 0; n->mb && (use = special_name(i, &bit)) != NULL; i++)
		if (n->mb->special & bit)
			attribute(out, use, &first);
}

/* RFC 5258 3.5: which criteria something below the name fits. */
static void
childinfo(const struct listing *l, struct buf *out)
{
	const struct str both = STR(" (\"CHILDINFO\" (\"SUBSCRIBED\" \"SPECIAL-USE\"))");
	const struct str subscribed = STR(" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
	const struct str special = STR(" (\"CHILDINFO\" (\"SPECIAL-USE\"))");

	if (!(l->options & SELECT_SPECIAL))
		buf_add(out, subscribed);
	else
		buf_add(out, l->options & SELECT_SUBSCRIBED ? both : special);
}

static enum status
tell(struct cmd *cmd, struct db_txn *txn, struct listing *l, const struct name *n)
{
	struct buf *out = cmd_out(cmd);

	buf_adds(out, l->lsub ? "* LSUB (" : "* LIST (");
	attributes(l, out, n);
	buf_add(out, STR(") \"/\" "));
	out_mailbox(out, n->name, session_utf8(cmd->session));
	if (n->child && (l->options & SELECT_RECURSIVE))
		childinfo(l, out);
	buf_add(out, STR("\r\n"));
	/* Not for names that are told for their children's sake (RFC 8440 4). */
	if ((l->options & RETURN_MYRIGHTS) && n->mb && n->selected && !n->mb->noselect)
		myrights_print(cmd, n->mb);
	if ((l->options & RETURN_STATUS) && n->mb && !n->mb->noselect && mailbox_need(n->mb, RIGHT_READ) == OK) {
		enum status st = status_print(cmd, txn, n->mb, l->status);

		if (st != OK && st != ERR_NOT_FOUND)
			return st;
	}
	/* The same (RFC 9590 4). */
	if ((l->options & RETURN_METADATA) && n->mb && n->mb->id != 0 && n->selected) {
		metadata_print_free(&l->print);
		metadata_print_begin(&l->print, &l->metadata, n->mb->id, n->name);
		l->printing = true;
	}
	return OK;
}

static enum cmd_next
tell_some(struct cmd *cmd, struct db_txn *txn, struct listing *l, enum status *st_r)
{
	enum cmd_next next = CMD_DONE;

	while (*st_r == OK && next == CMD_DONE && (l->printing || l->at < l->n)) {
		if (l->printing) {
			if ((next = metadata_print(cmd, txn, &l->print, st_r)) != CMD_DONE)
				return next;
			l->printing = false;
			/* Deleted since it was listed. */
			if (*st_r == ERR_NOT_FOUND)
				*st_r = OK;
		} else {
			const struct name *n = l->names[l->at++];

			if ((n->selected || stands_for_children(l, n)) && matches(l, n->name))
				*st_r = tell(cmd, txn, l, n);
		}
		next = cmd_pause(cmd);
	}
	return next;
}

static enum cmd_next
step(struct cmd *cmd)
{
	struct listing *l = cmd_state(cmd, struct listing);
	enum cmd_next next = CMD_DONE;
	struct db_txn *txn;
	enum status st;

	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return reply_status(cmd, st);
	if (l->phase == COLLECT && (next = names_read(cmd, txn, &l->mailboxes, &st)) == CMD_DONE && st == OK)
		st = collect(cmd, txn, l);
	if (st == OK && next == CMD_DONE && l->phase == MARK) {
		next = mark(cmd, l);
		st = cmd_hold(cmd, l->mapped);
	}
	if (st == OK && next == CMD_DONE)
		next = tell_some(cmd, txn, l, &st);
	cmd_read_end(cmd, txn);
	if (st != OK)
		return reply_status(cmd, st);
	if (next != CMD_DONE)
		return next;
	return reply_ok(cmd, l->lsub ? "LSUB completed" : "LIST completed");
}

enum cmd_next
cmd_list(struct cmd *cmd)
{
	struct listing *l = arena_new(&cmd->arena, struct listing);
	enum status st;

	l->lsub = cmd->row->flags & CMDF_LSUB;
	l->rev2 = cmd_enabled(cmd, ENABLED_IMAP4REV2);
	if (l->lsub)
		l->options = SELECT_SUBSCRIBED;
	cmd_state_set(cmd, struct listing, l);
	cmd->cleanup = cleanup;
	if ((st = parse(cmd, l)) != OK)
		return reply_syntax(cmd, st);
	if (l->root) {
		buf_adds(cmd_out(cmd), l->lsub ? "* LSUB" : "* LIST");
		buf_add(cmd_out(cmd), STR(" (\\Noselect) \"/\" \"\"\r\n"));
		return reply_ok(cmd, l->lsub ? "LSUB completed" : "LIST completed");
	}
	if (l->status & 1u << STATUS_HIGHESTMODSEQ)
		condstore_enable(cmd);
	cmd->step = step;
	return step(cmd);
}
