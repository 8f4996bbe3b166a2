/* SPDX-License-Identifier: Apache-2.0 */
/* user set: arguments: name, then pairs of what is set and how: "disabled" or "detail", "yes" or "no". All in one commit. */
#include "admin/verb_priv.h"

struct setting {
	bool given, yes;
};
struct change {
	struct call *call;
	int64_t account;
	struct setting disabled, detail;
};

static enum status
set_tx(struct db_txn *txn, void *arg)
{
	struct change *ch = arg;
	enum status st = OK;

	if (ch->disabled.given)
		st = account_set_disabled(ch->call->store, txn, ch->account, ch->disabled.yes);
	if (ch->detail.given && st == OK)
		st = account_set_setting(txn, ch->account, STR("detail"), ch->detail.yes ? STR("yes") : STR(""));
	return st;
}

static bool
take(struct change *ch, struct str what, struct str how)
{
	struct setting *s = str_eq(what, STR("disabled")) ? &ch->disabled : str_eq(what, STR("detail")) ? &ch->detail : NULL;

	if (s == NULL || (!str_eq(how, STR("yes")) && !str_eq(how, STR("no"))))
		return false;
	*s = (struct setting){true, str_eq(how, STR("yes"))};
	return true;
}

enum status
verb_user_set(struct call *c)
{
	struct change ch = {.call = c};
	struct account account;
	enum status st;

	if (c->args_n < 3 || c->args_n % 2 == 0)
		return call_fail(c, ERR_BAD_INPUT, "user set: a name, and what is set to yes or no");
	for (size_t i = 1; i < c->args_n; i += 2)
		if (!take(&ch, c->args[i], c->args[i + 1]))
			return call_fail(c, ERR_BAD_INPUT, "user set: %.*s is yes or no, not \"%.*s\"", STR_FMT(c->args[i]), STR_FMT(c->args[i + 1]));
	if ((st = call_account(c, c->args[0], &account)) != OK)
		return st;
	ch.account = account.id;
	return db_write_reserve(store_db(c->store), set_tx, &ch);
}
