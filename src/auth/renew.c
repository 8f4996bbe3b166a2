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
	struct buf hash, scram[SCRAM_HASHES]; /* empty: as it is */
	unsigned drop; /* SCRAM_BIT()s: keys that are kept no more */
};

static enum status
renew_fn(struct db_txn *txn, void *arg)
{
	struct renewal *r = arg;
	enum status st = OK;

	for (enum scram_hash h = 0; h < SCRAM_HASHES && st == OK; h++)
		if (r->scram[h].n > 0 || r->drop & SCRAM_BIT(h))
			st = account_renew_credential(r->store, txn, r->account, r->generation, scram_kind(h), buf_str(&r->scram[h]));
	if (r->hash.n == 0 || st != OK)
		return st;
	st = account_renew_credential(r->store, txn, r->account, r->generation, STR("argon2id"), buf_str(&r->hash));
	return st == OK ? account_renew_credential(r->store, txn, r->account, r->generation, STR("crypt"), STR("")) : st;
}

static void
renewal_free(struct renewal *r)
{
	buf_free_secret(&r->hash);
	for (enum scram_hash h = 0; h < SCRAM_HASHES; h++)
		buf_free_secret(&r->scram[h]);
	free(r);
}

static void
password_renewed(struct db_write *w, enum status st)
{
	(void)st; /* where it failed, the next login tries again */
	renewal_free(w->arg);
}

static bool
scram_old(struct auth *a, const struct known *known, enum scram_hash hash)
{
	struct scram_keys k;
	bool old;

	if (known->scram[hash].p == NULL || scram_parse(hash, known->scram[hash], &k) != OK)
		return true;
	old = k.iterations != a->settings.scram_iterations;
	explicit_bzero(&k, sizeof(k));
	return old;
}

/* A password that is no text (Latin-1 behind a hash from elsewhere) has no form for keys and hash: they stay as they are. */
static bool
renew(struct auth *a, struct renewal *r, const struct known *known, struct str password)
{
	bool changes = r->drop != 0;

	for (enum scram_hash h = 0; h < SCRAM_HASHES; h++) {
		if (!(a->settings.scram_hashes & SCRAM_BIT(h)) || !scram_old(a, known, h))
			continue;
		if (scram_make(&r->scram[h], h, password, a->settings.scram_iterations) != OK)
			buf_clear(&r->scram[h]);
		changes |= r->scram[h].n > 0;
	}
	if (password_is_old(known->hash) && password_hash(&r->hash, password, &password_cost_default) != OK)
		buf_clear(&r->hash);
	return changes || r->hash.n > 0;
}

void
auth_renew(struct auth *a, const struct known *known, struct str password)
{
	struct renewal *r = x_new(struct renewal);

	r->store = a->store;
	r->account = known->account;
	r->generation = known->generation;
	for (enum scram_hash h = 0; h < SCRAM_HASHES; h++)
		if (known->scram[h].p != NULL && !(a->settings.scram_hashes & SCRAM_BIT(h)))
			r->drop |= SCRAM_BIT(h);
	if (!renew(a, r, known, password)) {
		renewal_free(r);
		return;
	}
	r->write = (struct db_write){.fn = renew_fn, .arg = r, .lane = (uint64_t)r->account, .done = password_renewed};
	db_submit(store_db(a->store), &r->write);
}
