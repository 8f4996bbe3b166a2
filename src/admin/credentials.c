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
	if ((st = scram_make(&value, password, (uint32_t)config_directory(config(), 0)->scram_iterations)) != OK)
		goto out;
	keep(arena, &c, STR("scram-sha-256"), &value);
	*c_r = c;
out:
	buf_free(&value);
	return st;
}

enum status
credentials_store(struct store *store, struct db_txn *txn, int64_t account, const struct credentials *c)
{
	static const struct str kinds[] = {{"argon2id", 8}, {"crypt", 5}, {"plain", 5}, {"scram-sha-256", 13}};
	enum status st = OK;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && st == OK; i++) {
		struct str value = STR("");

		for (size_t k = 0; k < c->n; k++)
			if (str_eq(c->kind[k], kinds[i]))
				value = c->value[k];
		st = account_set_credential(store, txn, account, kinds[i], value);
	}
	return st;
}
