/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a message: from DATA or BDAT through deliver/ into the store, and one answer a recipient. */
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "lmtp/session_priv.h"

#define TARGETS_PER_COMMIT 50 /* so that no write function holds the writer long; fewer where the rows are large */

void
lmtp_content_begin(struct lmtp_session *s)
{
	struct transaction *t = s->t;
	uint64_t max = lmtp_message_max(s);
	struct str received = lmtp_trace_received(s);

	/* The limit is the sender's to keep, our own line is not counted. */
	t->delivery = delivery_new(s->service->door->store, (uint64_t)t->places[0].to.account, max ? max + received.n : 0,
	    &s->charge);
	data_decoder_reset(&t->decoder);
	t->status = delivery_add(t->delivery, received);
}

/* After the first error the rest is read past; the answer comes at the end. */
void
lmtp_content_add(struct lmtp_session *s, struct str bytes)
{
	if (s->t->status == OK)
		s->t->status = delivery_add(s->t->delivery, bytes);
}

static enum conn_next
data_input(struct lmtp_session *s, struct str *in)
{
	struct str chunk;

	for (;;) {
		switch (data_decode(&s->t->decoder, in, &chunk)) {
		case DATA_MORE: return CONN_INPUT;
		case DATA_CHUNK: lmtp_content_add(s, chunk); break;
		case DATA_END:
			if (s->t->decoder.nul && s->t->status == OK)
				s->t->status = ERR_BAD_INPUT;
			return lmtp_content_end(s);
		}
	}
}

static enum conn_next
refuse_chunk(struct lmtp_session *s)
{
	switch (s->t->status) {
	case ERR_CONFLICT: (void)lmtp_say(s, 503, "5.5.1", "No transaction, or no recipient was taken"); break;
	case ERR_LIMIT: (void)lmtp_say(s, 552, "5.3.4", "Message too large"); break;
	case ERR_MEMORY: (void)lmtp_say(s, 452, "4.3.1", "Not enough memory now, try again later"); break;
	default: (void)lmtp_say(s, 451, "4.3.0", "Try again later"); break;
	}
	lmtp_transaction_end(s);
	return CONN_AGAIN;
}

static enum conn_next
bdat_input(struct lmtp_session *s, struct str *in)
{
	struct transaction *t = s->t;
	size_t n = in->n < t->chunk_left ? in->n : (size_t)t->chunk_left;

	lmtp_content_add(s, str_head(*in, n));
	*in = str_from(*in, n);
	t->chunk_left -= n;
	if (t->chunk_left > 0)
		return CONN_INPUT;
	s->mode = MODE_COMMANDS;
	if (t->status == ERR_CONFLICT)
		return refuse_chunk(s);
	if (t->last)
		return lmtp_content_end(s);
	if (t->status != OK)
		return refuse_chunk(s);
	return lmtp_say(s, 250, "2.0.0", "Chunk taken");
}

enum conn_next
lmtp_content_input(struct lmtp_session *s, struct str *in)
{
	return s->mode == MODE_DATA ? data_input(s, in) : bdat_input(s, in);
}

static void
answer(struct lmtp_session *s, const struct lmtp_rcpt *r, enum status st)
{
	static const struct {
		enum status st;
		int code;
		const char *enhanced, *text;
	} table[] = {
	    {OK, 250, "2.1.5", "stored"},
	    {ERR_LIMIT, 552, "5.3.4", "message too large"},
	    {ERR_MEMORY, 452, "4.3.1", "not enough memory now, try again later"},
	    {ERR_BAD_INPUT, 554, "5.6.0", "a message with NUL needs BDAT and BINARYMIME"},
	    {ERR_NOT_FOUND, 550, "5.1.1", "no such account"},
	    {ERR_QUOTA, 452, "4.2.2", "over quota"},
	    {ERR_NO_PERM, 550, "5.7.1", "not permitted"},
	    {ERR_FULL, 452, "4.3.1", "no space left"},
	};
	struct buf *out = conn_out(s->conn);

	if (st == ERR_QUOTA && s->service->quota_permanent) {
		esmtp_reply_for(out, 552, "5.2.2", r->address, "over quota");
		return;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (table[i].st == st) {
			esmtp_reply_for(out, table[i].code, table[i].enhanced, r->address, table[i].text);
			return;
		}
	}
	esmtp_reply_for(out, 451, "4.3.0", r->address, "not stored, try again later");
}

static void
log_delivery(struct lmtp_session *s, struct str recipient, const struct lmtp_place *p, enum status st)
{
	const struct transaction *t = s->t;

	log_event(EV_delivered, "id=%.*s recipient=%s account=%s mailbox=%s from=%s size=%llu peer=%s: %s", STR_FMT(t->id), LOG_STR(recipient),
	    LOG_STR(p->to.account_name), LOG_STR(st == OK ? p->stored : STR("")), LOG_STR(t->sender),
	    t->delivery ? (unsigned long long)delivery_size(t->delivery) : 0ull, conn_peer(s->conn), st == OK ? "stored" : status_word(st));
}

static enum status
place_status(const struct transaction *t, uint32_t at)
{
	return t->status != OK ? t->status : t->targets[at].status;
}

/* Whether another try may go better. */
static bool
may_come(enum status st)
{
	return st != OK && st != ERR_LIMIT && st != ERR_BAD_INPUT && st != ERR_NOT_FOUND && st != ERR_NO_PERM;
}

/*
 * What is said of a recipient that stands for several: where one of them may get the message later, that, so that the sender tries again (who has it
 * already gets it twice then; the other way round it would be lost); else stored, if one has it: a member whose account is gone is no reason to
 * tell the sender that the group did not get his mail; else why not.
 */
static enum status
outcome(const struct transaction *t, const struct lmtp_rcpt *r)
{
	enum status st = place_status(t, r->place[0]);

	for (size_t i = 1; i < r->n && !may_come(st); i++) {
		enum status other = place_status(t, r->place[i]);

		if (other == OK || may_come(other))
			st = other;
	}
	return st;
}

/* Each place once; a recipient that leads only to what others led to before, once too. */
static void
log_recipient(struct lmtp_session *s, const struct lmtp_rcpt *r, size_t *logged)
{
	const struct transaction *t = s->t;
	bool any = false;

	for (size_t i = 0; i < r->n; i++) {
		if (r->place[i] < *logged)
			continue;
		log_delivery(s, r->address, &t->places[r->place[i]], place_status(t, r->place[i]));
		any = true;
		*logged = r->place[i] + 1;
	}
	if (!any)
		log_delivery(s, r->address, &t->places[r->place[0]], place_status(t, r->place[0]));
}

/* RFC 2033 4.2: one answer for each RCPT that was taken, in order. */
static enum conn_next
answer_all(struct lmtp_session *s)
{
	struct transaction *t = s->t;
	size_t logged = 0;

	for (size_t i = 0; i < t->rcpts_n; i++) {
		answer(s, &t->rcpts[i], outcome(t, &t->rcpts[i]));
		log_recipient(s, &t->rcpts[i], &logged);
	}
	lmtp_transaction_end(s);
	return CONN_AGAIN;
}

/* The write function: finds each target's mailbox now, not at RCPT, and stores. */
static enum status
store_batch(struct db_txn *txn, void *arg)
{
	struct lmtp_session *s = arg;
	struct transaction *t = s->t;
	struct arena arena = {0};
	enum status st = OK;

	for (size_t i = t->stored; i < t->stored + t->batch && st == OK; i++) {
		/* Mail comes in whatever rights an owner has taken from himself (RFC 4314): it is not he who delivers. */
		struct actor actor = {.store = s->service->door->store, .account = t->places[i].to.account, .admin = true};
		struct mailbox mb;

		t->targets[i].grant = (struct grant){0};
		if ((st = recipient_mailbox(&actor, txn, &arena, &t->places[i].to, &mb)) == OK)
			st = grant_make(&actor, txn, &mb, &t->targets[i].grant);
		t->places[i].stored = arena_str(&t->arena, st == OK ? mb.name : STR(""));
		/* An account that was deleted meanwhile: its append answers NOT_FOUND. */
		if (st == ERR_NOT_FOUND)
			st = OK;
	}
	arena_free(&arena);
	return st == OK ? delivery_store(t->delivery, txn, t->targets + t->stored, t->batch) : st;
}

static int
by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The accounts of the batch's targets. */
static int64_t *
batch_accounts(struct transaction *t)
{
	int64_t *accounts = arena_array(&t->batch_arena, t->batch, sizeof(*accounts));

	for (size_t i = 0; i < t->batch; i++)
		accounts[i] = t->places[t->stored + i].to.account;
	qsort(accounts, t->batch, sizeof(*accounts), by_number);
	return accounts;
}

/* How many places one commit takes. */
static size_t
batch_size(const struct transaction *t)
{
	size_t n = DELIVERY_COMMIT_BYTES / (delivery_weight(t->delivery) + 1);

	return n == 0 ? 1 : n < TARGETS_PER_COMMIT ? n : TARGETS_PER_COMMIT;
}

static enum conn_next
submit_batch(struct lmtp_session *s)
{
	struct transaction *t = s->t;
	size_t left = t->places_n - t->stored, most = batch_size(t);

	t->batch = left < most ? left : most;
	arena_free(&t->batch_arena);
	for (size_t i = t->stored; i < t->stored + t->batch; i++)
		delivery_prepare(t->delivery, &t->targets[i], &t->batch_arena);
	s->mode = MODE_COMMIT;
	change_submit(&t->change, s->conn, store_db(s->service->door->store),
	    &(struct db_write){.fn = store_batch, .arg = s, .what = "delivery", .lane = (uint64_t)t->places[t->stored].to.account,
	        .accounts = batch_accounts(t), .accounts_n = t->batch});
	return CONN_WAKE;
}

static void
make_targets(struct lmtp_session *s)
{
	struct transaction *t = s->t;
	int64_t now = clock_seconds();

	t->targets = x_calloc(t->places_n, sizeof(*t->targets));
	for (size_t i = 0; i < t->places_n; i++) {
		t->targets[i].message.prefix = lmtp_trace_prefix(&t->arena, t->sender, t->places[i].address);
		t->targets[i].message.internal_date = now;
	}
	if (t->places_n > batch_size(t))
		delivery_share(t->delivery);
}

enum conn_next
lmtp_content_end(struct lmtp_session *s)
{
	struct transaction *t = s->t;

	s->mode = MODE_COMMANDS;
	if (t->status == OK)
		t->status = delivery_finish(t->delivery);
	if (t->status != OK)
		return answer_all(s);
	make_targets(s);
	return submit_batch(s);
}

enum conn_next
lmtp_content_committed(struct lmtp_session *s)
{
	struct transaction *t = s->t;
	enum status st = change_take(&t->change);

	s->mode = MODE_COMMANDS;
	if (st == ERR_UNKNOWN)
		return CONN_ABORT;
	if (st == OK) {
		delivery_committed(t->delivery);
	} else {
		/* The whole write failed: whatever single targets reached was undone. */
		for (size_t i = t->stored; i < t->stored + t->batch; i++)
			if (t->targets[i].status == OK)
				t->targets[i].status = st;
	}
	t->stored += t->batch;
	return t->stored < t->places_n ? submit_batch(s) : answer_all(s);
}
