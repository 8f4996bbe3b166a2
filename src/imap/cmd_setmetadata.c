/* SPDX-License-Identifier: Apache-2.0 */
/* SETMETADATA: annotations are set, all or none. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/news/notify.h"
#include "imap/search/search_filter.h"
#include "store/metadata.h"

struct setting {
	struct actor actor;
	struct str name;
	struct metadata list[METADATA_ENTRIES_MAX];
	size_t n;
};

static enum status
parse(struct cmd *cmd, struct setting *x)
{
	struct args *a = &cmd->args;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_mailbox(a, &x->name)) != OK || (st = arg_space(a)) != OK ||
	    (st = arg_open(a)) != OK)
		return st;
	while (arg_more(a)) {
		struct metadata *m = &x->list[x->n];
		size_t at = a->at;

		if (x->n == METADATA_ENTRIES_MAX)
			return ERR_LIMIT;
		if (arg_astring(a, &m->name) != OK || !metadata_name_ok(m->name, false))
			return arg_expect_at(a, at, EXPECT_ENTRY);
		if ((st = arg_space(a)) != OK || (st = arg_nstring8(a, &m->value, NULL)) != OK)
			return st;
		x->n++;
	}
	if (x->n == 0)
		return arg_expect(a, EXPECT_ENTRY);
	return (st = arg_close(a)) != OK ? st : arg_end(a);
}

static enum status
set_fn(struct db_txn *txn, void *arg)
{
	struct setting *x = arg;
	struct arena arena = {0};
	struct mailbox mb;
	struct grant grant;
	enum status st;

	if (x->name.n == 0)
		st = grant_self(&x->actor, &grant);
	else if ((st = mailbox_find(&x->actor, txn, &arena, x->name, &mb)) == OK)
		st = grant_make(&x->actor, txn, &mb, &grant);
	if (st == OK)
		st = metadata_set(&grant, txn, x->list, x->n);
	arena_free(&arena);
	return st;
}

static enum cmd_next
set_done(struct cmd *cmd, enum status st)
{
	struct setting *x = cmd_state(cmd, struct setting);

	if (st == ERR_LIMIT)
		return reply_no(cmd, "METADATA TOOMANY", "There are too many entries");
	if (st != OK)
		return reply_status(cmd, st);
	notify_own(cmd->session, x->name);
	return reply_ok(cmd, "SETMETADATA completed");
}

/* SETMETADATA, RFC 5464 4.3: all of the entries or none. */
enum cmd_next
cmd_setmetadata(struct cmd *cmd)
{
	struct setting *x = arena_new(&cmd->arena, struct setting);
	enum status st;

	if ((st = parse(cmd, x)) != OK)
		return reply_syntax(cmd, st);
	for (size_t i = 0; i < x->n; i++)
		if (x->list[i].value.n > METADATA_VALUE_MAX)
			return reply_no(cmd, arena_printf(&cmd->arena, "METADATA MAXSIZE %d", METADATA_VALUE_MAX).p,
			    "A value is too large");
	for (size_t i = 0; i < x->n && x->name.n == 0; i++)
		if ((st = search_filter_check(&x->list[i])) == ERR_BAD_INPUT)
			return reply_bad(cmd, "A filter cannot have this name");
		else if (st != OK)
			return reply_no(cmd, "CANNOT", "A filter's value is search keys");
	x->actor = cmd->session->actor;
	cmd_state_set(cmd, struct setting, x);
	if ((st = cmd_writes_name(cmd, x->name)) != OK)
		return reply_status(cmd, st);
	return cmd_write_last(cmd, set_fn, x, set_done);
}
