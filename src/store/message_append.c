/* SPDX-License-Identifier: Apache-2.0 */
/* message_append(): a message on its way in. */
#include "base/clock.h"
#include "base/assert.h"
#include "store/admit_priv.h"
#include "store/birth_priv.h"
#include "store/domain.h"
#include "store/keyword_priv.h"
#include "store/message.h"
#include "store/quota_priv.h"
#include "store/thread_priv.h"
#include "store/uidl.h"

static struct db_sql email_add =
    DB_SQL("INSERT INTO email (id, body, size, thread, message_id, birth, prefix, summary)"
	   " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
static struct db_sql structure_add = DB_SQL("INSERT INTO structure (email, data) VALUES (?1, ?2)");
static struct db_sql owner_add = DB_SQL("INSERT INTO body_owner (body, email) VALUES (?1, ?2)");

/* How many of its keywords may be set (RFC 4314 4): all or none. */
static size_t
keywords_of(const struct edit *e, const struct message_new *m)
{
	return e->grant->rights & RIGHT_WRITE ? m->keywords_n : 0;
}

/* Writes what never changes of the message, which gets that UID. */
static enum status
email_write(struct edit *e, const struct message_new *m, uint32_t uid, int64_t email)
{
	struct birth birth = {.mailbox = e->mailbox,
	    .uid = uid,
	    .internal_date = m->internal_date,
	    .zone = m->zone,
	    .flags = grant_flags(e->grant, m->flags & FLAG_ALL),
	    .keywords = m->keywords,
	    .keywords_n = keywords_of(e, m)};
	struct thread_names names;
	int64_t thread, body = m->body;
	enum status st = OK;

	ensure(m->stage != NULL || m->body > 0);
	if (m->stage != NULL)
		st = blob_publish(m->stage, e->txn, &body);
	if (st == OK && m->shared_body)
		st = db_exec(e->txn, &owner_add, "ii", body, email);
	thread_names(m->message_id_hash, m->references, m->references_n, &names);
	if (st == OK)
		st = thread_join(e->txn, e->account, &names, email, &thread);
	if (st != OK)
		return st;
	buf_clear(&e->packed);
	birth_pack(&e->packed, &birth);
	st = db_exec(e->txn, &email_add, "iiiiibbb", email, body, (int64_t)m->size, thread,
	    (int64_t)m->message_id_hash, buf_str(&e->packed), m->prefix, m->summary);
	if (st == OK)
		st = db_exec(e->txn, &structure_add, "ib", email, m->structure);
	return st == OK ? uidl_keep(e->txn, e->mailbox, uid, email, m->uidl) : st;
}

/* The account's sums and ids of emails. */
static enum status
pay(struct edit *e, const struct message_new *const *m, size_t n, int64_t *email_r)
{
	struct quota_charge c = {.messages = (int64_t)n, .emails = (int64_t)n, .beyond = m[0]->beyond, .before = m[0]->before};
	enum status st;

	for (size_t i = 0; i < n; i++)
		c.bytes += (int64_t)m[i]->size;
	if (!c.beyond && (st = domain_room(e->grant->actor.store, e->txn, e->account, (uint64_t)c.bytes)) != OK)
		return st;
	if ((st = edit_pay(e, &c)) != OK)
		return st;
	if (m[0]->over_r != NULL)
		*m[0]->over_r = c.over;
	*email_r = c.email;
	return OK;
}

/* The entry of a message that gets that UID, and what never changes of it. */
static enum status
make_entry(struct edit *e, struct arena *arena, const struct message_new *m, uint32_t uid, int64_t email, struct entry *entry)
{
	enum status st;

	*entry = (struct entry){.uid = uid,
	    .modseq = e->modseq,
	    .email = e->account << 32 | email,
	    .flags = grant_flags(e->grant, m->flags & FLAG_ALL),
	    .zone = m->zone,
	    .internal_date = m->internal_date,
	    .save_date = clock_seconds(),
	    .size = m->size};
	st = keyword_ids(e, arena, m->keywords, keywords_of(e, m), true, &entry->keywords, &entry->keywords_n);
	return st == OK ? email_write(e, m, uid, entry->email) : st;
}

enum status
message_append_all(const struct grant *grant, struct db_txn *txn, const struct message_new *const *m, size_t n, uint32_t *first_r,
    uint64_t *modseq_r)
{
	struct edit e;
	struct arena arena = {0};
	struct runs uids = {0};
	struct entry *entries;
	uint32_t first;
	uint64_t modseq;
	int64_t email = 0;
	enum status st = edit_begin(&e, grant, txn, RIGHT_INSERT);

	if (st != OK)
		return st;
	ensure(n > 0);
	first = e.uidnext;
	if (first >= UINT32_MAX - n)
		st = ERR_LIMIT;
	entries = arena_array(&arena, n, sizeof(*entries));
	for (size_t i = 0; i < n && st == OK; i++)
		st = admit_message(m[i]);
	if (st == OK)
		st = pay(&e, m, n, &email);
	for (size_t i = 0; i < n && st == OK; i++)
		st = make_entry(&e, &arena, m[i], first + (uint32_t)i, email + (int64_t)i, &entries[i]);
	if (st == OK)
		st = edit_append(&e, entries, (uint32_t)n);
	if (st == OK) {
		runs_add(&uids, first, first + (uint32_t)n - 1);
		st = edit_change(&e, CHANGE_ADDED, &uids);
	}
	modseq = e.modseq;
	if ((st = edit_end(&e, st)) == OK) {
		*first_r = first;
		*modseq_r = modseq;
	}
	runs_free(&uids);
	arena_free(&arena);
	return st;
}

enum status
message_append(const struct grant *grant, struct db_txn *txn, const struct message_new *m, uint32_t *uid_r, uint64_t *modseq_r)
{
	return message_append_all(grant, txn, &m, 1, uid_r, modseq_r);
}
