/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations of mailboxes and accounts (RFC 5464): entries, sizes, limits. */
#include "store/metadata.h"

#include "store/access_priv.h"
#include "store/feed_priv.h"

/* Removed entries stay as rows without a value until so many of a mailbox are there: whoever watches is told of them. */
#define REMOVED_KEPT 100

static struct db_sql get_below = DB_SQL("SELECT name, value FROM metadata WHERE account = ?1 AND mailbox = ?2 AND reader = ?3"
    " AND entry >= ?4 AND entry < ?5 AND value IS NOT NULL ORDER BY entry");
static struct db_sql names_below = DB_SQL("SELECT name FROM metadata WHERE account = ?1 AND mailbox = ?2 AND reader = ?3"
    " AND entry >= ?4 AND entry < ?5 AND value IS NOT NULL ORDER BY entry");
static struct db_sql name_one = DB_SQL("SELECT name FROM metadata WHERE account = ?1 AND mailbox = ?2 AND reader = ?3"
    " AND entry = ?4 AND value IS NOT NULL");
static struct db_sql get_one = DB_SQL("SELECT name, value FROM metadata WHERE account = ?1 AND mailbox = ?2 AND reader = ?3"
    " AND entry = ?4");
static struct db_sql count = DB_SQL("SELECT count(value), count(*) FROM metadata WHERE account = ?1 AND mailbox = ?2"
    " AND reader IN (0, ?3)");
static struct db_sql put = DB_SQL("INSERT INTO metadata (account, mailbox, reader, entry, name, value, changed)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    " ON CONFLICT (account, mailbox, reader, entry) DO UPDATE SET value = ?6, changed = ?7");
static struct db_sql forget = DB_SQL("DELETE FROM metadata WHERE account = ?1 AND mailbox = ?2 AND value IS NULL");
static struct db_sql newest = DB_SQL("SELECT COALESCE(max(changed), 0) FROM metadata WHERE account = ?1");
static struct db_sql copy = DB_SQL("INSERT INTO metadata (account, mailbox, reader, entry, name, value, changed)"
    " SELECT account, ?3, reader, entry, name, value, changed FROM metadata WHERE account = ?1 AND mailbox = ?2"
    " AND value IS NOT NULL");
static struct db_sql changed = DB_SQL("SELECT mailbox, name FROM (SELECT mailbox, entry, name FROM metadata WHERE account = ?1 AND changed > ?2"
    " AND reader IN (0, ?3) LIMIT ?4) ORDER BY mailbox, entry");

static bool
is_private(struct str name)
{
	return str_case_starts(name, STR("/private"));
}

static size_t
components(struct str name)
{
	size_t n = 0;

	for (size_t i = 0; i < name.n; i++)
		n += name.p[i] == '/';
	return n;
}

bool
metadata_name_ok(struct str name, bool below)
{
	struct str rest;

	if (name.n > METADATA_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c <= 0x19 || c >= 0x7f || c == '*' || c == '%')
			return false;
		if (c == '/' && (i + 1 == name.n || name.p[i + 1] == '/'))
			return false;
	}
	if (str_case_starts(name, STR("/private")))
		rest = str_from(name, 8);
	else if (str_case_starts(name, STR("/shared")))
		rest = str_from(name, 7);
	else
		return false;
	if (rest.n == 0)
		return below;
	if (rest.p[0] != '/')
		return false;
	/* RFC 5464 3.2: entries of vendors have at least four components. */
	if (!below && str_case_starts(rest, STR("/vendor")) && (rest.n == 7 || rest.p[7] == '/'))
		return components(name) >= 4;
	return true;
}

/* RFC 5464 3.3 */
static enum status
may_use(const struct grant *g)
{
	return grant_any(g, RIGHT_READ | RIGHT_SEEN | RIGHT_WRITE | RIGHT_INSERT | RIGHT_POST);
}

/* Nothing is kept of a mailbox that is gone since the grant was made, or to which it gives no right any more. */
static enum status
still_may(const struct grant *g, struct db_txn *txn)
{
	struct grant now = *g;
	enum status st = g->mailbox != 0 ? grant_get(&g->actor, txn, g->mailbox, &now) : OK;

	return st == OK ? may_use(&now) : st;
}

/* Whose the entry of that name is: the reader's own, or everybody's. */
static int64_t
reader_of(const struct grant *g, struct str name)
{
	return is_private(name) ? g->actor.account : 0;
}

struct listing {
	struct arena *arena;
	bool names_only;
	struct metadata *list;
	size_t n, cap;
};

static void
keep(struct listing *l, struct db_stmt *s)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->list = arena_copy(l->arena, l->list, l->n, l->cap, sizeof(*l->list));
	}
	l->list[l->n++] = (struct metadata){arena_str(l->arena, db_text(s, 0)),
	    l->names_only ? STR("") : arena_str(l->arena, db_blob(s, 1))};
}

static enum status
take_rows(struct listing *l, struct db_stmt *s, struct str name, uint32_t depth)
{
	enum status st;

	while ((st = db_step(s)) == OK)
		if ((l->names_only || !db_is_null(s, 1)) && components(db_text(s, 0)) - components(name) <= depth)
			keep(l, s);
	db_done(s);
	return st == ERR_NOT_FOUND ? OK : st;
}

static struct db_stmt *
bind(struct db_txn *txn, struct db_sql *sql, const struct grant *g, int64_t reader)
{
	struct db_stmt *s = db_prepare(txn, sql);

	db_bind_int(s, 1, g->owner);
	db_bind_int(s, 2, g->mailbox);
	db_bind_int(s, 3, reader);
	return s;
}

static enum status
get(const struct grant *g, struct db_txn *txn, struct arena *arena, struct str name, uint32_t depth, bool names_only,
    struct metadata **list_r, size_t *n_r)
{
	struct listing l = {.arena = arena, .names_only = names_only};
	struct str entry = arena_lower(arena, name);
	int64_t reader = reader_of(g, name);
	struct db_stmt *s;
	enum status st;

	if ((st = may_use(g)) != OK)
		return st;
	s = bind(txn, names_only ? &name_one : &get_one, g, reader);
	db_bind_text(s, 4, entry);
	st = take_rows(&l, s, name, depth);
	if (st == OK && depth > 0) {
		/* What is below begins with the name and '/'; '0' comes right after '/'. */
		s = bind(txn, names_only ? &names_below : &get_below, g, reader);
		db_bind_text(s, 4, arena_printf(arena, "%.*s/", STR_FMT(entry)));
		db_bind_text(s, 5, arena_printf(arena, "%.*s0", STR_FMT(entry)));
		st = take_rows(&l, s, name, depth);
	}
	if (st == OK) {
		*list_r = l.list;
		*n_r = l.n;
	}
	return st;
}

enum status
metadata_get(const struct grant *grant, struct db_txn *txn, struct arena *arena, struct str name, uint32_t depth,
    struct metadata **list_r, size_t *n_r)
{
	return get(grant, txn, arena, name, depth, false, list_r, n_r);
}

enum status
metadata_names(const struct grant *grant, struct db_txn *txn, struct arena *arena, struct str name, uint32_t depth,
    struct metadata **list_r, size_t *n_r)
{
	return get(grant, txn, arena, name, depth, true, list_r, n_r);
}

/* How many of the list are new names with a value. */
static enum status
count_new(const struct grant *g, struct db_txn *txn, struct arena *arena, const struct metadata *list, size_t n, size_t *new_r)
{
	*new_r = 0;
	for (size_t i = 0; i < n; i++) {
		struct db_stmt *s = bind(txn, &get_one, g, reader_of(g, list[i].name));
		enum status st;

		db_bind_text(s, 4, arena_lower(arena, list[i].name));
		st = db_step(s);
		if (list[i].value.p != NULL && (st == ERR_NOT_FOUND || (st == OK && db_is_null(s, 1))))
			++*new_r;
		db_done(s);
		if (st != OK && st != ERR_NOT_FOUND)
			return st;
	}
	return OK;
}

static enum status
put_one(const struct grant *g, struct db_txn *txn, struct arena *arena, const struct metadata *m, int64_t at)
{
	struct db_stmt *s = bind(txn, &put, g, reader_of(g, m->name));
	enum status st;

	db_bind_text(s, 4, arena_lower(arena, m->name));
	db_bind_text(s, 5, m->name);
	if (m->value.p != NULL)
		db_bind_blob(s, 6, m->value);
	else
		db_bind_null(s, 6);
	db_bind_int(s, 7, at);
	st = db_step(s);
	db_done(s);
	return st == ERR_NOT_FOUND ? OK : st;
}

/* Everything that may refuse comes before the first change. */
static enum status
may_set(const struct grant *g, struct db_txn *txn, struct arena *arena, const struct metadata *list, size_t n, bool *tidy_r)
{
	int64_t counts[2];
	size_t fresh;
	enum status st;

	for (size_t i = 0; i < n; i++) {
		if (!metadata_name_ok(list[i].name, false))
			return ERR_BAD_INPUT;
		if (g->mailbox == 0 && !is_private(list[i].name) && !g->actor.admin)
			return ERR_NO_PERM;
		if (list[i].value.n > METADATA_VALUE_MAX)
			return ERR_LIMIT;
	}
	if ((st = db_get_ints(txn, &count, counts, 2, "iii", g->owner, g->mailbox, g->actor.account)) != OK ||
	    (st = count_new(g, txn, arena, list, n, &fresh)) != OK)
		return st;
	*tidy_r = counts[1] - counts[0] > REMOVED_KEPT;
	return fresh > 0 && (size_t)counts[0] + fresh > METADATA_ENTRIES_MAX ? ERR_LIMIT : OK;
}

enum status
metadata_set(const struct grant *grant, struct db_txn *txn, const struct metadata *list, size_t n)
{
	struct arena arena = {0};
	int64_t at;
	bool tidy;
	enum status st;

	if ((st = may_use(grant)) != OK || (st = still_may(grant, txn)) != OK || (st = may_set(grant, txn, &arena, list, n, &tidy)) != OK ||
	    (st = db_get_ints(txn, &newest, &at, 1, "i", grant->owner)) != OK)
		goto out;
	if (tidy)
		st = db_exec(txn, &forget, "ii", grant->owner, grant->mailbox);
	for (size_t i = 0; i < n && st == OK; i++)
		st = put_one(grant, txn, &arena, &list[i], at + 1);
	if (st == OK && n > 0)
		feed_mailbox(grant->actor.store, txn, EVENT_MAILBOX, grant->owner, grant->mailbox);
out:
	arena_free(&arena);
	return st;
}

enum status
metadata_copy(struct db_txn *txn, int64_t account, int64_t from, int64_t to)
{
	return db_exec(txn, &copy, "iii", account, from, to);
}

enum status
metadata_changed(const struct actor *actor, struct db_txn *txn, struct arena *arena, uint64_t since,
    struct metadata_change **list_r, size_t *n_r, uint64_t *now_r)
{
	struct metadata_change *list = NULL;
	size_t n = 0, cap = 0;
	struct db_stmt *s;
	int64_t now;
	enum status st;

	if ((st = access_account(actor, actor->account)) != OK ||
	    (st = db_get_ints(txn, &newest, &now, 1, "i", actor->account)) != OK)
		return st;
	*now_r = (uint64_t)now;
	*list_r = NULL;
	*n_r = 0;
	if ((uint64_t)now <= since)
		return OK;
	s = db_prepare(txn, &changed);
	db_bind_int(s, 1, actor->account);
	db_bind_int(s, 2, (int64_t)since);
	db_bind_int(s, 3, actor->account);
	db_bind_int(s, 4, METADATA_CHANGES_MAX + 1);
	while (n <= METADATA_CHANGES_MAX && (st = db_step(s)) == OK) {
		if (n == cap) {
			cap = cap ? cap * 2 : 8;
			list = arena_copy(arena, list, n, cap, sizeof(*list));
		}
		list[n++] = (struct metadata_change){db_int(s, 0), arena_str(arena, db_text(s, 1))};
	}
	db_done(s);
	if (n > METADATA_CHANGES_MAX)
		return ERR_LIMIT;
	if (st != ERR_NOT_FOUND)
		return st;
	*list_r = list;
	*n_r = n;
	return OK;
}
