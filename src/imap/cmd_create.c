/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE, with the uses of a mailbox. */
#include "imap/commands.h"
#include "imap/core/objectid.h"
#include "imap/core/oldname.h"
#include "imap/core/reply.h"
#include "imap/core/special.h"
#include "imap/news/notify.h"
#include "store/mailbox.h"
#include "wire/mailbox_name.h"

struct creating {
	struct actor actor;
	struct str name, written;
	unsigned special;
	int64_t id;
};

static enum status
create_fn(struct db_txn *txn, void *arg)
{
	struct creating *x = arg;

	return mailbox_create(&x->actor, txn, x->name, x->special, &x->id);
}

static enum cmd_next
created(struct cmd *cmd, enum status st)
{
	struct creating *x = cmd_state(cmd, struct creating);
	struct buf code = {0};
	enum cmd_next next;

	if (st == ERR_CONFLICT && x->special)
		return reply_no(cmd, "USEATTR", "Another mailbox has this use");
	if (st != OK)
		return reply_status(cmd, st);
	notify_own(cmd->session, x->name);
	oldname_print_if(cmd, "", x->name, x->written);
	objectid_add(&code, "MAILBOXID", OBJECTID_MAILBOX, x->id); /* RFC 8474 4.1 */
	next = reply_ok_code(cmd, arena_str(&cmd->arena, buf_str(&code)), "CREATE completed");
	buf_free(&code);
	return next;
}

/* " (USE (\Sent \Junk))", RFC 6154 3; other parameters are errors. ERR_NOT_FOUND: no such use. */
static enum status
parse_use(struct args *a, unsigned *special_r)
{
	bool unknown = false;
	unsigned bit;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_open(a)) != OK)
		return st;
	if (!arg_keyword(a, "USE"))
		return ERR_BAD_INPUT;
	if ((st = arg_space(a)) != OK || (st = arg_open(a)) != OK)
		return st;
	while (arg_more(a)) {
		if ((st = special_parse(a, &bit)) != OK)
			return st;
		unknown = unknown || bit == 0;
		*special_r |= bit;
	}
	if ((st = arg_close(a)) != OK || (st = arg_close(a)) != OK)
		return st;
	return unknown ? ERR_NOT_FOUND : OK;
}

/* CREATE, RFC 3501 6.3.3: makes a mailbox and its missing parents. A trailing separator only announces children (T29). */
enum cmd_next
cmd_create(struct cmd *cmd)
{
	struct creating *x = arena_new(&cmd->arena, struct creating);
	struct args *a = &cmd->args;
	enum status st, use = OK;

	if ((st = arg_space(a)) == OK)
		x->written = oldname_peek(a, cmd);
	if (st != OK || (st = arg_mailbox(a, &x->name)) != OK)
		return reply_syntax(cmd, st);
	if (arg_end(a) != OK) {
		use = parse_use(a, &x->special);
		st = use == ERR_NOT_FOUND ? OK : use;
		if (st != OK || (st = arg_end(a)) != OK)
			return reply_syntax(cmd, st);
	}
	if (use == ERR_NOT_FOUND)
		return reply_no(cmd, "USEATTR", "There is no such use");
	if ((st = mailbox_name_check(x->name)) != OK)
		return reply_no(cmd, st == ERR_LIMIT ? "LIMIT" : "CANNOT", "No mailbox can have this name");
	if (mailbox_name_reserved(x->name) && !mailbox_name_others(x->name))
		return reply_no(cmd, "CANNOT", "This name is reserved");
	if ((st = cmd_writes_name(cmd, x->name)) != OK)
		return reply_status(cmd, st);
	x->actor = cmd->session->actor;
	cmd_state_set(cmd, struct creating, x);
	return cmd_write_last(cmd, create_fn, x, created);
}
