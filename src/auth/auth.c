/* SPDX-License-Identifier: Apache-2.0 */
/* The mechanisms as one exchange: which there are, and how an answer is taken step by step. */
#include "auth/auth.h"

#include <stdlib.h>
#include "auth/auth_priv.h"
#include "auth/password.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "store/address.h"

const struct auth_settings auth_settings_default = {
    .scram = true, .scram_hashes = SCRAM_BIT(SCRAM_SHA256), .scram_iterations = 65536, .cache_seconds = 600, .delay_ms = 2000};

struct auth *
auth_new(struct store *store, const struct auth_settings *settings)
{
	struct auth *a = x_new(struct auth);

	a->store = store;
	a->settings = *settings;
	if (settings->tls_mechanisms.p != NULL) {
		buf_add(&a->tls_mechanisms, settings->tls_mechanisms);
		buf_addc(&a->tls_mechanisms, '\0');
		a->settings.tls_mechanisms = str_c(a->tls_mechanisms.p);
	}
	a->limit = limit_new();
	a->cache = cache_new(settings->cache_seconds);
	a->places = places_new(store);
	for (enum scram_hash h = 0; h < SCRAM_HASHES; h++)
		if (settings->scram_hashes & SCRAM_BIT(h))
			a->survey[h] = survey_new(store, h, settings->scram_iterations);
	return a;
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	for (enum scram_hash h = 0; h < SCRAM_HASHES; h++)
		survey_free(a->survey[h]);
	places_free(a->places);
	cache_free(a->cache);
	limit_free(a->limit);
	buf_free(&a->tls_mechanisms);
	free(a);
}

void
auth_changed(struct auth *a, int64_t account)
{
	cache_forget(a->cache, account);
	for (enum scram_hash h = 0; h < SCRAM_HASHES; h++)
		if (a->survey[h] != NULL)
			survey_changed(a->survey[h], account);
}

/* ---- what is offered ---- */

bool
auth_plaintext_allowed(const struct auth *a, const struct auth_client *client)
{
	if (client->tls || client->local || client->plaintext == AUTH_PLAINTEXT_YES)
		return true;
	return client->plaintext == AUTH_PLAINTEXT_DEFAULT && a->settings.plaintext;
}

/* ---- who is it ---- */

static bool
user_char_ok(int32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && c != 0x2028 && c != 0x2029;
}

enum status
auth_user_prepare(struct buf *out, struct str user)
{
	struct buf nfc = {0};
	enum status st = ERR_BAD_INPUT;
	size_t len;

	if (user.n == 0 || user.n > AUTH_USER_MAX || utf8_nfc(&nfc, user) != OK ||
	    nfc.n > AUTH_USER_MAX)
		goto out;
	for (struct str s = buf_str(&nfc); s.n > 0; s = str_from(s, len))
		if (!user_char_ok(utf8_next(s, &len)))
			goto out;
	buf_add(out, buf_str(&nfc));
	st = OK;
out:
	buf_free(&nfc);
	return st;
}

/* The first credential of the given kinds that the account has; all are asked for, whatever is found. */
static enum status
first_credential(struct db_txn *txn, struct arena *arena, int64_t account, const struct str *kinds, size_t n, struct str *value_r)
{
	*value_r = STR_NONE;
	for (size_t i = 0; i < n; i++) {
		struct str value;
		enum status st = account_credential(txn, arena, account, kinds[i], &value);

		if (st != OK && st != ERR_NOT_FOUND)
			return st;
		if (st == OK && value_r->p == NULL)
			*value_r = value;
	}
	return OK;
}

/* The account that a name means at a login: its own, or where the settings say so an alias's. Both are asked for, whatever is found. */
static enum status
find_login(const struct auth *a, struct db_txn *txn, struct arena *arena, struct str user, struct account *account_r)
{
	struct account own = {0}, other = {0};
	enum status st = account_resolve(a->store, txn, arena, user, &own), st2 = ERR_NOT_FOUND;

	if (a->settings.login_alias)
		st2 = address_login(a->store, txn, arena, user, &other);
	if (st == OK)
		*account_r = own;
	else if ((st == ERR_NOT_FOUND || st == ERR_BAD_INPUT) && (st = st2) == OK)
		*account_r = other;
	return st;
}

static enum status
read_account(const struct auth *a, struct db_txn *txn, struct arena *arena, struct str user, struct known *known)
{
	static const struct str hashes[] = {{"argon2id", 8}, {"crypt", 5}, {"plain", 5}};
	struct account account = {0};
	enum status st = find_login(a, txn, arena, user, &account);

	known->exists = st == OK;
	if (st == ERR_NOT_FOUND || st == ERR_BAD_INPUT || (st == OK && account.disabled))
		account = (struct account){0};
	else if (st != OK)
		return st;
	if (account.name.n > AUTH_USER_MAX)
		return ERR_CORRUPT;
	known->account = account.id;
	known->generation = account.generation;
	known->name = account.name;
	if ((st = first_credential(txn, arena, account.id, hashes, 3, &known->hash)) != OK)
		return st;
	for (enum scram_hash h = 0; h < SCRAM_HASHES && st == OK; h++) {
		struct str kind = scram_kind(h);

		st = first_credential(txn, arena, account.id, &kind, 1, &known->scram[h]);
	}
	return st;
}

enum status
auth_look_up(struct auth *a, struct arena *arena, struct str user, struct known *known_r)
{
	struct known known = {0};
	struct buf prepared = {0};
	struct db_txn *txn;
	enum status st;

	/* What is no name is looked for as well: it is not found. */
	if (auth_user_prepare(&prepared, user) != OK)
		buf_clear(&prepared);
	if ((st = db_read_begin(store_db(a->store), &txn)) == OK) {
		st = read_account(a, txn, arena, buf_str(&prepared), &known);
		db_read_end(txn);
	}
	buf_free(&prepared);
	if (st == OK)
		*known_r = known;
	return st;
}

bool
auth_same(struct auth *a, struct str one, struct str other)
{
	struct arena arena = {0};
	struct account x = {0}, y = {0};
	struct db_txn *txn;
	bool same = false;

	if (db_read_begin(store_db(a->store), &txn) == OK) {
		same = find_login(a, txn, &arena, one, &x) == OK && find_login(a, txn, &arena, other, &y) == OK &&
		    x.id == y.id;
		db_read_end(txn);
	}
	arena_free(&arena);
	return same;
}

enum status
auth_confirm(struct auth *a, const struct auth_client *client, struct auth_result *r)
{
	struct arena arena = {0};
	struct account account;
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(a->store), &txn);

	if (st == OK) {
		st = account_get(txn, &arena, r->account, &account);
		db_read_end(txn);
	}
	if (st == ERR_NOT_FOUND || (st == OK && (account.disabled || account.generation != r->generation)))
		st = ERR_NO_PERM;
	arena_free(&arena);
	if (st != OK) {
		r->delay_ms = a->settings.delay_ms;
		log_event(EV_auth_failed, "account=\"%s\" address=%.*s why=\"%s\"", r->user, STR_FMT(client->address),
		    st == ERR_NO_PERM ? "the account or its password was changed meanwhile" : status_word(st));
	}
	return st;
}

/* ---- passwords ---- */

/* Nobody writes fields of the log by his name (S13). */
static bool
loggable(char c)
{
	return (unsigned char)c >= 0x20 && c != 0x7f && c != '"' && c != '\\';
}

static const char *
reason(enum status st)
{
	return st == ERR_NO_PERM ? "wrong user or password" : status_word(st);
}

/* Is there an account of that name, as far as can be said? */
static bool
has_account(struct auth *a, struct str user)
{
	struct arena arena = {0};
	struct known known = {0};
	enum status st = auth_look_up(a, &arena, user, &known);

	arena_free_secret(&arena);
	return st == OK && known.exists;
}

enum status
auth_outcome(struct auth *a, const struct auth_client *client, struct str user,
    const struct known *known, enum status st, const char *why, struct auth_result *r)
{
	struct str name;

	/* In is only who was found to be somebody. */
	ensure(st != OK || (known != NULL && known->account != 0));
	name = st == OK ? known->name : str_head(user, AUTH_USER_MAX);
	/* People and programs write passwords where the name belongs: what is no name of an account is not written down. */
	if (st != OK && !(known != NULL ? known->exists : has_account(a, user)))
		name = STR("(unknown)");
	*r = (struct auth_result){0};
	ensure(name.n < sizeof(r->user)); /* a zero stays behind it */
	for (size_t i = 0; i < name.n; i++)
		r->user[i] = loggable(name.p[i]) ? name.p[i] : '?';
	if (st == OK) {
		r->account = known->account;
		r->generation = known->generation;
		return OK;
	}
	/* Whatever the reason: that there is a delay must not tell one from the other. That plaintext is not allowed here is no secret. */
	if (st != ERR_CONFLICT)
		r->delay_ms = a->settings.delay_ms;
	if (st == ERR_LIMIT)
		log_event(
		    EV_auth_limited, "account=\"%s\" address=%.*s", r->user, STR_FMT(client->address));
	else
		log_event(EV_auth_failed, "account=\"%s\" address=%.*s why=\"%s\"", r->user,
		    STR_FMT(client->address), why != NULL ? why : reason(st));
	return st;
}

/* What is wrong costs an argon2 of the default, whether the user exists or not: where there is nothing to compare with, and after a comparison
 * that cost less. */
static enum status
verify(const struct known *known, struct str password)
{
	enum status st;

	if (known->account == 0 || known->hash.p == NULL) {
		password_verify_dummy(password);
		return ERR_NO_PERM;
	}
	st = password_verify(known->hash, password);
	if (st == ERR_CORRUPT)
		log_event(EV_damage, "what=password-hash account=%lld", (long long)known->account);
	if (st != OK && (st == ERR_CORRUPT || password_is_plain(known->hash) || password_is_old(known->hash) || !password_possible(password)))
		password_verify_dummy(password);
	return st == ERR_CORRUPT ? ERR_NO_PERM : st;
}

/* The limits come before all else, the cache of passwords too: a guess that it knows to be right is a guess. */
static enum status
check(struct auth *a, const struct auth_client *client, struct attempt *t, struct str password,
    const struct known *known, struct auth_result *result)
{
	int64_t now = clock_mono();
	enum status st = attempt_begin(a, t, known, result);

	if (st != OK)
		return st;
	if (known->account != 0 && cache_has(a->cache, known->account, known->generation, password, now))
		return OK;
	/* Plain ones too: who has to wait must not depend on what is kept. */
	if (client->turn != NULL && !client->turn(client->turn_arg))
		return ERR_AGAIN;
	if ((st = verify(known, password)) != OK)
		return st;
	cache_put(a->cache, known->account, known->generation, password, now);
	auth_renew(a, known, password);
	return OK;
}

enum status
auth_password(struct auth *a, const struct auth_client *client, struct str user,
    struct str password, struct auth_result *result_r)
{
	struct arena arena = {0};
	struct known known = {0};
	struct attempt t;
	enum status st;

	if (password.p == NULL)
		password = STR("");
	st = auth_look_up(a, &arena, user, &known);
	attempt_init(a, &t, client, &arena, user, &known);
	if (st == OK)
		st = check(a, client, &t, password, &known, result_r);
	if (st == OK)
		attempt_succeeded(a, &t, &known);
	if (st != ERR_AGAIN)
		st = auth_outcome(a, client, user, &known, st, NULL, result_r);
	arena_free_secret(&arena);
	return st;
}

enum status
auth_login(struct auth *a, const struct auth_client *client, struct str user, struct str password,
    struct auth_result *result_r)
{
	if (!auth_plaintext_allowed(a, client))
		return auth_outcome(a, client, user, NULL, ERR_CONFLICT, NULL, result_r);
	return auth_password(a, client, user, password, result_r);
}
