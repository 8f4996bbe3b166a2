/* SPDX-License-Identifier: Apache-2.0 */
/* user delete: arguments: names. The names are free at once, the mail goes with the reaper. */
#include "admin/verb_priv.h"

struct deletion {
	struct store *store;
	int64_t account;
};

static enum status
delete_tx(struct db_txn *txn, void *arg)
{
	struct deletion *d = arg;

	return account_delete(d->store, txn, d->account);
}

enum status
verb_user_delete(struct call *c)
{
	size_t failed = 0;

	for (size_t i = 0; i < c->args_n; i++) {
		struct account account;
		enum status st = call_account(c, c->args[i], &account);

		if (st == OK)
			st = db_write_reserve(store_db(c->store), delete_tx,
			    &(struct deletion){c->store, account.id});
		if (st == OK) {
			call_log_account(c, "deleted", account.name);
		} else {
			failed++;
			link_text(&c->link, "%.*s: %s", STR_FMT(c->args[i]), status_word(st));
		}
	}
	if (failed > 0)
		return call_fail(c, ERR_NOT_FOUND, "%zu deleted, %zu not", c->args_n - failed, failed);
	return call_fail(c, OK, "%zu deleted", c->args_n);
}
