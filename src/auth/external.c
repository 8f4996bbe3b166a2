/* SPDX-License-Identifier: Apache-2.0 */
/* Which account a client's certificate leads to. */
#include "auth/external.h"

#include "store/certificate.h"

/* What a certificate leads to. */
struct leads {
	struct auth *a;
	struct db_txn *txn;
	struct arena *arena;
	struct account wanted; /* id 0: nobody was asked for, or there is none of that name */
	bool asked;
	struct account found;  /* id 0: nobody yet */
	bool several;          /* others too, and nobody was asked for */
};

static void
lead(struct leads *l, const struct account *to)
{
	if (to->disabled || (l->asked && to->id != l->wanted.id))
		return;
	if (l->found.id != 0 && l->found.id != to->id)
		l->several = true;
	l->found = *to;
}

static enum status
by_fingerprint(struct leads *l, struct str fingerprint)
{
	struct account account;
	int64_t id;
	enum status st = certificate_owner(l->txn, fingerprint, &id);

	if (st == OK && (st = account_get(l->txn, l->arena, id, &account)) == OK)
		lead(l, &account);
	return st == ERR_NOT_FOUND ? OK : st;
}

/* Is that account's address the one in the certificate, and not only near it? */
static bool
is_address(struct store *store, struct str name, struct str address)
{
	struct buf mine = {0}, theirs = {0};
	bool same = account_address(store, name, &mine) == OK && account_fold(&theirs, address) == OK && str_eq(buf_str(&mine), buf_str(&theirs));

	buf_free(&mine);
	buf_free(&theirs);
	return same;
}

static enum status
by_address(struct leads *l, struct str address)
{
	struct account account;
	enum status st;

	if (address.n == 0 || address.n > AUTH_USER_MAX || str_chr(address, '@') == address.n)
		return OK;
	st = account_resolve(l->a->store, l->txn, l->arena, address, &account);
	if (st == OK && is_address(l->a->store, account.name, address))
		lead(l, &account);
	return st == ERR_NOT_FOUND || st == ERR_BAD_INPUT ? OK : st;
}

static enum status
ask_for(struct leads *l, struct str authzid)
{
	struct buf prepared = {0};
	enum status st = ERR_NOT_FOUND;

	l->asked = authzid.n > 0;
	if (l->asked && auth_user_prepare(&prepared, authzid) == OK)
		st = account_resolve(l->a->store, l->txn, l->arena, buf_str(&prepared), &l->wanted);
	buf_free(&prepared);
	return st == ERR_NOT_FOUND || st == ERR_BAD_INPUT ? OK : st;
}

static enum status
follow(struct leads *l, const struct auth_certificate *c, struct str authzid)
{
	struct str rest = buf_str(&c->addresses), address;
	enum status st = ask_for(l, authzid);

	if (st == OK)
		st = by_fingerprint(l, str_c(c->fingerprint));
	while (st == OK && c->trusted && str_split(&rest, '\n', &address))
		st = by_address(l, address);
	return st;
}

static const char *
judge(const struct leads *l, const struct auth_certificate *c)
{
	if (l->several)
		return "the certificate leads to several accounts, and none was asked for";
	if (l->found.id != 0)
		return NULL;
	if (l->asked)
		return "the certificate is not for that account";
	return c->trusted ? "the certificate leads to no account" : "the certificate is nobody's, and nobody vouches for it";
}

enum status
external_decide(struct auth *a, struct arena *arena, const struct auth_certificate *c, struct str authzid, struct known *known_r, const char **why_r)
{
	struct leads l = {.a = a, .arena = arena};
	enum status st = db_read_begin(store_db(a->store), &l.txn);

	if (st != OK)
		return st;
	st = follow(&l, c, authzid);
	db_read_end(l.txn);
	if (st == OK && l.found.name.n > AUTH_USER_MAX)
		st = ERR_CORRUPT;
	if (st != OK)
		return st;
	*known_r = (struct known){.exists = l.wanted.id != 0 || l.found.id != 0};
	if ((*why_r = judge(&l, c)) == NULL) {
		known_r->account = l.found.id;
		known_r->generation = l.found.generation;
		known_r->name = l.found.name;
	}
	return OK;
}
