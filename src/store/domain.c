/* SPDX-License-Identifier: Apache-2.0 */
/* Domains: what is set for them, and the sums over their accounts. */
#include "store/domain_priv.h"

#include "store/address_priv.h"

#define ACCOUNTS_A_STEP 500 /* in one snapshot */

#define COLUMNS "d.name, d.accounts_max, d.bytes_max, d.detail, d.bytes, d.fold, coalesce(d.quota_bytes, -2), coalesce(d.quota_messages, -2)," \
	" coalesce(d.quota_mailboxes, -2)"
static struct db_sql get = DB_SQL("SELECT " COLUMNS " FROM domain d WHERE d.fold = ?1");
static struct db_sql of_account = DB_SQL("SELECT " COLUMNS " FROM account a JOIN domain d ON d.fold = a.domain WHERE a.id = ?1");
static struct db_sql after_fold = DB_SQL("SELECT " COLUMNS " FROM domain d WHERE d.fold > ?1 ORDER BY d.fold LIMIT ?2");
static struct db_sql note = DB_SQL("INSERT INTO domain (fold, name, bytes, summed) VALUES (?1, ?2, 0, 0) ON CONFLICT DO NOTHING");
static struct db_sql set_accounts = DB_SQL("UPDATE domain SET accounts_max = ?2 WHERE fold = ?1");
static struct db_sql set_bytes = DB_SQL("UPDATE domain SET bytes_max = ?2, summed = 0 WHERE fold = ?1");
static struct db_sql set_detail = DB_SQL("UPDATE domain SET detail = ?2 WHERE fold = ?1");
static struct db_sql set_quota[QUOTA_RESOURCES] = {
    [QUOTA_BYTES] = DB_SQL("UPDATE domain SET quota_bytes = nullif(?2, -2) WHERE fold = ?1"),
    [QUOTA_MESSAGES] = DB_SQL("UPDATE domain SET quota_messages = nullif(?2, -2) WHERE fold = ?1"),
    [QUOTA_MAILBOXES] = DB_SQL("UPDATE domain SET quota_mailboxes = nullif(?2, -2) WHERE fold = ?1"),
};
static struct db_sql drop = DB_SQL("DELETE FROM domain WHERE fold = ?1");
static struct db_sql count = DB_SQL("SELECT count(*) FROM account WHERE domain = ?1 AND deleted = 0");
static struct db_sql room = DB_SQL("SELECT d.bytes_max, d.bytes FROM account a JOIN domain d ON d.fold = a.domain"
    " WHERE a.id = ?1 AND d.bytes_max IS NOT NULL");
static struct db_sql sum_due = DB_SQL("SELECT fold FROM domain WHERE bytes_max IS NOT NULL AND summed < ?1 ORDER BY summed LIMIT 1");
static struct db_sql sum_some = DB_SQL("SELECT max(id), count(*), coalesce(sum(used_bytes), 0) FROM (SELECT a.id AS id, a.used_bytes"
    " FROM account a WHERE a.domain = ?1 AND a.deleted = 0 AND a.id > ?2 ORDER BY a.id LIMIT ?3)");
static struct db_sql sum_set = DB_SQL("UPDATE domain SET bytes = ?2, summed = ?3 WHERE fold = ?1");
static struct db_sql account_next = DB_SQL("SELECT id, fold FROM account WHERE id > ?1 AND fold IS NOT NULL ORDER BY id LIMIT 1");
static struct db_sql account_domain = DB_SQL("UPDATE account SET domain = nullif(?2, '') WHERE id = ?1");

struct str
domain_of(struct str fold)
{
	size_t at = fold.n;

	while (at > 0 && fold.p[at - 1] != '@')
		at--;
	return at > 0 ? str_from(fold, at) : STR("");
}

static int64_t
number(struct db_stmt *q, int col)
{
	return db_is_null(q, col) ? DOMAIN_UNSET : db_int(q, col);
}

static void
fill(struct db_stmt *q, struct arena *arena, struct domain *d, struct str *fold_r)
{
	*d = (struct domain){
	    .name = arena_str(arena, db_text(q, 0)),
	    .accounts_max = number(q, 1),
	    .bytes_max = number(q, 2),
	    .detail = number(q, 3),
	    .bytes = db_int(q, 4),
	};
	*fold_r = arena_str(arena, db_text(q, 5));
	for (unsigned i = 0; i < QUOTA_RESOURCES; i++)
		d->quota[i] = db_int(q, 6 + (int)i);
}

/* The folded form, with no @. */
static bool
fold_name(struct buf *fold, struct str name)
{
	struct buf at = {0}, folded = {0};
	bool good;

	buf_addc(&at, '@');
	buf_add(&at, name);
	if ((good = address_catch_all(&folded, buf_str(&at))))
		buf_add(fold, str_from(buf_str(&folded), 1));
	buf_free(&at);
	buf_free(&folded);
	return good;
}

static enum status
set_one(struct db_txn *txn, struct db_sql *sql, struct str fold, int64_t value)
{
	if (value == DOMAIN_KEEP)
		return OK;
	return value == DOMAIN_UNSET ? db_exec(txn, sql, "tn", fold) : db_exec(txn, sql, "ti", fold, value);
}

enum status
domain_set(struct store *store, struct db_txn *txn, struct str name, const struct domain_change *c)
{
	struct buf fold = {0};
	enum status st = fold_name(&fold, name) ? OK : ERR_BAD_INPUT;

	if (st == OK)
		st = db_exec(txn, &note, "tt", buf_str(&fold), name);
	if (st == OK)
		st = set_one(txn, &set_accounts, buf_str(&fold), c->accounts_max);
	if (st == OK)
		st = set_one(txn, &set_bytes, buf_str(&fold), c->bytes_max);
	/* Even if this write is undone: it only asks for a look more. */
	if (c->bytes_max >= 0)
		store->domain_limits = true;
	if (st == OK)
		st = set_one(txn, &set_detail, buf_str(&fold), c->detail);
	for (unsigned i = 0; c->quota != NULL && i < QUOTA_RESOURCES && st == OK; i++) {
		if (c->quota[i] != QUOTA_KEEP)
			st = db_exec(txn, &set_quota[i], "ti", buf_str(&fold), c->quota[i]);
		if (c->quota[i] >= QUOTA_NONE)
			store->domain_quotas = true;
	}
	buf_free(&fold);
	return st;
}

enum status
domain_delete(struct db_txn *txn, struct str name)
{
	struct buf fold = {0};
	enum status st = fold_name(&fold, name) ? db_exec(txn, &drop, "t", buf_str(&fold)) : ERR_NOT_FOUND;

	buf_free(&fold);
	return st == OK && db_changed(txn) == 0 ? ERR_NOT_FOUND : st;
}

enum status
domain_list(struct db_txn *txn, struct arena *arena, struct str after, size_t max, struct domain **list_r, size_t *n_r)
{
	struct domain *list = arena_array(arena, max + 1, sizeof(*list));
	struct str *folds = arena_array(arena, max + 1, sizeof(*folds));
	struct buf fold = {0};
	struct db_stmt *q;
	size_t n = 0;
	enum status st = OK;

	if (after.n > 0 && !fold_name(&fold, after))
		return ERR_BAD_INPUT;
	q = db_prepare(txn, &after_fold);
	db_bind_text(q, 1, fold.n > 0 ? buf_str(&fold) : STR(""));
	db_bind_int(q, 2, (int64_t)max);
	for (; n <= max && (st = db_step(q)) == OK; n++)
		fill(q, arena, &list[n], &folds[n]);
	db_done(q);
	buf_free(&fold);
	if (st == ERR_NOT_FOUND)
		st = OK;
	for (size_t i = 0; i < n && st == OK; i++)
		st = db_get_ints(txn, &count, &list[i].accounts, 1, "t", folds[i]);
	if (st == OK) {
		*list_r = list;
		*n_r = n;
	}
	return st;
}

enum status
domain_of_account(struct db_txn *txn, struct arena *arena, int64_t account, struct domain *domain_r)
{
	struct db_stmt *q = db_prepare(txn, &of_account);
	struct str fold;
	enum status st;

	db_bind_int(q, 1, account);
	if ((st = db_step(q)) == OK)
		fill(q, arena, domain_r, &fold);
	db_done(q);
	return st;
}

/* ---- limits ---- */

enum status
domain_admits(struct db_txn *txn, struct str fold)
{
	struct arena arena = {0};
	struct domain d = {.accounts_max = DOMAIN_UNSET};
	struct db_stmt *q = db_prepare(txn, &get);
	struct str domain = domain_of(fold), same;
	int64_t n;
	enum status st;

	db_bind_text(q, 1, domain);
	if ((st = db_step(q)) == OK)
		fill(q, &arena, &d, &same);
	db_done(q);
	if (st == OK && d.accounts_max != DOMAIN_UNSET && (st = db_get_ints(txn, &count, &n, 1, "t", domain)) == OK && n >= d.accounts_max)
		st = ERR_LIMIT;
	arena_free(&arena);
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
domains_look(struct store *store, struct db_txn *txn)
{
	static struct db_sql any = DB_SQL("SELECT 1 FROM domain WHERE bytes_max IS NOT NULL LIMIT 1");
	int64_t one;
	enum status st = db_get_ints(txn, &any, &one, 1, "");

	store->domain_limits = st == OK;
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
domain_room(struct store *store, struct db_txn *txn, int64_t account, uint64_t bytes)
{
	int64_t v[2];
	enum status st;

	/* Without limits nothing is read. */
	if (!store->domain_limits)
		return OK;
	st = db_get_ints(txn, &room, v, 2, "i", account);
	if (st != OK)
		return st == ERR_NOT_FOUND ? OK : st;
	return v[1] >= v[0] || bytes > (uint64_t)(v[0] - v[1]) ? ERR_QUOTA : OK;
}

/* ---- sums ---- */

/* Of a domain's accounts, some at a time: nobody's snapshot is held for all of them. */
static enum status
sum_up(struct store *store, struct str fold, int64_t *bytes_r)
{
	int64_t v[3] = {0};
	enum status st = OK;

	*bytes_r = 0;
	do {
		struct db_txn *txn;

		if ((st = db_read_begin(store_db(store), &txn)) != OK)
			return st;
		st = db_get_ints(txn, &sum_some, v, 3, "tii", fold, v[0], (int64_t)ACCOUNTS_A_STEP);
		db_read_end(txn);
		*bytes_r += v[2];
	} while (st == OK && v[1] == ACCOUNTS_A_STEP);
	return st;
}

struct summed {
	struct str fold;
	int64_t bytes, at;
};

static enum status
keep_sum(struct db_txn *txn, void *arg)
{
	struct summed *s = arg;

	return db_exec(txn, &sum_set, "tii", s->fold, s->bytes, s->at);
}

static enum status
next_due(struct store *store, struct arena *arena, int64_t now, struct str *fold_r)
{
	struct db_txn *txn;
	struct db_stmt *q;
	enum status st = db_read_begin(store_db(store), &txn);

	if (st != OK)
		return st;
	q = db_prepare(txn, &sum_due);
	db_bind_int(q, 1, now - DOMAIN_SUM_EVERY);
	if ((st = db_step(q)) == OK)
		*fold_r = arena_str(arena, db_text(q, 0));
	db_done(q);
	db_read_end(txn);
	return st;
}

enum status
domains_sum(struct store *store, int64_t now)
{
	enum status st = OK;

	while (st == OK && !store->stopping) {
		struct arena arena = {0};
		struct summed s = {.at = now};

		if ((st = next_due(store, &arena, now, &s.fold)) == OK && (st = sum_up(store, s.fold, &s.bytes)) == OK)
			st = db_write_and_wait(store_db(store), &(struct db_write){.fn = keep_sum, .what = "domain", .arg = &s, .lazy = true});
		arena_free(&arena);
	}
	return st == ERR_NOT_FOUND ? OK : st;
}

/* ---- from a store before ---- */

enum status
domains_fill(struct store *store, struct db_txn *txn)
{
	int64_t id = 0;
	enum status st = OK;

	(void)store;
	while (st == OK) {
		struct db_stmt *q = db_prepare(txn, &account_next);
		struct arena arena = {0};
		struct str fold = STR_NONE;

		db_bind_int(q, 1, id);
		if ((st = db_step(q)) == OK) {
			id = db_int(q, 0);
			fold = arena_str(&arena, db_text(q, 1));
		}
		db_done(q);
		if (st == OK)
			st = db_exec(txn, &account_domain, "it", id, domain_of(fold));
		arena_free(&arena);
	}
	return st == ERR_NOT_FOUND ? OK : st;
}
