/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a session (RFC 1939 6): what DELE noted is removed where QUIT was said, and \Seen is set of what RETR has sent. In batches, each one
 * commit: what a failure leaves is told with -ERR, and a crash removes whole batches or nothing.
 */
#include "base/log.h"
#include "pop3/session_priv.h"
#include "store/message.h"

#define BATCH 2000 /* messages in one commit */

/* The write function. */
static enum status
write_batch(struct db_txn *txn, void *arg)
{
	struct pop3_session *s = arg;
	struct flag_change change = {.op = FLAGS_ADD, .flags = s->deleting ? FLAG_DELETED : FLAG_SEEN};
	struct flag_result result = {0};
	const struct grant *grant = &s->drop.view.grant;
	struct runs gone = {0};
	uint64_t modseq;
	bool more;
	enum status st = message_flags(grant, txn, &s->batch, &change, &result);

	if (st == OK && s->deleting)
		st = message_expunge(grant, txn, &s->batch, MESSAGE_BATCH, &gone, &more, &modseq);
	runs_free(&result.changed);
	runs_free(&result.failed);
	runs_free(&gone);
	return st;
}

static enum conn_next
over(struct pop3_session *s)
{
	if (s->quit && s->failed == OK) {
		s->why = "QUIT";
		(void)(s->drop.deleted.n > 0 ? pop3_ok(s, "Goodbye, %u messages deleted", s->drop.deleted.n) : pop3_ok(s, "Goodbye"));
	} else if (s->quit) {
		s->why = "deletions failed at QUIT";
		(void)pop3_err(s, s->failed == ERR_CORRUPT ? "SYS/PERM" : "SYS/TEMP", "Some deleted messages were not removed");
	}
	return CONN_CLOSE;
}

/* Up to BATCH numbers of the set, from s->next on. */
static void
gather(struct pop3_session *s, const struct marks *m, struct runs *numbers)
{
	uint32_t n = 0;

	while (s->next <= s->drop.messages && n < BATCH) {
		if (s->next % 64 == 0 && m->bits[s->next / 64] == 0) {
			s->next = s->drop.messages - s->next < 64 ? s->drop.messages + 1 : s->next + 64;
			continue;
		}
		if (marks_have(m, s->next) && !(!s->deleting && s->quit && marks_have(&s->drop.deleted, s->next))) {
			runs_add(numbers, s->next, s->next);
			n++;
		}
		s->next++;
	}
}

/* The UIDs of numbers. What others have expunged of them is passed over by the write. */
static enum status
uids_of(struct pop3_session *s, const struct runs *numbers)
{
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(s->service->door->store), &txn);

	runs_clear(&s->batch);
	if (st != OK)
		return st;
	db_read_account(txn, s->login.account);
	st = view_uids_of_seqs(&s->drop.view, txn, numbers, &s->batch);
	db_read_end(txn);
	return st;
}

static enum conn_next
next_batch(struct pop3_session *s)
{
	struct marks *m = s->deleting ? &s->drop.deleted : &s->drop.seen;
	struct runs numbers = {0};
	enum status st = OK;

	if (m->n > 0)
		gather(s, m, &numbers);
	if (numbers.n > 0 && (st = uids_of(s, &numbers)) == OK)
		change_submit(&s->change, s->conn, store_db(s->service->door->store),
		    &(struct db_write){.fn = write_batch, .arg = s, .what = s->deleting ? "DELE" : "RETR", .lane = (uint64_t)s->login.account, .reserve = true});
	runs_free(&numbers);
	if (s->change.under_way)
		return CONN_WAKE;
	if (st != OK && s->deleting)
		s->failed = st;
	if (!s->deleting)
		return over(s);
	s->deleting = false;
	s->next = 1;
	return CONN_AGAIN;
}

enum conn_next
pop3_leave(struct pop3_session *s, bool quit)
{
	s->mode = POP3_LEAVING;
	s->quit = quit;
	s->deleting = quit;
	s->next = 1;
	return CONN_AGAIN;
}

/* A failure ends the deletions; a \Seen that could not be set is nobody's loss. */
enum conn_next
pop3_leave_step(struct pop3_session *s)
{
	enum status st;

	if (change_waits(&s->change))
		return CONN_WAKE;
	if (!s->change.under_way)
		return next_batch(s);
	if ((st = change_take(&s->change)) == ERR_UNKNOWN)
		return CONN_ABORT;
	if (st == OK)
		return next_batch(s);
	if (!s->deleting)
		return over(s);
	s->failed = st;
	s->deleting = false;
	s->next = 1;
	return CONN_AGAIN;
}
