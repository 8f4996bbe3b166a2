/* SPDX-License-Identifier: Apache-2.0 */
/* user list: records: name, "disabled" or nothing, mailboxes, messages, bytes. */
#include <inttypes.h>
#include <stdio.h>
#include "admin/verb_priv.h"

#define BATCH 100

static enum status
totals(struct db_txn *txn, int64_t account, char out[3][24])
{
	struct account_usage u;
	enum status st = account_usage(txn, account, &u);

	if (st != OK)
		return st;
	snprintf(out[0], 24, "%" PRIu64, u.mailboxes);
	snprintf(out[1], 24, "%" PRIu64, u.messages);
	snprintf(out[2], 24, "%" PRIu64, u.bytes);
	return OK;
}

/* One snapshot a batch: a listing of a hundred thousand accounts holds nobody up. */
static enum status
list_batch(struct call *c, struct str *after, size_t *n_r)
{
	struct arena arena = {0};
	struct account *accounts;
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(c->store), &txn);

	if (st != OK)
		return st;
	st = account_list(txn, &arena, *after, BATCH, &accounts, n_r);
	for (size_t i = 0; st == OK && i < *n_r; i++) {
		char numbers[3][24];

		if ((st = totals(txn, accounts[i].id, numbers)) == OK)
			link_fields(&c->link, FRAME_RECORD, 5,
			    (struct str[]){accounts[i].name, accounts[i].disabled ? STR("disabled") : STR(""),
				str_c(numbers[0]), str_c(numbers[1]), str_c(numbers[2])});
	}
	db_read_end(txn);
	if (st == OK && *n_r > 0)
		*after = arena_str(&c->arena, accounts[*n_r - 1].name);
	arena_free(&arena);
	return st;
}

enum status
verb_user_list(struct call *c)
{
	struct str after = STR("");
	size_t n = 1;
	enum status st = OK;

	while (st == OK && n > 0)
		st = list_batch(c, &after, &n);
	return st;
}
