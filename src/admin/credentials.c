/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a password: every mechanism that is announced must work for every account. */
#include "admin/verb_priv.h"
#include "auth/password.h"
#include "auth/scram.h"
#include "base/config.h"

static void
keep(struct arena *arena, struct credentials *c, struct str kind, struct buf *value)
{
	c->kind[c->n] = kind;
	c->value[c->n++] = arena_str(arena, buf_str(value));
	buf_free_secret(value);
}

/* SCRAM's, for each hash that the settings want. */
static enum status
keep_keys(struct arena *arena, struct credentials *c, struct str password)
{
	const struct config_directory *d = config_directory(config(), 0);
	unsigned set = scram_set(d->scram_hashes.word, d->scram_hashes.n);

	for (enum scram_hash h = 0; h < SCRAM_HASHES; h++) {
		struct buf value = {.secret = true};
		enum status st = set & SCRAM_BIT(h) ? scram_make(&value, h, password, (uint32_t)d->scram_iterations) : OK;

		if (st != OK) {
			buf_free(&value);
			return st;
		}
		if (value.n > 0)
			keep(arena, c, scram_kind(h), &value);
	}
	return OK;
}

enum status
credentials_make(struct arena *arena, struct str scheme, struct str password, struct credentials *c_r)
{
	struct credentials c = {.n = 0};
	struct buf value = {.secret = true};
	enum status st;

	if (str_eq(scheme, STR("hash"))) {
		struct str hash;

		if ((st = password_foreign(password, &hash)) != OK)
			return st;
		buf_add(&value, hash);
		keep(arena, &c, str_starts(hash, STR("$argon2id$")) ? STR("argon2id") : STR("crypt"), &value);
		*c_r = c;
		return OK;
	}
	if (str_eq(scheme, STR("argon2id"))) {
		if ((st = password_hash(&value, password, &password_cost_default)) != OK)
			goto out;
		keep(arena, &c, STR("argon2id"), &value);
	} else if (str_eq(scheme, STR("plain"))) {
		buf_adds(&value, "{PLAIN}");
		buf_add(&value, password);
		keep(arena, &c, STR("plain"), &value);
	} else {
		return ERR_BAD_INPUT;
	}
	if ((st = keep_keys(arena, &c, password)) != OK)
		goto out;
	*c_r = c;
out:
	buf_free(&value);
	return st;
}

/* What there is of that kind, or the empty value, which removes. */
static enum status
store_kind(struct store *store, struct db_txn *txn, int64_t account, const struct credentials *c, struct str kind)
{
	struct str value = STR("");

	for (size_t k = 0; k < c->n; k++)
		if (str_eq(c->kind[k], kind))
			value = c->value[k];
	return account_set_credential(store, txn, account, kind, value);
}

enum status
credentials_store(struct store *store, struct db_txn *txn, int64_t account, const struct credentials *c)
{
	static const struct str hashes[] = {{"argon2id", 8}, {"crypt", 5}, {"plain", 5}};
	enum status st = OK;

	for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes) && st == OK; i++)
		st = store_kind(store, txn, account, c, hashes[i]);
	for (enum scram_hash h = 0; h < SCRAM_HASHES && st == OK; h++)
		st = store_kind(store, txn, account, c, scram_kind(h));
	return st;
}
