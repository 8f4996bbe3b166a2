/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate: arguments: "add", name, fingerprint, label; "remove", name, fingerprint; "list", name, which sends records: fingerprint, label,
 * when it was added (seconds since 1970).
 */
#include <stdio.h>
#include "admin/verb_priv.h"
#include "store/certificate.h"

struct change {
	struct store *store;
	int64_t account;
	struct str fingerprint, label;
	bool add;
};

static enum status
change_tx(struct db_txn *txn, void *arg)
{
	struct change *ch = arg;

	if (ch->add)
		return certificate_add(txn, ch->account, ch->fingerprint, ch->label);
	return certificate_remove(ch->store, txn, ch->account, ch->fingerprint);
}

static enum status
explain(struct call *c, const struct change *ch, enum status st)
{
	switch (st) {
	case OK: return OK;
	case ERR_EXISTS: return call_fail(c, st, "the certificate is given to an account already");
	case ERR_LIMIT: return call_fail(c, st, "an account has %d certificates at most", CERTIFICATES_MAX);
	case ERR_BAD_INPUT: return call_fail(c, st, "a label has %d bytes at most, and no control characters", CERTIFICATE_LABEL_MAX);
	case ERR_NOT_FOUND: return call_fail(c, st, ch->add ? "the account is not there any more" : "the account has no such certificate");
	default: return st;
	}
}

static enum status
change(struct call *c, int64_t account, bool add)
{
	struct change ch = {.store = c->store, .account = account, .add = add, .label = c->args_n > 3 ? c->args[3] : STR("")};
	struct buf canonical = {0};
	enum status st = certificate_fingerprint(&canonical, c->args[2]);

	ch.fingerprint = arena_str(&c->arena, buf_str(&canonical));
	buf_free(&canonical);
	if (st != OK)
		return call_fail(c, st, "a fingerprint is the SHA-256 of a certificate: 64 characters 0-9 a-f");
	st = db_write_reserve(store_db(c->store), change_tx, &ch);
	if (st == OK)
		call_log_account(c, add ? "certificate added" : "certificate removed", c->args[1]);
	return explain(c, &ch, st);
}

static enum status
list(struct call *c, int64_t account)
{
	struct certificate_row *rows;
	struct db_txn *txn;
	size_t n;
	enum status st = db_read_begin(store_db(c->store), &txn);

	if (st != OK)
		return st;
	st = certificate_list(txn, &c->arena, account, &rows, &n);
	db_read_end(txn);
	for (size_t i = 0; i < n && st == OK; i++) {
		char added[24];

		snprintf(added, sizeof(added), "%lld", (long long)rows[i].added);
		link_fields(&c->link, FRAME_RECORD, 3, (struct str[]){rows[i].fingerprint, rows[i].label, str_c(added)});
	}
	return st;
}

enum status
verb_certificate(struct call *c)
{
	bool add = c->args_n == 4 && str_eq(c->args[0], STR("add")), remove = c->args_n == 3 && str_eq(c->args[0], STR("remove"));
	struct account account;
	enum status st;

	if (!add && !remove && (c->args_n != 2 || !str_eq(c->args[0], STR("list"))))
		return call_fail(c, ERR_BAD_INPUT, "certificate: add, remove or list, and an account");
	if ((st = call_account(c, c->args[1], &account)) != OK)
		return st;
	return add || remove ? change(c, account.id, add) : list(c, account.id);
}
