/* SPDX-License-Identifier: Apache-2.0 */
/* Repair of emails and bodies. */
#include <stdlib.h>

#include "mime/structure.h"
#include "mime/summary.h"
#include "store/changes_priv.h"
#include "store/digest_priv.h"
#include "store/edit_priv.h"
#include "store/keyword_priv.h"
#include "store/mailbox_priv.h"
#include "store/mend/repair_priv.h"
#include "store/reparse_priv.h"
#include "store/store_priv.h"

#define EMAILS_A_COMMIT 1000

/* ---- each email ---- */

static struct db_sql next_email = DB_SQL("SELECT e.id, e.body, e.size, e.birth, e.prefix, e.summary, s.data FROM email e"
    " LEFT JOIN structure s ON s.email = e.id WHERE e.id > ?1 ORDER BY e.id LIMIT 1");
static struct db_sql drop_email = DB_SQL("DELETE FROM email WHERE id = ?1");
static struct db_sql set_email = DB_SQL("UPDATE email SET summary = ?2 WHERE id = ?1");
static struct db_sql set_structure = DB_SQL("INSERT INTO structure (email, data) VALUES (?1, ?2)"
    " ON CONFLICT (email) DO UPDATE SET data = ?2");

struct walk {
	struct repair *r;
	struct db_txn *txn;
	int64_t at;
	bool end;
	/* the email */
	int64_t id, body;
	uint64_t size;
	struct buf prefix, subject;
	bool unreadable; /* summary or structure */
};

static void
add_birth(struct repair *r, const struct birth *birth, int64_t email)
{
	if (r->births_n == r->births_cap) {
		r->births_cap = r->births_cap * 2 + 1024;
		r->births = x_realloc(r->births, r->births_cap * sizeof(*r->births));
	}
	r->births[r->births_n++] = (struct repair_birth){birth->mailbox, email, birth->uid};
}

static enum status
load(struct walk *w)
{
	struct arena a = {0};
	struct db_stmt *q = db_prepare(w->txn, &next_email);
	struct mime_summary summary;
	struct mime_structure structure;
	struct birth birth;
	enum status st;

	db_bind_int(q, 1, w->at);
	if ((st = db_step(q)) == OK) {
		w->id = w->at = db_int(q, 0);
		w->body = db_int(q, 1);
		w->size = (uint64_t)db_int(q, 2);
		buf_clear(&w->prefix);
		buf_add(&w->prefix, db_blob(q, 4));
		buf_clear(&w->subject);
		w->unreadable = mime_summary_open(db_blob(q, 5), &summary) != OK || mime_summary_verify(&summary) != OK;
		if (!w->unreadable)
			buf_add(&w->subject, mime_summary_key(&summary, MIME_KEY_SUBJECT));
		w->unreadable |= db_is_null(q, 6) || mime_structure_unpack(&a, db_blob(q, 6), &structure) != OK;
		if (birth_unpack(&a, db_blob(q, 3), &birth) == OK)
			add_birth(w->r, &birth, w->id);
	}
	db_done(q);
	arena_free(&a);
	return st;
}

/* Is the body whole, and as long as the row says? */
static enum status
body_ok(struct walk *w, bool *ok_r)
{
	struct blob_info info;
	enum status st;

	*ok_r = false;
	if ((st = blob_stat(w->r->store->blobs, w->txn, w->body, &info)) == OK)
		st = blob_verify(w->r->store->blobs, w->txn, w->body);
	if (st == OK)
		*ok_r = info.size + w->prefix.n == w->size;
	return st == ERR_NOT_FOUND || st == ERR_CORRUPT ? OK : st;
}

/* Parses the message again. */
static enum status
parse_again(struct walk *w)
{
	struct reparsed new = {0};
	enum status st;

	if ((st = reparse(w->r->store->blobs, w->txn, w->body, buf_str(&w->prefix), &new)) == OK) {
		w->r->changed = true;
		if ((st = db_exec(w->txn, &set_email, "ib", w->id, buf_str(&new.summary))) == OK)
			st = db_exec(w->txn, &set_structure, "ib", w->id, buf_str(&new.structure));
	}
	reparsed_free(&new);
	return st;
}

static enum status
mend_email(struct walk *w)
{
	bool ok;
	enum status st;

	if ((st = body_ok(w, &ok)) != OK)
		return st;
	if (ok)
		return w->unreadable ? parse_again(w) : OK;
	repair_lost(w->r, "account=%lld email=%llx \"%.*s\": its body", (long long)(w->id >> 32), (unsigned long long)w->id,
	    STR_FMT(buf_str(&w->subject)));
	repair_account_of(w->r, w->id >> 32)->damaged = true;
	if (w->r->births_n > 0 && w->r->births[w->r->births_n - 1].email == w->id)
		w->r->births_n--;
	return db_exec(w->txn, &drop_email, "i", w->id);
}

static enum status
some_emails(struct db_txn *txn, void *arg)
{
	struct walk *w = arg;
	enum status st = OK;

	w->txn = txn;
	for (int i = 0; i < EMAILS_A_COMMIT && st == OK; i++) {
		if ((st = load(w)) == OK)
			st = mend_email(w);
	}
	w->end = st == ERR_NOT_FOUND;
	return w->end ? OK : st;
}

static int
by_mailbox(const void *a, const void *b)
{
	const struct repair_birth *x = a, *y = b;

	if (x->mailbox != y->mailbox)
		return x->mailbox < y->mailbox ? -1 : 1;
	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

enum status
repair_emails(struct repair *r)
{
	struct walk w = {.r = r};
	enum status st = OK;

	while (st == OK && !w.end)
		st = db_write(r->store->db, some_emails, &w);
	buf_free(&w.prefix);
	buf_free(&w.subject);
	if (r->births_n > 0)
		qsort(r->births, r->births_n, sizeof(*r->births), by_mailbox);
	return st;
}

/* ---- emails without a name ---- */

static struct db_sql email_ids = DB_SQL("SELECT id, size, birth FROM email WHERE id > ?1 ORDER BY id LIMIT 1");
static struct db_sql drop_structure = DB_SQL("DELETE FROM structure WHERE email = ?1");

struct unnamed {
	struct repair *r;
	int64_t at;
	bool end;
	struct arena arena;
	struct birth birth;
	struct entry entry;
	bool no_birth;
};

static enum status
next_unnamed(struct unnamed *u, struct db_txn *txn)
{
	struct db_stmt *q;
	enum status st;

	for (;;) {
		q = db_prepare(txn, &email_ids);
		db_bind_int(q, 1, u->at);
		if ((st = db_step(q)) != OK || !repair_named(u->r, db_int(q, 0)))
			break;
		u->at = db_int(q, 0);
		db_done(q);
	}
	if (st == OK) {
		u->at = db_int(q, 0);
		u->birth = (struct birth){0};
		u->no_birth = birth_unpack(&u->arena, arena_str(&u->arena, db_blob(q, 2)), &u->birth) != OK;
		u->entry = (struct entry){.email = u->at, .size = (uint64_t)db_int(q, 1), .flags = u->birth.flags & FLAG_ALL,
		    .zone = u->birth.zone, .internal_date = u->birth.internal_date, .save_date = u->birth.internal_date};
	}
	db_done(q);
	return st;
}

/* Was it expunged where it came in? */
static enum status
expunged(struct unnamed *u, struct db_txn *txn, bool *yes_r)
{
	struct change_walk cw;
	enum status st = ERR_NOT_FOUND;

	*yes_r = false;
	if (u->no_birth)
		return OK;
	change_walk_begin(&cw, txn, u->birth.mailbox, 0, true);
	while (!*yes_r && (st = change_walk_next(&cw)) == OK)
		*yes_r = !cw.row.damaged && runs_has(&cw.row.uids, u->birth.uid);
	change_walk_end(&cw);
	return *yes_r || st == ERR_NOT_FOUND ? OK : st;
}

static enum status
recovered_mailbox(struct unnamed *u, struct db_txn *txn, const struct actor *actor, int64_t *id_r)
{
	struct repair_account *a = repair_account_of(u->r, actor->account);
	struct mailbox mb;
	struct sort_key key;
	enum status st;

	if (a->recovered == 0 && sort_key_make(&key, STR("Recovered"))) {
		if ((st = mailbox_by_key(txn, NULL, actor->account, &key, &mb)) == OK)
			a->recovered = mb.id;
		else if (st != ERR_NOT_FOUND || (st = mailbox_create_first(actor, txn, STR("Recovered"), 0, &a->recovered)) != OK ||
		    (st = mailbox_subscribe(actor, txn, STR("Recovered"), true)) != OK)
			return st;
	}
	*id_r = a->recovered;
	return OK;
}

static enum status
recover(struct unnamed *u, struct db_txn *txn)
{
	struct actor actor = {.store = u->r->store, .account = u->at >> 32};
	struct runs uids = {0};
	struct grant grant;
	struct edit e;
	int64_t mailbox = 0;
	enum status st;

	if ((st = recovered_mailbox(u, txn, &actor, &mailbox)) != OK)
		return st;
	if ((st = grant_get(&actor, txn, mailbox, &grant)) != OK || (st = edit_begin(&e, &grant, txn, RIGHT_INSERT)) != OK)
		return st;
	st = keyword_ids(&e, &u->arena, u->birth.keywords, u->birth.keywords_n, true, &u->entry.keywords, &u->entry.keywords_n);
	if (st == OK) {
		u->entry.uid = e.uidnext;
		u->entry.modseq = e.modseq;
		runs_add(&uids, u->entry.uid, u->entry.uid);
		st = edit_append(&e, &u->entry, 1);
	}
	if (st == OK)
		st = edit_change(&e, CHANGE_ADDED, &uids);
	st = edit_end(&e, st);
	runs_free(&uids);
	repair_lost(u->r, "account=%lld email=%llx: its place; it is in \"Recovered\" now", (long long)actor.account,
	    (unsigned long long)u->at);
	repair_name(u->r, u->at);
	return st;
}

static enum status
place(struct unnamed *u, struct db_txn *txn)
{
	bool gone;
	enum status st;

	u->r->changed = true;
	if ((st = expunged(u, txn, &gone)) != OK)
		return st;
	if (!gone || repair_account_of(u->r, u->at >> 32)->damaged)
		return recover(u, txn);
	if ((st = db_exec(txn, &drop_structure, "i", u->at)) != OK)
		return st;
	return db_exec(txn, &drop_email, "i", u->at);
}

static enum status
some_unnamed(struct db_txn *txn, void *arg)
{
	struct unnamed *u = arg;
	enum status st = OK;

	for (int i = 0; i < EMAILS_A_COMMIT && st == OK; i++) {
		if ((st = next_unnamed(u, txn)) == OK)
			st = place(u, txn);
	}
	arena_free(&u->arena);
	u->end = st == ERR_NOT_FOUND;
	return u->end ? OK : st;
}

enum status
repair_unnamed(struct repair *r)
{
	struct unnamed u = {.r = r};
	enum status st = OK;

	while (st == OK && !u.end)
		st = db_write(r->store->db, some_unnamed, &u);
	return st;
}

/* ---- bodies ---- */

static struct db_sql stray_rows[] = {
    DB_SQL("DELETE FROM structure WHERE NOT EXISTS (SELECT 1 FROM email e WHERE e.id = structure.email)"),
    DB_SQL("DELETE FROM uidl WHERE NOT EXISTS (SELECT 1 FROM email e WHERE e.id = uidl.email)"
           " OR typeof(value) <> 'text' OR length(value) NOT BETWEEN 1 AND 70 OR value GLOB '*[^!-~]*'"),
    DB_SQL("DELETE FROM email_object WHERE NOT EXISTS (SELECT 1 FROM email e WHERE e.id = email_object.email)"),
    DB_SQL("DELETE FROM body_owner WHERE NOT EXISTS (SELECT 1 FROM email e WHERE e.id = body_owner.email"
           " AND e.body = body_owner.body)"),
    DB_SQL("INSERT INTO body_owner (body, email) SELECT body, id FROM email WHERE body IN"
           " (SELECT body FROM email GROUP BY body HAVING count(*) > 1) ON CONFLICT DO NOTHING"),
};
static struct db_sql used = DB_SQL("SELECT DISTINCT body FROM email ORDER BY body");
static struct db_sql highest = DB_SQL("SELECT coalesce(max(body), 0) FROM email");

struct bodies {
	struct repair *r;
	int64_t *used;
	size_t n, cap;
};

static enum status
gather_used(struct bodies *b, struct db_txn *txn)
{
	struct db_stmt *q = db_prepare(txn, &used);
	enum status st;

	while ((st = db_step(q)) == OK) {
		if (b->n == b->cap) {
			b->cap = b->cap * 2 + 1024;
			b->used = x_realloc(b->used, b->cap * sizeof(*b->used));
		}
		b->used[b->n++] = db_int(q, 0);
	}
	db_done(q);
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
drop_body(struct bodies *b, struct db_txn *txn, int64_t id)
{
	struct blob_store *bs = b->r->store->blobs;
	struct blob_info info = {0};
	bool done = false;
	enum status st;

	if (blob_stat(bs, txn, id, &info) != OK)
		info.size = 0;
	repair_lost(b->r, "body=%lld: %llu bytes of a message of which nothing else is left", (long long)id,
	    (unsigned long long)info.size);
	do
		st = blob_delete(bs, txn, id, &done);
	while (st == OK && !done);
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
write_bodies(struct db_txn *txn, void *arg)
{
	struct bodies *b = arg;
	int64_t id = 0, top;
	size_t at = 0;
	enum status st = OK;

	for (size_t i = 0; i < sizeof(stray_rows) / sizeof(*stray_rows) && st == OK; i++) {
		if ((st = db_exec(txn, &stray_rows[i], "")) == OK && db_changed(txn) > 0)
			b->r->changed = true;
	}
	if (st != OK || (st = gather_used(b, txn)) != OK)
		return st;
	while ((st = blob_next(b->r->store->blobs, txn, id, &id)) == OK) {
		while (at < b->n && b->used[at] < id)
			at++;
		if ((at == b->n || b->used[at] != id) && (st = drop_body(b, txn, id)) != OK)
			return st;
	}
	if (st != ERR_NOT_FOUND || (st = db_get_ints(txn, &highest, &top, 1, "")) != OK)
		return st;
	return blob_mend(b->r->store->blobs, txn, top > id ? top : id);
}

enum status
repair_bodies(struct repair *r)
{
	struct bodies b = {.r = r};
	enum status st = db_write(r->store->db, write_bodies, &b);

	free(b.used);
	return st;
}

/* ---- digests ---- */

struct digest_walk {
	struct repair *r;
	int64_t at;
	bool end;
};

static enum status
some_digests(struct db_txn *txn, void *arg)
{
	struct digest_walk *w = arg;
	enum status st = OK;

	for (int i = 0; i < EMAILS_A_COMMIT && st == OK; i++) {
		bool good = false;

		if ((st = digest_verify_next(txn, &w->at, &good)) == OK && !good) {
			w->r->changed = true;
			st = digest_drop(txn, w->at);
		}
	}
	w->end = st == ERR_NOT_FOUND;
	return w->end ? OK : st;
}

enum status
repair_digests(struct repair *r)
{
	struct digest_walk w = {.r = r};
	enum status st = OK;

	while (st == OK && !w.end)
		st = db_write(r->store->db, some_digests, &w);
	return st;
}
