/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT and EXAMINE: a mailbox is opened and described. */
#include "imap/commands.h"
#include "imap/core/condstore.h"
#include "imap/core/language.h"
#include "imap/core/objectid.h"
#include "imap/core/oldname.h"
#include "imap/core/reply.h"
#include "imap/core/selected.h"
#include "imap/core/special.h"
#include "imap/news/notify.h"
#include "imap/news/qresync.h"
#include "imap/news/selected_close.h"
#include "imap/news/update.h"

/* "* OK [WORD n] text" */
static void
number_code(struct cmd *cmd, const char *word, uint64_t n, const char *text)
{
	struct buf *out = cmd_out(cmd);

	out_code_begin(out, STR(""), "OK");
	buf_adds(out, word);
	buf_addc(out, ' ');
	buf_addu(out, n);
	out_code_end(out, language_text(cmd->session, text));
}

struct selecting {
	struct str name, written;
	bool condstore;
	struct qresync qresync;
};

static void
select_cleanup(struct cmd *cmd)
{
	struct selecting *x = cmd_state(cmd, struct selecting);

	qresync_free(&x->qresync);
}

static enum status
parameter(struct cmd *cmd, struct selecting *x)
{
	if (!x->condstore && arg_keyword(&cmd->args, "CONDSTORE")) {
		x->condstore = true;
		return OK;
	}
	/* Only once it is enabled (RFC 7162 3.2.5). */
	if (!x->qresync.given && cmd_enabled(cmd, ENABLED_QRESYNC) && arg_keyword(&cmd->args, "QRESYNC"))
		return qresync_parse(&x->qresync, &cmd->args);
	return arg_expect(&cmd->args, EXPECT_PARAMETER);
}

/* A name, and parameters in any order, several of them (RFC 4466 2.1, T43). */
static enum status
parse(struct cmd *cmd, struct selecting *x)
{
	struct args *a = &cmd->args;
	enum status st;

	if ((st = arg_space(a)) != OK)
		return st;
	x->written = oldname_peek(a, cmd);
	if ((st = arg_mailbox(a, &x->name)) != OK || arg_end(a) == OK)
		return st;
	if ((st = arg_space(a)) != OK || (st = arg_open(a)) != OK)
		return st;
	do
		st = parameter(cmd, x);
	while (st == OK && arg_more(a));
	if (st != OK || (st = arg_close(a)) != OK)
		return st;
	return arg_end(a);
}

/* IMAP4rev2: the mailbox as LIST shows it (RFC 9051 6.3.2). */
static void
list_line(struct cmd *cmd, const struct mailbox *mb)
{
	const struct selecting *x = cmd_state(cmd, struct selecting);
	struct buf uses = {0};
	const char *use;
	unsigned bit;

	for (unsigned i = 0; (use = special_name(i, &bit)) != NULL; i++)
		if (mb->special & bit)
			buf_addf(&uses, "%s%s", uses.n ? " " : "", use);
	buf_addc(&uses, '\0');
	oldname_print(cmd, uses.p, mb->name, x->written);
	buf_free(&uses);
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
		/* RFC 9586 3: no message numbers. */
		if (unseen && !cmd_enabled(cmd, ENABLED_UIDONLY))
			number_code(cmd, "UNSEEN", unseen, "The first unseen message");
	}
	number_code(cmd, "UIDVALIDITY", v->uidvalidity, "UIDs are valid");
	number_code(cmd, "UIDNEXT", mb->uidnext, "The next UID");
	number_code(cmd, "HIGHESTMODSEQ", mb->modseq, "The newest change");
	out_code_begin(out, STR(""), "OK");
	objectid_add(out, "MAILBOXID", OBJECTID_MAILBOX, mb->id); /* RFC 8474 4.2 */
	out_code_end(out, language_text(cmd->session, "Mailbox id"));
	list_line(cmd, mb);
	return OK;
}

static enum status
open_mailbox(struct cmd *cmd, struct db_txn *txn)
{
	struct selecting *x = cmd_state(cmd, struct selecting);
	struct session *s = cmd->session;
	bool read_only = cmd->row->flags & CMDF_EXAMINE;
	struct mailbox mb;
	enum status st;

	if ((st = mailbox_find(&s->actor, txn, &cmd->arena, x->name, &mb)) != OK)
		return st;
	if (mb.noselect)
		return ERR_NOT_FOUND;
	if ((st = selected_open(s, txn, &mb, read_only)) != OK)
		return st;
	hub_watch(s->imap->hub, (uint64_t)mb.account, (uint64_t)mb.id, &s->selected->watcher, s->conn);
	notify_bell(s, false);
	/* A commit between the snapshot and this may be unknown to the hub. */
	s->selected->look = true;
	if ((st = describe(cmd, txn, &mb)) != OK || (st = qresync_find(&x->qresync, s, txn)) != OK)
		selected_close(s);
	return st;
}

/* What happened while the client was away (RFC 7162 3.2.5), then the tagged line. */
static enum cmd_next
select_step(struct cmd *cmd)
{
	struct selecting *x = cmd_state(cmd, struct selecting);
	struct session *s = cmd->session;
	enum status st;
	enum cmd_next next = qresync_step(&x->qresync, cmd, &st);

	if (st != OK) {
		selected_close(s);
		return reply_status(cmd, st);
	}
	if (next != CMD_DONE)
		return next;
	s->selected->modseq_told = false;
	/* Without these rights nothing can be changed (RFC 4314 5.2). */
	if (s->selected->view.read_only ||
	    !(s->selected->view.grant.rights & (RIGHT_INSERT | RIGHT_EXPUNGE | RIGHT_WRITE | RIGHT_SEEN | RIGHT_DELETE)))
		return reply_ok_code(cmd, STR("READ-ONLY"), "Selected, read-only");
	return reply_ok_code(cmd, STR("READ-WRITE"), "Selected");
}

/* SELECT and EXAMINE, RFC 3501 6.3.1 and 6.3.2. */
enum cmd_next
cmd_select(struct cmd *cmd)
{
	struct selecting *x = arena_new(&cmd->arena, struct selecting);
	struct session *s = cmd->session;
	struct db_txn *txn;
	enum status st;

	cmd_state_set(cmd, struct selecting, x);
	cmd->cleanup = select_cleanup;
	if ((st = parse(cmd, x)) != OK)
		return reply_syntax(cmd, st);
	if (cmd_enabled(cmd, ENABLED_UIDONLY) && qresync_has_numbers(&x->qresync))
		return reply_bad_code(cmd, "UIDREQUIRED", "Message numbers are not allowed any more");
	if (s->selected) {
		/* RFC 7162 3.2.11: what follows belongs to the new mailbox (T43). */
		out_untagged(cmd_out(cmd), "OK", "CLOSED",
		    language_text(cmd->session, "The previous mailbox is closed"));
		selected_close(s);
	}
	if (x->condstore || x->qresync.given)
		condstore_enable(cmd);
	if ((st = cmd_read_begin(cmd, &txn)) == OK) {
		st = open_mailbox(cmd, txn);
		cmd_read_end(cmd, txn);
	}
	if (st != OK)
		return reply_status(cmd, st);
	cmd->step = select_step;
	return select_step(cmd);
}
