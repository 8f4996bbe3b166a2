/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/notify.h"
#include "imap/objectid.h"
#include "imap/reply.h"
#include "imap/selected.h"
#include "imap/update.h"

/* "* OK [WORD n] text" */
static void
number_code(struct buf *out, const char *word, uint64_t n, const char *text)
{
	out_code_begin(out, STR(""), "OK");
	buf_adds(out, word);
	buf_addc(out, ' ');
	buf_addu(out, n);
	out_code_end(out, text);
}

/* Parameters of SELECT, in any order, several of them (RFC 4466 2.1, T43). */
static enum status
parse(struct cmd *cmd, struct str *name_r)
{
	struct args *a = &cmd->args;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_mailbox(a, name_r)) != OK)
		return st;
	return arg_end(a);
}

/* What a client is told of a newly selected mailbox (RFC 3501 6.3.1, T40, T41). */
static enum status
describe(struct cmd *cmd, struct db_txn *txn, const struct mailbox *mb)
{
	struct session *s = cmd->session;
	struct view *v = &s->selected->view;
	struct buf *out = cmd_out(cmd);
	uint32_t unseen;
	enum status st;

	if ((st = update_recent(s, txn, mb, 1)) != OK || (st = selected_keywords(s, txn)) != OK ||
	    (st = view_first_unseen(v, txn, &unseen)) != OK)
		return st;
	selected_print_flags(s, out);
	out_number_line(out, v->exists, "EXISTS");
	if (!cmd_enabled(cmd, ENABLED_IMAP4REV2)) {
		out_number_line(out, runs_count(&v->recent), "RECENT");
		if (unseen)
			number_code(out, "UNSEEN", unseen, "The first unseen message");
	}
	number_code(out, "UIDVALIDITY", v->uidvalidity, "UIDs are valid");
	number_code(out, "UIDNEXT", mb->uidnext, "The next UID");
	out_code_begin(out, STR(""), "OK");
	objectid_add(out, "MAILBOXID", OBJECTID_MAILBOX, mb->id); /* RFC 8474 4.2 */
	out_code_end(out, "Mailbox id");
	return OK;
}

static enum status
open_mailbox(struct cmd *cmd, struct db_txn *txn, struct str name, bool read_only)
{
	struct session *s = cmd->session;
	struct mailbox mb;
	enum status st;

	if ((st = mailbox_find(&s->actor, txn, &cmd->arena, name, &mb)) != OK)
		return st;
	if (mb.noselect)
		return ERR_NOT_FOUND;
	if ((st = selected_open(s, txn, &mb, read_only)) != OK)
		return st;
	hub_watch(s->imap->hub, (uint64_t)mb.account, (uint64_t)mb.id, &s->selected->watcher, s->conn);
	notify_bell(s, false);
	/* A commit between the snapshot and this may be unknown to the hub. */
	s->selected->look = true;
	if ((st = describe(cmd, txn, &mb)) != OK)
		selected_close(s);
	return st;
}

/* SELECT and EXAMINE, RFC 3501 6.3.1 and 6.3.2. */
enum cmd_next
cmd_select(struct cmd *cmd)
{
	struct session *s = cmd->session;
	bool read_only = cmd->row->flags & CMDF_EXAMINE;
	struct db_txn *txn;
	struct str name;
	enum status st;

	if ((st = parse(cmd, &name)) != OK)
		return reply_syntax(cmd, st, "SELECT takes one mailbox name");
	if (s->selected) {
		/* RFC 7162 3.2.11: what follows belongs to the new mailbox (T43). */
		out_untagged(cmd_out(cmd), "OK", "CLOSED", "The previous mailbox is closed");
		selected_close(s);
	}
	if ((st = cmd_read_begin(cmd, &txn)) == OK) {
		st = open_mailbox(cmd, txn, name, read_only);
		cmd_read_end(cmd, txn);
	}
	if (st != OK)
		return reply_status(cmd, st);
	if (s->selected->view.read_only)
		return reply_ok_code(cmd, STR("READ-ONLY"), "Selected, read-only");
	return reply_ok_code(cmd, STR("READ-WRITE"), "Selected");
}
