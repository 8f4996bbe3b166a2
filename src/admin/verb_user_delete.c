/* SPDX-License-Identifier: Apache-2.0 */
/* user delete: records: where, name. The names are free at once, the mail goes with the reaper. */
#include "admin/lines.h"

static enum status
delete_one(struct call *c, struct db_txn *txn, struct line *l, void *arg)
{
	struct account account;
	enum status st = account_resolve(c->store, txn, l->arena, l->word[0], &account);

	if (st == OK)
		st = account_delete(c->store, txn, account.id);
	return line_refused(l, st, "there is no account of that name", l->word[0]);
}

static void
deleted(struct call *c, const struct line *l, void *arg)
{
	call_log_account(c, "deleted", l->word[0]);
}

enum status
verb_user_delete(struct call *c)
{
	return call_lines(c, &(struct lines){.run = delete_one, .done = deleted, .verb = "account delete", .past = "deleted", .words_min = 1,
	    .words_max = 1, .reserve = true});
}
