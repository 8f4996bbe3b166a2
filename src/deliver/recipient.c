/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver/recipient.h"

#include "wire/mailbox_name.h"

static enum status
resolve(struct db_txn *txn, struct arena *arena, struct str local, struct str domain, struct recipient *r)
{
	struct account account;
	enum status st = account_resolve(txn, arena, local, domain, &account);

	if (st != OK)
		return st;
	if (account.disabled)
		return ERR_UNAVAILABLE;
	r->account = account.id;
	r->account_name = account.name;
	return OK;
}

enum status
recipient_resolve(struct db_txn *txn, struct arena *arena, struct str local, struct str domain, char separator,
    struct recipient *r_r)
{
	struct recipient r = {.folder = STR("INBOX")};
	enum status st = resolve(txn, arena, local, domain, &r);
	size_t at = separator ? str_chr(local, separator) : local.n;

	/* An account may have the separator in its name; only then is there no folder in it. */
	if (st == ERR_NOT_FOUND && at > 0 && at < local.n) {
		st = resolve(txn, arena, str_head(local, at), domain, &r);
		if (st == OK && at + 1 < local.n &&
		    (mailbox_name_canon(arena, str_from(local, at + 1), true, &r.folder) != OK ||
			mailbox_name_check(r.folder) != OK))
			r.folder = STR("INBOX");
	}
	if (st == OK)
		*r_r = r;
	return st;
}

enum status
recipient_mailbox(const struct actor *actor, struct db_txn *txn, struct arena *arena, const struct recipient *r,
    struct mailbox *mb_r)
{
	enum status st = mailbox_find(actor, txn, arena, r->folder, mb_r);

	if (st == ERR_NOT_FOUND || (st == OK && mb_r->noselect))
		st = mailbox_find(actor, txn, arena, STR("INBOX"), mb_r);
	return st;
}
