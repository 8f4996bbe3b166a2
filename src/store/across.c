/* SPDX-License-Identifier: Apache-2.0 */
/* Emails made anew in another account, and the object ids that they keep. */
#include "store/across_priv.h"

#include "base/assert.h"
#include "store/birth_priv.h"
#include "store/email.h"
#include "store/thread_priv.h"

static struct db_sql weight = DB_SQL("SELECT length(e.summary) + length(e.prefix) + coalesce(length(s.data), 0) FROM email e"
    " LEFT JOIN structure s ON s.email = e.id WHERE e.id = ?1");
static struct db_sql next_email =
    DB_SQL("UPDATE account SET next_email = next_email + 1 WHERE id = ?1 AND deleted = 0 RETURNING next_email - 1");
static struct db_sql email_of = DB_SQL("SELECT body, thread, summary FROM email WHERE id = ?1");
static struct db_sql email_copy = DB_SQL("INSERT INTO email (id, body, size, thread, message_id, birth, prefix, summary)"
    " SELECT ?2, body, size, thread, message_id, ?3, prefix, summary FROM email WHERE id = ?1");
static struct db_sql structure_copy =
    DB_SQL("INSERT INTO structure (email, data) SELECT ?2, data FROM structure WHERE email = ?1");
static struct db_sql owner_add = DB_SQL("INSERT INTO body_owner (body, email) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
static struct db_sql object_copy = DB_SQL("INSERT INTO email_object (email, object)"
    " VALUES (?2, coalesce((SELECT object FROM email_object WHERE email = ?1), ?1))");
static struct db_sql object_del = DB_SQL("DELETE FROM email_object WHERE email = ?1");

/* ---- how many ---- */

static void
cut(struct haul *h, size_t n)
{
	h->next = h->e[n].uid;
	h->n = n;
	runs_clear(&h->from);
	for (size_t i = 0; i < n; i++)
		runs_add(&h->from, h->e[i].uid, h->e[i].uid);
}

enum status
across_fit(struct haul *h, struct db_txn *txn)
{
	uint64_t bytes = 0;

	if (h->n > ACROSS_BATCH)
		cut(h, ACROSS_BATCH);
	for (size_t i = 0; i < h->n; i++) {
		int64_t n;
		enum status st = db_get_ints(txn, &weight, &n, 1, "i", h->e[i].email);

		if (st != OK)
			return st == ERR_NOT_FOUND ? ERR_CORRUPT : st;
		bytes += (uint64_t)n;
		if (i > 0 && bytes > ACROSS_BYTES) {
			cut(h, i);
			break;
		}
	}
	return OK;
}

/* ---- emails ---- */

/* What is asked of the source's row before it is copied. */
static enum status
look(struct db_txn *txn, int64_t email, int64_t *body_r, int64_t *thread_r, struct thread_names *names_r)
{
	struct db_stmt *q = db_prepare(txn, &email_of);
	enum status st;

	db_bind_int(q, 1, email);
	if ((st = db_step(q)) == OK) {
		*body_r = db_int(q, 0);
		*thread_r = db_int(q, 1);
		/* A damaged summary ties to nothing. */
		if (!thread_names_of(db_blob(q, 2), names_r))
			names_r->n = 0;
	}
	db_done(q);
	return st == ERR_NOT_FOUND ? ERR_CORRUPT : st;
}

static enum status
next_id(struct edit *to, int64_t *email_r)
{
	int64_t counter;
	enum status st = db_get_ints(to->txn, &next_email, &counter, 1, "i", to->account);

	if (st == OK && counter > UINT32_MAX - 2)
		st = ERR_LIMIT;
	if (st == OK)
		*email_r = to->account << 32 | counter;
	return st;
}

/* Both emails own the body from now on, also where the one had it alone. */
static enum status
share_body(struct db_txn *txn, int64_t body, int64_t from, int64_t to)
{
	enum status st = db_exec(txn, &owner_add, "ii", body, from);

	return st == OK ? db_exec(txn, &owner_add, "ii", body, to) : st;
}

static enum status
copy_rows(struct edit *to, int64_t from, int64_t email, const struct birth *birth)
{
	struct thread_names names;
	int64_t body, thread;
	uint64_t learnt = 0;
	enum status st = look(to->txn, from, &body, &thread, &names);

	if (st != OK)
		return st;
	buf_clear(&to->packed);
	birth_pack(&to->packed, birth);
	if ((st = db_exec(to->txn, &email_copy, "iib", from, email, buf_str(&to->packed))) == OK)
		st = db_exec(to->txn, &structure_copy, "ii", from, email);
	if (st == OK)
		st = share_body(to->txn, body, from, email);
	if (st == OK)
		st = db_exec(to->txn, &object_copy, "ii", from, email);
	/* What answers it goes into its thread, if the account has no other for it. */
	return st == OK ? thread_learn(to->txn, to->account, &names, thread, &learnt) : st;
}

static enum status
make_one(struct haul *h, struct edit *to, const struct keywords *names, uint32_t uid, struct entry *e)
{
	struct str *kw = arena_array(&h->arena, e->keywords_n, sizeof(*kw));
	struct birth birth = {.mailbox = to->mailbox,
	    .uid = uid,
	    .internal_date = e->internal_date,
	    .zone = e->zone,
	    .flags = e->flags,
	    .keywords = kw};
	int64_t email;
	enum status st;

	for (uint32_t i = 0; i < e->keywords_n; i++) {
		struct str name = keywords_name(names, e->keywords[i]);

		if (name.p != NULL)
			kw[birth.keywords_n++] = name;
	}
	if ((st = next_id(to, &email)) == OK && (st = copy_rows(to, e->email, email, &birth)) == OK)
		e->email = email;
	return st;
}

enum status
across_make(struct haul *h, struct edit *to, uint32_t uid)
{
	struct keywords names = {0};
	bool any = false;
	enum status st = OK;

	ensure(h->n <= ACROSS_BATCH);
	for (size_t i = 0; i < h->n; i++)
		any |= h->e[i].keywords_n > 0;
	if (any)
		st = keywords_read(to->txn, &h->arena, to->mailbox, &names);
	for (size_t i = 0; i < h->n && st == OK; i++)
		st = make_one(h, to, &names, uid == 0 ? 0 : uid + (uint32_t)i, &h->e[i]);
	return st;
}

/* ---- object ids ---- */

enum status
object_forget(struct db_txn *txn, int64_t email)
{
	return db_exec(txn, &object_del, "i", email);
}
