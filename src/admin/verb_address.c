/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address add, remove, delete: argument: "alias" or "group"; records: where, name, targets. address list: arguments: the kind, or besides a name: records: name, then
 * for each target its kind ("account", "alias", "group"), its name, "disabled" or nothing.
 */
#include <stdio.h>
#include "admin/lines.h"
#include "store/address.h"

#define BATCH 10            /* addresses in one snapshot, of which each may have thousands of targets */
#define TARGETS_A_RECORD 3000

static bool
kind_of(struct call *c, enum address_kind *kind_r)
{
	bool alias = c->args_n > 0 && str_eq(c->args[0], STR("alias"));

	*kind_r = alias ? ADDRESS_ALIAS : ADDRESS_GROUP;
	return alias || (c->args_n > 0 && str_eq(c->args[0], STR("group")));
}

static const char *
word(enum address_kind kind)
{
	return kind == ADDRESS_GROUP ? "group" : "alias";
}

static void
log_change(struct call *c, const struct line *l, void *arg, const char *what)
{
	char text[64];

	snprintf(text, sizeof(text), "(%s) %s", word(*(enum address_kind *)arg), what);
	call_log_account(c, text, l->word[0]);
}

static enum status
add_one(struct call *c, struct db_txn *txn, struct line *l, void *arg)
{
	struct address_fault fault = {0};
	enum status st = address_add(c->store, txn, *(enum address_kind *)arg, l->word[0], l->word + 1, l->n - 1, &fault);

	return line_refused(l, st, fault.why, fault.what);
}

static enum status
remove_one(struct call *c, struct db_txn *txn, struct line *l, void *arg)
{
	struct address_fault fault = {0};
	enum status st = address_remove(c->store, txn, *(enum address_kind *)arg, l->word[0], l->word + 1, l->n - 1, &fault);

	return line_refused(l, st, fault.why, fault.what);
}

static enum status
delete_one(struct call *c, struct db_txn *txn, struct line *l, void *arg)
{
	enum address_kind kind = *(enum address_kind *)arg;
	enum status st = address_delete(c->store, txn, kind, l->word[0]);

	return line_refused(l, st, kind == ADDRESS_GROUP ? "there is no such group" : "there is no such alias", l->word[0]);
}

static void
added(struct call *c, const struct line *l, void *arg)
{
	log_change(c, l, arg, "extended");
}

static void
removed(struct call *c, const struct line *l, void *arg)
{
	log_change(c, l, arg, "reduced");
}

static void
deleted(struct call *c, const struct line *l, void *arg)
{
	log_change(c, l, arg, "deleted");
}

static enum status
change(struct call *c, struct lines *verb)
{
	enum address_kind kind;

	if (!kind_of(c, &kind))
		return call_fail(c, ERR_BAD_INPUT, "%s: alias or group?", verb->verb);
	verb->arg = &kind;
	verb->words_max = FRAME_FIELDS_MAX;
	return call_lines(c, verb);
}

enum status
verb_address_add(struct call *c)
{
	return change(c, &(struct lines){.run = add_one, .done = added, .verb = "address add", .past = "done", .words_min = 1});
}

enum status
verb_address_remove(struct call *c)
{
	return change(c, &(struct lines){.run = remove_one, .done = removed, .verb = "address remove", .past = "done", .words_min = 2, .reserve = true});
}

enum status
verb_address_delete(struct call *c)
{
	return change(c, &(struct lines){.run = delete_one, .done = deleted, .verb = "address delete", .past = "deleted", .words_min = 1, .reserve = true});
}

/* ---- listing ---- */

/* One record, or several of the same name where the targets are many. */
static void
send_targets(struct call *c, struct arena *arena, struct str name, const struct address_target *t, size_t n)
{
	struct str *fields = arena_array(arena, 1 + 3 * TARGETS_A_RECORD, sizeof(*fields));
	size_t at = 0;

	do {
		size_t k = 0;

		fields[k++] = name;
		for (; at < n && k < 1 + 3 * TARGETS_A_RECORD; at++) {
			fields[k++] = t[at].is == TARGET_ACCOUNT ? STR("account") : str_c(word(t[at].kind));
			fields[k++] = t[at].name;
			fields[k++] = t[at].disabled ? STR("disabled") : STR("");
		}
		link_fields(&c->link, FRAME_RECORD, k, fields);
	} while (at < n);
}

static enum status
list_one(struct call *c, struct db_txn *txn, struct arena *arena, const struct address *a)
{
	struct address_target *t;
	size_t n;
	enum status st = address_targets(txn, arena, a->id, ADDRESS_TARGETS_MAX, &t, &n);

	if (st == OK)
		send_targets(c, arena, a->name, t, n);
	return st;
}

static enum status
some(struct listing *l, struct db_txn *txn)
{
	const enum address_kind *kind = l->arg;
	struct address *list = NULL;
	enum status st = address_list(txn, &l->arena, *kind, l->after, BATCH, &list, &l->n);

	for (size_t i = 0; st == OK && i < l->n; i++) {
		st = list_one(l->call, txn, &l->arena, &list[i]);
		l->last = list[i].name;
	}
	return st;
}

static enum status
list_named(struct call *c, enum address_kind kind)
{
	struct address a;
	struct db_txn *txn;
	enum status st = db_read_begin(store_db(c->store), &txn);

	if (st != OK)
		return st;
	link_hold(&c->link, true);
	st = address_find(c->store, txn, &c->arena, c->args[1], &a);
	if (st == OK && a.kind != kind)
		st = ERR_NOT_FOUND;
	if (st == OK)
		st = list_one(c, txn, &c->arena, &a);
	db_read_end(txn);
	link_hold(&c->link, false);
	return st == ERR_NOT_FOUND ? call_fail(c, st, "there is no %s %.*s", word(kind), STR_FMT(c->args[1])) : st;
}

enum status
verb_address_list(struct call *c)
{
	enum address_kind kind;

	if (!kind_of(c, &kind))
		return call_fail(c, ERR_BAD_INPUT, "address list: alias or group?");
	if (c->args_n > 1)
		return list_named(c, kind);
	return call_list(c, some, &kind);
}
