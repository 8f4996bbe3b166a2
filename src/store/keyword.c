/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords of a mailbox: names to numbers and back. */
#include "store/keyword_priv.h"

#include <stdlib.h>
#include "store/admit_priv.h"
#include "store/message.h"

static struct db_sql list = DB_SQL_KEPT("SELECT id, name FROM keyword WHERE mailbox = ?1 ORDER BY id");
static struct db_sql next_id = DB_SQL_KEPT("SELECT keywords FROM mailbox WHERE id = ?1");
static struct db_sql find = DB_SQL("SELECT id FROM keyword WHERE mailbox = ?1 AND fold = ?2");
static struct db_sql count = DB_SQL("SELECT count(*) FROM keyword WHERE mailbox = ?1");
static struct db_sql drop_new = DB_SQL("DELETE FROM keyword WHERE mailbox = ?1 AND id >= ?2");
static struct db_sql add = DB_SQL("INSERT INTO keyword (mailbox, id, name, fold) VALUES (?1, ?2, ?3, ?4)");

enum status
keywords_get(struct db_txn *txn, struct arena *arena, int64_t mailbox, struct keywords *kw_r)
{
	int64_t end;
	enum status st = db_get_ints(txn, &next_id, &end, 1, "i", mailbox);

	if (st != OK)
		return st;
	*kw_r = (struct keywords){0};
	/* The usual case costs one look. */
	return end == 0 ? OK : keywords_read(txn, arena, mailbox, kw_r);
}

enum status
keywords_read(struct db_txn *txn, struct arena *arena, int64_t mailbox, struct keywords *kw_r)
{
	struct str *name = NULL;
	uint32_t *id = NULL;
	size_t n = 0, cap = 0;
	struct db_stmt *s = db_prepare(txn, &list);
	enum status st = OK;

	db_bind_int(s, 1, mailbox);
	while (n <= KEYWORDS_PER_MAILBOX && (st = db_step(s)) == OK) {
		if (n == cap) {
			size_t more = cap * 2 + 16;

			name = arena_grow(arena, name, n, cap, more, sizeof(*name));
			id = arena_grow(arena, id, n, cap, more, sizeof(*id));
			cap = more;
		}
		id[n] = (uint32_t)db_int(s, 0);
		name[n] = admit_keyword(db_text(s, 1)) == OK ? arena_str(arena, db_text(s, 1)) : admit_stand_in(arena, "recovered", id[n]);
		n++;
	}
	db_done(s);
	if (n > KEYWORDS_PER_MAILBOX)
		return ERR_CORRUPT;
	if (st != ERR_NOT_FOUND)
		return st;
	*kw_r = (struct keywords){n, name, id};
	return OK;
}

size_t
keywords_index(const struct keywords *kw, uint32_t id)
{
	size_t low = 0, high = kw->n;

	/* None was forgotten yet. */
	if (id < kw->n && kw->id[id] == id)
		return id;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (kw->id[mid] < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < kw->n && kw->id[low] == id ? low : kw->n;
}

struct str
keywords_name(const struct keywords *kw, uint32_t id)
{
	size_t i = keywords_index(kw, id);

	return i < kw->n ? kw->name[i] : STR_NONE;
}

int64_t
keywords_find(const struct keywords *kw, struct str name)
{
	for (size_t i = 0; i < kw->n; i++)
		if (str_caseeq(kw->name[i], name))
			return kw->id[i];
	return -1;
}

uint32_t
keyword_sort(uint32_t *ids, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 1; i < n; i++)
		for (uint32_t k = i; k > 0 && ids[k] < ids[k - 1]; k--) {
			uint32_t swap = ids[k];

			ids[k] = ids[k - 1];
			ids[k - 1] = swap;
		}
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || ids[i] != ids[i - 1])
			ids[kept++] = ids[i];
	return kept;
}

/* May one more be made? */
static enum status
has_room(struct edit *e)
{
	int64_t n;
	enum status st;

	if (e->keywords == UINT32_MAX)
		return ERR_LIMIT;
	/* As long as so few ids were given there are no more names. */
	if (e->keywords < KEYWORDS_PER_MAILBOX)
		return OK;
	st = db_get_ints(e->txn, &count, &n, 1, "i", e->mailbox);
	return st == OK && n >= KEYWORDS_PER_MAILBOX ? ERR_LIMIT : st;
}

/* Finds or makes one. -1 in *id_r: not there and not to be made. */
static enum status
one(struct edit *e, struct str name, bool create, int64_t *id_r)
{
	char fold[KEYWORD_MAX];
	enum status st;

	if ((st = admit_keyword(name)) != OK)
		return st;
	ascii_lower_copy(fold, name);
	st = db_get_ints(e->txn, &find, id_r, 1, "it", e->mailbox, str_of(fold, name.n));
	if (st != ERR_NOT_FOUND)
		return st;
	*id_r = -1;
	if (!create)
		return OK;
	/* Once an edit: what it leaves is in use. */
	if ((st = has_room(e)) == ERR_LIMIT && !e->forgot) {
		e->forgot = true;
		if ((st = keyword_forget(e)) == OK)
			st = has_room(e);
	}
	if (st != OK)
		return st;
	st = db_exec(e->txn, &add, "iitt", e->mailbox, (int64_t)e->keywords, name, str_of(fold, name.n));
	if (st == OK)
		*id_r = e->keywords++;
	return st;
}

enum status
keyword_ids(struct edit *e, struct arena *arena, const struct str *names, size_t n, bool create, const uint32_t **ids_r,
    uint32_t *n_r)
{
	uint32_t *ids, kept = 0;
	enum status st;

	*ids_r = NULL;
	*n_r = 0;
	if (n == 0)
		return OK;
	if (n > KEYWORDS_PER_MESSAGE)
		return ERR_LIMIT;
	ids = arena_array(arena, n, sizeof(*ids));
	for (size_t i = 0; i < n; i++) {
		int64_t id;

		if ((st = one(e, names[i], create, &id)) != OK)
			return st;
		if (id < 0)
			continue;
		ids[kept++] = (uint32_t)id;
		/* No page shows yet that it is used. */
		runs_add(&e->named, (uint32_t)id + 1, (uint32_t)id + 1);
	}
	*n_r = keyword_sort(ids, kept);
	*ids_r = ids;
	return OK;
}

enum status
keyword_unmake(struct edit *e)
{
	if (e->keywords == e->keywords_was)
		return OK;
	e->keywords = e->keywords_was;
	return db_exec(e->txn, &drop_new, "ii", e->mailbox, (int64_t)e->keywords);
}
