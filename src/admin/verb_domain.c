/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain set: arguments: accounts, bytes, detail, each a number, "none" or nothing for as it is; records: where, domain. domain delete: records. domain
 * list: records: name, accounts, their most or nothing, bytes, their most or nothing, "yes", "no" or nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include "admin/lines.h"
#include "store/domain.h"

#define BATCH 100

static bool
number(struct str s, int64_t *n_r)
{
	uint64_t n;

	if (s.n == 0) {
		*n_r = DOMAIN_KEEP;
		return true;
	}
	if (str_eq(s, STR("none"))) {
		*n_r = DOMAIN_UNSET;
		return true;
	}
	if (!str_u64(s, INT64_MAX, &n))
		return false;
	*n_r = (int64_t)n;
	return true;
}

static enum status
set_one(struct call *c, struct db_txn *txn, struct line *l, void *arg)
{
	return line_refused(l, domain_set(c->store, txn, l->word[0], arg), "not a domain", l->word[0]);
}

static enum status
delete_one(struct call *c, struct db_txn *txn, struct line *l, void *arg)
{
	return line_refused(l, domain_delete(txn, l->word[0]), "nothing is set for this domain", l->word[0]);
}

static void
changed(struct call *c, const struct line *l, void *arg)
{
	call_log_account(c, "domain changed", l->word[0]);
}

enum status
verb_domain_set(struct call *c)
{
	struct domain_change change;

	if (c->args_n != 3 || !number(c->args[0], &change.accounts_max) || !number(c->args[1], &change.bytes_max) || !number(c->args[2], &change.detail))
		return call_fail(c, ERR_BAD_INPUT, "domain set: a limit is a number or none");
	return call_lines(c, &(struct lines){.run = set_one, .done = changed, .arg = &change, .verb = "domain set", .past = "set", .words_min = 1,
	    .words_max = 1});
}

enum status
verb_domain_delete(struct call *c)
{
	return call_lines(c, &(struct lines){.run = delete_one, .done = changed, .verb = "domain delete", .past = "deleted", .words_min = 1,
	    .words_max = 1, .reserve = true});
}

static struct str
digits(struct arena *arena, int64_t n)
{
	return n < 0 ? STR("") : arena_printf(arena, "%" PRId64, n);
}

static enum status
list_batch(struct call *c, struct str *after, size_t *n_r)
{
	struct arena arena = {0};
	struct domain *list = NULL;
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(c->store), &txn);

	if (st != OK)
		return st;
	link_hold(&c->link, true);
	st = domain_list(txn, &arena, *after, BATCH, &list, n_r);
	for (size_t i = 0; st == OK && i < *n_r; i++) {
		const struct domain *d = &list[i];

		link_fields(&c->link, FRAME_RECORD, 6, (struct str[]){d->name, digits(&arena, d->accounts), digits(&arena, d->accounts_max),
		    digits(&arena, d->bytes), digits(&arena, d->bytes_max), d->detail < 0 ? STR("") : d->detail ? STR("yes") : STR("no")});
	}
	db_read_end(txn);
	link_hold(&c->link, false);
	if (st == OK && *n_r > 0)
		*after = arena_str(&c->arena, list[*n_r - 1].name);
	arena_free(&arena);
	return st == OK ? link_flush(&c->link) : st;
}

enum status
verb_domain_list(struct call *c)
{
	struct str after = STR("");
	size_t n = 1;
	enum status st = OK;

	while (st == OK && n > 0)
		st = list_batch(c, &after, &n);
	return st;
}
