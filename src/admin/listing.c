/* SPDX-License-Identifier: Apache-2.0 */
/* Listings: one snapshot a batch, so that a hundred thousand rows hold nobody up, and none while the peer is waited for. */
#include "admin/verb_priv.h"

static enum status
batch(struct call *c, enum status (*some)(struct listing *l, struct db_txn *txn), struct listing *l)
{
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(c->store), &txn);

	if (st != OK)
		return st;
	l->n = 0;
	link_hold(&c->link, true);
	st = some(l, txn);
	db_read_end(txn);
	link_hold(&c->link, false);
	if (st == OK && l->n > 0)
		l->after = arena_str(&c->arena, l->last);
	arena_free(&l->arena);
	return st == OK ? link_flush(&c->link) : st;
}

enum status
call_list(struct call *c, enum status (*some)(struct listing *l, struct db_txn *txn), void *arg)
{
	struct listing l = {.call = c, .arg = arg, .after = STR("")};
	enum status st;

	do
		st = batch(c, some, &l);
	while (st == OK && l.n > 0);
	return st;
}
