/* SPDX-License-Identifier: Apache-2.0 */
/* GETMETADATA: annotations of a mailbox or of the server. */
#include "imap/commands.h"
#include "imap/core/metadata_print.h"
#include "imap/core/reply.h"

static enum status
parse_options(struct args *a, struct metadata_ask *ask)
{
	struct str word, depth;
	enum status st;

	if ((st = arg_open(a)) != OK)
		return st;
	while (arg_more(a)) {
		if ((st = arg_atom_upper(a, &word)) != OK || (st = arg_space(a)) != OK)
			return st;
		if (str_eq(word, STR("MAXSIZE"))) {
			ask->limited = true;
			if ((st = arg_number64(a, &ask->max)) != OK)
				return st;
		} else if (str_eq(word, STR("DEPTH"))) {
			if ((st = arg_atom_upper(a, &depth)) != OK)
				return st;
			if (str_eq(depth, STR("0")) || str_eq(depth, STR("1")))
				ask->depth = depth.p[0] == '1';
			else if (str_eq(depth, STR("INFINITY")))
				ask->depth = METADATA_DEPTH_ALL;
			else
				return ERR_BAD_INPUT;
		} else {
			return ERR_BAD_INPUT;
		}
	}
	return arg_close(a);
}

/* Is this parenthesis one of options? Entries begin with '/', or with a quote or a literal. */
static bool
options_follow(const struct args *a)
{
	struct args look = *a;

	return arg_open(&look) == OK && ascii_alpha(arg_peek(&look));
}

/* The grammar has the options before the mailbox, the text and its examples behind it: both are taken. */
static enum status
parse(struct cmd *cmd, struct str *name_r, struct metadata_ask *ask)
{
	struct args *a = &cmd->args;
	enum status st;

	if ((st = arg_space(a)) != OK)
		return st;
	if (options_follow(a) && ((st = parse_options(a, ask)) != OK || (st = arg_space(a)) != OK))
		return st;
	if ((st = arg_mailbox(a, name_r)) != OK || (st = arg_space(a)) != OK)
		return st;
	if (options_follow(a) && ((st = parse_options(a, ask)) != OK || (st = arg_space(a)) != OK))
		return st;
	if ((st = metadata_ask_parse(cmd, ask)) != OK)
		return st;
	return arg_end(a);
}

struct getting {
	struct metadata_ask ask;
	struct metadata_print print;
};

static void
getmetadata_cleanup(struct cmd *cmd)
{
	metadata_print_free(&cmd_state(cmd, struct getting)->print);
}

static enum cmd_next
getmetadata_step(struct cmd *cmd)
{
	struct getting *g = cmd_state(cmd, struct getting);
	enum cmd_next next;
	struct db_txn *txn;
	enum status st = cmd_read_begin(cmd, &txn);

	if (st != OK)
		return reply_status(cmd, st);
	next = metadata_print(cmd, txn, &g->print, &st);
	cmd_read_end(cmd, txn);
	if (next != CMD_DONE)
		return next;
	if (st != OK)
		return reply_status(cmd, st);
	if (g->ask.longest > 0)
		return reply_ok_code(cmd, arena_printf(&cmd->arena, "METADATA LONGENTRIES %llu", (unsigned long long)g->ask.longest),
		    "GETMETADATA completed");
	return reply_ok(cmd, "GETMETADATA completed");
}

/* GETMETADATA, RFC 5464 4.2. The empty name is the server. */
enum cmd_next
cmd_getmetadata(struct cmd *cmd)
{
	struct getting *g = arena_new(&cmd->arena, struct getting);
	struct mailbox mb = {0};
	struct db_txn *txn;
	struct str name;
	enum status st;

	if ((st = parse(cmd, &name, &g->ask)) != OK)
		return reply_syntax(cmd, st);
	if (name.n > 0) {
		if ((st = cmd_read_begin(cmd, &txn)) != OK)
			return reply_status(cmd, st);
		st = mailbox_find(&cmd->session->actor, txn, &cmd->arena, name, &mb);
		cmd_read_end(cmd, txn);
		if (st != OK)
			return reply_status(cmd, st);
	}
	metadata_print_begin(&g->print, &g->ask, mb.id, name);
	cmd_state_set(cmd, struct getting, g);
	cmd->cleanup = getmetadata_cleanup;
	cmd->step = getmetadata_step;
	return getmetadata_step(cmd);
}
