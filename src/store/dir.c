/* SPDX-License-Identifier: Apache-2.0 */
/* Directory rows: packed, unpacked, walked; the row that a thread read last. */
#include "store/dir_priv.h"

#include <stdlib.h>
#include "base/assert.h"
#include "base/log.h"
#include "store/columns_priv.h"

#define DIR_VERSION 1
enum { AT_N = 2, AT_MAILBOX = 4, AT_KEY = 8, HEADER = 12 };

/* ---- packing ---- */

#define COLUMN(field)                                                                              \
	do {                                                                                       \
		for (uint32_t i = 0; i < dir->n; i++)                                              \
			v[i] = field;                                                              \
		column_pack(out, v, dir->n);                                                       \
	} while (0)

void
dir_pack(struct buf *out, const struct dir *dir)
{
	uint64_t v[DIR_MAX];
	size_t start = out->n;
	uint16_t n = (uint16_t)dir->n;

	ensure(dir->n <= DIR_MAX);
	buf_addc(out, DIR_VERSION);
	buf_addc(out, 0);
	buf_add(out, str_of(&n, 2));
	pack_u32(out, (uint32_t)dir->mailbox);
	pack_u32(out, dir->key);
	COLUMN(dir->p[i].key);
	COLUMN(dir->p[i].last - dir->p[i].key);
	COLUMN(dir->p[i].messages);
	COLUMN(dir->p[i].unseen);
	COLUMN(dir->p[i].deleted);
	COLUMN(dir->p[i].modseq);
	blob_seal(out, start);
}

static bool
sane(const struct dir *dir)
{
	uint64_t past = dir->key;

	for (uint32_t i = 0; i < dir->n; i++) {
		const struct page_sum *p = &dir->p[i];

		if (p->key < past || p->last < p->key || p->messages == 0 || p->messages > PAGE_MAX ||
		    p->messages > (uint64_t)p->last - p->key + 1 || p->unseen > p->messages ||
		    p->deleted > p->messages)
			return false;
		past = (uint64_t)p->last + 1;
	}
	return dir->n > 0;
}

#define UNCOLUMN(field, type)                                                                      \
	do {                                                                                       \
		column_unpack(&u, v, n);                                                           \
		for (uint32_t i = 0; i < n; i++) {                                                 \
			bad |= v[i] != (type)v[i];                                                 \
			dir->p[i].field = (type)v[i];                                              \
		}                                                                                  \
	} while (0)

/*
 * The row that a thread unpacked last, with the bytes it came from: the same bytes are the same row, and comparing them is ten times
 * cheaper than checking and unpacking them again. Most commands of a session ask for the same row as the one before. While nothing
 * was committed they need not even be read: the version tells.
 */
static _Thread_local struct {
	struct dir dir;
	size_t n; /* bytes; 0: nothing */
	uint64_t version; /* of the last snapshot in which it was the row (db_version()); 0: of none */
	char blob[DIR_MAX * 32];
} known;

static enum status
unpack_row(struct dir *dir, struct str blob, int64_t mailbox, uint32_t key)
{
	uint64_t v[DIR_MAX];
	struct unpack u;
	struct str content;
	uint32_t m, k;
	uint16_t n;
	bool bad = false;

	dir->n = 0;
	if (!blob_sealed(blob, &content) || content.n < HEADER || content.p[0] != DIR_VERSION)
		return ERR_CORRUPT;
	memcpy(&n, content.p + AT_N, 2);
	memcpy(&m, content.p + AT_MAILBOX, 4);
	memcpy(&k, content.p + AT_KEY, 4);
	if (n == 0 || n > DIR_MAX || m != (uint32_t)mailbox || k != key)
		return ERR_CORRUPT;
	u = (struct unpack){.rest = str_from(content, HEADER)};
	UNCOLUMN(key, uint32_t);
	UNCOLUMN(last, uint32_t);
	for (uint32_t i = 0; i < n; i++)
		dir->p[i].last += dir->p[i].key;
	UNCOLUMN(messages, uint32_t);
	UNCOLUMN(unseen, uint32_t);
	UNCOLUMN(deleted, uint32_t);
	UNCOLUMN(modseq, uint64_t);
	dir->mailbox = mailbox;
	dir->key = key;
	dir->n = n;
	if (bad || u.failed || u.rest.n != 0 || !sane(dir)) {
		dir->n = 0;
		return ERR_CORRUPT;
	}
	dir_sum_up(dir);
	return OK;
}

enum status
dir_unpack(struct dir *dir, struct str blob, int64_t mailbox, uint32_t key)
{
	enum status st;

	if (known.n != 0 && known.n == blob.n && known.dir.mailbox == mailbox && known.dir.key == key &&
	    memcmp(known.blob, blob.p, blob.n) == 0) {
		memcpy(dir, &known.dir, offsetof(struct dir, p) + known.dir.n * sizeof(*dir->p));
		return OK;
	}
	st = unpack_row(dir, blob, mailbox, key);
	if (st == OK && blob.n <= sizeof(known.blob)) {
		known.n = blob.n;
		known.version = 0;
		memcpy(known.blob, blob.p, blob.n);
		memcpy(&known.dir, dir, offsetof(struct dir, p) + dir->n * sizeof(*dir->p));
	}
	return st;
}

void
dir_sum_up(struct dir *dir)
{
	dir->messages = dir->unseen = dir->deleted = 0;
	for (uint32_t i = 0; i < dir->n; i++) {
		dir->messages += dir->p[i].messages;
		dir->unseen += dir->p[i].unseen;
		dir->deleted += dir->p[i].deleted;
	}
}

struct page_sum
page_summary(uint32_t key, const struct entry *e, uint32_t n)
{
	struct page_sum s = {.key = key, .messages = n};

	ensure(n > 0 && n <= PAGE_MAX && e[0].uid >= key);
	s.last = e[n - 1].uid;
	for (uint32_t i = 0; i < n; i++) {
		s.unseen += !(e[i].flags & FLAG_SEEN);
		s.deleted += (e[i].flags & FLAG_DELETED) != 0;
		s.modseq = e[i].modseq > s.modseq ? e[i].modseq : s.modseq;
	}
	return s;
}

uint32_t
dir_seek(const struct dir *dir, uint32_t uid)
{
	uint32_t lo = 0, hi = dir->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (dir->p[mid].last < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* ---- rows ---- */

static void
damaged(int64_t mailbox, uint32_t key, const char *what)
{
	log_event(EV_damage, "%s of mailbox=%lld from uid=%u", what, (long long)mailbox, key);
}

static struct db_sql next_key = DB_SQL("SELECT id FROM dir WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT 1");
static struct db_sql pages_between = DB_SQL("SELECT id, data FROM page WHERE id >= ?1 AND id <= ?2 ORDER BY id LIMIT ?3");

/* Reads the pages of a row whose own blob is damaged. */
static enum status
rebuild(struct db_txn *txn, int64_t mailbox, uint32_t key, struct dir *dir)
{
	struct page *page = page_new();
	struct db_stmt *s;
	int64_t end = page_id(mailbox, UINT32_MAX), next;
	enum status st;

	damaged(mailbox, key, "directory");
	dir->mailbox = mailbox;
	dir->key = key;
	dir->n = 0;
	st = db_get_ints(txn, &next_key, &next, 1, "ii", page_id(mailbox, key), end);
	if (st == OK)
		end = next - 1;
	else if (st != ERR_NOT_FOUND)
		goto out;
	s = db_prepare(txn, &pages_between);
	db_bind_int(s, 1, page_id(mailbox, key));
	db_bind_int(s, 2, end);
	db_bind_int(s, 3, DIR_MAX);
	while ((st = db_step(s)) == OK) {
		uint32_t first = (uint32_t)db_int(s, 0);

		if (page_unpack(page, db_blob(s, 1), mailbox, first) == OK)
			dir->p[dir->n++] = page_summary(first, page->e, page->n);
		else
			damaged(mailbox, first, "page");
	}
	db_done(s);
	if (st == ERR_NOT_FOUND)
		st = OK;
	dir_sum_up(dir);
out:
	page_free(page);
	return st;
}

/* Takes the row that s stands on: id, data. */
static enum status
take(struct db_txn *txn, struct db_stmt *s, int64_t mailbox, struct dir *dir)
{
	uint32_t key = (uint32_t)db_int(s, 0);

	if (dir_unpack(dir, db_blob(s, 1), mailbox, key) != OK)
		return rebuild(txn, mailbox, key, dir);
	if (known.n != 0 && known.dir.mailbox == mailbox && known.dir.key == key)
		known.version = db_version(txn);
	return OK;
}

static struct db_sql row_at = DB_SQL_KEPT("SELECT id, data FROM dir WHERE id >= ?1 AND id <= ?2 ORDER BY id DESC LIMIT 1");
static struct db_sql row_after =
    DB_SQL_KEPT("SELECT id, data FROM dir WHERE id > ?1 AND id <= ?2 AND modseq > ?3 ORDER BY id LIMIT 1");

/* Rows do not overlap: the one that has pages on both sides of a UID is the one in which it would lie. */
static bool
is_known(struct db_txn *txn, int64_t mailbox, uint32_t uid)
{
	return known.n != 0 && known.version != 0 && known.version == db_version(txn) && known.dir.mailbox == mailbox &&
	    uid >= known.dir.key && uid <= known.dir.p[known.dir.n - 1].last;
}

enum status
dir_load(struct db_txn *txn, int64_t mailbox, uint32_t uid, struct dir *dir)
{
	struct db_stmt *s;
	enum status st;

	if (is_known(txn, mailbox, uid)) {
		memcpy(dir, &known.dir, offsetof(struct dir, p) + known.dir.n * sizeof(*dir->p));
		return OK;
	}
	s = db_prepare(txn, &row_at);
	db_bind_int(s, 1, page_id(mailbox, 0));
	db_bind_int(s, 2, page_id(mailbox, uid));
	if ((st = db_step(s)) == OK)
		st = take(txn, s, mailbox, dir);
	db_done(s);
	return st == ERR_NOT_FOUND ? dir_next(txn, mailbox, 0, 0, dir) : st;
}

enum status
dir_next(struct db_txn *txn, int64_t mailbox, uint32_t key, uint64_t modseq, struct dir *dir)
{
	struct db_stmt *s = db_prepare(txn, &row_after);
	enum status st;

	db_bind_int(s, 1, page_id(mailbox, key));
	db_bind_int(s, 2, page_id(mailbox, UINT32_MAX));
	db_bind_int(s, 3, (int64_t)modseq);
	if ((st = db_step(s)) == OK)
		st = take(txn, s, mailbox, dir);
	db_done(s);
	return st;
}

static struct db_sql sum_before = DB_SQL_KEPT("SELECT coalesce(sum(messages), 0) FROM dir WHERE id >= ?1 AND id < ?2");

enum status
dir_messages_before(struct db_txn *txn, int64_t mailbox, uint32_t key, uint64_t *n_r)
{
	int64_t n;
	enum status st = db_get_ints(txn, &sum_before, &n, 1, "ii", page_id(mailbox, 0), page_id(mailbox, key));

	if (st == OK)
		*n_r = (uint64_t)n;
	return st;
}

/* ---- looking for messages ---- */

static struct db_sql unseen_row =
    DB_SQL_KEPT("SELECT id, data FROM dir WHERE id >= ?1 AND id <= ?2 AND unseen > 0 ORDER BY id LIMIT 1");

static enum status
first_unseen_in(struct db_txn *txn, const struct dir *dir, uint32_t *uid_r, uint64_t *rank_r)
{
	uint64_t rank;
	uint32_t i, before;
	enum status st = dir_messages_before(txn, dir->mailbox, dir->key, &rank);

	if (st != OK)
		return st;
	for (i = 0; i < dir->n && dir->p[i].unseen == 0; i++)
		rank += dir->p[i].messages;
	if (i == dir->n)
		return ERR_NOT_FOUND;
	st = page_load_first_unseen(txn, dir->mailbox, dir->p[i].key, uid_r, &before);
	if (st == OK)
		*rank_r = rank + before;
	return st == ERR_CORRUPT ? ERR_NOT_FOUND : st;
}

static enum status
find_unseen(struct db_txn *txn, int64_t mailbox, uint32_t *uid_r, uint64_t *rank_r)
{
	struct db_stmt *s = db_prepare(txn, &unseen_row);
	struct dir dir;
	enum status st;

	db_bind_int(s, 1, page_id(mailbox, 0));
	db_bind_int(s, 2, page_id(mailbox, UINT32_MAX));
	if ((st = db_step(s)) == OK)
		st = take(txn, s, mailbox, &dir);
	db_done(s);
	return st == OK ? first_unseen_in(txn, &dir, uid_r, rank_r) : st;
}

/* What a thread found last, and in which version of the database: SELECT asks for nothing that costs more. */
static _Thread_local struct {
	uint64_t version, rank; /* version 0: nothing */
	int64_t mailbox;
	uint32_t uid;           /* 0: there is none */
} unseen;

enum status
dir_first_unseen(struct db_txn *txn, int64_t mailbox, uint32_t *uid_r, uint64_t *rank_r)
{
	enum status st;

	if (unseen.version == 0 || unseen.version != db_version(txn) || unseen.mailbox != mailbox) {
		unseen.version = unseen.uid = 0;
		st = find_unseen(txn, mailbox, &unseen.uid, &unseen.rank);
		if (st != OK && st != ERR_NOT_FOUND)
			return st;
		if (st == ERR_NOT_FOUND)
			unseen.uid = 0;
		unseen.mailbox = mailbox;
		unseen.version = db_version(txn);
	}
	*uid_r = unseen.uid;
	*rank_r = unseen.rank;
	return unseen.uid == 0 ? ERR_NOT_FOUND : OK;
}

static struct db_sql row_before =
    DB_SQL("SELECT id, data FROM dir WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT 1");

/* The highest UID of a row below limit, or 0. */
static enum status
last_in(struct db_txn *txn, const struct dir *dir, uint32_t limit, uint32_t *uid_r)
{
	uint32_t uids[PAGE_MAX], n;
	enum status st;

	*uid_r = 0;
	for (uint32_t i = dir->n; i-- > 0;) {
		if (dir->p[i].last < limit) {
			*uid_r = dir->p[i].last;
			return OK;
		}
		if (dir->p[i].key >= limit)
			continue;
		if ((st = page_load_uids(txn, dir->mailbox, dir->p[i].key, uids, &n)) == ERR_CORRUPT)
			continue;
		if (st != OK)
			return st;
		while (n > 0 && uids[n - 1] >= limit)
			n--;
		if (n > 0) {
			*uid_r = uids[n - 1];
			return OK;
		}
	}
	return OK;
}

enum status
dir_last_uid(struct db_txn *txn, int64_t mailbox, uint32_t limit, uint32_t *uid_r)
{
	uint32_t before = limit, uid = 0;
	struct dir dir;
	enum status st;

	do {
		struct db_stmt *s = db_prepare(txn, &row_before);

		db_bind_int(s, 1, page_id(mailbox, 0));
		db_bind_int(s, 2, page_id(mailbox, before));
		if ((st = db_step(s)) == OK)
			st = take(txn, s, mailbox, &dir);
		db_done(s);
		if (st != OK)
			return st;
		before = dir.key;
		if ((st = last_in(txn, &dir, limit, &uid)) != OK)
			return st;
	} while (uid == 0);
	*uid_r = uid;
	return OK;
}
