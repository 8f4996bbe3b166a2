/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of emails and their bodies, read by a cursor that keeps its place. */
#include "store/email.h"

#include <stdlib.h>
#include "base/log.h"
#include "store/digest_priv.h"
#include "store/store_priv.h"

/* Emails in a row of ids that are passed over rather than looked up anew. */
#define NEIGHBOURS 16
/* A walk is so many steps to a neighbour in a row: the newest page of a mailbox is read from its rows. A digest that is not there is wanted by a
 * walk that missed it for so many emails. */
#ifdef DIGEST_TINY
#define WALK_STEPS 1
#define WALK_MISSES 1
#else
#define WALK_STEPS 64
#define WALK_MISSES 16
#endif

static struct db_sql one = DB_SQL("SELECT id, body, size, thread, prefix, summary FROM email WHERE id = ?1");
static struct db_sql from = DB_SQL("SELECT id, body, size, thread, prefix, summary FROM email WHERE id >= ?1 ORDER BY id");
static struct db_sql structures = DB_SQL("SELECT email, data FROM structure WHERE email >= ?1 ORDER BY email");

/* One for each part: several may be open at once. */
#define DIGEST DB_SQL("SELECT data FROM digest WHERE id = ?1")
static struct db_sql digests[DIGEST_PARTS] = {DIGEST, DIGEST, DIGEST, DIGEST, DIGEST, DIGEST, DIGEST, DIGEST, DIGEST, DIGEST};

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
email_get(const struct grant *grant, struct db_txn *txn, struct arena *arena, int64_t id, struct email *email_r)
{
	struct db_stmt *s;
	struct email e;
	enum status st = grant_email(grant, id);

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
/* What is asked for of one part, and the digest it comes from. */
struct digest_track {
	int64_t last;     /* the email asked for last */
	unsigned steps;   /* to a neighbour, in a row */
	int64_t id;       /* the digest that was looked for; 0: none yet */
	bool there;
	unsigned misses;  /* emails asked for that it did not give, for it is not there */
	struct db_stmt *stmt;
	struct digest digest;
};
struct email_cursor {
	struct grant grant;
	struct db_txn *txn;
	bool goes_on;
	struct track email, structure;
	enum { OBJECTS_NOT_ASKED, OBJECTS_NONE, OBJECTS_SOME } objects;
	struct digest_track digests[DIGEST_PARTS];
	struct blob_walk bodies;
};

enum status
email_cursor_open(const struct grant *grant, struct db_txn *txn, struct email_cursor **c_r)
{
	struct email_cursor *c;
	enum status st = grant_need(grant, RIGHT_READ);

	if (st != OK)
		return st;
	c = x_new(struct email_cursor);
	c->grant = *grant;
	c->txn = txn;
	c->email.sql = &from;
	c->structure.sql = &structures;
	*c_r = c;
	return OK;
}

void
email_cursor_goes_on(struct email_cursor *c)
{
	c->goes_on = true;
}

void
email_cursor_close(struct email_cursor *c)
{
	if (c == NULL)
		return;
	db_done(c->email.stmt);
	db_done(c->structure.stmt);
	for (int part = 0; part < DIGEST_PARTS; part++)
		db_done(c->digests[part].stmt);
	blob_walk_end(&c->bodies);
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
	enum status st = grant_email(&c->grant, id);

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

/* A digest that cannot be read is one that is not there. */
static void
load_digest(struct email_cursor *c, struct digest_track *t, int part, int64_t id)
{
	enum status st;

	db_done(t->stmt);
	t->id = id;
	t->misses = 0;
	t->stmt = db_prepare(c->txn, &digests[part]);
	db_bind_int(t->stmt, 1, id);
	if ((st = db_step(t->stmt)) == OK && (st = digest_open(db_blob(t->stmt, 0), id, &t->digest)) != OK)
		log_event(EV_damage, "digest=%llx", (unsigned long long)id);
	t->there = st == OK;
	if (t->there)
		return;
	db_done(t->stmt);
	t->stmt = NULL;
}

/* The email's part from a digest, where there is one and a walk goes through it. */
static bool
by_digest(struct email_cursor *c, int64_t email, int part, struct str *part_r)
{
	struct digest_track *t = &c->digests[part];
	bool near = t->last != 0 && email > t->last && email - t->last <= NEIGHBOURS;
	int64_t id = digest_id(email, part);

	if (grant_email(&c->grant, email) != OK)
		return false;
	t->steps = near ? t->steps + 1 : t->last == 0 && c->goes_on ? WALK_STEPS : 0;
	t->last = email;
	if (t->id != id) {
		if (t->steps < WALK_STEPS)
			return false;
		load_digest(c, t, part, id);
	}
	if (t->there)
		return digest_find(&t->digest, email, part_r);
	if (++t->misses == WALK_MISSES)
		digest_want(store_digests(c->grant.actor.store), c->txn, id);
	return false;
}

enum status
email_cursor_slice(struct email_cursor *c, int64_t id, enum mime_slice slice, struct mime_summary *s_r)
{
	struct email email;
	struct str part;
	enum status st;

	if (by_digest(c, id, (int)slice, &part) && mime_summary_open_slice(part, s_r) == OK)
		return OK;
	if ((st = email_cursor_get(c, id, &email)) == OK)
		st = mime_summary_open(email.summary, s_r);
	return st;
}

enum status
email_cursor_structure(struct email_cursor *c, int64_t id, struct str *structure_r)
{
	enum status st;

	if (by_digest(c, id, DIGEST_STRUCTURE, structure_r))
		return OK;
	st = seek(c, &c->structure, id);

	if (st == OK)
		*structure_r = db_blob(c->structure.stmt, 1);
	return st;
}

/* ---- object ids ---- */

static struct db_sql objects_any = DB_SQL("SELECT 1 FROM email_object WHERE email >= ?1 << 32 AND email < (?1 + 1) << 32 LIMIT 1");
static struct db_sql object_of = DB_SQL("SELECT object FROM email_object WHERE email = ?1");

enum status
email_cursor_object(struct email_cursor *c, int64_t id, int64_t *object_r)
{
	int64_t found = id, any;
	enum status st = grant_email(&c->grant, id);

	if (st != OK)
		return st;
	/* The usual account has no such copies: it is asked once. */
	if (c->objects == OBJECTS_NOT_ASKED) {
		st = db_get_ints(c->txn, &objects_any, &any, 1, "i", c->grant.owner);
		if (st != OK && st != ERR_NOT_FOUND)
			return st;
		c->objects = st == OK ? OBJECTS_SOME : OBJECTS_NONE;
	}
	st = c->objects == OBJECTS_SOME ? db_get_ints(c->txn, &object_of, &found, 1, "i", id) : OK;
	if (st != OK && st != ERR_NOT_FOUND)
		return st;
	*object_r = found;
	return OK;
}

/* ---- the bytes ---- */

static enum status
read_bytes(const struct grant *grant, struct db_txn *txn, struct blob_walk *walk, const struct email *email, uint64_t at, size_t n,
    struct buf *out)
{
	enum status st = grant_email(grant, email->id);

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
	return blob_read(store_blobs(grant->actor.store), txn, walk, email->body, at - email->prefix.n, n, out);
}

enum status
email_read(const struct grant *grant, struct db_txn *txn, const struct email *email, uint64_t at, size_t n, struct buf *out)
{
	return read_bytes(grant, txn, NULL, email, at, n, out);
}

enum status
email_cursor_read(struct email_cursor *c, const struct email *email, uint64_t at, size_t n, struct buf *out)
{
	return read_bytes(&c->grant, c->txn, &c->bodies, email, at, n, out);
}
