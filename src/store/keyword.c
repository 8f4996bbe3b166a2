/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keyword_priv.h"

#include <stdlib.h>
#include "store/admit_priv.h"
#include "store/message.h"

static struct db_sql list = DB_SQL_KEPT("SELECT id, name FROM keyword WHERE mailbox = ?1 ORDER BY id");
static struct db_sql count = DB_SQL_KEPT("SELECT keywords FROM mailbox WHERE id = ?1");
static struct db_sql find = DB_SQL("SELECT id FROM keyword WHERE mailbox = ?1 AND fold = ?2");
static struct db_sql drop_new = DB_SQL("DELETE FROM keyword WHERE mailbox = ?1 AND id >= ?2");
static struct db_sql add = DB_SQL("INSERT INTO keyword (mailbox, id, name, fold) VALUES (?1, ?2, ?3, ?4)");

enum status
keywords_get(struct db_txn *txn, struct arena *arena, int64_t mailbox, struct keywords *kw_r)
{
	struct db_stmt *s;
	struct str *names;
	int64_t n;
	enum status st = db_get_ints(txn, &count, &n, 1, "i", mailbox);

	if (st != OK)
		return st;
	if (n < 0 || n > KEYWORDS_PER_MAILBOX)
		return ERR_CORRUPT;
	if (n == 0) {
		*kw_r = (struct keywords){0};
		return OK;
	}
	names = arena_array(arena, (size_t)n, sizeof(*names));
	s = db_prepare(txn, &list);
	db_bind_int(s, 1, mailbox);
	while ((st = db_step(s)) == OK) {
		int64_t id = db_int(s, 0);

		if (id >= 0 && id < n)
			names[id] = admit_keyword(db_text(s, 1)) == OK ? arena_str(arena, db_text(s, 1)) :
			                                                 admit_stand_in(arena, "recovered", id);
	}
	db_done(s);
	if (st != ERR_NOT_FOUND)
		return st;
	*kw_r = (struct keywords){.n = (size_t)n, .name = names};
	return OK;
}

int64_t
keywords_find(const struct keywords *kw, struct str name)
{
	for (size_t i = 0; i < kw->n; i++)
		if (kw->name[i].p != NULL && str_caseeq(kw->name[i], name))
			return (int64_t)i;
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

/* Finds or makes one. -1 in *id_r: not there and not to be made. */
static enum status
one(struct edit *e, struct str name, bool create, int64_t *id_r)
{
	char fold[KEYWORD_MAX];
	enum status st;

	if ((st = admit_keyword(name)) != OK)
		return st;
	for (size_t i = 0; i < name.n; i++)
		fold[i] = ascii_lower(name.p[i]);
	st = db_get_ints(e->txn, &find, id_r, 1, "it", e->mailbox, str_of(fold, name.n));
	if (st != ERR_NOT_FOUND)
		return st;
	*id_r = -1;
	if (!create)
		return OK;
	if (e->keywords >= KEYWORDS_PER_MAILBOX)
		return ERR_LIMIT;
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
		if (id >= 0)
			ids[kept++] = (uint32_t)id;
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
