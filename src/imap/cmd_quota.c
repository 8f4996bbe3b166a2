/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208). Each account has one root, "", for all of its own mailboxes. Somebody else's mailbox is under no
 * root that this user may see: what comes into it is charged to its owner, and what he has is his matter. Limits are set on the command line, so
 * that SETQUOTA is understood and refused, and QUOTASET not announced (4.1.3).
 */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "store/quota.h"

#define ROOT STR("")

/* In units of 1024 octets (5.1): what is used is rounded up, so that a little is not nothing. */
static uint64_t
units(int64_t bytes, bool up)
{
	return bytes > 0 ? ((uint64_t)bytes + (up ? 1023 : 0)) / 1024 : 0;
}

static void
add_resource(struct buf *out, bool *first, const char *name, uint64_t used, uint64_t most)
{
	out_sep(out, first);
	buf_addf(out, "%s %llu %llu", name, (unsigned long long)used, (unsigned long long)most);
}

/* "* QUOTA "" (STORAGE 10 512)": resources without a limit are not named (4.2.1). */
static void
print_quota(struct buf *out, const struct quota *q)
{
	bool first = true;

	buf_add(out, STR("* QUOTA \"\" ("));
	if (q->most[QUOTA_BYTES] >= 0)
		add_resource(out, &first, "STORAGE", units(q->used[QUOTA_BYTES], true), units(q->most[QUOTA_BYTES], false));
	if (q->most[QUOTA_MESSAGES] >= 0)
		add_resource(out, &first, "MESSAGE", (uint64_t)q->used[QUOTA_MESSAGES], (uint64_t)q->most[QUOTA_MESSAGES]);
	if (q->most[QUOTA_MAILBOXES] >= 0)
		add_resource(out, &first, "MAILBOX", (uint64_t)q->used[QUOTA_MAILBOXES], (uint64_t)q->most[QUOTA_MAILBOXES]);
	buf_add(out, STR(")\r\n"));
}

static enum status
own_quota(struct cmd *cmd, struct db_txn *txn, struct quota *q)
{
	return quota_get(cmd->session->imap->store, txn, cmd->session->actor.account, q);
}

static enum cmd_next
no_such_root(struct cmd *cmd)
{
	return reply_no(cmd, "NONEXISTENT", "There is no such quota root");
}

enum cmd_next
cmd_getquota(struct cmd *cmd)
{
	struct args *a = &cmd->args;
	struct quota q;
	struct db_txn *txn;
	struct str root;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_astring(a, &root)) != OK || (st = arg_end(a)) != OK)
		return reply_syntax(cmd, st);
	if (!str_eq(root, ROOT))
		return no_such_root(cmd);
	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return reply_status(cmd, st);
	st = own_quota(cmd, txn, &q);
	cmd_read_end(cmd, txn);
	if (st != OK)
		return reply_status(cmd, st);
	print_quota(cmd_out(cmd), &q);
	return reply_ok(cmd, "GETQUOTA completed");
}

/* Whose it is. A name of one's own need not be there (4.1.2); another's is looked for, as always. */
static enum status
look(struct cmd *cmd, struct db_txn *txn, struct str name, bool *own_r, struct quota *q)
{
	struct mailbox mb;
	enum status st = mailbox_find(&cmd->session->actor, txn, &cmd->arena, name, &mb);

	*own_r = st == OK ? mb.account == cmd->session->actor.account : !mailbox_name_reserved(name);
	if (st == ERR_NOT_FOUND && *own_r)
		st = OK;
	/* What it tells of an own mailbox is the user's own matter (6). */
	return st == OK && *own_r ? own_quota(cmd, txn, q) : st;
}

enum cmd_next
cmd_getquotaroot(struct cmd *cmd)
{
	struct args *a = &cmd->args;
	struct buf *out = cmd_out(cmd);
	struct quota q;
	struct db_txn *txn;
	struct str name;
	bool own = false;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_mailbox(a, &name)) != OK || (st = arg_end(a)) != OK)
		return reply_syntax(cmd, st);
	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return reply_status(cmd, st);
	st = look(cmd, txn, name, &own, &q);
	cmd_read_end(cmd, txn);
	if (st != OK)
		return reply_status(cmd, st);
	buf_add(out, STR("* QUOTAROOT "));
	out_mailbox(out, name, session_utf8(cmd->session));
	buf_add(out, own ? STR(" \"\"\r\n") : STR("\r\n"));
	if (own)
		print_quota(out, &q);
	return reply_ok(cmd, "GETQUOTAROOT completed");
}

/* "(STORAGE 512 MESSAGE 10)" */
static enum status
parse_limits(struct args *a)
{
	enum status st = arg_open(a);

	while (st == OK && arg_more(a)) {
		struct str resource;
		uint64_t n;

		if ((st = arg_atom(a, &resource)) != OK || (st = arg_space(a)) != OK)
			return st;
		st = arg_number64(a, &n);
	}
	return st == OK ? arg_close(a) : st;
}

enum cmd_next
cmd_setquota(struct cmd *cmd)
{
	struct args *a = &cmd->args;
	struct str root;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_astring(a, &root)) != OK || (st = arg_space(a)) != OK || (st = parse_limits(a)) != OK ||
	    (st = arg_end(a)) != OK)
		return reply_syntax(cmd, st);
	if (!str_eq(root, ROOT))
		return no_such_root(cmd);
	return reply_no(cmd, "NOPERM", "Quotas are set by the administrator");
}
