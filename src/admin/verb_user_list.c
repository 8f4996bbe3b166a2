/* SPDX-License-Identifier: Apache-2.0 */
/* user list: records: name, "disabled" or nothing, mailboxes, messages, bytes; the most of mailboxes, messages and bytes, or nothing where there is no limit. */
#include <inttypes.h>
#include <stdio.h>
#include "admin/verb_priv.h"
#include "store/quota.h"

#define BATCH 100

static enum status
totals(struct store *store, struct db_txn *txn, int64_t account, char out[6][24])
{
	static const enum quota_resource order[] = {QUOTA_MAILBOXES, QUOTA_MESSAGES, QUOTA_BYTES};
	struct quota q;
	enum status st = quota_get(store, txn, account, &q);

	if (st != OK)
		return st;
	for (size_t i = 0; i < 3; i++) {
		snprintf(out[i], 24, "%" PRId64, q.used[order[i]]);
		if (q.most[order[i]] >= 0)
			snprintf(out[3 + i], 24, "%" PRId64, q.most[order[i]]);
		else
			out[3 + i][0] = '\0';
	}
	return OK;
}

static enum status
some(struct listing *l, struct db_txn *txn)
{
	struct account *accounts;
	enum status st = account_list(txn, &l->arena, l->after, BATCH, &accounts, &l->n);

	for (size_t i = 0; st == OK && i < l->n; i++) {
		char numbers[6][24];

		if ((st = totals(l->call->store, txn, accounts[i].id, numbers)) == OK)
			link_fields(&l->call->link, FRAME_RECORD, 8,
			    (struct str[]){accounts[i].name, accounts[i].disabled ? STR("disabled") : STR(""),
				str_c(numbers[0]), str_c(numbers[1]), str_c(numbers[2]), str_c(numbers[3]), str_c(numbers[4]), str_c(numbers[5])});
		l->last = accounts[i].name;
	}
	return st;
}

enum status
verb_user_list(struct call *c)
{
	return call_list(c, some, NULL);
}
