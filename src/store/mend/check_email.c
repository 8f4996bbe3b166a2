/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emails and bodies: summaries and structures against their checksums, sizes, bodies against their hashes (deep), and
 * what nothing names. An email that no page named while the mailboxes were walked may have been moved from a
 * mailbox that came later to one that came before: it is looked for once more in one snapshot.
 */
#include <stdlib.h>

#include "mime/structure.h"
#include "mime/summary.h"
#include "store/mend/check_priv.h"
#include "store/digest_priv.h"
#include "store/page_priv.h"
#include "store/store_priv.h"

#define SUSPECTS_MAX 10000

static struct db_sql email_after = DB_SQL("SELECT e.id, e.body, e.size, e.prefix, e.summary, s.data FROM email e"
    " LEFT JOIN structure s ON s.email = e.id WHERE e.id > ?1 ORDER BY e.id LIMIT 1");
static struct db_sql email_exists = DB_SQL("SELECT 1 FROM email WHERE id = ?1");
static struct db_sql email_with_body = DB_SQL("SELECT 1 FROM email WHERE body = ?1 LIMIT 1");
static struct db_sql owner_rows = DB_SQL("SELECT count(*) FROM body_owner WHERE body = ?1 AND email IN (?2, ?3)");
static struct db_sql pages_of = DB_SQL("SELECT p.data FROM mailbox m JOIN page p ON p.id >= m.id << 32 AND p.id < (m.id + 1) << 32"
    " WHERE m.account = ?1");
static struct db_sql reaps = DB_SQL("SELECT entries FROM reap"); /* also of mailboxes that are gone already */
static struct db_sql staged_pages = DB_SQL("SELECT data FROM staged");

#define fault check_fault

/* ---- bodies that are there at the beginning ---- */

enum status
check_bodies_gather(struct check *c)
{
	int64_t id = 0;
	enum status st;

	while ((st = blob_next(c->store->blobs, c->txn, id, &id)) == OK) {
		if (c->bodies_n > 0 && id <= c->bodies[c->bodies_n - 1].id)
			return ERR_CORRUPT;
		if (c->bodies_n == c->bodies_cap) {
			c->bodies_cap = c->bodies_cap ? c->bodies_cap * 2 : 1024;
			c->bodies = x_realloc(c->bodies, c->bodies_cap * sizeof(*c->bodies));
		}
		c->bodies[c->bodies_n++] = (struct check_body){.id = id};
		if ((st = check_breathe(c, NULL)) != OK)
			return st;
	}
	return st == ERR_NOT_FOUND ? OK : st;
}

static struct check_body *
find_body(struct check *c, int64_t id)
{
	size_t lo = 0, hi = c->bodies_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->bodies[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->bodies_n && c->bodies[lo].id == id ? &c->bodies[lo] : NULL;
}

/* ---- emails ---- */

struct row {
	int64_t id, body;
	uint64_t size, prefix_n;
	bool summary_bad, structure_bad, structure_missing;
};

static enum status
next_email(struct check *c, int64_t after, struct row *row)
{
	struct db_stmt *q = db_prepare(c->txn, &email_after);
	struct arena a = {0};
	enum status st;

	db_bind_int(q, 1, after);
	if ((st = db_step(q)) == OK) {
		struct mime_summary summary;
		struct mime_structure structure;

		*row = (struct row){.id = db_int(q, 0), .body = db_int(q, 1), .size = (uint64_t)db_int(q, 2)};
		row->prefix_n = db_blob(q, 3).n;
		row->summary_bad = mime_summary_open(db_blob(q, 4), &summary) != OK || mime_summary_verify(&summary) != OK;
		row->structure_missing = db_is_null(q, 5);
		row->structure_bad = !row->structure_missing && mime_structure_unpack(&a, db_blob(q, 5), &structure) != OK;
	}
	db_done(q);
	arena_free(&a);
	return st == OK && row->id <= after ? ERR_CORRUPT : st;
}

/* Emails that share a body are all among its owners. */
static enum status
check_owner(struct check *c, const struct row *row)
{
	struct check_body *b = find_body(c, row->body);
	bool yes;
	int64_t n;
	enum status st;

	if (b == NULL)
		return OK;
	if (b->email == 0) {
		b->email = row->id;
		return OK;
	}
	if ((st = check_exists(c, &email_exists, b->email, &yes)) != OK || !yes)
		return st;
	if ((st = db_get_ints(c->txn, &owner_rows, &n, 1, "iii", row->body, b->email, row->id)) == OK && n != 2)
		fault(c, "body=%lld: emails %llx and %llx share it, not all are its owners", (long long)row->body,
		    (unsigned long long)b->email, (unsigned long long)row->id);
	return st;
}

static enum status
check_email(struct check *c, const struct row *row)
{
	struct blob_info info;
	enum status st;

	c->report->emails++;
	if (check_account_of(c, row->id >> 32) == NULL && row->id >> 32 <= 0)
		fault(c, "email=%llx: no account has such a key", (unsigned long long)row->id);
	if (row->summary_bad)
		fault(c, "email=%llx: its summary is damaged", (unsigned long long)row->id);
	if (row->structure_missing || row->structure_bad)
		fault(c, "email=%llx: its structure is %s", (unsigned long long)row->id, row->structure_bad ? "damaged" : "missing");
	st = blob_stat(c->store->blobs, c->txn, row->body, &info);
	if (st == ERR_NOT_FOUND || st == ERR_CORRUPT) {
		fault(c, "email=%llx: body %lld is %s", (unsigned long long)row->id, (long long)row->body,
		    st == ERR_CORRUPT ? "damaged" : "missing");
		return OK;
	}
	if (st == OK && info.size + row->prefix_n != row->size)
		fault(c, "email=%llx: its size is not that of its prefix and body", (unsigned long long)row->id);
	return st == OK ? check_owner(c, row) : st;
}

/* ---- emails that nothing names ---- */

struct suspects {
	int64_t *id; /* ascending */
	size_t n;
};

static void
clear_suspect(struct suspects *s, int64_t email)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->id[mid] < email)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < s->n && s->id[lo] == email)
		memmove(&s->id[lo], &s->id[lo + 1], (--s->n - lo) * sizeof(*s->id));
}

static enum status
clear_named(struct check *c, struct suspects *s, struct db_sql *sql, int64_t account)
{
	struct page *page = page_new();
	struct db_stmt *q = db_prepare(c->txn, sql);
	enum status st;

	if (account != 0)
		db_bind_int(q, 1, account);
	while (s->n > 0 && (st = db_step(q)) == OK) {
		if (page_unpack(page, db_blob(q, 0), 0, 0) != OK)
			continue;
		for (uint32_t i = 0; i < page->n; i++)
			clear_suspect(s, page->e[i].email);
	}
	db_done(q);
	page_free(page);
	return s->n == 0 || st == ERR_NOT_FOUND ? OK : st;
}

/* The suspects of one account, once more, in one snapshot. */
static enum status
judge(struct check *c, struct suspects *s, int64_t account)
{
	enum status st;
	bool yes;

	if (s->n == 0)
		return OK;
	if ((st = clear_named(c, s, &pages_of, account)) != OK || (st = clear_named(c, s, &reaps, 0)) != OK ||
	    (st = clear_named(c, s, &staged_pages, 0)) != OK)
		return st;
	for (size_t i = 0; i < s->n; i++) {
		if ((st = check_exists(c, &email_exists, s->id[i], &yes)) != OK)
			return st;
		if (yes)
			fault(c, "email=%llx: no mailbox names it", (unsigned long long)s->id[i]);
	}
	s->n = 0;
	return OK;
}

static bool
suspicious(struct check *c, int64_t email)
{
	struct check_account *a = check_account_of(c, email >> 32);

	return a != NULL && (uint32_t)email < a->next_email && !check_email_named(c, email);
}

enum status
check_emails(struct check *c)
{
	struct suspects s = {.id = x_malloc(SUSPECTS_MAX * sizeof(*s.id))};
	struct row row = {0};
	enum status st, judged;

	while ((st = next_email(c, row.id, &row)) == OK) {
		if (s.n > 0 && s.id[0] >> 32 != row.id >> 32 && (st = judge(c, &s, s.id[0] >> 32)) != OK)
			break;
		if ((st = check_email(c, &row)) != OK)
			break;
		if (s.n < SUSPECTS_MAX && suspicious(c, row.id))
			s.id[s.n++] = row.id;
		if ((st = check_breathe(c, NULL)) != OK)
			break;
	}
	judged = s.n > 0 && (st == ERR_NOT_FOUND || st == ERR_CORRUPT) ? judge(c, &s, s.id[0] >> 32) : OK;
	free(s.id);
	return st == ERR_NOT_FOUND ? judged : st;
}

/* ---- bodies ---- */

static enum status
check_body(struct check *c, const struct check_body *b)
{
	struct blob_info info;
	bool yes;
	enum status st;

	if ((st = blob_stat(c->store->blobs, c->txn, b->id, &info)) == ERR_NOT_FOUND)
		return OK; /* removed meanwhile */
	if (st == OK && c->deep)
		st = blob_verify(c->store->blobs, c->txn, b->id);
	if (st == ERR_CORRUPT) {
		fault(c, "body=%lld: damaged", (long long)b->id);
		st = OK;
	}
	if (st != OK)
		return st;
	c->report->bodies++;
	if (b->email != 0)
		return OK;
	if ((st = check_exists(c, &email_with_body, b->id, &yes)) == OK && !yes)
		fault(c, "body=%lld: no email has it", (long long)b->id);
	return st;
}

enum status
check_bodies(struct check *c)
{
	enum status st = OK;

	for (size_t i = 0; i < c->bodies_n && st == OK; i++) {
		if ((st = check_body(c, &c->bodies[i])) == OK)
			st = check_breathe(c, NULL);
	}
	return st;
}

/* ---- rows of what is no more ---- */

/* Tables whose keys begin with a mailbox: the next mailbox named after the given one, and what to call it. */
static struct {
	const char *table;
	struct db_sql next;
} of_mailboxes[] = {
    {"page", DB_SQL("SELECT id >> 32 FROM page WHERE id >= (?1 + 1) << 32 ORDER BY id LIMIT 1")},
    {"dir", DB_SQL("SELECT id >> 32 FROM dir WHERE id >= (?1 + 1) << 32 ORDER BY id LIMIT 1")},
    {"change", DB_SQL("SELECT mailbox FROM change WHERE mailbox > ?1 ORDER BY mailbox LIMIT 1")},
    {"keyword", DB_SQL("SELECT mailbox FROM keyword WHERE mailbox > ?1 ORDER BY mailbox LIMIT 1")},
};
static struct {
	const char *what;
	struct db_sql next;
} strays[] = {
    {"a structure has no email",
        DB_SQL("SELECT email FROM structure WHERE email > ?1 AND NOT EXISTS (SELECT 1 FROM email e WHERE e.id = email)"
               " ORDER BY email LIMIT 1")},
    {"a UIDL has no email",
        DB_SQL("SELECT email FROM uidl WHERE email > ?1 AND NOT EXISTS (SELECT 1 FROM email e WHERE e.id = email)"
               " ORDER BY email LIMIT 1")},
    {"a UIDL is none that a client could be told",
        DB_SQL("SELECT email FROM uidl WHERE email > ?1 AND (typeof(value) <> 'text' OR length(value) NOT BETWEEN 1 AND 70 OR value GLOB '*[^!-~]*')"
               " ORDER BY email LIMIT 1")},
    {"an object id has no email",
        DB_SQL("SELECT email FROM email_object WHERE email > ?1 AND NOT EXISTS (SELECT 1 FROM email e WHERE e.id = email)"
               " ORDER BY email LIMIT 1")},
    {"a body's owner is missing",
        DB_SQL("SELECT body FROM body_owner o WHERE body > ?1 AND NOT EXISTS (SELECT 1 FROM email e WHERE e.id = o.email)"
               " ORDER BY body LIMIT 1")},
    {"a deleted mailbox is forgotten by the reaper",
        DB_SQL("SELECT id FROM mailbox m WHERE id > ?1 AND name IS NULL AND NOT EXISTS (SELECT 1 FROM doomed d"
               " WHERE d.kind = 1 AND d.id = m.id) ORDER BY id LIMIT 1")},
    {"a deleted account is forgotten by the reaper",
        DB_SQL("SELECT id FROM account a WHERE id > ?1 AND deleted = 1 AND NOT EXISTS (SELECT 1 FROM doomed d"
               " WHERE d.kind = 2 AND d.id = a.id) ORDER BY id LIMIT 1")},
    {"an account has no INBOX",
        DB_SQL("SELECT id FROM account a WHERE id > ?1 AND deleted = 0 AND NOT EXISTS (SELECT 1 FROM mailbox m"
               " WHERE m.account = a.id AND m.sort = '\002') ORDER BY id LIMIT 1")},
    {"the sums of an account's mail are wrong",
        DB_SQL("SELECT id FROM account a WHERE id > ?1 AND deleted = 0 AND (used_messages, used_bytes) <> (SELECT coalesce(sum(m.messages), 0),"
               " coalesce(sum(m.size), 0) FROM mailbox m WHERE m.account = a.id AND m.sort > '') ORDER BY id LIMIT 1")},
    {"the count of an account's mailboxes is wrong",
        DB_SQL("SELECT id FROM account a WHERE id > ?1 AND deleted = 0 AND mailboxes <> (SELECT count(*) FROM mailbox m"
               " WHERE m.account = a.id AND m.sort > '') ORDER BY id LIMIT 1")},
};
static struct db_sql mailbox_exists = DB_SQL("SELECT 1 FROM mailbox WHERE id = ?1");

enum status
check_leftovers(struct check *c)
{
	enum status st = OK;
	int64_t id;
	bool yes;

	for (size_t i = 0; i < sizeof(of_mailboxes) / sizeof(*of_mailboxes); i++) {
		id = 0;
		while ((st = check_next(c, &of_mailboxes[i].next, &id)) == OK) {
			if ((st = check_exists(c, &mailbox_exists, id, &yes)) != OK)
				return st;
			if (!yes)
				fault(c, "table=%s mailbox=%lld: rows of a mailbox that is not there", of_mailboxes[i].table, (long long)id);
			if ((st = check_breathe(c, NULL)) != OK)
				return st;
		}
		if (st != ERR_NOT_FOUND)
			return st;
	}
	for (size_t i = 0; i < sizeof(strays) / sizeof(*strays); i++) {
		id = 0;
		while ((st = check_next(c, &strays[i].next, &id)) == OK) {
			fault(c, "id=%lld: %s", (long long)id, strays[i].what);
			if ((st = check_breathe(c, NULL)) != OK)
				return st;
		}
		if (st != ERR_NOT_FOUND)
			return st;
	}
	return OK;
}

/* ---- digests ---- */

enum status
check_digests(struct check *c)
{
	int64_t id = 0;
	bool good = false;
	enum status st;

	while ((st = digest_verify_next(c->txn, &id, &good)) == OK) {
		if (!good)
			fault(c, "digest=%llx: it does not say what its emails say", (unsigned long long)id);
		if ((st = check_breathe(c, NULL)) != OK)
			break;
	}
	return st == ERR_NOT_FOUND ? OK : st;
}
