/* SPDX-License-Identifier: Apache-2.0 */
/* Looks up the account, then whether the detail names a mailbox that may be written to from outside. */
#include "deliver/recipient.h"

#include "wire/mailbox_name.h"

static enum status
detail_allowed(struct db_txn *txn, struct arena *arena, int64_t account, bool *yes_r)
{
	struct str value;
	enum status st = account_setting(txn, arena, account, STR("detail"), &value);

	if (st != OK && st != ERR_NOT_FOUND)
		return st;
	*yes_r = st == OK && str_eq(value, STR("yes"));
	return OK;
}

enum status
recipient_resolve(struct store *store, struct db_txn *txn, struct arena *arena, struct str local, struct str domain, struct recipient *r_r)
{
	struct recipient r = {.folder = STR("INBOX")};
	struct account account;
	struct buf name = {0};
	struct str detail;
	bool allowed = false;
	enum status st;

	buf_add(&name, local);
	if (domain.n > 0)
		buf_addf(&name, "@%.*s", STR_FMT(domain));
	st = account_resolve(store, txn, arena, buf_str(&name), &detail, &account);
	buf_free(&name);
	if (st == OK && account.disabled)
		st = ERR_UNAVAILABLE;
	if (st == OK && detail.n > 0)
		st = detail_allowed(txn, arena, account.id, &allowed);
	if (st != OK)
		return st;
	if (allowed && (mailbox_name_canon(arena, detail, true, &r.folder) != OK || mailbox_name_check(r.folder) != OK))
		r.folder = STR("INBOX");
	r.account = account.id;
	r.account_name = account.name;
	*r_r = r;
	return OK;
}

/* Has the mailbox, or one above it, a special use? */
static enum status
is_special(const struct actor *actor, struct db_txn *txn, struct arena *arena, const struct mailbox *mb, struct str name, bool *yes_r)
{
	struct mailbox above;

	*yes_r = mb->special != 0;
	for (name = mailbox_name_parent(name); !*yes_r && name.n > 0; name = mailbox_name_parent(name)) {
		enum status st = mailbox_find(actor, txn, arena, name, &above);

		if (st != OK && st != ERR_NOT_FOUND)
			return st;
		*yes_r = st == OK && above.special != 0;
	}
	return OK;
}

enum status
recipient_mailbox(const struct actor *actor, struct db_txn *txn, struct arena *arena, const struct recipient *r,
    struct mailbox *mb_r)
{
	enum status st = mailbox_find(actor, txn, arena, r->folder, mb_r);
	bool special = false;

	if (st == OK)
		st = is_special(actor, txn, arena, mb_r, r->folder, &special);
	if (st == ERR_NOT_FOUND || (st == OK && (mb_r->noselect || special)))
		st = mailbox_find(actor, txn, arena, STR("INBOX"), mb_r);
	return st;
}
