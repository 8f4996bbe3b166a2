/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading pages from the store.
 *
 * A client that looks at messages one after the other asks for the same page again and again. The page of which a thread has unpacked
 * a part three times is unpacked whole and kept: one page a thread, with the version of the snapshot that it came from (db_version()). It is
 * given while that is the running snapshot's version, so it is what the store would be found to hold. A page with very many keywords
 * is not kept.
 */
#include "base/log.h"
#include "store/dir_priv.h"

#define KNOWN_AFTER 3 /* looks at a page before it is kept */
#define KNOWN_IDS 1024

static _Thread_local struct {
	uint64_t version; /* 0: nothing */
	int64_t mailbox;
	uint32_t key;
	unsigned looks;
	bool whole;       /* page holds it */
	struct page page;
	uint32_t ids[KNOWN_IDS];
} known;

static struct db_sql page_get = DB_SQL_KEPT("SELECT data FROM page WHERE id = ?1");

/* Damage is named here, whatever becomes of it. */
static enum status
named(enum status st, int64_t mailbox, uint32_t key)
{
	if (st != ERR_CORRUPT && st != ERR_NOT_FOUND)
		return st;
	log_event(EV_damage, "page of mailbox=%lld from uid=%u", (long long)mailbox, key);
	return ERR_CORRUPT;
}

/* Finds the page's row; the caller ends *s_r. */
static enum status
find(struct db_txn *txn, int64_t mailbox, uint32_t key, struct db_stmt **s_r)
{
	*s_r = db_prepare(txn, &page_get);
	db_bind_int(*s_r, 1, page_id(mailbox, key));
	return db_step(*s_r);
}

/* ---- the page that is kept ---- */

static bool
is_known(struct db_txn *txn, int64_t mailbox, uint32_t key)
{
	return known.version != 0 && known.version == db_version(txn) && known.mailbox == mailbox && known.key == key;
}

/* Entries from..to of the kept page, with keyword ids of their own. */
static void
copy_part(struct page *page, uint32_t from, uint32_t to)
{
	page->n = to - from;
	memcpy(page->e, known.page.e + from, page->n * sizeof(*page->e));
	for (uint32_t i = 0; i < page->n; i++) {
		if (page->e[i].keywords_n == 0)
			continue;
		if (page->ids_cap < KNOWN_IDS) {
			page->ids = x_realloc(page->ids, KNOWN_IDS * sizeof(*page->ids));
			page->ids_cap = KNOWN_IDS;
		}
		memcpy(page->ids, known.ids, sizeof(known.ids));
		for (; i < page->n; i++)
			if (page->e[i].keywords_n > 0)
				page->e[i].keywords = page->ids + (page->e[i].keywords - known.ids);
	}
}

static void
give_known(struct page *page, uint32_t first, uint32_t last, uint32_t *before_r)
{
	uint32_t from = page_seek(&known.page, first);
	uint32_t to = last == UINT32_MAX ? known.page.n : page_seek(&known.page, last + 1);

	copy_part(page, from, to > from ? to : from);
	page->mailbox = known.mailbox;
	page->key = known.key;
	*before_r = from;
}

/* Keeps a whole page; one with too many keyword ids is not. */
static void
keep(const struct page *page)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < page->n; i++)
		if (page->e[i].keywords_n > 0 && page->e[i].keywords + page->e[i].keywords_n > page->ids + used)
			used = (uint32_t)(page->e[i].keywords - page->ids) + page->e[i].keywords_n;
	if (used > KNOWN_IDS)
		return;
	known.page.n = page->n;
	memcpy(known.page.e, page->e, page->n * sizeof(*page->e));
	if (used > 0)
		memcpy(known.ids, page->ids, used * sizeof(*known.ids));
	for (uint32_t i = 0; i < page->n; i++)
		if (page->e[i].keywords_n > 0)
			known.page.e[i].keywords = known.ids + (page->e[i].keywords - page->ids);
	known.whole = true;
}

/* Counts the look. True: the page should be read whole, to be kept. */
static bool
look(struct db_txn *txn, int64_t mailbox, uint32_t key)
{
	if (!is_known(txn, mailbox, key)) {
		known.version = db_version(txn);
		known.mailbox = mailbox;
		known.key = key;
		known.looks = 0;
		known.whole = false;
	}
	return known.version != 0 && ++known.looks == KNOWN_AFTER;
}

/* ---- reading ---- */

enum status
page_load_part(struct db_txn *txn, int64_t mailbox, uint32_t key, uint32_t first, uint32_t last, struct page *page, uint32_t *before_r)
{
	struct db_stmt *s;
	enum status st;
	bool whole;

	if (is_known(txn, mailbox, key) && known.whole) {
		give_known(page, first, last, before_r);
		return OK;
	}
	page->n = 0;
	whole = look(txn, mailbox, key);
	if ((st = find(txn, mailbox, key, &s)) == OK && whole && page_unpack(page, db_blob(s, 0), mailbox, key) == OK)
		keep(page);
	if (st == OK)
		st = page_unpack_part(page, db_blob(s, 0), mailbox, key, first, last, before_r);
	db_done(s);
	return named(st, mailbox, key);
}

enum status
page_load(struct db_txn *txn, int64_t mailbox, uint32_t key, struct page *page)
{
	struct db_stmt *s;
	enum status st;

	page->n = 0;
	if ((st = find(txn, mailbox, key, &s)) == OK)
		st = page_unpack(page, db_blob(s, 0), mailbox, key);
	db_done(s);
	return named(st, mailbox, key);
}

enum status
page_load_uids(struct db_txn *txn, int64_t mailbox, uint32_t key, uint32_t *uids, uint32_t *n_r)
{
	struct db_stmt *s;
	enum status st = find(txn, mailbox, key, &s);

	if (st == OK)
		st = page_uids(db_blob(s, 0), mailbox, key, uids, n_r);
	db_done(s);
	return named(st, mailbox, key);
}

enum status
page_load_first_unseen(struct db_txn *txn, int64_t mailbox, uint32_t key, uint32_t *uid_r, uint32_t *before_r)
{
	struct db_stmt *s;
	enum status st = find(txn, mailbox, key, &s);

	if (st == ERR_NOT_FOUND)
		st = ERR_CORRUPT;
	if (st == OK)
		st = page_first_unseen(db_blob(s, 0), mailbox, key, uid_r, before_r);
	db_done(s);
	return st == ERR_CORRUPT ? named(st, mailbox, key) : st;
}

void
page_load_ready(struct db_txn *txn)
{
	db_done(db_prepare(txn, &page_get));
}
