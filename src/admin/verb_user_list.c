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

static enum status
some(struct listing *l, struct db_txn *txn)
{
	struct account *accounts;
	enum status st = account_list(txn, &l->arena, l->after, BATCH, &accounts, &l->n);

	for (size_t i = 0; st == OK && i < l->n; i++) {
		char numbers[3][24];

		if ((st = totals(txn, accounts[i].id, numbers)) == OK)
			link_fields(&l->call->link, FRAME_RECORD, 5,
			    (struct str[]){accounts[i].name, accounts[i].disabled ? STR("disabled") : STR(""),
				str_c(numbers[0]), str_c(numbers[1]), str_c(numbers[2])});
		l->last = accounts[i].name;
	}
	return st;
}

enum status
verb_user_list(struct call *c)
{
	return call_list(c, some, NULL);
}
