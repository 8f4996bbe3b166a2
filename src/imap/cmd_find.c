/* SPDX-License-Identifier: Apache-2.0 */
/* FIND [ALL.]MAILBOXES (RFC 1176, RFC 1730; RFC 2062 6.3.OBS.1 and 2) and FIND [ALL.]BBOARDS, of which there are none. */
#include "imap/reply.h"
#include "store/mailbox.h"

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

static void
tell(struct cmd *cmd, struct str pattern, struct str name)
{
	struct buf *out = cmd_out(cmd);

	if (!fits(pattern, name))
		return;
	buf_add(out, STR("* MAILBOX "));
	out_mailbox(out, name, session_utf8(cmd->session));
	buf_add(out, STR("\r\n"));
}

static enum status
find(struct cmd *cmd, struct db_txn *txn, struct str pattern, bool all)
{
	struct actor *actor = &cmd->session->actor;
	struct mailbox *mb;
	struct str *subs;
	size_t n;
	enum status st;

	if (!all) {
		st = mailbox_subscriptions(actor, txn, &cmd->arena, &subs, &n);
		for (size_t i = 0; st == OK && i < n; i++)
			tell(cmd, pattern, subs[i]);
		return st;
	}
	st = mailbox_list(actor, txn, &cmd->arena, &mb, &n);
	for (size_t i = 0; st == OK && i < n; i++)
		if (!mb[i].noselect)
			tell(cmd, pattern, mb[i].name);
	return st;
}

enum cmd_next
cmd_find(struct cmd *cmd)
{
	struct args *a = &cmd->args;
	struct str what, pattern;
	struct db_txn *txn;
	bool all, boards;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_atom_upper(a, &what)) != OK || (st = arg_space(a)) != OK ||
	    (st = arg_list_pattern(a, &pattern)) != OK || (st = arg_end(a)) != OK)
		return reply_syntax(cmd, st, "FIND takes MAILBOXES or ALL.MAILBOXES and a pattern");
	all = str_starts(what, STR("ALL."));
	what = str_from(what, all ? 4 : 0);
	boards = str_eq(what, STR("BBOARDS"));
	if (!boards && !str_eq(what, STR("MAILBOXES")))
		return reply_bad(cmd, "FIND takes MAILBOXES or ALL.MAILBOXES and a pattern");
	if (boards)
		return reply_ok(cmd, "FIND completed, there are no bulletin boards");
	if ((st = cmd_read_begin(cmd, &txn)) == OK) {
		st = find(cmd, txn, pattern, all);
		cmd_read_end(cmd, txn);
	}
	return st == OK ? reply_ok(cmd, "FIND completed") : reply_status(cmd, st);
}
