/* SPDX-License-Identifier: Apache-2.0 */
/* INBOX as it was at the login, and the commands that ask for its numbers: STAT, LIST, UIDL, DELE, RSET. */
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "pop3/session_priv.h"
#include "store/uidl.h"

#define STEP_US 3000
#define CLOCK_EVERY 64 /* lines */

enum status
maildrop_open(struct pop3_session *s)
{
	struct actor actor = {.store = s->service->door->store, .account = s->login.account};
	struct maildrop *d = &s->drop;
	struct arena arena = {0};
	struct mailbox mb;
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(actor.store), &txn);

	if (st != OK)
		return st;
	db_read_account(txn, actor.account);
	if ((st = mailbox_find(&actor, txn, &arena, STR("INBOX"), &mb)) == OK && (st = view_open(&d->view, &actor, txn, &mb, false)) == OK) {
		d->messages = d->view.exists;
		d->size = mb.size;
	}
	db_read_end(txn);
	arena_free(&arena);
	return st;
}

/* ---- marks ---- */

static size_t
marks_bytes(const struct maildrop *d)
{
	return ((size_t)d->messages / 64 + 1) * sizeof(uint64_t);
}

bool
marks_have(const struct marks *m, uint32_t number)
{
	return m->bits != NULL && (m->bits[number / 64] >> number % 64 & 1);
}

enum status
marks_set(struct pop3_session *s, struct marks *m, uint32_t number)
{
	size_t bytes = marks_bytes(&s->drop);
	enum status st;

	if (m->bits == NULL) {
		if ((st = charge_more(&s->login.charge, bytes)) != OK)
			return st;
		m->bits = x_calloc(1, bytes);
	}
	m->n += !marks_have(m, number);
	m->bits[number / 64] |= (uint64_t)1 << number % 64;
	return OK;
}

void
marks_clear(struct pop3_session *s, struct marks *m)
{
	if (m->bits != NULL)
		charge_less(&s->login.charge, marks_bytes(&s->drop));
	free(m->bits);
	*m = (struct marks){0};
}

void
maildrop_close(struct pop3_session *s)
{
	marks_clear(s, &s->drop.deleted);
	marks_clear(s, &s->drop.seen);
	view_close(&s->drop.view);
}

/* ---- one message ---- */

/* Looks up the messages from a number on. */
static enum status
look_ahead(struct maildrop *d, struct db_txn *txn, uint32_t first)
{
	struct runs seqs = {0}, uids = {0};
	struct view_iter it = VIEW_ITER(&d->view, &uids);
	const struct entry *e;
	enum status st;

	memset(d->ahead, 0, sizeof(d->ahead));
	d->first = first;
	d->version = 0;
	runs_add(&seqs, first, d->messages - first < BRIEFS ? d->messages : first + BRIEFS - 1);
	st = view_uids_of_seqs(&d->view, txn, &seqs, &uids);
	if (st == OK && (st = view_iter_begin(&it, txn)) == OK) {
		while ((e = view_iter_next(&it)) != NULL)
			if (it.seq >= first && it.seq - first < BRIEFS)
				d->ahead[it.seq - first] = (struct brief){e->email, e->size, e->uid, e->flags, e->expunged};
		st = view_iter_end(&it);
	}
	if (st == OK)
		d->version = db_version(txn);
	runs_free(&seqs);
	runs_free(&uids);
	return st;
}

/* ERR_NOT_FOUND: others have expunged it. */
static enum status
brief_of(struct maildrop *d, struct db_txn *txn, uint32_t number, struct brief *b_r)
{
	uint64_t version = db_version(txn);
	enum status st = OK;

	if (version == 0 || version != d->version || number < d->first || number - d->first >= BRIEFS)
		st = look_ahead(d, txn, number);
	if (st == OK)
		*b_r = d->ahead[number - d->first];
	return st != OK ? st : b_r->uid == 0 || b_r->expunged ? ERR_NOT_FOUND : OK;
}

bool
maildrop_find(struct pop3_session *s, const struct pop3_command *cmd, struct brief *b_r)
{
	struct maildrop *d = &s->drop;
	uint32_t n = cmd->message;
	struct db_txn *txn;
	enum status st;

	if (n == 0 || n > d->messages || marks_have(&d->deleted, n)) {
		(void)(n == 0 || n > d->messages ? pop3_err(s, "", "No such message, there are %u", d->messages)
		                                 : pop3_err(s, "", "The message was deleted, %u remain", d->messages - d->deleted.n));
		return false;
	}
	if ((st = db_read_begin(store_db(s->service->door->store), &txn)) == OK) {
		db_read_account(txn, s->login.account);
		st = brief_of(d, txn, n, b_r);
		db_read_end(txn);
	}
	if (st != OK)
		(void)pop3_failed(s, st);
	return st == OK;
}

/* ---- commands ---- */

enum conn_next
pop3_stat(struct pop3_session *s, const struct pop3_command *cmd)
{
	struct maildrop *d = &s->drop;

	return pop3_ok(s, "%u %llu", d->messages - d->deleted.n, (unsigned long long)(d->size - d->deleted_size));
}

enum conn_next
pop3_dele(struct pop3_session *s, const struct pop3_command *cmd)
{
	struct brief b;
	enum status st;

	if (!maildrop_find(s, cmd, &b))
		return CONN_AGAIN;
	if ((st = marks_set(s, &s->drop.deleted, cmd->message)) != OK)
		return pop3_failed(s, st);
	s->drop.deleted_size += b.size;
	return pop3_ok(s, "Goes at QUIT");
}

enum conn_next
pop3_rset(struct pop3_session *s, const struct pop3_command *cmd)
{
	marks_clear(s, &s->drop.deleted);
	s->drop.deleted_size = 0;
	return pop3_ok(s, "%u messages", s->drop.messages);
}

/*
 * What an import brought, else UIDVALIDITY and UID: stable as long as the mailbox is the same (docs/why/pop3.md). What was brought and looks like
 * one of ours counts for nothing: another message could have it.
 */
static enum status
add_uidl(struct buf *out, const struct maildrop *d, struct db_txn *txn, struct uidl_reader *r, uint32_t uid, int64_t email)
{
	size_t at = out->n;
	struct buf ours = {0};
	enum status st = uidl_get(r, txn, d->view.grant.mailbox, uid, email, out);

	if (st != OK)
		return st;
	buf_addu(&ours, d->view.uidvalidity);
	buf_addc(&ours, '.');
	if (out->n == at || str_starts(str_from(buf_str(out), at), buf_str(&ours))) {
		out->n = at;
		buf_add(out, buf_str(&ours));
		buf_addu(out, uid);
	}
	buf_free(&ours);
	return OK;
}

static void
begin_line(struct buf *out, uint32_t number)
{
	buf_addu(out, number);
	buf_addc(out, ' ');
}

/* UIDL of one message. */
static enum conn_next
one_uidl(struct pop3_session *s, uint32_t number, const struct brief *b)
{
	struct uidl_reader reader = {0};
	struct buf value = {0};
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(s->service->door->store), &txn);

	if (st == OK) {
		db_read_account(txn, s->login.account);
		st = add_uidl(&value, &s->drop, txn, &reader, b->uid, b->email);
		db_read_end(txn);
	}
	if (st != OK)
		(void)pop3_failed(s, st);
	else
		buf_addf(conn_out(s->conn), "+OK %u %.*s\r\n", number, STR_FMT(buf_str(&value)));
	buf_free(&value);
	return CONN_AGAIN;
}

static enum conn_next
list(struct pop3_session *s, const struct pop3_command *cmd, bool uidl)
{
	struct brief b;

	s->uidl = uidl;
	if (cmd->given) {
		if (!maildrop_find(s, cmd, &b))
			return CONN_AGAIN;
		return uidl ? one_uidl(s, cmd->message, &b) : pop3_ok(s, "%u %llu", cmd->message, (unsigned long long)b.size);
	}
	s->mode = POP3_LISTING;
	s->walk = (struct view_iter)VIEW_ITER(&s->drop.view, NULL);
	return pop3_ok(s, "%u messages", s->drop.messages - s->drop.deleted.n);
}

enum conn_next
pop3_list(struct pop3_session *s, const struct pop3_command *cmd)
{
	return list(s, cmd, false);
}

enum conn_next
pop3_uidl(struct pop3_session *s, const struct pop3_command *cmd)
{
	return list(s, cmd, true);
}

/* Lines until the client or others have to be waited for. *over_r: that was the last. */
static enum status
add_lines(struct pop3_session *s, struct db_txn *txn, bool *over_r)
{
	struct buf *out = conn_out(s->conn);
	struct uidl_reader reader = {0};
	enum status st = OK;
	int64_t start = clock_mono();
	const struct entry *e;

	for (unsigned i = 1; !conn_out_full(s->conn) && (i % CLOCK_EVERY != 0 || clock_mono() - start < STEP_US); i++) {
		if ((e = view_iter_next(&s->walk)) == NULL) {
			*over_r = true;
			break;
		}
		if (marks_have(&s->drop.deleted, s->walk.seq))
			continue;
		begin_line(out, s->walk.seq);
		if (!s->uidl)
			buf_addu(out, e->size);
		else if ((st = add_uidl(out, &s->drop, txn, &reader, e->uid, e->email)) != OK)
			break;
		buf_adds(out, "\r\n");
	}
	return st;
}

/* A listing that cannot go on must not look whole: the connection is cut. */
enum conn_next
pop3_listing_step(struct pop3_session *s)
{
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(s->service->door->store), &txn), ended;
	bool over = false;

	if (st != OK)
		return CONN_ABORT;
	db_read_account(txn, s->login.account);
	if ((st = view_iter_begin(&s->walk, txn)) == OK) {
		st = add_lines(s, txn, &over);
		ended = view_iter_end(&s->walk);
		st = st == OK ? ended : st;
	}
	db_read_end(txn);
	if (st != OK)
		return CONN_ABORT;
	if (!over)
		return CONN_AGAIN;
	buf_adds(conn_out(s->conn), ".\r\n");
	s->mode = POP3_COMMANDS;
	return CONN_AGAIN;
}
