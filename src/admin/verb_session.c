/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session list: arguments: account, or none. Records: account, number, listener, address, seconds since it was accepted.
 * session close: arguments: account, numbers; none of these: all. Each gets its protocol's goodbye.
 */
#include <inttypes.h>
#include <stdio.h>
#include "admin/verb_priv.h"
#include "net/net.h"

struct session_row {
	uint64_t account, id;
	const char *listener; /* in the arena, as the next */
	const char *address;
	int64_t age;
};
struct found {
	struct arena *arena;
	uint64_t account; /* 0: all */
	struct session_row *row;
	size_t n, cap;
};

static const char *
keep(struct arena *arena, const char *text)
{
	struct buf b = {0};
	const char *kept;

	buf_adds(&b, text);
	buf_addc(&b, '\0');
	kept = arena_str(arena, buf_str(&b)).p;
	buf_free(&b);
	return kept;
}

static void
session_collect(void *arg, struct conn *c)
{
	struct found *f = arg;
	uint64_t account = conn_account(c);
	size_t more = f->cap ? 2 * f->cap : 64;

	if (account == 0 || (f->account != 0 && account != f->account))
		return;
	if (f->n == f->cap) {
		f->row = arena_grow(f->arena, f->row, f->n, f->cap, more, sizeof(*f->row));
		f->cap = more;
	}
	f->row[f->n++] = (struct session_row){account, conn_id(c), keep(f->arena, conn_local(c)), keep(f->arena, conn_peer(c)), conn_age(c)};
}

static enum status
send_row(struct call *c, struct db_txn *txn, const struct session_row *row)
{
	struct arena arena = {0};
	struct account account;
	char numbers[2][24];
	enum status st = account_get(txn, &arena, (int64_t)row->account, &account);

	snprintf(numbers[0], sizeof(numbers[0]), "%" PRIu64, row->id);
	snprintf(numbers[1], sizeof(numbers[1]), "%" PRId64, row->age);
	if (st == OK)
		link_fields(&c->link, FRAME_RECORD, 5,
		    (struct str[]){account.name, str_c(numbers[0]), str_c(row->listener), str_c(row->address), str_c(numbers[1])});
	arena_free(&arena);
	/* It was deleted this moment: its sessions are ending. */
	return st == ERR_NOT_FOUND ? OK : st;
}

static enum status
no_server(struct call *c)
{
	return call_fail(c, ERR_UNAVAILABLE, "no server runs here: there are no sessions");
}

enum status
verb_session_list(struct call *c)
{
	struct found f = {.arena = &c->arena};
	struct account account;
	struct db_txn *txn;
	enum status st = OK;

	if (c->args_n > 1)
		return call_fail(c, ERR_BAD_INPUT, "session list: an account, or none");
	if (c->net == NULL)
		return no_server(c);
	if (c->args_n == 1 && (st = call_account(c, c->args[0], &account)) != OK)
		return st;
	f.account = c->args_n == 1 ? (uint64_t)account.id : 0;
	net_each(c->net, session_collect, &f);
	if ((st = db_read_begin(store_db(c->store), &txn)) != OK)
		return st;
	for (size_t i = 0; st == OK && i < f.n; i++)
		st = send_row(c, txn, &f.row[i]);
	db_read_end(txn);
	return st;
}

/* ---- close ---- */

struct closing {
	struct call *call;
	uint64_t account;
	size_t n;
	bool *met; /* by the number of the argument */
};

static void
close_one(void *arg, struct conn *c)
{
	struct closing *cl = arg;
	const struct call *call = cl->call;
	bool meant = call->args_n == 1;
	uint64_t id;

	if (conn_account(c) != cl->account)
		return;
	for (size_t i = 1; i < call->args_n; i++)
		if (str_u64(call->args[i], UINT64_MAX, &id) && id == conn_id(c))
			meant = cl->met[i] = true;
	if (!meant)
		return;
	cl->n++;
	conn_wake(c, CONN_EV_STOP);
}

enum status
verb_session_close(struct call *c)
{
	struct closing cl = {.call = c};
	struct account account;
	size_t missed = 0;
	enum status st;

	if (c->args_n == 0)
		return call_fail(c, ERR_BAD_INPUT, "session close: of which account?");
	if (c->net == NULL)
		return no_server(c);
	if ((st = call_account(c, c->args[0], &account)) != OK)
		return st;
	cl.account = (uint64_t)account.id;
	cl.met = arena_array(&c->arena, c->args_n, sizeof(bool));
	for (size_t i = 0; i < c->args_n; i++)
		cl.met[i] = false;
	net_each(c->net, close_one, &cl);
	for (size_t i = 1; i < c->args_n; i++)
		if (!cl.met[i]) {
			missed++;
			link_text(&c->link, "%.*s has no session %.*s", STR_FMT(account.name), STR_FMT(c->args[i]));
		}
	if (cl.n > 0)
		call_log_account(c, "sessions closed", account.name);
	if (missed > 0)
		return call_fail(c, ERR_NOT_FOUND, "%zu closed, %zu not", cl.n, missed);
	return call_fail(c, OK, "%zu closed", cl.n);
}
