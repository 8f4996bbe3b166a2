/* SPDX-License-Identifier: Apache-2.0 */
/* Which account a name means: the one place that decides it, for logins, recipients and the command line (account.h says the rules). */
#include <stdlib.h>
#include <string.h>
#include "store/account_priv.h"
#include "store/address_priv.h"
#include "store/store_priv.h"

/* How the settings want names read. */
struct account_names {
	struct buf domain;   /* the default one, folded; empty: none */
	char separator;
	size_t expansion;    /* accounts that an address may stand for */
	size_t n;
	struct domain {
		struct buf name; /* folded */
		char separator;
	} of[];
};

/* Adds the form in which domains are compared. What is none compares as it is. */
static void
fold_domain(struct buf *out, struct str domain)
{
	struct buf name = {0}, folded = {0};

	buf_adds(&name, "x@");
	buf_add(&name, domain);
	if (account_fold(&folded, buf_str(&name)) == OK)
		buf_add(out, str_from(buf_str(&folded), 2));
	else
		buf_add(out, domain);
	buf_free(&name);
	buf_free(&folded);
}

struct account_names *
account_names_new(const struct store_options *o)
{
	struct account_names *a = x_calloc(1, sizeof(*a) + o->domains_n * sizeof(a->of[0]));

	if (o->default_domain != NULL)
		fold_domain(&a->domain, str_c(o->default_domain));
	a->separator = o->separator;
	a->expansion = o->expansion > 0 ? o->expansion : ADDRESS_EXPANSION;
	for (a->n = 0; a->n < o->domains_n; a->n++) {
		fold_domain(&a->of[a->n].name, str_c(o->domains[a->n].name));
		a->of[a->n].separator = o->domains[a->n].separator;
	}
	return a;
}

void
account_names_free(struct account_names *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < a->n; i++)
		buf_free(&a->of[i].name);
	buf_free(&a->domain);
	free(a);
}

/* A name in two: what is before the last @, and what is behind it. */
struct parts {
	struct str local, domain;
	bool bare; /* there is no @ */
};

static struct parts
split(struct str name)
{
	size_t at = name.n;

	while (at > 0 && name.p[at - 1] != '@')
		at--;
	if (at == 0)
		return (struct parts){name, STR(""), true};
	return (struct parts){str_head(name, at - 1), str_from(name, at), false};
}

static bool
is_domain(struct str domain, const struct buf *folded)
{
	struct buf f = {0};
	bool same;

	fold_domain(&f, domain);
	same = str_eq(buf_str(&f), buf_str(folded));
	buf_free(&f);
	return same;
}

/* Whether that address may be the one of an account whose name has no domain. */
static bool
may_be_bare(const struct account_names *names, const struct parts *p)
{
	if (p->bare || p->domain.n == 0 || str_chr(p->local, '@') < p->local.n)
		return false;
	return names->domain.n == 0 || is_domain(p->domain, &names->domain);
}

enum status
account_address(struct store *store, struct str name, struct buf *out)
{
	const struct account_names *names = store->names;
	struct buf folded = {0};
	enum status st = account_fold(&folded, name);

	if (st == OK) {
		buf_add(out, buf_str(&folded));
		if (names->domain.n > 0 && str_chr(buf_str(&folded), '@') == folded.n)
			buf_addf(out, "@%.*s", STR_FMT(buf_str(&names->domain)));
	}
	buf_free(&folded);
	return st;
}

enum status
account_full_name(struct store *store, struct str name, struct buf *out)
{
	const struct account_names *names = store->names;
	enum status st = account_name_nfc(out, name);

	if (st == OK && names->domain.n > 0 && str_chr(buf_str(out), '@') == out->n)
		buf_addf(out, "@%.*s", STR_FMT(buf_str(&names->domain)));
	return st;
}

void
account_guess_key(struct store *store, struct str name, struct buf *out)
{
	struct parts p = split(name);
	size_t start = out->n;

	/* Any domain may lead to the same account: then it is the name in front of it that is guessed at. */
	if (store->names->domain.n == 0 && may_be_bare(store->names, &p))
		name = p.local;
	if (account_address(store, name, out) != OK) {
		out->n = start;
		buf_add(out, name);
	}
}

/* Beside the account of that very name: the one that the default domain makes of it. both: at a login both are looked for whatever is found, so that who
 * is there shows in no time (S7); a recipient is told anyway. */
static enum status
resolve(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, bool both, struct account *account_r)
{
	const struct account_names *names = store->names;
	struct parts p = split(name);
	struct account exact = {0}, other = {0};
	struct buf full = {0};
	enum status st = account_find(txn, arena, name, &exact), st2;

	if (st == OK && !both)
		st2 = ERR_NOT_FOUND;
	else if (may_be_bare(names, &p))
		st2 = account_find(txn, arena, p.local, &other);
	else if (p.bare && names->domain.n == 0)
		st2 = account_find_local(txn, arena, name, &other);
	else if (p.bare && account_full_name(store, name, &full) == OK)
		st2 = account_find(txn, arena, buf_str(&full), &other);
	else
		st2 = ERR_NOT_FOUND;
	buf_free(&full);
	if (st == ERR_NOT_FOUND && (st = st2) == OK)
		exact = other;
	if (st == OK)
		*account_r = exact;
	return st;
}

enum status
account_taken(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct account *account_r)
{
	/* Without a default domain alice and alice@example.org are two. */
	return store->names->domain.n > 0 ? resolve(store, txn, arena, name, false, account_r) : account_find(txn, arena, name, account_r);
}

static char
separator_of(const struct account_names *names, const struct parts *p)
{
	struct str domain = p->bare ? buf_str(&names->domain) : p->domain;

	for (size_t i = 0; i < names->n; i++)
		if (is_domain(domain, &names->of[i].name))
			return names->of[i].separator;
	return names->separator;
}

size_t
address_most(const struct store *store)
{
	return store->names->expansion;
}

enum status
account_exact(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct account *account_r)
{
	return resolve(store, txn, arena, name, false, account_r);
}

bool
account_other_form(struct store *store, struct str name, struct buf *out)
{
	struct parts p = split(name);

	if (may_be_bare(store->names, &p)) {
		buf_add(out, p.local);
		return true;
	}
	return p.bare && store->names->domain.n > 0 && account_full_name(store, name, out) == OK;
}

bool
account_without_detail(struct store *store, struct str name, struct buf *plain, struct str *detail_r)
{
	struct parts p = split(name);
	char separator = separator_of(store->names, &p);
	size_t at = separator != '\0' ? str_chr(p.local, separator) : p.local.n;

	if (at == 0 || at == p.local.n)
		return false;
	buf_add(plain, str_head(p.local, at));
	if (!p.bare)
		buf_addf(plain, "@%.*s", STR_FMT(p.domain));
	*detail_r = str_from(p.local, at + 1);
	return true;
}

enum status
account_resolve(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct account *account_r)
{
	return resolve(store, txn, arena, name, true, account_r);
}
