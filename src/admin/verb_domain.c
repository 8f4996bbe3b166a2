/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain set: arguments: accounts, bytes, detail, each a number, "none" or nothing for as it is; then pairs: "quota-bytes", "quota-messages",
 * "quota-mailboxes", a number, "none" or "default"; records: where, domain. domain delete: records. domain
 * list: records: name, accounts, their most or nothing, bytes, their most or nothing, "yes", "no" or nothing,
 * and of each account bytes, messages, mailboxes: a number, "none" or nothing.
 */
#include <inttypes.h>
#include <stdio.h>
#include "admin/lines.h"
#include "admin/quota_word.h"
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
	int64_t quota[QUOTA_RESOURCES] = {QUOTA_KEEP, QUOTA_KEEP, QUOTA_KEEP};
	struct domain_change change = {.quota = quota};
	bool fine = c->args_n >= 3 && c->args_n % 2 == 1;

	for (size_t i = 3; fine && i < c->args_n; i += 2)
		fine = quota_word(c->args[i], c->args[i + 1], quota);
	if (!fine || !number(c->args[0], &change.accounts_max) || !number(c->args[1], &change.bytes_max) || !number(c->args[2], &change.detail))
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
some(struct listing *l, struct db_txn *txn)
{
	struct domain *list = NULL;
	enum status st = domain_list(txn, &l->arena, l->after, BATCH, &list, &l->n);

	for (size_t i = 0; st == OK && i < l->n; i++) {
		const struct domain *d = &list[i];

		link_fields(&l->call->link, FRAME_RECORD, 9, (struct str[]){d->name, digits(&l->arena, d->accounts), digits(&l->arena, d->accounts_max),
		    digits(&l->arena, d->bytes), digits(&l->arena, d->bytes_max), d->detail < 0 ? STR("") : d->detail ? STR("yes") : STR("no"),
		    quota_text(&l->arena, d->quota[QUOTA_BYTES]), quota_text(&l->arena, d->quota[QUOTA_MESSAGES]), quota_text(&l->arena, d->quota[QUOTA_MAILBOXES])});
		l->last = d->name;
	}
	return st;
}

enum status
verb_domain_list(struct call *c)
{
	return call_list(c, some, NULL);
}
