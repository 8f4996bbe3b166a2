/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user add: arguments: scheme. Records: name, password, and where they stand ("FILE:LINE" or empty), which a fault is told with; END. A TEXT for each that failed, PROGRESS. Passwords are hashed before the
 * commit, many accounts go into one.
 */
#include "admin/verb_priv.h"

#define BATCH 50

struct user {
	struct str name, where;
	struct credentials credentials;
	enum status status;
};
struct batch {
	struct call *call;
	struct arena arena;
	struct user user[BATCH];
	size_t n, added, failed;
};

static enum status
add_batch(struct db_txn *txn, void *arg)
{
	struct batch *b = arg;

	for (size_t i = 0; i < b->n; i++) {
		struct user *u = &b->user[i];
		int64_t id;

		if (u->status != OK && u->status != ERR_EXISTS && u->status != ERR_LIMIT)
			continue;
		u->status = account_create(b->call->store, txn, u->name, &id);
		if (u->status == ERR_EXISTS || u->status == ERR_BAD_INPUT || u->status == ERR_LIMIT)
			continue;
		if (u->status == OK)
			u->status = credentials_store(b->call->store, txn, id, &u->credentials);
		if (u->status != OK)
			return u->status;
	}
	return OK;
}

static void
tell(struct batch *b, const struct user *u)
{
	const char *name = account_name_fault(u->name), *why = status_word(u->status);

	if (u->status == ERR_BAD_INPUT)
		why = name != NULL ? name : "not a password or hash that can be used";
	if (u->status == ERR_LIMIT)
		why = "its domain has as many accounts as it may";
	link_text(&b->call->link, "%.*s%s%.*s: %s%s", STR_FMT(u->where), u->where.n > 0 ? ": " : "", STR_FMT(u->name),
	    u->status == ERR_BAD_INPUT && name != NULL ? "not a name for an account: " : "", why);
}

static enum status
flush(struct batch *b)
{
	enum status st = b->n > 0 ? db_write(store_db(b->call->store), add_batch, b) : OK;

	for (size_t i = 0; i < b->n && st == OK; i++) {
		struct user *u = &b->user[i];

		if (u->status == OK) {
			b->added++;
			call_log_account(b->call, "added", u->name);
			continue;
		}
		b->failed++;
		tell(b, u);
	}
	b->n = 0;
	call_progress(b->call, b->added + b->failed, 0);
	arena_free_secret(&b->arena);
	return st;
}

static enum status
take(struct batch *b, struct str scheme, struct str payload)
{
	struct str *fields;
	size_t n;
	struct user *u = &b->user[b->n];

	if (frame_fields(&b->arena, payload, &fields, &n) != OK || n != 3)
		return call_fail(b->call, ERR_BAD_INPUT, "account add: not a name and a password");
	*u = (struct user){.name = arena_str(&b->arena, fields[0]), .where = arena_str(&b->arena, fields[2])};
	u->status = account_name_fault(u->name) == NULL ? credentials_make(&b->arena, scheme, fields[1], &u->credentials) : ERR_BAD_INPUT;
	return ++b->n == BATCH ? flush(b) : OK;
}

enum status
verb_user_add(struct call *c)
{
	struct batch *b = arena_new(&c->arena, struct batch);
	enum status st = OK;
	struct frame f;

	if (c->args_n != 1)
		return call_fail(c, ERR_BAD_INPUT, "account add: which scheme?");
	b->call = c;
	while (st == OK && (st = link_next(&c->link, &f)) == OK && f.type == FRAME_RECORD)
		st = take(b, c->args[0], f.payload);
	if (st == OK)
		st = flush(b);
	arena_free_secret(&b->arena);
	if (st != OK)
		return st;
	if (b->failed > 0)
		return call_fail(c, ERR_BAD_INPUT, "%zu added, %zu not", b->added, b->failed);
	return call_fail(c, OK, "%zu added", b->added);
}
