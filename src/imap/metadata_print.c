/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/metadata_print.h"

#include "base/config.h"

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
		if ((st = arg_astring(a, &entry)) != OK || (st = metadata_ask_add(cmd, ask, entry)) != OK)
			return st;
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

struct response {
	struct cmd *cmd;
	struct metadata_ask *ask;
	struct str mailbox;
	bool begun;
};

static void
print_entry(struct response *r, struct str name, struct str value)
{
	struct buf *out = cmd_out(r->cmd);
	bool utf8 = session_utf8(r->cmd->session);

	if (r->ask->limited && value.n > r->ask->max) {
		if (value.n > r->ask->longest)
			r->ask->longest = value.n;
		return;
	}
	if (!r->begun) {
		buf_adds(out, "* METADATA ");
		if (r->mailbox.n > 0)
			out_mailbox(out, r->mailbox, utf8);
		else
			buf_adds(out, "\"\"");
		buf_adds(out, " (");
		r->begun = true;
	} else {
		buf_addc(out, ' ');
	}
	out_astring(out, name, utf8);
	buf_addc(out, ' ');
	print_value(out, value, utf8);
}

static enum status
print_asked(struct response *r, struct db_txn *txn, int64_t mailbox, struct str entry)
{
	struct metadata *list;
	struct str value;
	size_t n;
	enum status st = metadata_get(&r->cmd->session->actor, txn, &r->cmd->arena, mailbox, entry, r->ask->depth, &list, &n);

	if (st != OK)
		return st;
	for (size_t i = 0; i < n; i++)
		print_entry(r, list[i].name, list[i].value);
	if (mailbox == 0 && (value = server_value(entry)).p != NULL)
		print_entry(r, entry, value);
	else if (n == 0)
		print_entry(r, entry, STR_NONE);
	return OK;
}

enum status
metadata_print(struct cmd *cmd, struct db_txn *txn, struct metadata_ask *ask, int64_t mailbox, struct str name)
{
	struct response r = {.cmd = cmd, .ask = ask, .mailbox = name};
	enum status st = OK;

	for (size_t i = 0; i < ask->n && st == OK; i++)
		st = print_asked(&r, txn, mailbox, ask->entry[i]);
	if (r.begun)
		buf_adds(cmd_out(cmd), ")\r\n");
	return st;
}
