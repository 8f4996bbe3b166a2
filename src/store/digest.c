/* SPDX-License-Identifier: Apache-2.0 */
/* Digests: opened, found in, made in the background, dropped. */
#include "store/digest_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/codec.h"
#include "base/lock.h"
#include "base/log.h"
#include "store/store_priv.h"

#define VERSION 3
#define HEAD 16 /* bytes before the table */

/*
 * Emails in a digest: two to the power of this. What goes out to a client goes in steps, each of which reads the row again, so the long parts
 * are of fewer emails; the short ones of as many as fill some pages.
 */
static const uint8_t bits[DIGEST_PARTS] = {
#ifdef DIGEST_TINY /* tests: digests all the time */
	2, 2, 1, 3, 2, 1, 2, 3, 1, 2,
#else
	[MIME_SLICE_ENVELOPE] = 6,
	[MIME_SLICE_HEADER] = 6,
	[MIME_SLICE_KEYS] = 8,
	[MIME_SLICE_SUBJECT] = 8,
	[MIME_SLICE_FROM] = 8,
	[MIME_SLICE_TO] = 8,
	[MIME_SLICE_CC] = 8,
	[MIME_SLICE_BCC] = 8,
	[MIME_SLICE_MESSAGE_ID] = 8,
	[DIGEST_STRUCTURE] = 7,
#endif
};

int64_t
digest_id(int64_t email, int part)
{
	ensure(email > 0 && part >= 0 && part < DIGEST_PARTS);
	return (email >> 32) << 30 | (int64_t)part << 26 | (email & UINT32_MAX) >> bits[part];
}

static int
part_of(int64_t id)
{
	return (int)(id >> 26 & 15);
}

/* The first email that it may have. */
static int64_t
first_email(int64_t id)
{
	return (id >> 30) << 32 | (id & ((1 << 26) - 1)) << bits[part_of(id)];
}

static int64_t
last_email(int64_t id)
{
	return first_email(id) + (1 << bits[part_of(id)]) - 1;
}

/* ---- reading ---- */

static uint32_t
entry(const struct digest *d, uint32_t i)
{
	return load_u32(d->table.p + 4 * (size_t)i);
}

enum status
digest_open(struct str packed, int64_t id, struct digest *d_r)
{
	struct unpack u = {.rest = packed};
	struct digest d = {0};
	uint8_t version = unpack_u8(&u), zero = unpack_u8(&u), low = unpack_u8(&u), high = unpack_u8(&u);
	uint32_t crc = unpack_u32(&u), end = 0;

	if (u.failed || version != VERSION || zero != 0 || crc32c(0, u.rest) != crc || (int64_t)unpack_u64(&u) != id)
		return ERR_CORRUPT;
	d.n = (uint32_t)low | (uint32_t)high << 8;
	d.table = unpack_bytes(&u, 4 * (size_t)d.n);
	d.parts = u.rest;
	if (u.failed || d.n > DIGEST_EMAILS)
		return ERR_CORRUPT;
	for (uint32_t i = 0; i < d.n; i++) {
		uint32_t e = entry(&d, i);

		if ((e & 0xffffff) < end || (i > 0 && e >> 24 <= entry(&d, i - 1) >> 24))
			return ERR_CORRUPT;
		end = e & 0xffffff;
	}
	if (end != d.parts.n)
		return ERR_CORRUPT;
	*d_r = d;
	return OK;
}

bool
digest_find(struct digest *d, int64_t email, struct str *part_r)
{
	uint32_t low = (uint32_t)email & 0xff, i = d->at, from;

	if (i >= d->n || entry(d, i) >> 24 > low)
		i = 0;
	while (i < d->n && entry(d, i) >> 24 < low)
		i++;
	d->at = i;
	if (i == d->n || entry(d, i) >> 24 != low)
		return false;
	d->at = i + 1;
	from = i ? entry(d, i - 1) & 0xffffff : 0;
	*part_r = str_of(d->parts.p + from, (entry(d, i) & 0xffffff) - from);
	return true;
}

/* ---- making ---- */

static struct db_sql summaries = DB_SQL("SELECT id, summary FROM email WHERE id >= ?1 AND id <= ?2 ORDER BY id");
static struct db_sql structures = DB_SQL("SELECT email, data FROM structure WHERE email >= ?1 AND email <= ?2 ORDER BY email");

/* Adds what the row has for the part. False: nothing; the email then stays out. A damaged row is for check to find. */
static bool
cut(struct buf *out, struct str row, int part)
{
	struct mime_summary s;

	if (part != DIGEST_STRUCTURE)
		return mime_summary_open(row, &s) == OK && mime_summary_verify(&s) == OK && mime_summary_cut(out, &s, (enum mime_slice)part);
	if (row.n == 0 || row.n > MIME_SLICE_MAX)
		return false;
	buf_add(out, row);
	return true;
}

/* The table and the parts. */
static enum status
gather(struct db_txn *txn, int64_t id, struct buf *table, struct buf *parts)
{
	int part = part_of(id);
	struct db_stmt *s = db_prepare(txn, part == DIGEST_STRUCTURE ? &structures : &summaries);
	enum status st;

	db_bind_int(s, 1, first_email(id));
	db_bind_int(s, 2, last_email(id));
	while ((st = db_step(s)) == OK)
		if (cut(parts, db_blob(s, 1), part))
			pack_u32(table, (uint32_t)(db_int(s, 0) & 0xff) << 24 | (uint32_t)parts->n);
	db_done(s);
	return st == ERR_NOT_FOUND ? OK : st;
}

enum status
digest_make(struct db_txn *txn, int64_t id, struct buf *out)
{
	struct buf table = {0}, parts = {0}, rest = {0};
	enum status st;

	if (part_of(id) >= DIGEST_PARTS)
		return ERR_BAD_INPUT;
	if ((st = gather(txn, id, &table, &parts)) == OK) {
		pack_u64(&rest, (uint64_t)id);
		buf_add(&rest, buf_str(&table));
		buf_add(&rest, buf_str(&parts));
		buf_addc(out, VERSION);
		buf_addc(out, 0);
		buf_addc(out, (char)(table.n / 4));
		buf_addc(out, (char)(table.n / 4 >> 8));
		pack_u32(out, crc32c(0, buf_str(&rest)));
		buf_add(out, buf_str(&rest));
		st = rest.failed || out->failed ? ERR_LIMIT : OK;
	}
	buf_free(&table);
	buf_free(&parts);
	buf_free(&rest);
	return st;
}

/* ---- what waits to be made ---- */

#define QUEUE 1024
#define BATCH_EMAILS 512                   /* in one write: one or two milliseconds */
#define BATCH 8                            /* digests in one write */
#define ROOM_MIN ((uint64_t)512 << 20)     /* of the disk: mail that comes needs it more */

struct digests {
	struct store *store;
	char *dir; /* NULL: in memory */
	struct lock lock;
	int64_t queue[QUEUE];
	size_t first, n;
	bool busy;    /* the write is on its way */
	bool stopped; /* for good */
	int64_t batch[BATCH]; /* the write's own, while it is on its way */
	size_t batch_n;
	struct db_write write;
};

static struct db_sql next_email = DB_SQL("SELECT next_email FROM account WHERE id = ?1");
static struct db_sql put = DB_SQL("INSERT INTO digest (id, data) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET data = ?2");

struct digests *
digests_new(struct store *store, const char *dir)
{
	struct digests *ds = x_new(struct digests);

	ds->store = store;
	ds->dir = dir ? x_strdup(dir) : NULL;
	lock_init(&ds->lock, LOCK_store_digest);
	return ds;
}

void
digests_stop(struct digests *ds)
{
	lock_take(&ds->lock);
	ds->stopped = true;
	ds->n = 0;
	lock_give(&ds->lock);
}

void
digests_free(struct digests *ds)
{
	if (ds == NULL)
		return;
	ensure(!ds->busy);
	lock_fini(&ds->lock);
	free(ds->dir);
	free(ds);
}

/* Whether no more emails can come into it. */
static bool
complete(struct db_txn *txn, int64_t id)
{
	int64_t next;

	return db_get_ints(txn, &next_email, &next, 1, "i", id >> 30) == OK && next > (last_email(id) & UINT32_MAX);
}

static enum status
make_some(struct db_txn *txn, void *arg)
{
	struct digests *ds = arg;
	struct buf packed = {0};
	enum status st = OK;

	for (size_t i = 0; i < ds->batch_n && st == OK; i++) {
		buf_clear(&packed);
		if (!complete(txn, ds->batch[i]))
			continue;
		if ((st = digest_make(txn, ds->batch[i], &packed)) == OK)
			st = db_exec(txn, &put, "ib", ds->batch[i], buf_str(&packed));
	}
	buf_free(&packed);
	return st;
}

/* With the lock held. The write makes no sync of its own: a digest may be lost. */
static void
submit(struct digests *ds)
{
	unsigned emails = 0;

	ensure(ds->n <= QUEUE && ds->first < QUEUE);
	ds->busy = ds->n > 0;
	if (!ds->busy)
		return;
	for (ds->batch_n = 0; ds->batch_n < BATCH && ds->n > 0 && emails < BATCH_EMAILS; ds->n--) {
		int64_t id = ds->queue[ds->first];

		ds->batch[ds->batch_n++] = id;
		emails += 1u << bits[part_of(id)];
		ds->first = (ds->first + 1) % QUEUE;
	}
	db_submit(store_db(ds->store), &ds->write);
}

/* A write that failed has met a full disk or damage: digests are not what to insist on then. */
static void
digests_made(struct db_write *w, enum status st)
{
	struct digests *ds = w->arg;

	lock_take(&ds->lock);
	ensure(w == &ds->write && ds->busy);
	if (st != OK) {
		log_event(EV_io_error, "what=digest status=\"%s\"", status_word(st));
		ds->stopped = st != ERR_FULL;
		ds->n = 0;
	}
	submit(ds);
	lock_give(&ds->lock);
}

static bool
has_room(const struct digests *ds)
{
	struct statvfs v;

	return ds->dir == NULL || (statvfs(ds->dir, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize >= ROOM_MIN);
}

static bool
is_queued(const struct digests *ds, int64_t id)
{
	for (size_t i = 0; i < ds->n; i++)
		if (ds->queue[(ds->first + i) % QUEUE] == id)
			return true;
	for (size_t i = 0; ds->busy && i < ds->batch_n; i++)
		if (ds->batch[i] == id)
			return true;
	return false;
}

void
digest_want(struct digests *ds, struct db_txn *txn, int64_t id)
{
	if (!complete(txn, id))
		return;
	lock_take(&ds->lock);
	if (!ds->stopped && ds->n < QUEUE && !is_queued(ds, id) && (ds->busy || has_room(ds))) {
		ds->queue[(ds->first + ds->n++) % QUEUE] = id;
		if (!ds->busy) {
			ds->write = (struct db_write){.fn = make_some, .arg = ds, .lane = DB_NO_ACCOUNT, .lazy = true, .soon = true, .done = digests_made};
			submit(ds);
		}
	}
	lock_give(&ds->lock);
}

/* ---- removing ---- */

static struct db_sql drop = DB_SQL("DELETE FROM digest WHERE id = ?1");
static struct db_sql drop_parts = DB_SQL("DELETE FROM digest WHERE id IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
static struct db_sql drop_some = DB_SQL("DELETE FROM digest WHERE id IN (SELECT id FROM digest LIMIT ?1)");

enum status
digest_forget(struct db_txn *txn, const int64_t *email, size_t n)
{
	int64_t last[10] = {0}, id[10];
	enum status st = OK;

	_Static_assert(DIGEST_PARTS == 10, "the statement has as many");
	for (size_t i = 0; i < n && st == OK; i++) {
		for (int part = 0; part < DIGEST_PARTS; part++)
			id[part] = digest_id(email[i], part);
		if (memcmp(id, last, sizeof(id)) == 0)
			continue;
		memcpy(last, id, sizeof(id));
		st = db_exec(txn, &drop_parts, "iiiiiiiiii", id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9]);
	}
	return st;
}

enum status
digest_drop(struct db_txn *txn, int64_t id)
{
	return db_exec(txn, &drop, "i", id);
}

enum status
digest_drop_some(struct db_txn *txn, int64_t *n_r)
{
	enum status st = db_exec(txn, &drop_some, "i", (int64_t)BATCH);

	if (st == OK)
		*n_r = db_changed(txn);
	return st;
}

/* ---- check and repair ---- */

static struct db_sql next = DB_SQL("SELECT id, data FROM digest WHERE id > ?1 ORDER BY id LIMIT 1");

enum status
digest_verify_next(struct db_txn *txn, int64_t *id, bool *good_r)
{
	struct db_stmt *s = db_prepare(txn, &next);
	struct buf packed = {0};
	enum status st;

	db_bind_int(s, 1, *id);
	if ((st = db_step(s)) == OK) {
		if (db_int(s, 0) <= *id)
			st = ERR_CORRUPT;
		*id = db_int(s, 0);
	}
	if (st == OK) {
		if ((st = digest_make(txn, *id, &packed)) == ERR_BAD_INPUT)
			st = OK;
		*good_r = packed.n > 0 && str_eq(db_blob(s, 1), buf_str(&packed));
	}
	db_done(s);
	buf_free(&packed);
	return st;
}
