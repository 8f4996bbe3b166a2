/* SPDX-License-Identifier: Apache-2.0 */
/* XLIST: LIST with the special uses under the names that came before RFC 6154. Old clients ask for it. */
#include "imap/commands.h"
#include "imap/core/list_match.h"
#include "imap/core/names.h"
#include "imap/core/reply.h"

static const struct {
	unsigned bit;
	const char *name;
} uses[] = {
	{SPECIAL_ALL, "\\AllMail"},
	{SPECIAL_ARCHIVE, "\\Archive"},
	{SPECIAL_DRAFTS, "\\Drafts"},
	{SPECIAL_FLAGGED, "\\Starred"},
	{SPECIAL_IMPORTANT, "\\Important"},
	{SPECIAL_JUNK, "\\Spam"},
	{SPECIAL_SENT, "\\Sent"},
	{SPECIAL_TRASH, "\\Trash"},
};

static void
tell(struct cmd *cmd, const struct mailbox *mb)
{
	struct buf *out = cmd_out(cmd);

	buf_add(out, STR("* XLIST ("));
	buf_adds(out, mb->children ? "\\HasChildren" : "\\HasNoChildren");
	if (mb->noselect)
		buf_add(out, STR(" \\Noselect"));
	if (str_eq(mb->name, STR("INBOX")))
		buf_add(out, STR(" \\Inbox"));
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		if (mb->special & uses[i].bit) {
			buf_addc(out, ' ');
			buf_adds(out, uses[i].name);
		}
	buf_add(out, STR(") \"/\" "));
	out_mailbox(out, mb->name, session_utf8(cmd->session));
	buf_add(out, STR("\r\n"));
}

struct xlisting {
	struct list_match *match;
	struct names mailboxes;
	size_t at;
};

static void
xlist_cleanup(struct cmd *cmd)
{
	names_free(&cmd_state(cmd, struct xlisting)->mailboxes);
}

static enum cmd_next
xlist_tell(struct cmd *cmd)
{
	struct xlisting *x = cmd_state(cmd, struct xlisting);
	enum cmd_next next = CMD_DONE;

	cmd->step_start = 0;
	for (; next == CMD_DONE && x->at < x->mailboxes.n; x->at++) {
		if (list_match(x->match, x->mailboxes.mb[x->at].name))
			tell(cmd, &x->mailboxes.mb[x->at]);
		next = cmd_pause(cmd);
	}
	return next != CMD_DONE ? next : reply_ok(cmd, "XLIST completed");
}

static enum cmd_next
xlist_step(struct cmd *cmd)
{
	return names_take(cmd, &cmd_state(cmd, struct xlisting)->mailboxes, xlist_tell);
}

enum cmd_next
cmd_xlist(struct cmd *cmd)
{
	struct xlisting *x = arena_new(&cmd->arena, struct xlisting);
	struct args *a = &cmd->args;
	struct str reference, pattern;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_reference(a, &reference)) != OK || (st = arg_space(a)) != OK ||
	    (st = arg_list_pattern(a, &pattern)) != OK || (st = arg_end(a)) != OK)
		return reply_syntax(cmd, st);
	/* What can be no name is matched by none (T105). */
	if (pattern.p == NULL || reference.p == NULL)
		return reply_ok(cmd, "XLIST completed");
	if (pattern.n == 0) {
		buf_add(cmd_out(cmd), STR("* XLIST (\\Noselect) \"/\" \"\"\r\n"));
		return reply_ok(cmd, "XLIST completed");
	}
	pattern = arena_printf(&cmd->arena, "%.*s%.*s", STR_FMT(reference), STR_FMT(pattern));
	if ((st = list_match_new(&cmd->arena, pattern, &x->match)) != OK)
		return reply_status(cmd, st);
	cmd_state_set(cmd, struct xlisting, x);
	cmd->cleanup = xlist_cleanup;
	cmd->step = xlist_step;
	return xlist_step(cmd);
}
