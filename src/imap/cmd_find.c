/* SPDX-License-Identifier: Apache-2.0 */
/* FIND [ALL.]MAILBOXES (RFC 1176, RFC 1730; RFC 2062 6.3.OBS.1 and 2) and FIND [ALL.]BBOARDS, of which there are none. */
#include "imap/commands.h"
#include "imap/core/names.h"
#include "imap/core/reply.h"

/* '*' stands for anything, '%' and '?' for one character. Going back to the last '*' only is enough. */
static bool
fits(struct str pattern, struct str name)
{
	size_t p = 0, n = 0, star = SIZE_MAX, mark = 0;

	while (n < name.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			mark = n;
		} else if (p < pattern.n && (pattern.p[p] == '%' || pattern.p[p] == '?' || pattern.p[p] == name.p[n])) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

struct finding {
	struct str pattern;
	bool all;          /* not only what is subscribed */
	struct names mailboxes;
	struct str *names; /* those that may be told */
	size_t n, at;
};

static void
find_cleanup(struct cmd *cmd)
{
	names_free(&cmd_state(cmd, struct finding)->mailboxes);
}

static enum cmd_next
find_tell(struct cmd *cmd)
{
	struct finding *f = cmd_state(cmd, struct finding);
	struct buf *out = cmd_out(cmd);
	enum cmd_next next = CMD_DONE;

	cmd->step_start = 0;
	for (; next == CMD_DONE && f->at < f->n; f->at++) {
		if (fits(f->pattern, f->names[f->at])) {
			buf_add(out, STR("* MAILBOX "));
			out_mailbox(out, f->names[f->at], session_utf8(cmd->session));
			buf_add(out, STR("\r\n"));
		}
		next = cmd_pause(cmd);
	}
	return next != CMD_DONE ? next : reply_ok(cmd, "FIND completed");
}

static enum cmd_next
find_all(struct cmd *cmd)
{
	struct finding *f = cmd_state(cmd, struct finding);

	f->names = arena_array(&cmd->arena, f->mailboxes.n + 1, sizeof(*f->names));
	for (size_t i = 0; i < f->mailboxes.n; i++)
		if (!f->mailboxes.mb[i].noselect)
			f->names[f->n++] = f->mailboxes.mb[i].name;
	cmd->step = find_tell;
	return find_tell(cmd);
}

static enum cmd_next
find_subscribed(struct cmd *cmd)
{
	struct finding *f = cmd_state(cmd, struct finding);
	struct db_txn *txn;
	enum status st;

	if ((st = cmd_read_begin(cmd, &txn)) == OK) {
		st = mailbox_subscriptions(&cmd->session->actor, txn, &cmd->arena, &f->names, &f->n);
		cmd_read_end(cmd, txn);
	}
	if (st != OK)
		return reply_status(cmd, st);
	cmd->step = find_tell;
	return find_tell(cmd);
}

static enum cmd_next
find_step(struct cmd *cmd)
{
	struct finding *f = cmd_state(cmd, struct finding);

	return f->all ? names_take(cmd, &f->mailboxes, find_all) : find_subscribed(cmd);
}

enum cmd_next
cmd_find(struct cmd *cmd)
{
	struct finding *f = arena_new(&cmd->arena, struct finding);
	struct args *a = &cmd->args;
	struct str what;
	bool boards;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_atom_upper(a, &what)) != OK || (st = arg_space(a)) != OK ||
	    (st = arg_list_pattern(a, &f->pattern)) != OK || (st = arg_end(a)) != OK)
		return reply_syntax(cmd, st);
	f->all = str_starts(what, STR("ALL."));
	what = str_from(what, f->all ? 4 : 0);
	boards = str_eq(what, STR("BBOARDS"));
	if (!boards && !str_eq(what, STR("MAILBOXES")))
		return reply_usage(cmd);
	if (boards)
		return reply_ok(cmd, "FIND completed, there are no bulletin boards");
	if (f->pattern.p == NULL)
		return reply_ok(cmd, "FIND completed");
	cmd_state_set(cmd, struct finding, f);
	cmd->cleanup = find_cleanup;
	cmd->step = find_step;
	return find_step(cmd);
}
