/* SPDX-License-Identifier: Apache-2.0 */
/* How a command ends: its reply is kept, and what a status says to a client. */
#include "imap/core/reply.h"

#include "base/assert.h"
#include "imap/core/language.h"
#include "imap/core/syntax.h"

/* What a status says to a client: RFC 5530 codes; the detail is in the log. */
static const struct {
	const char *code, *text;
} answers[STATUS_COUNT] = {
	[ERR_NOT_FOUND] = {"NONEXISTENT", "No such mailbox"},
	[ERR_EXISTS] = {"ALREADYEXISTS", "It exists already"},
	[ERR_CONFLICT] = {"INUSE", "In conflict with what is there"},
	[ERR_AGAIN] = {"UNAVAILABLE", "Not now, try again"},
	[ERR_BAD_INPUT] = {"CANNOT", "This cannot be done"},
	[ERR_LIMIT] = {"LIMIT", "Over a limit of this server"},
	[ERR_MEMORY] = {"LIMIT", "This needs more memory than this account may have now"},
	[ERR_NO_PERM] = {"NOPERM", "Not permitted"},
	[ERR_QUOTA] = {"OVERQUOTA", "Over quota"},
	[ERR_READ_ONLY] = {"READ-ONLY", "This is read-only"},
	[ERR_CORRUPT] = {"CORRUPTION", "The stored data is damaged"},
	[ERR_IO] = {"SERVERBUG", "The store failed"},
	[ERR_FULL] = {"UNAVAILABLE", "The disk is full"},
	[ERR_UNAVAILABLE] = {"UNAVAILABLE", "Not available now"},
	[ERR_UNKNOWN] = {"SERVERBUG", "Outcome unknown"},
};

const char *
reply_status_code(enum status st)
{
	return (unsigned)st < STATUS_COUNT && answers[st].code ? answers[st].code : "SERVERBUG";
}

const char *
reply_status_text(enum status st)
{
	return (unsigned)st < STATUS_COUNT && answers[st].text ? answers[st].text : "Internal error";
}

static enum cmd_next
keep(struct cmd *cmd, const char *cond, struct str code, const char *text)
{
	ensure(cond != NULL && text != NULL && cmd->phase != CMD_WRITES);
	cmd->cond = cond;
	cmd->code = code;
	cmd->text = text;
	return CMD_DONE;
}

enum cmd_next
reply_ok(struct cmd *cmd, const char *text)
{
	return keep(cmd, "OK", STR_NONE, text);
}

enum cmd_next
reply_ok_code(struct cmd *cmd, struct str code, const char *text)
{
	return keep(cmd, "OK", code, text);
}

enum cmd_next
reply_no(struct cmd *cmd, const char *code, const char *text)
{
	return keep(cmd, "NO", str_c(code), text);
}

enum cmd_next
reply_bad(struct cmd *cmd, const char *text)
{
	return keep(cmd, "BAD", STR_NONE, text);
}

enum cmd_next
reply_bad_code(struct cmd *cmd, const char *code, const char *text)
{
	return keep(cmd, "BAD", str_c(code), text);
}

enum cmd_next
reply_hidden(struct cmd *cmd)
{
	return reply_bad(cmd, arena_printf(&cmd->arena, "%s is not offered here", cmd->row->name).p);
}

enum cmd_next
reply_status(struct cmd *cmd, enum status st)
{
	/* The change is made, and what came after it cannot be read: NO would be untrue. The client finds out when it comes back. */
	if (st == ERR_IO && cmd->written) {
		session_bye(cmd->session, reply_status_code(st), reply_status_text(st));
		return CMD_CLOSE;
	}
	return reply_no(cmd, reply_status_code(st), reply_status_text(st));
}

enum cmd_next
reply_usage(struct cmd *cmd)
{
	return reply_bad(cmd, cmd->row->usage);
}

enum cmd_next
reply_syntax(struct cmd *cmd, enum status st)
{
	return reply_syntax_of(cmd, st, cmd->row->usage);
}

enum cmd_next
reply_syntax_of(struct cmd *cmd, enum status st, const char *usage)
{
	if (st == ERR_LIMIT)
		return reply_no(cmd, "LIMIT", "Too much for one command");
	if (st == ERR_BAD_INPUT && cmd->args.no_mailbox)
		return reply_no(cmd, "CANNOT", "No mailbox can have this name");
	return reply_bad(cmd, syntax_text(cmd, usage));
}

enum cmd_next
reply_mailbox_gone(struct cmd *cmd)
{
	return reply_no(cmd, "NONEXISTENT", "The mailbox has been deleted");
}

enum cmd_next
reply_trycreate(struct cmd *cmd)
{
	return reply_no(cmd, "TRYCREATE", "No such mailbox; create it first");
}

void
reply_over_quota(struct cmd *cmd)
{
	out_code_begin(cmd_out(cmd), STR(""), "NO");
	buf_add(cmd_out(cmd), STR("OVERQUOTA"));
	out_code_end(cmd_out(cmd), language_text(cmd->session, "The quota has been exceeded: nothing more has room"));
}
