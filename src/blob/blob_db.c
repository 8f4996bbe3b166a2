/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver db: bodies in tables of the database.
 *
 *	blob        a body: id, size, stored (bytes of all its encoded chunks), hash, and data: its encoded chunk
 *	            if there is only one, else NULL
 *	blob_chunk  the encoded chunks of larger bodies; id is body << 16 | number
 *	blob_staged bodies whose chunks are being written: not published yet, to be swept after a crash
 *	blob_id     one row: the first id that no process has reserved
 */
#include "blob/blob_priv.h"

#include <stdlib.h>
#include "base/arena.h"
#include "base/assert.h"

#define UNDER_WAY_MAX 4   /* chunks of one stage in the committer's queue: 1 MiB */
#define DELETE_STEP 8     /* chunks deleted in one write: each is up to 64 pages */

static enum status
no_open(struct blob_store *bs)
{
	return OK;
}

static void
no_close(struct blob_store *bs)
{
}

static enum status
bdb_schema(struct blob_store *bs, struct db_txn *txn)
{
	return db_script(txn,
	    "CREATE TABLE blob (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, stored INTEGER NOT NULL,"
	    " hash BLOB NOT NULL, data BLOB);"
	    "CREATE TABLE blob_chunk (id INTEGER PRIMARY KEY, data BLOB NOT NULL);"
	    "CREATE TABLE blob_staged (id INTEGER PRIMARY KEY);"
	    "CREATE TABLE blob_id (one INTEGER PRIMARY KEY, next INTEGER NOT NULL);"
	    "INSERT INTO blob_id (one, next) VALUES (1, 1)");
}

struct reservation {
	int64_t n, first;
};

static enum status
fn_reserve(struct db_txn *txn, void *arg)
{
	static struct db_sql get = DB_SQL("SELECT next FROM blob_id WHERE one = 1");
	static struct db_sql set = DB_SQL("UPDATE blob_id SET next = ?1 WHERE one = 1");
	struct reservation *r = arg;
	enum status st = db_get_ints(txn, &get, &r->first, 1, "");

	if (st != OK)
		return st == ERR_NOT_FOUND ? ERR_CORRUPT : st;
	return db_exec(txn, &set, "i", r->first + r->n);
}

static enum status
bdb_reserve_ids(struct blob_store *bs, int64_t n, int64_t *first_r)
{
	struct reservation r = {.n = n};
	struct db_write w = {.fn = fn_reserve, .what = "body ids", .arg = &r, .lane = DB_NO_ACCOUNT};
	enum status st = db_write_and_wait(bs->db, &w);

	if (st == OK)
		*first_r = r.first;
	return st;
}

/* ---- spilling ---- */

struct spill {
	struct db_write write;
	struct blob_stage *stage;
	int64_t body;
	unsigned n;
	struct buf encoded;
};

static enum status
fn_spill(struct db_txn *txn, void *arg)
{
	static struct db_sql stage = DB_SQL("INSERT OR IGNORE INTO blob_staged (id) VALUES (?1)");
	static struct db_sql add = DB_SQL("INSERT INTO blob_chunk (id, data) VALUES (?1, ?2)");
	struct spill *sp = arg;
	enum status st = OK;

	if (sp->n == 0)
		st = db_exec(txn, &stage, "i", sp->body);
	if (st == OK)
		st = db_exec(txn, &add, "ib", sp->body << 16 | sp->n, buf_str(&sp->encoded));
	return st;
}

static void
spill_done(struct db_write *w, enum status st)
{
	struct spill *sp = (struct spill *)w;
	struct blob_stage *stage = sp->stage;

	buf_free(&sp->encoded);
	free(sp);
	lock_take(&stage->lock);
	ensure(stage->magic == MAGIC_STAGE && stage->under_way > 0);
	stage->under_way--;
	if (st != OK && stage->spill_st == OK)
		stage->spill_st = st;
	pthread_cond_signal(&stage->wake);
	lock_give(&stage->lock);
}

static enum status
wait_for_room(struct blob_stage *stage, unsigned most)
{
	enum status st;

	lock_take(&stage->lock);
	while (stage->under_way > most)
		lock_wait(&stage->lock, &stage->wake);
	st = stage->spill_st;
	lock_give(&stage->lock);
	return st;
}

/* Chunks need no sync of their own: the commit that publishes the body comes after them in the log. */
static enum status
bdb_spill(struct blob_stage *stage, unsigned n, struct buf *encoded)
{
	enum status st = wait_for_room(stage, UNDER_WAY_MAX - 1);
	struct spill *sp;

	if (st != OK)
		return st;
	sp = x_new(struct spill);
	sp->write = (struct db_write){.fn = fn_spill, .what = "staging", .arg = sp, .lane = stage->lane, .lazy = true,
	    .soon = true, .done = spill_done};
	sp->stage = stage;
	sp->body = stage->id;
	sp->n = n;
	sp->encoded = *encoded;
	*encoded = (struct buf){0};
	lock_take(&stage->lock);
	stage->under_way++;
	lock_give(&stage->lock);
	db_submit(stage->bs->db, &sp->write);
	return OK;
}

static enum status
bdb_spill_wait(struct blob_stage *stage)
{
	return stage->spilled > 0 ? wait_for_room(stage, 0) : OK;
}

/* ---- forgetting what was not published ---- */

struct unspill {
	struct db_write write;
	struct db *db;
	int64_t body;
	bool done;
};

/* Deletes some chunks of the body, the last ones first. */
static enum status
delete_step(struct db_txn *txn, int64_t body, bool *done_r)
{
	static struct db_sql find =
	    DB_SQL("SELECT id FROM blob_chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1");
	static struct db_sql drop = DB_SQL("DELETE FROM blob_chunk WHERE id = ?1");
	int64_t from = body << 16, to = from + CHUNKS_MAX - 1, id;
	enum status st = OK;

	for (int i = 0; i < DELETE_STEP && st == OK; i++) {
		st = db_get_ints(txn, &find, &id, 1, "ii", from, to);
		if (st == OK)
			st = db_exec(txn, &drop, "i", id);
	}
	*done_r = st == ERR_NOT_FOUND;
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
fn_unspill(struct db_txn *txn, void *arg)
{
	static struct db_sql is_body = DB_SQL("SELECT 1 FROM blob WHERE id = ?1");
	static struct db_sql drop = DB_SQL("DELETE FROM blob_staged WHERE id = ?1");
	struct unspill *un = arg;
	int64_t one;
	enum status st = db_get_ints(txn, &is_body, &one, 1, "i", un->body);

	un->done = st == OK; /* it was published */
	if (st != ERR_NOT_FOUND)
		return st;
	st = delete_step(txn, un->body, &un->done);
	if (st == OK && un->done)
		st = db_exec(txn, &drop, "i", un->body);
	return st;
}

/* After a failure blob_sweep finds them at the next start. */
static void
unspill_done(struct db_write *w, enum status st)
{
	struct unspill *un = (struct unspill *)w;

	if (st == OK && !un->done)
		db_submit(un->db, &un->write);
	else
		free(un);
}

static void
bdb_unspill(struct blob_stage *stage)
{
	struct unspill *un = x_new(struct unspill);

	un->write = (struct db_write){.fn = fn_unspill, .what = "staging", .arg = un, .lane = stage->lane, .lazy = true,
	    .reserve = true, .done = unspill_done};
	un->db = stage->bs->db;
	un->body = stage->id;
	db_submit(un->db, &un->write);
}

static enum status
fn_next_staged(struct db_txn *txn, void *arg)
{
	static struct db_sql find = DB_SQL("SELECT id FROM blob_staged ORDER BY id LIMIT 1");
	static struct db_sql drop = DB_SQL("DELETE FROM blob_staged WHERE id = ?1");
	struct unspill *un = arg;
	enum status st = db_get_ints(txn, &find, &un->body, 1, "");

	if (st != OK)
		return st;
	st = fn_unspill(txn, un);
	/* A published body has no row here; should one be left, it goes. */
	return st == OK && un->done ? db_exec(txn, &drop, "i", un->body) : st;
}

static enum status
bdb_mend(struct db_txn *txn, int64_t above)
{
	static struct db_sql strays = DB_SQL("DELETE FROM blob_chunk WHERE NOT EXISTS"
					     " (SELECT 1 FROM blob b WHERE b.id = blob_chunk.id >> 16)");
	static struct db_sql next = DB_SQL("INSERT INTO blob_id (one, next) SELECT 1, 1 + ("
					   "SELECT coalesce(max(id), 0) FROM blob)"
					   " WHERE true ON CONFLICT (one) DO UPDATE SET next = max(next, excluded.next)");
	static struct db_sql beyond = DB_SQL("UPDATE blob_id SET next = ?1 WHERE next < ?1");
	enum status st = db_exec(txn, &strays, "");

	if (st == OK)
		st = db_exec(txn, &next, "");
	return st == OK ? db_exec(txn, &beyond, "i", above + 1) : st;
}

static enum status
bdb_sweep(struct blob_store *bs)
{
	struct unspill un = {0};
	struct db_write w = {.fn = fn_next_staged, .what = "staging", .arg = &un, .lane = DB_NO_ACCOUNT, .lazy = true, .soon = true, .reserve = true};
	enum status st;

	do
		st = db_write_and_wait(bs->db, &w);
	while (st == OK);
	return st == ERR_NOT_FOUND ? OK : st;
}

/* ---- bodies ---- */

static enum status
publish_held(struct blob_stage *stage, struct db_txn *txn)
{
	static struct db_sql add = DB_SQL("INSERT INTO blob_chunk (id, data) VALUES (?1, ?2)");
	enum status st = OK;

	for (struct held_chunk *h = stage->held; h != NULL && st == OK; h = h->next)
		st = db_exec(txn, &add, "ib", stage->id << 16 | h->n, buf_str(&h->encoded));
	return st;
}

static enum status
bdb_publish(struct blob_stage *stage, struct db_txn *txn)
{
	static struct db_sql add =
	    DB_SQL("INSERT INTO blob (id, size, stored, hash, data) VALUES (?1, ?2, ?3, ?4, ?5)");
	static struct db_sql large =
	    DB_SQL("INSERT INTO blob (id, size, stored, hash) VALUES (?1, ?2, ?3, ?4)");
	static struct db_sql drop = DB_SQL("DELETE FROM blob_staged WHERE id = ?1");
	struct str hash = str_of(stage->hash, sizeof(stage->hash));
	int64_t size = (int64_t)stage->size, stored = (int64_t)stage->stored;
	enum status st;

	if (stage->chunks == 1)
		return db_exec(txn, &add, "iiibb", stage->id, size, stored, hash,
		    buf_str(&stage->held->encoded));
	st = db_exec(txn, &large, "iiib", stage->id, size, stored, hash);
	if (st == OK)
		st = publish_held(stage, txn);
	if (st == OK && stage->spilled > 0)
		st = db_exec(txn, &drop, "i", stage->id);
	return st;
}

static enum status
bdb_stat(struct blob_store *bs, struct db_txn *txn, int64_t body, struct blob_info *info_r)
{
	static struct db_sql find = DB_SQL("SELECT size, stored, hash FROM blob WHERE id = ?1");
	struct db_stmt *q = db_prepare(txn, &find);
	enum status st;
	struct str hash;

	db_bind_int(q, 1, body);
	st = db_step(q);
	if (st == OK) {
		hash = db_blob(q, 2);
		if (hash.n == BLOB_HASH_SIZE && db_int(q, 0) >= 0 && db_int(q, 1) >= 0) {
			info_r->size = (uint64_t)db_int(q, 0);
			info_r->stored = (uint64_t)db_int(q, 1);
			memcpy(info_r->hash, hash.p, BLOB_HASH_SIZE);
		} else {
			st = ERR_CORRUPT;
		}
	}
	db_done(q);
	return st;
}

/* Only to the very next id by a step: the bodies between would be read to be passed over. */
static enum status
walk_to(struct db_txn *txn, struct blob_walk *walk, int64_t body)
{
	static struct db_sql from = DB_SQL("SELECT size, data, id FROM blob WHERE id >= ?1 ORDER BY id");
	enum status st;

	if (walk->at == 0 || walk->at != body - 1) {
		db_done(walk->st);
		walk->st = db_prepare(txn, &from);
		db_bind_int(walk->st, 1, body);
	}
	st = db_step(walk->st);
	walk->at = st == OK ? db_int(walk->st, 2) : 0;
	return st == OK && walk->at != body ? ERR_NOT_FOUND : st;
}

static enum status
take_first(struct db_stmt *q, struct piece *piece_r)
{
	int64_t size = db_int(q, 0);

	if (size < 0)
		return ERR_CORRUPT;
	piece_r->size = (uint64_t)size;
	piece_r->whole = !db_is_null(q, 1);
	if (piece_r->whole)
		piece_r->bytes = db_blob(q, 1);
	return OK;
}

static enum status
bdb_get_first(struct blob_store *bs, struct db_txn *txn, struct blob_walk *walk, int64_t body, struct piece *piece_r)
{
	static struct db_sql find = DB_SQL("SELECT size, data FROM blob WHERE id = ?1");
	enum status st;

	if (walk != NULL) {
		st = walk_to(txn, walk, body);
		return st == OK ? take_first(walk->st, piece_r) : st;
	}
	piece_r->st = db_prepare(txn, &find);
	db_bind_int(piece_r->st, 1, body);
	st = db_step(piece_r->st);
	return st == OK ? take_first(piece_r->st, piece_r) : st;
}

static enum status
bdb_get_chunk(struct blob_store *bs, struct db_txn *txn, int64_t body, unsigned n, struct piece *piece_r)
{
	static struct db_sql find = DB_SQL("SELECT data FROM blob_chunk WHERE id = ?1");
	struct db_stmt *q = db_prepare(txn, &find);
	enum status st;

	piece_r->st = q;
	db_bind_int(q, 1, body << 16 | n);
	if ((st = db_step(q)) == OK)
		piece_r->bytes = db_blob(q, 0);
	return st;
}

static void
bdb_piece_done(struct blob_store *bs, struct piece *piece)
{
	db_done(piece->st);
	piece->st = NULL;
}

static enum status
bdb_remove(struct blob_store *bs, struct db_txn *txn, int64_t body, bool *done_r)
{
	static struct db_sql find = DB_SQL("SELECT data IS NOT NULL FROM blob WHERE id = ?1");
	static struct db_sql drop = DB_SQL("DELETE FROM blob WHERE id = ?1");
	int64_t whole;
	bool done = true;
	enum status st = db_get_ints(txn, &find, &whole, 1, "i", body);

	if (st != OK)
		return st;
	if (!whole)
		st = delete_step(txn, body, &done);
	if (st == OK && done)
		st = db_exec(txn, &drop, "i", body);
	if (st == OK)
		*done_r = done;
	return st;
}

static enum status
bdb_next(struct blob_store *bs, struct db_txn *txn, int64_t after, int64_t *body_r)
{
	static struct db_sql find = DB_SQL("SELECT id FROM blob WHERE id > ?1 ORDER BY id LIMIT 1");

	return db_get_ints(txn, &find, body_r, 1, "i", after);
}

const struct blob_driver blob_db = {
    .name = "db",
    .open = no_open,
    .close = no_close,
    .schema = bdb_schema,
    .sweep = bdb_sweep,
    .mend = bdb_mend,
    .reserve_ids = bdb_reserve_ids,
    .spill = bdb_spill,
    .spill_wait = bdb_spill_wait,
    .unspill = bdb_unspill,
    .publish = bdb_publish,
    .stat = bdb_stat,
    .get_first = bdb_get_first,
    .get_chunk = bdb_get_chunk,
    .piece_done = bdb_piece_done,
    .remove = bdb_remove,
    .next = bdb_next,
};
