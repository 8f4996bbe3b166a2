/* SPDX-License-Identifier: Apache-2.0 */
/* Reads mails anew whose summaries an older version made, a few at a time. */
#include "store/reparse_priv.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "mime/preview.h"
#include "mime/structure.h"
#include "mime/summary.h"
#include "store/digest_priv.h"

#define READ_STEP (256 * 1024)
#define EMAILS_A_READ 200
#define READ_FOR 100000    /* microseconds that a snapshot is kept */
#define ROUND_FOR 5000000  /* microseconds of a round */
#define CHANGES 32         /* in a commit */

/* ---- one message ---- */

static enum status
feed_parser(struct blob_store *blobs, struct db_txn *txn, int64_t body, struct str prefix, struct mime_parser *p)
{
	struct buf piece = {0};
	enum status st;
	uint64_t at = 0;

	mime_parser_add(p, prefix);
	do {
		buf_clear(&piece);
		st = blob_read(blobs, txn, NULL, body, at, READ_STEP, &piece);
		mime_parser_add(p, buf_str(&piece));
		at += piece.n;
	} while (st == OK && piece.n > 0);
	buf_free(&piece);
	return st;
}

static enum status
preview_of(struct blob_store *blobs, struct db_txn *txn, int64_t body, struct str prefix, const struct mime_message *m, struct buf *preview)
{
	uint32_t part = mime_preview_part(m);
	struct buf text = {0};
	uint64_t from, n;
	enum status st;

	if (part == MIME_NO_PART || m->parts[part].body_start < prefix.n)
		return OK;
	from = m->parts[part].body_start - prefix.n;
	n = m->parts[part].body_end - m->parts[part].body_start;
	st = blob_read(blobs, txn, NULL, body, from, n < MIME_PREVIEW_BYTES ? (size_t)n : MIME_PREVIEW_BYTES, &text);
	if (st == OK)
		mime_preview_add(preview, &m->parts[part], buf_str(&text));
	buf_free(&text);
	return st;
}

enum status
reparse(struct blob_store *blobs, struct db_txn *txn, int64_t body, struct str prefix, struct reparsed *r)
{
	struct arena a = {0};
	struct buf preview = {0};
	struct mime_parser *p = mime_parser_new(&a, NULL);
	const struct mime_message *m;
	enum status st;

	buf_clear(&r->summary);
	buf_clear(&r->structure);
	if ((st = feed_parser(blobs, txn, body, prefix, p)) != OK)
		goto out;
	m = mime_parser_finish(p);
	if ((st = preview_of(blobs, txn, body, prefix, m, &preview)) != OK)
		goto out;
	mime_summary_pack(&r->summary, m, buf_str(&preview));
	mime_structure_pack(&r->structure, m);
out:
	buf_free(&preview);
	arena_free(&a);
	return st;
}

void
reparsed_free(struct reparsed *r)
{
	buf_free(&r->summary);
	buf_free(&r->structure);
}

/* ---- the sweep ---- */

static struct db_sql where = DB_SQL("SELECT value FROM meta WHERE key = 'reparse'");
static struct db_sql set_where = DB_SQL("UPDATE meta SET value = ?1 WHERE key = 'reparse'");
static struct db_sql end_there = DB_SQL("DELETE FROM meta WHERE key = 'reparse'");
static struct db_sql next = DB_SQL("SELECT e.id, e.body, e.prefix, e.summary, s.data FROM email e"
    " JOIN structure s ON s.email = e.id WHERE e.id > ?1 ORDER BY e.id LIMIT 1");
static struct db_sql set_summary = DB_SQL("UPDATE email SET summary = ?2 WHERE id = ?1");
static struct db_sql set_structure = DB_SQL("UPDATE structure SET data = ?2 WHERE email = ?1");

struct sweep {
	struct store *store;
	int64_t at; /* emails up to this id are done */
	bool end;
	size_t n;   /* changes for the next commit */
	int64_t id[CHANGES];
	struct reparsed change[CHANGES];
};

/* Whether what stands there is as some parser made it, and otherwise than this one does. */
static bool
is_old(struct str summary, struct str structure, const struct reparsed *new)
{
	struct mime_structure unpacked;
	struct mime_summary s;
	struct arena a = {0};
	bool whole;

	if (str_eq(summary, buf_str(&new->summary)) && str_eq(structure, buf_str(&new->structure)))
		return false;
	whole = mime_summary_open(summary, &s) == OK && mime_summary_verify(&s) == OK && mime_structure_unpack(&a, structure, &unpacked) == OK;
	arena_free(&a);
	return whole;
}

/* The next email; what it gives goes to the changes if it is another. ERR_NOT_FOUND: there are no more. */
static enum status
look(struct sweep *w, struct db_txn *txn)
{
	struct db_stmt *q = db_prepare(txn, &next);
	struct reparsed *new = &w->change[w->n];
	struct buf prefix = {0};
	enum status st, parsed;

	db_bind_int(q, 1, w->at);
	if ((st = db_step(q)) == OK) {
		w->at = db_int(q, 0);
		buf_add(&prefix, db_blob(q, 2));
		parsed = reparse(w->store->blobs, txn, db_int(q, 1), buf_str(&prefix), new);
		if (parsed == OK && is_old(db_blob(q, 3), db_blob(q, 4), new))
			w->id[w->n++] = w->at;
		else if (parsed != OK && parsed != ERR_CORRUPT && parsed != ERR_NOT_FOUND)
			st = parsed;
	}
	db_done(q);
	buf_free(&prefix);
	return st;
}

static enum status
look_at_some(struct sweep *w)
{
	int64_t until = clock_mono() + READ_FOR;
	struct db_txn *txn;
	enum status st = db_read_begin(w->store->db, &txn);

	if (st != OK)
		return st;
	for (int i = 0; i < EMAILS_A_READ && w->n < CHANGES && st == OK && clock_mono() < until && !atomic_load(&w->store->stopping); i++)
		st = look(w, txn);
	db_read_end(txn);
	w->end = st == ERR_NOT_FOUND;
	return w->end ? OK : st;
}

/* An email that went meanwhile takes its changes with it. */
static enum status
write_some(struct db_txn *txn, void *arg)
{
	struct sweep *w = arg;
	enum status st = OK;

	for (size_t i = 0; i < w->n && st == OK; i++) {
		if ((st = db_exec(txn, &set_summary, "ib", w->id[i], buf_str(&w->change[i].summary))) == OK)
			st = db_exec(txn, &set_structure, "ib", w->id[i], buf_str(&w->change[i].structure));
	}
	if (st == OK)
		st = digest_forget(txn, w->id, w->n);
	if (st != OK)
		return st;
	return w->end ? db_exec(txn, &end_there, "") : db_exec(txn, &set_where, "i", w->at);
}

static enum status
begin(struct sweep *w)
{
	struct db_txn *txn;
	enum status st = db_read_begin(w->store->db, &txn);

	if (st != OK)
		return st;
	st = db_get_ints(txn, &where, &w->at, 1, "");
	db_read_end(txn);
	return st;
}

enum status
reparse_sweep(struct store *s)
{
	int64_t until = clock_mono() + ROUND_FOR;
	struct sweep w = {.store = s};
	enum status st = begin(&w);

	while (st == OK && !w.end && clock_mono() < until && !atomic_load(&s->stopping)) {
		w.n = 0;
		if ((st = look_at_some(&w)) == OK)
			st = db_write(s->db, write_some, &w);
	}
	for (size_t i = 0; i < CHANGES; i++)
		reparsed_free(&w.change[i]);
	if (st == OK && w.end)
		log_event(EV_tool, "what=\"the emails of an older version were read anew\"");
	return st == ERR_NOT_FOUND ? OK : st;
}
