/* SPDX-License-Identifier: Apache-2.0 */
/* Looks up the accounts, then whether the detail names a mailbox that may be written to from outside. */
#include "deliver/recipient.h"

#include "base/assert.h"
#include "store/domain.h"
#include "wire/mailbox_name.h"

/* What the account says; else what its domain does. */
static enum status
detail_allowed(struct db_txn *txn, struct arena *arena, int64_t account, bool *yes_r)
{
	struct domain domain = {.detail = DOMAIN_UNSET};
	struct str value;
	enum status st = account_setting(txn, arena, account, STR("detail"), &value);

	if (st == OK) {
		*yes_r = str_eq(value, STR("yes"));
		return OK;
	}
	if (st == ERR_NOT_FOUND)
		st = domain_of_account(txn, arena, account, &domain);
	if (st != OK && st != ERR_NOT_FOUND)
		return st;
	*yes_r = domain.detail == 1;
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

static enum status
choose_folder(struct store *store, struct db_txn *txn, struct arena *arena, const struct address_place *p, struct str detail, struct recipient *r)
{
	struct actor actor = {.store = store, .account = p->account.id, .admin = true}; /* as when it is stored */
	struct mailbox mb;
	bool allowed = false;
	enum status st = OK;

	r->folder = STR("INBOX");
	if (p->plain && detail.n > 0)
		st = detail_allowed(txn, arena, p->account.id, &allowed);
	if (st != OK || !allowed || mailbox_name_canon(arena, detail, true, &r->folder) != OK || mailbox_name_check(r->folder) != OK) {
		r->folder = STR("INBOX");
		return st;
	}
	/* As it is now: what leads to one mailbox by two names is one recipient. */
	if ((st = recipient_mailbox(&actor, txn, arena, r, &mb)) == OK)
		r->folder = mb.name;
	return st;
}

enum status
recipient_resolve(struct store *store, struct db_txn *txn, struct arena *arena, struct str local, struct str domain, uint64_t size,
    address_tell_fn *tell, void *arg, struct recipient **list_r, size_t *n_r)
{
	struct address_places places;
	struct recipient *list;
	struct buf name = {0};
	enum status st;

	buf_add(&name, local);
	if (domain.n > 0)
		buf_addf(&name, "@%.*s", STR_FMT(domain));
	st = address_resolve(store, txn, arena, buf_str(&name), tell, arg, &places);
	buf_free(&name);
	if (st != OK)
		return st;
	ensure(places.n > 0);
	/* Of several some may have room: who has none is told when the message is stored. */
	if (places.n == 1 && ((st = domain_room(store, txn, places.place[0].account.id, size)) != OK ||
	    (st = quota_room(store, txn, places.place[0].account.id, 1, (int64_t)size)) != OK))
		return st;
	list = arena_array(arena, places.n, sizeof(*list));
	for (size_t i = 0; i < places.n && st == OK; i++) {
		const struct account *a = &places.place[i].account;

		list[i] = (struct recipient){.account = a->id, .account_name = a->name};
		st = choose_folder(store, txn, arena, &places.place[i], places.detail, &list[i]);
	}
	if (st == OK) {
		*list_r = list;
		*n_r = places.n;
	}
	return st;
}
