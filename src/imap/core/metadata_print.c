/* SPDX-License-Identifier: Apache-2.0 */
/* METADATA responses, a value at a time. */
#include "imap/core/metadata_print.h"

#include "base/config.h"
#include "base/map.h"

#define ENTRIES_MAX 200 /* in one command */

enum status
metadata_ask_add(struct cmd *cmd, struct metadata_ask *ask, struct str entry)
{
	if (!metadata_name_ok(entry, true))
		return ERR_BAD_INPUT;
	if (ask->n == ENTRIES_MAX)
		return ERR_LIMIT;
	if (ask->entry == NULL)
		ask->entry = arena_array(&cmd->arena, ENTRIES_MAX, sizeof(*ask->entry));
	ask->entry[ask->n++] = entry;
	return OK;
}

enum status
metadata_ask_parse(struct cmd *cmd, struct metadata_ask *ask)
{
	struct args *a = &cmd->args;
	bool list = arg_peek(a) == '(';
	struct str entry;
	enum status st;

	if (list && (st = arg_open(a)) != OK)
		return st;
	do {
		size_t at = a->at;

		if ((st = arg_astring(a, &entry)) == OK)
			st = metadata_ask_add(cmd, ask, entry);
		if (st != OK)
			return st == ERR_BAD_INPUT ? arg_expect_at(a, at, EXPECT_ENTRY) : st;
	} while (list ? arg_more(a) : arg_end(a) != OK && arg_space(a) == OK);
	return list ? arg_close(a) : OK;
}

/* Shared entries of the server are settings (RFC 5464 3.2.1.1). */
static struct str
server_value(struct str entry)
{
	const char *value = "";

	if (str_caseeq(entry, STR("/shared/comment")))
		value = config()->server_comment;
	else if (str_caseeq(entry, STR("/shared/admin")))
		value = config()->server_admin;
	return *value != '\0' ? str_c(value) : STR_NONE;
}

static void
print_value(struct buf *out, struct str value, bool utf8)
{
	if (value.n > 0 && memchr(value.p, '\0', value.n) != NULL)
		out_literal8(out, value);
	else
		out_nstring(out, value, utf8);
}

static void
print_entry(struct cmd *cmd, struct metadata_print *p, struct str name, struct str value)
{
	struct metadata_ask *ask = p->ask;
	struct buf *out = cmd_out(cmd);
	bool utf8 = session_utf8(cmd->session);

	if (ask->limited && value.n > ask->max) {
		if (value.n > ask->longest)
			ask->longest = value.n;
		return;
	}
	if (!p->begun) {
		buf_adds(out, "* METADATA ");
		if (p->name.n > 0)
			out_mailbox(out, p->name, utf8);
		else
			buf_adds(out, "\"\"");
		buf_adds(out, " (");
		p->begun = true;
	} else {
		buf_addc(out, ' ');
	}
	out_astring(out, name, utf8);
	buf_addc(out, ' ');
	print_value(out, value, utf8);
}

/* Was the entry told in this response? It is now. */
static bool
told_before(struct metadata_print *p, struct str name)
{
	static char yes;
	struct arena arena = {0};
	bool before = map_put(&p->told, arena_lower(&arena, name), &yes) != NULL;

	arena_free(&arena);
	return before;
}

/* Reads and tells one entry; asked: it was named itself, and is NIL where it has no value. */
static enum status
print_one(struct cmd *cmd, struct db_txn *txn, struct metadata_print *p, struct str name, bool asked)
{
	struct arena arena = {0};
	struct metadata *list;
	struct str server;
	size_t n = 0;
	enum status st = OK;

	if (told_before(p, name))
		return OK;
	if (p->mailbox == 0 && (server = server_value(name)).p != NULL)
		print_entry(cmd, p, name, server);
	else if ((st = metadata_get(&p->grant, txn, &arena, name, 0, &list, &n)) == OK && n > 0)
		print_entry(cmd, p, list[0].name, list[0].value);
	else if (st == OK && asked)
		print_entry(cmd, p, name, STR_NONE);
	arena_free(&arena);
	return st;
}

/* What is below the entry that was asked for, and that itself. */
static enum status
find_names(struct cmd *cmd, struct db_txn *txn, struct metadata_print *p)
{
	struct str entry = p->ask->entry[p->at];
	enum status st = metadata_names(&p->grant, txn, &p->list_arena, entry, p->ask->depth, &p->list, &p->list_n);

	p->list_at = 0;
	p->listed = st == OK;
	/* One that has no value is told as NIL, if nothing is below it either. */
	if (st == OK && p->list_n == 0)
		st = print_one(cmd, txn, p, entry, true);
	return st;
}

void
metadata_print_begin(struct metadata_print *p, struct metadata_ask *ask, int64_t mailbox, struct str name)
{
	*p = (struct metadata_print){.ask = ask, .mailbox = mailbox, .name = name};
}

static enum cmd_next
print_some(struct cmd *cmd, struct db_txn *txn, struct metadata_print *p, enum status *st_r)
{
	enum cmd_next next = CMD_DONE;

	for (; p->at < p->ask->n; p->at++, p->listed = false, arena_free(&p->list_arena)) {
		if (!p->listed && (*st_r = find_names(cmd, txn, p)) != OK)
			return CMD_DONE;
		while (p->list_at < p->list_n) {
			if ((next = cmd_pause(cmd)) != CMD_DONE)
				return next;
			*st_r = print_one(cmd, txn, p, p->list[p->list_at++].name, false);
			if (*st_r != OK)
				return CMD_DONE;
		}
		if ((next = cmd_pause(cmd)) != CMD_DONE)
			return next;
	}
	return CMD_DONE;
}

enum cmd_next
metadata_print(struct cmd *cmd, struct db_txn *txn, struct metadata_print *p, enum status *st_r)
{
	const struct actor *actor = &cmd->session->actor;
	enum cmd_next next = CMD_DONE;

	*st_r = p->mailbox == 0 ? grant_self(actor, &p->grant) : grant_get(actor, txn, p->mailbox, &p->grant);
	if (*st_r == OK)
		next = print_some(cmd, txn, p, st_r);
	if (next == CMD_DONE && p->begun)
		buf_adds(cmd_out(cmd), ")\r\n");
	return next;
}

void
metadata_print_free(struct metadata_print *p)
{
	map_free(&p->told);
	arena_free(&p->list_arena);
}
