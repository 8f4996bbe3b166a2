/* SPDX-License-Identifier: Apache-2.0 */
/* Aliases, catch-alls and groups: made, changed, listed. Who gets mail for one: address_resolve.c. */
#include "store/address_priv.h"
#include "store/group_priv.h"

#include <stdlib.h>
#include "base/assert.h"
#include "base/clock.h"

static struct db_sql by_fold = DB_SQL("SELECT id, kind, name FROM address WHERE fold = ?1");
static struct db_sql after_fold = DB_SQL("SELECT id, kind, name FROM address WHERE kind = ?1 AND fold > ?2 ORDER BY fold LIMIT ?3");
static struct db_sql insert = DB_SQL("INSERT INTO address (kind, name, fold, created) VALUES (?1, ?2, ?3, ?4)");
static struct db_sql drop = DB_SQL("DELETE FROM address WHERE id = ?1");
static struct db_sql target_add = DB_SQL("INSERT INTO address_target (address, kind, target) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING");
static struct db_sql target_del = DB_SQL("DELETE FROM address_target WHERE address = ?1 AND kind = ?2 AND target = ?3");
static struct db_sql target_has = DB_SQL("SELECT 1 FROM address_target WHERE address = ?1 AND kind = ?2 AND target = ?3");
static struct db_sql targets_del = DB_SQL("DELETE FROM address_target WHERE address = ?1");
static struct db_sql leading_del = DB_SQL("DELETE FROM address_target WHERE kind = ?1 AND target = ?2");
static struct db_sql targets_count = DB_SQL("SELECT count(*) FROM address_target WHERE address = ?1");
static struct db_sql targets_get = DB_SQL("SELECT t.kind, t.target, a.name, a.disabled, b.kind, b.name FROM address_target t"
    " LEFT JOIN account a ON t.kind = 0 AND a.id = t.target AND a.deleted = 0 LEFT JOIN address b ON t.kind = 1 AND b.id = t.target"
    " WHERE t.address = ?1 ORDER BY t.kind, t.target LIMIT ?2");
static struct db_sql below = DB_SQL("SELECT target FROM address_target WHERE address = ?1 AND kind = 1");
static struct db_sql above = DB_SQL("SELECT address FROM address_target WHERE kind = ?1 AND target = ?2");
static struct db_sql alias_empty = DB_SQL("SELECT 1 FROM address a WHERE a.id = ?1 AND a.kind = 1"
    " AND NOT EXISTS (SELECT 1 FROM address_target t WHERE t.address = a.id)");

/* ---- ways ---- */

bool
address_way_add(struct address_way *w, int64_t id, unsigned level)
{
	if (map_get(&w->seen, MAP_KEY(id)) != NULL)
		return false;
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 16;
		w->stop = x_realloc(w->stop, w->cap * sizeof(*w->stop));
	}
	w->stop[w->n++] = (struct address_stop){.id = id, .level = level};
	(void)map_put(&w->seen, MAP_KEY(id), w);
	return true;
}

void
address_way_free(struct address_way *w)
{
	free(w->stop);
	map_free(&w->seen);
	*w = (struct address_way){0};
}

/* Adds what one statement names: ids in column 0. All that is passed is counted, not only what is new. */
static enum status
way_step(struct address_way *w, struct db_stmt *q, unsigned level, size_t *passed)
{
	enum status st;

	while ((st = db_step(q)) == OK && (*passed)++ < ADDRESS_TARGETS_MAX)
		(void)address_way_add(w, db_int(q, 0), level);
	db_done(q);
	return st == ERR_NOT_FOUND ? OK : st == OK ? ERR_LIMIT : st;
}

/* From the addresses that are in the way on: those that lead to them, or that they lead to. */
static enum status
way_on(struct db_txn *txn, bool down, struct address_way *w)
{
	size_t passed = 0;
	enum status st = OK;

	for (size_t i = 0; i < w->n && st == OK; i++) {
		struct db_stmt *q = db_prepare(txn, down ? &below : &above);

		if (!down)
			db_bind_int(q, 1, TARGET_ADDRESS);
		db_bind_int(q, down ? 1 : 2, w->stop[i].id);
		st = way_step(w, q, w->stop[i].level + 1, &passed);
	}
	return st;
}

/* May the address lead to those? from 0: it is not there yet. */
static enum status
may_lead(struct db_txn *txn, int64_t from, struct address_way *to, struct address_fault *fault)
{
	struct address_way up = {0};
	enum status st = way_on(txn, true, to);

	if (from != 0)
		(void)address_way_add(&up, from, 0);
	if (st == OK)
		st = way_on(txn, false, &up);
	if (st == OK && from != 0 && map_get(&to->seen, MAP_KEY(from)) != NULL) {
		fault->why = "it would lead in a circle";
		st = ERR_CONFLICT;
	}
	/* Levels ascend: the last one is the longest way. One step more is the one to an account. */
	if (st == OK && to->n > 0 && to->stop[to->n - 1].level + (up.n > 0 ? up.stop[up.n - 1].level : 0) + 2 > ADDRESS_DEPTH_MAX)
		st = ERR_LIMIT;
	if (st == ERR_LIMIT)
		fault->why = "the chain would be too long, or lead to too many";
	address_way_free(&up);
	return st;
}

/* ---- names ---- */

bool
address_catch_all(struct buf *out, struct str name)
{
	struct buf whole = {0}, fold = {0};
	bool good = false;

	if (name.n > 1 && name.p[0] == '@') {
		buf_addc(&whole, 'x');
		buf_add(&whole, name);
		good = account_name_fault(buf_str(&whole)) == NULL && account_fold(&fold, buf_str(&whole)) == OK;
	}
	if (good)
		buf_add(out, str_from(buf_str(&fold), 1));
	buf_free(&whole);
	buf_free(&fold);
	return good;
}

enum status
address_by_fold(struct db_txn *txn, struct arena *arena, struct str fold, struct address *address_r)
{
	struct db_stmt *q = db_prepare(txn, &by_fold);
	enum status st;

	db_bind_text(q, 1, fold);
	if ((st = db_step(q)) == OK)
		*address_r = (struct address){db_int(q, 0), (enum address_kind)db_int(q, 1), arena_str(arena, db_text(q, 2))};
	db_done(q);
	return st;
}

enum status
address_none(struct db_txn *txn, struct str name)
{
	struct arena arena = {0};
	struct address other;
	struct buf fold = {0};
	enum status st = account_fold(&fold, name);

	if (st == OK && (st = address_by_fold(txn, &arena, buf_str(&fold), &other)) == OK)
		st = ERR_EXISTS;
	buf_free(&fold);
	arena_free(&arena);
	return st == ERR_NOT_FOUND ? OK : st;
}

/* The name that a new address gets, and how it is compared. */
static enum status
new_name(struct store *store, enum address_kind kind, struct str name, struct buf *nfc, struct buf *fold, struct address_fault *fault)
{
	enum status st = OK;

	fault->what = name;
	if (name.n > 0 && name.p[0] == '@') {
		fault->why = kind == ADDRESS_GROUP ? "a group has a name in front of the @" : "not a domain";
		if (kind != ADDRESS_ALIAS || !address_catch_all(fold, name))
			return ERR_BAD_INPUT;
		buf_add(nfc, name);
		return OK;
	}
	fault->why = account_name_fault(name);
	if (fault->why != NULL || (st = account_full_name(store, name, nfc)) != OK || (st = account_fold(fold, buf_str(nfc))) != OK)
		return ERR_BAD_INPUT;
	return OK;
}

/* ---- changing ---- */

/* What a name means that something is to lead to. */
static enum status
target_of(struct store *store, struct db_txn *txn, struct arena *arena, struct str name, struct address_target *t, struct address_fault *fault)
{
	struct account account;
	struct address address;
	enum status st = account_exact(store, txn, arena, name, &account);

	fault->what = name;
	fault->why = "there is no account, alias or group of that name";
	if (st == OK) {
		*t = (struct address_target){.is = TARGET_ACCOUNT, .id = account.id};
		return OK;
	}
	if (st != ERR_NOT_FOUND && st != ERR_BAD_INPUT)
		return st;
	if ((st = address_find(store, txn, arena, name, &address)) == OK)
		*t = (struct address_target){.is = TARGET_ADDRESS, .id = address.id, .kind = address.kind};
	return st;
}

/* All targets, looked at. id: of the address; 0: it is not there yet. */
static enum status
look_at_targets(struct store *store, struct db_txn *txn, struct arena *arena, int64_t id, const struct str *targets, size_t n, struct address_target *t,
    struct address_fault *fault)
{
	struct address_way to = {0};
	int64_t has = 0;
	enum status st = id != 0 ? db_get_ints(txn, &targets_count, &has, 1, "i", id) : OK;

	if (st == OK && (uint64_t)has + n > ADDRESS_TARGETS_MAX) {
		fault->why = "it would lead to too many";
		return ERR_LIMIT;
	}
	for (size_t i = 0; i < n && st == OK; i++) {
		st = target_of(store, txn, arena, targets[i], &t[i], fault);
		if (st == OK && t[i].is == TARGET_ADDRESS)
			(void)address_way_add(&to, t[i].id, 0);
	}
	if (st == OK && to.n > 0)
		st = may_lead(txn, id, &to, fault);
	address_way_free(&to);
	return st;
}

/* What is called so already. id 0: nothing. */
static enum status
taken(struct store *store, struct db_txn *txn, struct arena *arena, enum address_kind kind, struct str nfc, struct str fold, int64_t *id_r,
    struct address_fault *fault)
{
	struct account account;
	struct address other;
	enum status st = address_by_fold(txn, arena, fold, &other);

	*id_r = st == OK ? other.id : 0;
	if (st == OK && other.kind != kind) {
		fault->why = other.kind == ADDRESS_GROUP ? "there is a group of that name" : "there is an alias of that name";
		return ERR_EXISTS;
	}
	if (st != ERR_NOT_FOUND || nfc.p[0] == '@')
		return st == ERR_NOT_FOUND ? OK : st;
	fault->why = "there is an account of that name";
	st = account_taken(store, txn, arena, nfc, &account);
	return st == OK ? ERR_EXISTS : st == ERR_NOT_FOUND ? OK : st;
}

/* Whoever it leads to may have other rights now. */
static enum status
told(struct store *store, struct db_txn *txn, int64_t id)
{
	enum status st = group_rights_told(store, txn, id);

	return st == OK ? group_members_told(store, txn, id) : st;
}

enum status
address_add(struct store *store, struct db_txn *txn, enum address_kind kind, struct str name, const struct str *targets, size_t n,
    struct address_fault *fault_r)
{
	struct arena arena = {0};
	struct buf nfc = {0}, fold = {0};
	struct address_target *t = arena_array(&arena, n + 1, sizeof(*t));
	int64_t id = 0;
	enum status st = new_name(store, kind, name, &nfc, &fold, fault_r);

	if (st == OK)
		st = taken(store, txn, &arena, kind, buf_str(&nfc), buf_str(&fold), &id, fault_r);
	if (st == OK && kind == ADDRESS_ALIAS && n == 0) {
		fault_r->why = "an alias leads somewhere";
		st = ERR_BAD_INPUT;
	}
	if (st == OK)
		st = look_at_targets(store, txn, &arena, id, targets, n, t, fault_r);
	if (st == OK && id == 0 && (st = db_exec(txn, &insert, "itti", (int64_t)kind, buf_str(&nfc), buf_str(&fold), clock_seconds())) == OK)
		id = db_last_id(txn);
	for (size_t i = 0; i < n && st == OK; i++)
		st = db_exec(txn, &target_add, "iii", id, (int64_t)t[i].is, t[i].id);
	if (st == OK)
		st = told(store, txn, id);
	buf_free(&nfc);
	buf_free(&fold);
	arena_free(&arena);
	return st;
}

/* Aliases among these that lead nowhere any more go, and those that led to nothing but them. */
static enum status
drop_empty(struct db_txn *txn, struct address_way *w)
{
	enum status st = OK;

	for (size_t i = 0; i < w->n && st == OK; i++) {
		int64_t one, id = w->stop[i].id;
		struct db_stmt *q;

		if ((st = db_get_ints(txn, &alias_empty, &one, 1, "i", id)) == ERR_NOT_FOUND) {
			st = OK;
			continue;
		}
		if (st != OK)
			break;
		q = db_prepare(txn, &above);
		db_bind_int(q, 1, TARGET_ADDRESS);
		db_bind_int(q, 2, id);
		while ((st = db_step(q)) == OK)
			(void)address_way_add(w, db_int(q, 0), 0);
		db_done(q);
		if (st != ERR_NOT_FOUND || (st = db_exec(txn, &leading_del, "ii", (int64_t)TARGET_ADDRESS, id)) != OK)
			break;
		st = db_exec(txn, &drop, "i", id);
	}
	return st;
}

/* Nothing leads to it any more. */
static enum status
forget(struct db_txn *txn, int64_t is, int64_t id)
{
	struct address_way w = {0};
	struct db_stmt *q = db_prepare(txn, &above);
	enum status st;

	db_bind_int(q, 1, is);
	db_bind_int(q, 2, id);
	while ((st = db_step(q)) == OK)
		(void)address_way_add(&w, db_int(q, 0), 0);
	db_done(q);
	if (st == ERR_NOT_FOUND && w.n > 0 && (st = db_exec(txn, &leading_del, "ii", is, id)) == OK)
		st = drop_empty(txn, &w);
	address_way_free(&w);
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
address_forget_account(struct db_txn *txn, int64_t account)
{
	return forget(txn, TARGET_ACCOUNT, account);
}

/* The address of that kind. */
static enum status
find_kind(struct store *store, struct db_txn *txn, struct arena *arena, enum address_kind kind, struct str name, struct address *a)
{
	enum status st = address_find(store, txn, arena, name, a);

	return st == OK && a->kind != kind ? ERR_NOT_FOUND : st;
}

enum status
address_remove(struct store *store, struct db_txn *txn, enum address_kind kind, struct str name, const struct str *targets, size_t n,
    struct address_fault *fault_r)
{
	struct arena arena = {0};
	struct address_target *t = arena_array(&arena, n + 1, sizeof(*t));
	struct address_way w = {0};
	struct address a;
	int64_t one;
	enum status st = find_kind(store, txn, &arena, kind, name, &a);

	*fault_r = (struct address_fault){kind == ADDRESS_GROUP ? "there is no such group" : "there is no such alias", name};
	for (size_t i = 0; i < n && st == OK; i++) {
		if ((st = target_of(store, txn, &arena, targets[i], &t[i], fault_r)) != OK)
			break;
		fault_r->why = "it does not lead there";
		st = db_get_ints(txn, &target_has, &one, 1, "iii", a.id, (int64_t)t[i].is, t[i].id);
	}
	if (st == OK)
		st = told(store, txn, a.id); /* while they are members still */
	for (size_t i = 0; i < n && st == OK; i++)
		st = db_exec(txn, &target_del, "iii", a.id, (int64_t)t[i].is, t[i].id);
	if (st == OK) {
		(void)address_way_add(&w, a.id, 0);
		st = drop_empty(txn, &w);
	}
	address_way_free(&w);
	arena_free(&arena);
	return st;
}

enum status
address_delete(struct store *store, struct db_txn *txn, enum address_kind kind, struct str name)
{
	struct arena arena = {0};
	struct address a;
	enum status st = find_kind(store, txn, &arena, kind, name, &a);

	if (st == OK)
		st = told(store, txn, a.id);
	if (st == OK)
		st = group_drop(txn, a.id);
	if (st == OK)
		st = db_exec(txn, &targets_del, "i", a.id);
	if (st == OK)
		st = db_exec(txn, &drop, "i", a.id);
	if (st == OK)
		st = forget(txn, TARGET_ADDRESS, a.id);
	arena_free(&arena);
	return st;
}

/* ---- listing ---- */

enum status
address_list(struct db_txn *txn, struct arena *arena, enum address_kind kind, struct str after, size_t max, struct address **list_r, size_t *n_r)
{
	struct address *list = arena_array(arena, max + 1, sizeof(*list));
	struct buf fold = {0};
	struct db_stmt *q;
	size_t n = 0;
	enum status st = OK;

	if (after.n > 0 && !address_catch_all(&fold, after) && (st = account_fold(&fold, after)) != OK) {
		buf_free(&fold);
		return st;
	}
	q = db_prepare(txn, &after_fold);
	db_bind_int(q, 1, kind);
	db_bind_text(q, 2, fold.n > 0 ? buf_str(&fold) : STR(""));
	db_bind_int(q, 3, (int64_t)max);
	while (n <= max && (st = db_step(q)) == OK)
		list[n++] = (struct address){db_int(q, 0), (enum address_kind)db_int(q, 1), arena_str(arena, db_text(q, 2))};
	db_done(q);
	buf_free(&fold);
	if (st != ERR_NOT_FOUND)
		return st;
	*list_r = list;
	*n_r = n;
	return OK;
}

enum status
address_targets(struct db_txn *txn, struct arena *arena, int64_t id, size_t max, struct address_target **list_r, size_t *n_r)
{
	struct address_target *list = NULL;
	struct db_stmt *q = db_prepare(txn, &targets_get);
	size_t n = 0, cap = 0;
	enum status st;

	db_bind_int(q, 1, id);
	db_bind_int(q, 2, (int64_t)max);
	while ((st = db_step(q)) == OK) {
		bool account = db_int(q, 0) == TARGET_ACCOUNT;

		/* What it led to is gone: a store that was damaged. */
		if (db_is_null(q, account ? 2 : 5))
			continue;
		if (n == cap) {
			size_t more = cap ? cap * 2 : 16;

			list = arena_grow(arena, list, n, cap, more, sizeof(*list));
			cap = more;
		}
		list[n++] = (struct address_target){
			.is = account ? TARGET_ACCOUNT : TARGET_ADDRESS,
			.id = db_int(q, 1),
			.kind = account ? (enum address_kind)0 : (enum address_kind)db_int(q, 4),
			.disabled = account && db_int(q, 3) != 0,
			.name = arena_str(arena, db_text(q, account ? 2 : 5)),
		};
	}
	db_done(q);
	if (st != ERR_NOT_FOUND)
		return st;
	*list_r = list;
	*n_r = n;
	return OK;
}
