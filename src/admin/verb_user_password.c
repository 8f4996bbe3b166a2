/* SPDX-License-Identifier: Apache-2.0 */
/* user password: arguments: name, scheme, password. Replaces all credentials of the account. */
#include "admin/verb_priv.h"

struct change {
	struct call *call;
	int64_t account;
	struct credentials credentials;
};

static enum status
change_tx(struct db_txn *txn, void *arg)
{
	struct change *ch = arg;

	return credentials_store(ch->call->store, txn, ch->account, &ch->credentials);
}

enum status
verb_user_password(struct call *c)
{
	struct change change = {.call = c};
	struct account account;
	enum status st;

	if (c->args_n != 3)
		return call_fail(c, ERR_BAD_INPUT, "user password: name, scheme, password");
	if ((st = call_account(c, c->args[0], &account)) != OK)
		return st;
	change.account = account.id;
	if ((st = credentials_make(&c->arena, c->args[1], c->args[2], &change.credentials)) != OK)
		return call_fail(c, st, "not a password that can be used");
	if ((st = db_write(store_db(c->store), change_tx, &change)) == OK)
		call_log_account(c, "password changed", account.name);
	return st;
}
