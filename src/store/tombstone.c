/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tombstones that are older than the change rows that a mailbox keeps, packed: rows of kind 5, each of about TOMBSTONES_ROW bytes, whose
 * key is the mod-sequence of the last tombstone in it. An expunge costs two to three bytes in them, as a row it costs 26.
 * What was expunged since a mod-sequence stays known exactly.
 *
 * When they take more than TOMBSTONES_MAX bytes, above a million expunges, the oldest ones are merged into one row: a set of UIDs
 * that were expunged at its mod-sequence or before. A client that was away for longer is told of all of them,
 * of some for the second time (RFC 7162 3.2.6 and 5.3). Runs of UIDs melt in that set: it has at most one more than there
 * are messages and other tombstones.
 *
 * The form: u8 version (1), varint merged (0 or 1), varint mod-sequence of the first tombstone, then for each a varint of twice the
 * distance to the mod-sequence before (the first: 0), plus 1 where it has several runs, whose number follows; then of each run the
 * distance of its first UID to the last UID before, zigzag, and where there are several runs the last less the first. CRC-32C.
 */
#include "store/changes_priv.h"

#include "base/assert.h"
#include "store/columns_priv.h"

#define TOMBSTONES_VERSION 1
#define AT_A_TIME 4096 /* rows read in one go */

/* ---- reading ---- */

bool
tombstone_reader_init(struct tombstone_reader *t, struct str row)
{
	struct str content;

	*t = (struct tombstone_reader){0};
	if (!blob_sealed(row, &content))
		return false;
	t->u.rest = content;
	if (unpack_u8(&t->u) != TOMBSTONES_VERSION)
		return false;
	t->merged = unpack_varint(&t->u) & 1;
	t->modseq = unpack_varint(&t->u);
	return !t->u.failed;
}

static void
read_run(struct tombstone_reader *t, bool single, struct runs *uids_r)
{
	int64_t first = (int64_t)t->at + unzigzag(unpack_varint(&t->u));
	uint64_t more = single ? 0 : unpack_varint(&t->u);

	if (t->u.failed || first <= 0 || first > UINT32_MAX || more > UINT32_MAX - (uint64_t)first) {
		t->u.failed = true;
		return;
	}
	t->at = (uint32_t)((uint64_t)first + more);
	runs_add(uids_r, (uint32_t)first, t->at);
}

bool
tombstone_next(struct tombstone_reader *t, struct runs *uids_r)
{
	uint64_t head, n;

	if (t->u.failed || t->u.rest.n == 0)
		return false;
	head = unpack_varint(&t->u);
	t->modseq += head >> 1;
	n = head & 1 ? unpack_varint(&t->u) : 1;
	for (uint64_t i = 0; i < n && !t->u.failed; i++)
		read_run(t, !(head & 1), uids_r);
	return !t->u.failed;
}

/* ---- writing ---- */

/* Packed rows in the making. */
struct packer {
	struct arena arena;
	struct row {
		uint64_t key;
		struct str data;
		struct row *next;
	} *rows, **tail;        /* full ones */
	struct buf b;           /* the one at hand; empty: none */
	uint64_t modseq;        /* its last */
	uint32_t at;
	uint64_t last;          /* the last packed row of the mailbox, and whether the one at hand goes on from it */
	bool replaces;
	struct runs scratch;
	size_t n;               /* tombstones packed */
	uint64_t until;         /* what was read of the mailbox's tombstones */
	bool more, damaged;     /* why that is not all */
};

static void
finish_row(struct packer *p)
{
	struct row *row;

	if (p->b.n == 0)
		return;
	blob_seal(&p->b, 0);
	row = arena_new(&p->arena, struct row);
	*row = (struct row){.key = p->modseq, .data = arena_str(&p->arena, buf_str(&p->b))};
	*p->tail = row;
	p->tail = &row->next;
	buf_clear(&p->b);
}

static void
begin_row(struct packer *p, uint64_t modseq, bool merged)
{
	ensure(p->b.n == 0);
	buf_addc(&p->b, TOMBSTONES_VERSION);
	varint_add(&p->b, merged);
	varint_add(&p->b, modseq);
	p->modseq = modseq;
	p->at = 0;
}

static void
add_tombstone(struct packer *p, uint64_t modseq, const struct runs *uids)
{
	bool single = uids->n == 1 && uids->run[0].first == uids->run[0].last;

	ensure(modseq >= p->modseq && p->b.n > 0);
	varint_add(&p->b, (modseq - p->modseq) << 1 | !single);
	if (!single)
		varint_add(&p->b, uids->n);
	for (size_t i = 0; i < uids->n; i++) {
		const struct run *run = &uids->run[i];

		varint_add(&p->b, zigzag((int64_t)run->first - p->at));
		if (!single)
			varint_add(&p->b, run->last - run->first);
		p->at = run->last;
	}
	p->modseq = modseq;
}

/* Mod-sequences rise. */
static void
pack(struct packer *p, uint64_t modseq, const struct runs *uids)
{
	if (p->b.n > 0 && p->b.n + 16 + uids->n * 6 > TOMBSTONES_ROW)
		finish_row(p);
	if (p->b.n == 0)
		begin_row(p, modseq, false);
	add_tombstone(p, modseq, uids);
	p->n++;
}

static struct db_sql row_put = DB_SQL("INSERT INTO change (mailbox, modseq, kind, reader, uids) VALUES (?1, ?2, 5, 0, ?3)");

static enum status
write_rows(struct packer *p, struct db_txn *txn, int64_t mailbox)
{
	enum status st = OK;

	finish_row(p);
	for (struct row *row = p->rows; row != NULL && st == OK; row = row->next)
		st = db_exec(txn, &row_put, "iib", mailbox, (int64_t)row->key, row->data);
	return st;
}

/* ---- packing ---- */

static struct db_sql last_packed = DB_SQL("SELECT modseq, uids FROM change WHERE mailbox = ?1 AND modseq <= ?2 AND kind = 5"
    " ORDER BY modseq DESC LIMIT 1");
static struct db_sql tombstones = DB_SQL("SELECT modseq, uids FROM change WHERE mailbox = ?1 AND modseq > ?2 AND modseq <= ?3"
    " AND kind = 3 ORDER BY modseq LIMIT ?4");
static struct db_sql last_drop = DB_SQL("DELETE FROM change WHERE mailbox = ?1 AND modseq = ?2 AND kind = 5");
static struct db_sql trim = DB_SQL("DELETE FROM change WHERE mailbox = ?1 AND modseq > ?2 AND modseq <= ?3 AND kind < 5"
    " AND (kind <> 3 OR modseq <= ?4)");

/* Takes the last packed row up again when there is room in it. */
static enum status
go_on(struct packer *p, struct db_txn *txn, int64_t mailbox, uint64_t oldest)
{
	struct db_stmt *s = db_prepare(txn, &last_packed);
	struct tombstone_reader t;
	struct str row;
	enum status st;

	db_bind_int(s, 1, mailbox);
	db_bind_int(s, 2, (int64_t)oldest);
	if ((st = db_step(s)) == OK) {
		p->last = (uint64_t)db_int(s, 0);
		row = db_blob(s, 1);
		if (row.n < TOMBSTONES_ROW - 32 && tombstone_reader_init(&t, row) && !t.merged) {
			while (tombstone_next(&t, &p->scratch))
				runs_clear(&p->scratch);
			if ((p->replaces = !t.u.failed && t.modseq == p->last))
				buf_add(&p->b, str_of(row.p, row.n - sizeof(uint32_t)));
			p->modseq = t.modseq;
			p->at = t.at;
		}
		runs_clear(&p->scratch);
	}
	db_done(s);
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
read_tombstones(struct packer *p, struct db_txn *txn, int64_t mailbox, uint64_t until)
{
	struct db_stmt *s = db_prepare(txn, &tombstones);
	enum status st;

	p->until = until;
	db_bind_int(s, 1, mailbox);
	db_bind_int(s, 2, (int64_t)p->last);
	db_bind_int(s, 3, (int64_t)until);
	db_bind_int(s, 4, AT_A_TIME);
	while ((st = db_step(s)) == OK) {
		uint64_t modseq = (uint64_t)db_int(s, 0);

		runs_clear(&p->scratch);
		if (!change_unpack(db_blob(s, 1), &p->scratch, NULL)) {
			p->until = modseq - 1;
			p->damaged = true;
			break;
		}
		pack(p, modseq, &p->scratch);
		if (p->n == AT_A_TIME && modseq < until) {
			p->until = modseq;
			p->more = true;
		}
	}
	db_done(s);
	p->more &= !p->damaged;
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
pack_some(struct packer *p, struct db_txn *txn, int64_t mailbox, uint64_t from, uint64_t until)
{
	enum status st;

	if ((st = go_on(p, txn, mailbox, from)) != OK || (st = read_tombstones(p, txn, mailbox, until)) != OK)
		return st;
	st = db_exec(txn, &trim, "iiii", mailbox, (int64_t)p->last, (int64_t)(p->more ? p->until : until), (int64_t)p->until);
	if (st != OK || p->n == 0)
		return st;
	if (p->replaces)
		st = db_exec(txn, &last_drop, "ii", mailbox, (int64_t)p->last);
	return st == OK ? write_rows(p, txn, mailbox) : st;
}

/* ---- merging ---- */

static struct db_sql packed_size = DB_SQL("SELECT coalesce(sum(length(uids)), 0) FROM change WHERE mailbox = ?1 AND kind = 5");
static struct db_sql packed_rows = DB_SQL("SELECT modseq, uids FROM change WHERE mailbox = ?1 AND kind = 5 ORDER BY modseq");
static struct db_sql packed_drop = DB_SQL("DELETE FROM change WHERE mailbox = ?1 AND modseq <= ?2 AND kind = 5");

/* Reads the oldest rows, until the others take no more than that. *key_r: the last mod-sequence; 0: nothing is to be merged. */
static enum status
read_oldest(struct db_txn *txn, int64_t mailbox, int64_t size, struct runs *uids_r, uint64_t *key_r)
{
	struct db_stmt *s = db_prepare(txn, &packed_rows);
	struct run_pile pile = {0};
	struct tombstone_reader t;
	struct runs some = {0};
	enum status st;

	*key_r = 0;
	db_bind_int(s, 1, mailbox);
	while (size > TOMBSTONES_MAX - TOMBSTONES_MAX / 64 && (st = db_step(s)) == OK) {
		struct str row = db_blob(s, 1);

		/* The one that was merged before does not count. */
		size -= (int64_t)row.n;
		if (!tombstone_reader_init(&t, row))
			break;
		if (t.merged && size <= TOMBSTONES_MAX)
			break;
		/* The merged ones are a set in order already. */
		while (t.merged && tombstone_next(&t, uids_r))
			;
		for (; tombstone_next(&t, &some); runs_clear(&some))
			run_pile_add(&pile, &some);
		if (t.u.failed)
			break;
		*key_r = (uint64_t)db_int(s, 0);
	}
	db_done(s);
	run_pile_into(&pile, uids_r, NULL);
	runs_free(&some);
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
merge_oldest(struct db_txn *txn, int64_t mailbox)
{
	struct packer p = {.tail = &p.rows};
	struct runs uids = {0};
	uint64_t key;
	int64_t size;
	enum status st;

	if ((st = db_get_ints(txn, &packed_size, &size, 1, "i", mailbox)) != OK || size <= TOMBSTONES_MAX)
		return st;
	if ((st = read_oldest(txn, mailbox, size, &uids, &key)) == OK && key != 0 &&
	    (st = db_exec(txn, &packed_drop, "ii", mailbox, (int64_t)key)) == OK) {
		begin_row(&p, key, true);
		add_tombstone(&p, key, &uids);
		st = write_rows(&p, txn, mailbox);
	}
	buf_free(&p.b);
	arena_free(&p.arena);
	runs_free(&uids);
	return st;
}

enum status
tombstones_pack(struct db_txn *txn, int64_t mailbox, uint64_t oldest, uint64_t until)
{
	struct packer p;
	bool grown = false;
	enum status st;

	do {
		p = (struct packer){.tail = &p.rows};
		st = pack_some(&p, txn, mailbox, oldest, until);
		oldest = p.until;
		grown |= p.rows != NULL && (p.rows->next != NULL || !p.replaces);
		buf_free(&p.b);
		arena_free(&p.arena);
		runs_free(&p.scratch);
	} while (st == OK && p.more);
	return st == OK && grown ? merge_oldest(txn, mailbox) : st;
}
