/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox rights: arguments: account, mailbox, then identifier=rights, any number. Records: identifier, rights. All of them are set, or none. */
#include "admin/verb_priv.h"
#include "store/rights.h"

struct rights_change {
	struct actor actor;
	struct str mailbox;
	const struct str *args; /* identifier=rights */
	size_t n, failed;       /* which of them could not be set */
};

/* "bob=lrs" */
static bool
parse(struct str arg, struct str *identifier_r, enum rights_op *op_r, unsigned *rights_r)
{
	size_t at = arg.n;

	while (at > 0 && arg.p[at - 1] != '=')
		at--;
	if (at <= 1)
		return false;
	*identifier_r = str_head(arg, at - 1);
	return rights_parse(str_from(arg, at), op_r, rights_r) == OK;
}

static enum status
find(const struct actor *actor, struct db_txn *txn, struct arena *arena, struct str name, struct grant *grant_r)
{
	struct mailbox mb;
	enum status st = mailbox_find(actor, txn, arena, name, &mb);

	return st == OK ? grant_make(actor, txn, &mb, grant_r) : st;
}

static enum status
set_tx(struct db_txn *txn, void *arg)
{
	struct rights_change *x = arg;
	struct arena arena = {0};
	struct grant grant;
	enum status st = find(&x->actor, txn, &arena, x->mailbox, &grant);

	x->failed = SIZE_MAX;
	for (size_t i = 0; i < x->n && st == OK; i++) {
		struct str identifier;
		enum rights_op op;
		unsigned rights;

		x->failed = i;
		st = parse(x->args[i], &identifier, &op, &rights) ? rights_set(&grant, txn, identifier, op, rights) : ERR_BAD_INPUT;
	}
	arena_free(&arena);
	return st;
}

static enum status
set(struct call *c, const struct account *account, const struct actor *actor)
{
	struct rights_change x = {.actor = *actor, .mailbox = c->args[1], .args = c->args + 2, .n = c->args_n - 2};
	enum status st = db_write_and_wait(store_db(c->store), &(struct db_write){.fn = set_tx, .arg = &x, .what = "mailbox rights", .lane = (uint64_t)account->id});

	if (st == OK)
		call_log_account(c, "rights changed", account->name);
	if (st == OK || x.failed == SIZE_MAX)
		return st;
	return call_fail(c, st, "%.*s: %s; nothing was changed", STR_FMT(x.args[x.failed]),
	    st == ERR_EXISTS ? "there is no such account" : st == ERR_BAD_INPUT ? "IDENTIFIER=RIGHTS is wanted" : status_word(st));
}

static enum status
send_all(struct call *c, const struct actor *actor)
{
	struct rights_entry *list;
	struct grant grant;
	struct db_txn *txn;
	size_t n = 0;
	enum status st = db_read_begin(store_db(c->store), &txn);

	if (st != OK)
		return st;
	if ((st = find(actor, txn, &c->arena, c->args[1], &grant)) == OK)
		st = rights_list(&grant, txn, &c->arena, &list, &n);
	db_read_end(txn);
	for (size_t i = 0; st == OK && i < n; i++) {
		struct buf rights = {0};

		rights_print(&rights, list[i].rights);
		link_fields(&c->link, FRAME_RECORD, 2, (struct str[]){list[i].identifier, buf_str(&rights)});
		buf_free(&rights);
	}
	return st;
}

enum status
verb_mailbox_rights(struct call *c)
{
	struct account account;
	struct actor actor;
	enum status st;

	if (c->args_n < 2)
		return call_fail(c, ERR_BAD_INPUT, "mailbox rights: which mailbox of which account?");
	if ((st = call_account(c, c->args[0], &account)) != OK)
		return st;
	actor = (struct actor){.store = c->store, .account = account.id, .admin = true};
	if (c->args_n > 2 && (st = set(c, &account, &actor)) != OK)
		return st == ERR_NOT_FOUND && c->why[0] == '\0' ? call_fail(c, st, "there is no such mailbox") : st;
	if ((st = send_all(c, &actor)) == ERR_NOT_FOUND)
		return call_fail(c, st, "there is no such mailbox");
	return st;
}
