/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export: arguments: account, mailbox (empty: all). Sends
 *
 *	RECORD "folder", name, messages, special-use or ""
 *	RECORD "message", uid, seconds, zone, flags, size, keyword ...    followed by DATA and
 *	RECORD "end"                                                      or "end", "damaged", or "gone" (expunged meanwhile)
 *
 * Snapshots are short, and nothing is sent while one is held: a command line that is stopped keeps no snapshot, and the log can be cut.
 */
#include <inttypes.h>
#include <stdio.h>
#include "admin/verb_priv.h"
#include "store/email.h"
#include "store/message.h"
#include "store/view.h"

#define STEP_MESSAGES 100
#define STEP_BYTES (4u << 20)
#define CHUNK (256 * 1024)

struct export {
	struct call *call;
	struct actor actor;
	struct view view;
	struct view_iter iter;
	struct buf chunk;
	struct entry body;   /* the message whose bytes are on their way */
	uint64_t at;         /* how far */
	bool in_body;
	uint64_t damaged;
};

static void
send_message(struct export *ex, const struct entry *e, const struct keywords *kw)
{
	struct str fields[6 + KEYWORDS_PER_MESSAGE] = {STR("message")};
	char numbers[5][24];
	size_t n = 6;

	snprintf(numbers[0], 24, "%" PRIu32, e->uid);
	snprintf(numbers[1], 24, "%" PRId64, e->internal_date);
	snprintf(numbers[2], 24, "%d", e->zone);
	snprintf(numbers[3], 24, "%u", e->flags);
	snprintf(numbers[4], 24, "%" PRIu64, e->size);
	for (size_t i = 0; i < 5; i++)
		fields[1 + i] = str_c(numbers[i]);
	for (size_t i = 0; i < e->keywords_n && n < sizeof(fields) / sizeof(*fields); i++)
		if ((fields[n] = keywords_name(kw, e->keywords[i])).n > 0)
			n++;
	link_fields(&ex->call->link, FRAME_RECORD, n, fields);
}

static void
end_body(struct export *ex, enum status st)
{
	bool gone = st == ERR_NOT_FOUND && ex->at > 0;

	ex->in_body = false;
	if (st == OK || gone) {
		link_fields(&ex->call->link, FRAME_RECORD, 1, (struct str[]){gone ? STR("gone") : STR("end")});
		return;
	}
	ex->damaged++;
	link_text(&ex->call->link, "UID %" PRIu32 ": %s", ex->body.uid, status_word(st));
	link_fields(&ex->call->link, FRAME_RECORD, 2, (struct str[]){STR("end"), STR("damaged")});
}

/* Queues bytes of the body, as many as a step takes; the rest comes in the next one. */
static enum status
go_on(struct export *ex, struct db_txn *txn)
{
	struct arena arena = {0};
	struct email email;
	enum status st = email_get(&ex->view.grant, txn, &arena, ex->body.email, &email);

	while (st == OK && ex->at < ex->body.size && ex->call->link.out.n < STEP_BYTES) {
		buf_clear(&ex->chunk);
		st = email_read(&ex->view.grant, txn, &email, ex->at, CHUNK, &ex->chunk);
		if (st == OK && ex->chunk.n == 0)
			st = ERR_CORRUPT;
		if (st == OK) {
			link_send(&ex->call->link, FRAME_DATA, buf_str(&ex->chunk));
			ex->at += ex->chunk.n;
		}
	}
	if (st == ERR_CORRUPT || st == ERR_NOT_FOUND || (st == OK && ex->at == ex->body.size)) {
		end_body(ex, st);
		st = OK;
	}
	arena_free(&arena);
	return st;
}

/* Some messages of the walk. *more_r: there are more. */
static enum status
walk(struct export *ex, struct db_txn *txn, bool *more_r)
{
	struct arena arena = {0};
	const struct entry *e = NULL;
	struct keywords kw;
	enum status st, end;

	if ((st = keywords_get(txn, &arena, ex->view.grant.mailbox, &kw)) != OK || (st = view_iter_begin(&ex->iter, txn)) != OK) {
		arena_free(&arena);
		return st;
	}
	*more_r = true;
	for (size_t n = 0; st == OK && n < STEP_MESSAGES && !ex->in_body && ex->call->link.out.n < STEP_BYTES; n++) {
		if ((e = view_iter_next(&ex->iter)) == NULL) {
			*more_r = false;
			break;
		}
		send_message(ex, e, &kw);
		ex->body = *e;
		ex->body.keywords = NULL;
		ex->at = 0;
		ex->in_body = true;
		st = go_on(ex, txn);
	}
	end = view_iter_end(&ex->iter);
	arena_free(&arena);
	return st == OK ? end : st;
}

static enum status
step(struct export *ex, bool *more_r)
{
	struct link *link = &ex->call->link;
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(ex->call->store), &txn);

	if (st != OK)
		return st;
	link_hold(link, true);
	if (ex->in_body)
		st = go_on(ex, txn);
	if (st == OK && !ex->in_body)
		st = walk(ex, txn, more_r);
	db_read_end(txn);
	link_hold(link, false);
	return st == OK ? link_flush(link) : st;
}

static const char *
special_word(unsigned special)
{
	for (unsigned i = 0; special_use(i) != NULL; i++)
		if (special & SPECIAL_MOVED & 1u << i)
			return special_use(i);
	return "";
}

static enum status
open_mailbox(struct export *ex, int64_t id)
{
	struct arena arena = {0};
	struct mailbox mb;
	struct db_txn *txn;
	char count[24];
	enum status st = db_read_begin(store_db(ex->call->store), &txn);

	if (st != OK)
		return st;
	st = mailbox_get(&ex->actor, txn, &arena, id, &mb);
	if (st == OK)
		st = view_open(&ex->view, &ex->actor, txn, &mb, true);
	db_read_end(txn);
	if (st == OK) {
		snprintf(count, sizeof(count), "%" PRIu32, mb.messages);
		link_fields(&ex->call->link, FRAME_RECORD, 4,
		    (struct str[]){STR("folder"), mb.name, str_c(count), str_c(special_word(mb.special))});
	}
	arena_free(&arena);
	return st;
}

static enum status
export_mailbox(struct export *ex, int64_t id)
{
	enum status st = open_mailbox(ex, id);
	bool more = true;

	/* Deleted while we were at the others. */
	if (st == ERR_NOT_FOUND)
		return OK;
	ex->iter = (struct view_iter)VIEW_ITER(&ex->view, NULL);
	ex->iter.no_seq = true;
	while (st == OK && (more || ex->in_body))
		st = step(ex, &more);
	if (st == OK && ex->iter.missed > 0) {
		ex->damaged += ex->iter.missed;
		link_text(&ex->call->link, "%" PRIu32 " messages of this mailbox cannot be read", ex->iter.missed);
	}
	view_close(&ex->view);
	return st;
}

static enum status
list(struct export *ex, struct mailbox **list_r, size_t *n_r)
{
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(ex->call->store), &txn);

	if (st == OK) {
		st = mailbox_list(&ex->actor, txn, &ex->call->arena, list_r, n_r);
		db_read_end(txn);
	}
	return st;
}

enum status
verb_export(struct call *c)
{
	struct export ex = {.call = c};
	struct account account;
	struct mailbox *mailboxes;
	size_t n, found = 0;
	enum status st;

	if (c->args_n != 2)
		return call_fail(c, ERR_BAD_INPUT, "export: which account and mailbox?");
	if ((st = call_account(c, c->args[0], &account)) != OK)
		return st;
	ex.actor = (struct actor){.store = c->store, .account = account.id, .admin = true};
	st = list(&ex, &mailboxes, &n);
	for (size_t i = 0; st == OK && i < n; i++) {
		if (mailboxes[i].noselect || (c->args[1].n > 0 && !str_eq(c->args[1], mailboxes[i].name)))
			continue;
		found++;
		st = export_mailbox(&ex, mailboxes[i].id);
	}
	buf_free(&ex.chunk);
	if (st == OK && found == 0)
		return call_fail(c, ERR_NOT_FOUND, "there is no mailbox %.*s", STR_FMT(c->args[1]));
	if (st == OK && ex.damaged > 0)
		return call_fail(c, ERR_CORRUPT, "%" PRIu64 " messages are damaged", ex.damaged);
	return st;
}
