/* SPDX-License-Identifier: Apache-2.0 */
/* To whom mail for an address goes: from the name to an account, or through aliases and groups to several. */
#include "store/address_priv.h"

#include "base/assert.h"

/* An alternative form: what may be written without its domain is looked for so, too (account.h). */
static enum status
find_other(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct address *address_r)
{
	struct buf other = {0}, fold = {0};
	enum status st = ERR_NOT_FOUND;

	if (account_other_form(store, name, &other) && account_fold(&fold, buf_str(&other)) == OK)
		st = address_by_fold(txn, arena, buf_str(&fold), address_r);
	buf_free(&other);
	buf_free(&fold);
	return st;
}

enum status
address_find(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct address *address_r)
{
	struct buf fold = {0};
	enum status st = ERR_NOT_FOUND;

	if (address_catch_all(&fold, name) || account_fold(&fold, name) == OK)
		st = address_by_fold(txn, arena, buf_str(&fold), address_r);
	if (st == ERR_NOT_FOUND)
		st = find_other(store, txn, arena, name, address_r);
	buf_free(&fold);
	return st;
}

static enum status
find_catch_all(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct address *address_r)
{
	struct buf whole = {0}, fold = {0};
	enum status st = ERR_NOT_FOUND;
	size_t at;

	if (account_address(store, name, &whole) == OK) {
		for (at = whole.n; at > 0 && whole.p[at - 1] != '@'; at--)
			;
		if (at > 0 && address_catch_all(&fold, str_from(buf_str(&whole), at - 1)))
			st = address_by_fold(txn, arena, buf_str(&fold), address_r);
	}
	buf_free(&whole);
	buf_free(&fold);
	return st;
}

/* ---- from an address on ---- */

struct resolving {
	struct store *store;
	struct db_txn *txn;
	struct arena *arena;
	address_tell_fn *tell;
	void *arg;
	size_t most;            /* accounts */
	size_t looked;          /* at targets */
	struct address_way way; /* addresses */
	struct map seen;        /* accounts */
	struct address_places places;
	size_t cap;
};

static void
tell(struct resolving *r, struct address_step step)
{
	if (r->tell != NULL)
		r->tell(r->arg, &step);
}

static enum status
place(struct resolving *r, const struct account *a, bool plain, struct str through)
{
	struct address_places *p = &r->places;
	bool again = map_put(&r->seen, MAP_KEY(a->id), r) != NULL;

	tell(r, (struct address_step){.is = STEP_ACCOUNT, .name = a->name, .through = through, .disabled = a->disabled, .again = again});
	if (again)
		return OK;
	if (a->disabled) {
		p->disabled++;
		return OK;
	}
	if (p->n == r->most)
		return ERR_LIMIT;
	if (p->n == r->cap) {
		size_t more = r->cap ? r->cap * 2 : 4;

		p->place = arena_grow(r->arena, p->place, p->n, r->cap, more, sizeof(*p->place));
		r->cap = more;
	}
	p->place[p->n++] = (struct address_place){*a, plain};
	return OK;
}

static void
enter(struct resolving *r, const struct address *a, unsigned level, bool plain, struct str through)
{
	bool catch_all = a->name.p[0] == '@', again = !address_way_add(&r->way, a->id, level);

	if (!again) {
		struct address_stop *s = &r->way.stop[r->way.n - 1];

		s->plain = plain && a->kind == ADDRESS_ALIAS && !catch_all;
		s->name = a->name;
	}
	tell(r, (struct address_step){.is = catch_all ? STEP_CATCH_ALL : a->kind == ADDRESS_GROUP ? STEP_GROUP : STEP_ALIAS,
	    .name = a->name, .through = through, .again = again});
}

/* All that is passed is counted, not only accounts: what leads a thousand times to the same ones is as much work. */
static enum status
follow_one(struct resolving *r, size_t at)
{
	struct address_stop stop = r->way.stop[at];
	size_t most = 4 * r->most + 1000, n;
	struct address_target *t;
	enum status st = address_targets(r->txn, r->arena, stop.id, most - r->looked + 1, &t, &n);

	if (st != OK)
		return st;
	r->looked += n;
	if (r->looked > most || stop.level >= ADDRESS_DEPTH_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < n && st == OK; i++) {
		if (t[i].is == TARGET_ACCOUNT)
			st = place(r, &(struct account){.id = t[i].id, .name = t[i].name, .disabled = t[i].disabled}, stop.plain, stop.name);
		else
			enter(r, &(struct address){t[i].id, t[i].kind, t[i].name}, stop.level + 1, stop.plain, stop.name);
	}
	return st;
}

static enum status
follow(struct resolving *r, const struct address *a)
{
	enum status st = OK;

	enter(r, a, 0, true, STR_NONE);
	for (size_t i = 0; i < r->way.n && st == OK; i++)
		st = follow_one(r, i);
	return st;
}

/* ---- from a name on ---- */

/* An account or an address that is called so. */
static enum status
by_name(struct resolving *r, struct str name)
{
	struct account account;
	struct address address;
	enum status st = account_exact(r->store, r->txn, r->arena, name, &account);

	if (st == OK)
		return place(r, &account, true, STR_NONE);
	if (st == ERR_NOT_FOUND && (st = address_find(r->store, r->txn, r->arena, name, &address)) == OK)
		st = follow(r, &address);
	return st;
}

static enum status
resolve(struct resolving *r, struct str name)
{
	struct address address;
	struct buf plain = {0};
	struct str detail;
	enum status st = by_name(r, name);

	if (st == ERR_NOT_FOUND && r->way.n == 0 && account_without_detail(r->store, name, &plain, &detail) &&
	    (st = by_name(r, buf_str(&plain))) == OK)
		r->places.detail = arena_str(r->arena, detail);
	buf_free(&plain);
	if (st == ERR_NOT_FOUND && r->way.n == 0 && (st = find_catch_all(r->store, r->txn, r->arena, name, &address)) == OK)
		st = follow(r, &address);
	if (st == OK && r->places.n == 0)
		st = r->places.disabled > 0 ? ERR_UNAVAILABLE : ERR_NOT_FOUND;
	return st;
}

enum status
address_resolve(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, address_tell_fn *fn, void *arg,
    struct address_places *places_r)
{
	struct resolving r = {.store = store, .txn = txn, .arena = arena, .tell = fn, .arg = arg, .most = address_most(store)};
	enum status st = resolve(&r, name);

	ensure(r.places.n <= r.most);
	if (st == OK)
		*places_r = r.places;
	address_way_free(&r.way);
	map_free(&r.seen);
	return st;
}

enum status
address_login(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct account *account_r)
{
	struct resolving r = {.store = store, .txn = txn, .arena = arena, .most = 1};
	struct address address;
	enum status st = address_find(store, txn, arena, name, &address);

	if (st == OK && address.kind != ADDRESS_ALIAS)
		st = ERR_NOT_FOUND;
	if (st == OK)
		st = follow(&r, &address);
	/* A group on the way is no name of one either. */
	for (size_t i = 0; i < r.way.n && st == OK; i++)
		st = r.way.stop[i].plain ? OK : ERR_NOT_FOUND;
	if (st == OK && r.places.n == 1 && r.places.disabled == 0)
		st = account_get(txn, arena, r.places.place[0].account.id, account_r);
	else if (st == OK || st == ERR_LIMIT)
		st = ERR_NOT_FOUND;
	address_way_free(&r.way);
	map_free(&r.seen);
	return st;
}
