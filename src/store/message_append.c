/* SPDX-License-Identifier: Apache-2.0 */
/* message_append(): a message on its way in. */
#include "base/clock.h"
#include "base/assert.h"
#include "store/admit_priv.h"
#include "store/birth_priv.h"
#include "store/domain.h"
#include "store/keyword_priv.h"
#include "store/message.h"
#include "store/thread_priv.h"
#include "store/uidl.h"

static struct db_sql next_email =
    DB_SQL("UPDATE account SET next_email = next_email + 1 WHERE id = ?1 AND deleted = 0 RETURNING next_email - 1");
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
email_write(struct edit *e, const struct message_new *m, uint32_t uid, int64_t *email_r)
{
	struct birth birth = {.mailbox = e->mailbox,
	    .uid = uid,
	    .internal_date = m->internal_date,
	    .zone = m->zone,
	    .flags = grant_flags(e->grant, m->flags & FLAG_ALL),
	    .keywords = m->keywords,
	    .keywords_n = keywords_of(e, m)};
	struct thread_names names;
	int64_t email, thread, body = m->body, counter;
	enum status st;

	ensure(m->stage != NULL || m->body > 0);
	st = db_get_ints(e->txn, &next_email, &counter, 1, "i", e->account);
	if (st == OK && counter > UINT32_MAX - 2)
		st = ERR_LIMIT;
	if (st != OK)
		return st;
	email = e->account << 32 | counter;
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
	*email_r = email;
	return st;
}

/* The entry of a message that gets that UID. */
static enum status
make_entry(struct edit *e, struct arena *arena, const struct message_new *m, uint32_t uid, struct entry *entry)
{
	enum status st = admit_message(m);

	if (st != OK)
		return st;
	*entry = (struct entry){.uid = uid,
	    .modseq = e->modseq,
	    .flags = grant_flags(e->grant, m->flags & FLAG_ALL),
	    .zone = m->zone,
	    .internal_date = m->internal_date,
	    .save_date = clock_seconds(),
	    .size = m->size};
	st = keyword_ids(e, arena, m->keywords, keywords_of(e, m), true, &entry->keywords, &entry->keywords_n);
	if (st == OK)
		st = email_write(e, m, uid, &entry->email);
	return st == OK ? uidl_keep(e->txn, e->mailbox, uid, entry->email, m->uidl) : st;
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
	uint64_t modseq, bytes = 0;
	enum status st = edit_begin(&e, grant, txn, RIGHT_INSERT);

	if (st != OK)
		return st;
	ensure(n > 0);
	first = e.uidnext;
	if (first >= UINT32_MAX - n)
		st = ERR_LIMIT;
	for (size_t i = 0; i < n; i++)
		bytes += m[i]->size;
	if (st == OK)
		st = domain_room(grant->actor.store, txn, grant->owner, bytes);
	entries = arena_array(&arena, n, sizeof(*entries));
	for (size_t i = 0; i < n && st == OK; i++)
		st = make_entry(&e, &arena, m[i], first + (uint32_t)i, &entries[i]);
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
