/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a password is made anew while the password is there. */
#include <stdlib.h>
#include "auth/auth_priv.h"
#include "auth/password.h"
#include "store/account.h"

struct renewal {
	struct db_write write;
	struct store *store;
	int64_t account;
	uint64_t generation;
	struct buf hash, scram; /* empty: as it is */
};

static enum status
renew_fn(struct db_txn *txn, void *arg)
{
	struct renewal *r = arg;
	enum status st = OK;

	if (r->scram.n > 0)
		st = account_renew_credential(r->store, txn, r->account, r->generation, STR("scram-sha-256"), buf_str(&r->scram));
	if (r->hash.n == 0 || st != OK)
		return st;
	st = account_renew_credential(r->store, txn, r->account, r->generation, STR("argon2id"), buf_str(&r->hash));
	return st == OK ? account_renew_credential(r->store, txn, r->account, r->generation, STR("crypt"), STR("")) : st;
}

static void
password_renewed(struct db_write *w, enum status st)
{
	struct renewal *r = w->arg;

	(void)st; /* where it failed, the next login tries again */
	buf_free_secret(&r->hash);
	buf_free_secret(&r->scram);
	free(r);
}

static bool
scram_old(struct auth *a, const struct known *known)
{
	struct scram_keys k;
	bool old;

	if (known->scram.p == NULL || scram_parse(known->scram, &k) != OK)
		return true;
	old = k.iterations != a->settings.scram_iterations;
	explicit_bzero(&k, sizeof(k));
	return old;
}

void
auth_renew(struct auth *a, const struct known *known, struct str password)
{
	bool hash = password_is_old(known->hash), scram = scram_old(a, known);
	struct renewal *r;

	if (!hash && !scram)
		return;
	r = x_new(struct renewal);
	r->store = a->store;
	r->account = known->account;
	r->generation = known->generation;
	/* A password that is no text (Latin-1 behind a hash from elsewhere) has no form for these: it stays as it is. */
	if (scram && scram_make(&r->scram, password, a->settings.scram_iterations) != OK)
		buf_clear(&r->scram);
	if (hash && password_hash(&r->hash, password, &password_cost_default) != OK)
		buf_clear(&r->hash);
	if (r->hash.n == 0 && r->scram.n == 0) {
		free(r);
		return;
	}
	r->write = (struct db_write){.fn = renew_fn, .arg = r, .lane = (uint64_t)r->account, .done = password_renewed};
	db_submit(store_db(a->store), &r->write);
}
