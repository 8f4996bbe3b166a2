/* SPDX-License-Identifier: Apache-2.0 */
#include "store/email.h"

#include <stdlib.h>
#include "store/access_priv.h"

/* Emails in a row of ids that are passed over rather than looked up anew. */
#define NEIGHBOURS 16

static struct db_sql one = DB_SQL("SELECT id, body, size, thread, prefix, summary FROM email WHERE id = ?1");
static struct db_sql from = DB_SQL("SELECT id, body, size, thread, prefix, summary FROM email WHERE id >= ?1 ORDER BY id");
static struct db_sql structures = DB_SQL("SELECT email, data FROM structure WHERE email >= ?1 ORDER BY email");

static void
take(struct db_stmt *s, struct email *e)
{
	*e = (struct email){.id = db_int(s, 0),
	    .body = db_int(s, 1),
	    .size = (uint64_t)db_int(s, 2),
	    .thread = db_int(s, 3),
	    .prefix = db_blob(s, 4),
	    .summary = db_blob(s, 5)};
}

enum status
email_get(const struct actor *actor, struct db_txn *txn, struct arena *arena, int64_t id, struct email *email_r)
{
	struct db_stmt *s;
	struct email e;
	enum status st = access_account(actor, id >> 32);

	if (st != OK)
		return st;
	s = db_prepare(txn, &one);
	db_bind_int(s, 1, id);
	if ((st = db_step(s)) == OK) {
		take(s, &e);
		e.prefix = arena_str(arena, e.prefix);
		e.summary = arena_str(arena, e.summary);
		*email_r = e;
	}
	db_done(s);
	return st;
}

/* ---- many ---- */

/* One statement that walks a table in the order of its key. */
struct track {
	struct db_sql *sql;
	struct db_stmt *stmt;
	int64_t at; /* the id that the statement stands on; 0: none */
	bool end;   /* it stands past the last row */
};
struct email_cursor {
	struct actor actor;
	struct db_txn *txn;
	struct track email, structure;
};

enum status
email_cursor_open(const struct actor *actor, struct db_txn *txn, struct email_cursor **c_r)
{
	struct email_cursor *c = x_new(struct email_cursor);

	c->actor = *actor;
	c->txn = txn;
	c->email.sql = &from;
	c->structure.sql = &structures;
	*c_r = c;
	return OK;
}

void
email_cursor_close(struct email_cursor *c)
{
	if (c == NULL)
		return;
	db_done(c->email.stmt);
	db_done(c->structure.stmt);
	free(c);
}

static enum status
step(struct track *t)
{
	enum status st = db_step(t->stmt);

	t->end = st == ERR_NOT_FOUND;
	t->at = st == OK ? db_int(t->stmt, 0) : 0;
	return st;
}

/* Makes the statement stand on the row with that id. */
static enum status
seek(struct email_cursor *c, struct track *t, int64_t id)
{
	enum status st = access_account(&c->actor, id >> 32);

	if (st != OK)
		return st;
	if (t->stmt != NULL && !t->end && t->at != 0 && t->at < id && id - t->at <= NEIGHBOURS) {
		while (st == OK && t->at < id)
			st = step(t);
	} else if (t->stmt == NULL || t->at != id) {
		db_done(t->stmt);
		t->stmt = db_prepare(c->txn, t->sql);
		db_bind_int(t->stmt, 1, id);
		st = step(t);
	}
	if (st == OK && t->at != id)
		st = ERR_NOT_FOUND;
	return st;
}

enum status
email_cursor_get(struct email_cursor *c, int64_t id, struct email *email_r)
{
	enum status st = seek(c, &c->email, id);

	if (st == OK)
		take(c->email.stmt, email_r);
	return st;
}

enum status
email_cursor_structure(struct email_cursor *c, int64_t id, struct str *structure_r)
{
	enum status st = seek(c, &c->structure, id);

	if (st == OK)
		*structure_r = db_blob(c->structure.stmt, 1);
	return st;
}

/* ---- the bytes ---- */

enum status
email_read(const struct actor *actor, struct db_txn *txn, const struct email *email, uint64_t at, size_t n, struct buf *out)
{
	enum status st = access_account(actor, email->id >> 32);

	if (st != OK)
		return st;
	if (at < email->prefix.n) {
		struct str part = str_head(str_from(email->prefix, (size_t)at), n);

		buf_add(out, part);
		at += part.n;
		n -= part.n;
	}
	if (n == 0 || at >= email->size)
		return OK;
	return blob_read(store_blobs(actor->store), txn, email->body, at - email->prefix.n, n, out);
}
