/* SPDX-License-Identifier: Apache-2.0 */
/* user rename: argument: "alias" where the former address becomes one, or nothing; records: where, name, new name. */
#include "admin/lines.h"

static const char *
why(enum status st, struct str name)
{
	switch (st) {
	case ERR_EXISTS: return "an account, an alias or a group has this name";
	case ERR_LIMIT: return "its domain has as many accounts as it may";
	case ERR_BAD_INPUT: return account_name_fault(name) != NULL ? account_name_fault(name) : "not a name for an account";
	default: return NULL;
	}
}

static enum status
rename_one(struct call *c, struct db_txn *txn, struct line *l, void *arg)
{
	bool *keep = arg;
	struct account account;
	enum status st = account_resolve(c->store, txn, l->arena, l->word[0], &account);

	if (st != OK)
		return line_refused(l, st, "there is no account of that name", l->word[0]);
	st = account_rename(c->store, txn, account.id, l->word[1], *keep);
	return line_refused(l, st, why(st, l->word[1]), l->word[1]);
}

static void
renamed(struct call *c, const struct line *l, void *arg)
{
	struct buf what = {0};

	buf_addf(&what, "renamed to %.*s", STR_FMT(l->word[1]));
	buf_addc(&what, '\0');
	call_log_account(c, what.p, l->word[0]);
	buf_free(&what);
}

enum status
verb_user_rename(struct call *c)
{
	bool keep = c->args_n > 0 && str_eq(c->args[0], STR("alias"));

	return call_lines(c, &(struct lines){.run = rename_one, .done = renamed, .arg = &keep, .verb = "account rename", .past = "renamed", .words_min = 2,
	    .words_max = 2});
}
