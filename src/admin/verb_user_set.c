/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user set: arguments: pairs of what is set and how: "disabled", "yes" or "no"; "detail", "yes", "no" or "default"; "quota-bytes",
 * "quota-messages", "quota-mailboxes", a number, "none" or "default"; records: where, name. What is set for an
 * account is one commit's.
 */
#include "admin/lines.h"
#include "admin/quota_word.h"

struct change {
	struct str disabled, detail; /* p NULL: as it is */
	int64_t quota[QUOTA_RESOURCES];
};

static enum status
set_one(struct call *c, struct db_txn *txn, struct line *l, void *arg)
{
	const struct change *ch = arg;
	struct account account;
	enum status st = account_resolve(c->store, txn, l->arena, l->word[0], &account);

	if (st != OK)
		return line_refused(l, st, "there is no account of that name", l->word[0]);
	if (ch->disabled.p != NULL)
		st = account_set_disabled(c->store, txn, account.id, str_eq(ch->disabled, STR("yes")));
	if (ch->detail.p != NULL && st == OK)
		st = account_set_setting(txn, account.id, STR("detail"), str_eq(ch->detail, STR("default")) ? STR("") : ch->detail);
	return st == OK ? quota_set(c->store, txn, account.id, ch->quota) : st;
}

static bool
take(struct change *ch, struct str what, struct str how)
{
	bool yes_no = str_eq(how, STR("yes")) || str_eq(how, STR("no"));

	if (str_eq(what, STR("disabled")) && yes_no)
		ch->disabled = how;
	else if (str_eq(what, STR("detail")) && (yes_no || str_eq(how, STR("default"))))
		ch->detail = how;
	else
		return quota_word(what, how, ch->quota);
	return true;
}

static void
changed(struct call *c, const struct line *l, void *arg)
{
	const struct change *ch = arg;

	if (ch->disabled.p != NULL)
		call_log_account(c, str_eq(ch->disabled, STR("yes")) ? "disabled" : "enabled", l->word[0]);
}

enum status
verb_user_set(struct call *c)
{
	struct change ch = {.quota = {QUOTA_KEEP, QUOTA_KEEP, QUOTA_KEEP}};

	if (c->args_n < 2 || c->args_n % 2 != 0)
		return call_fail(c, ERR_BAD_INPUT, "account set: what is set?");
	for (size_t i = 0; i < c->args_n; i += 2)
		if (!take(&ch, c->args[i], c->args[i + 1]))
			return call_fail(c, ERR_BAD_INPUT, "account set: %.*s cannot be \"%.*s\"", STR_FMT(c->args[i]), STR_FMT(c->args[i + 1]));
	return call_lines(c, &(struct lines){.run = set_one, .done = changed, .arg = &ch, .verb = "account set", .past = "set", .words_min = 1,
	    .words_max = 1, .reserve = true});
}
