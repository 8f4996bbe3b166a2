/* SPDX-License-Identifier: Apache-2.0 */
/* REPLACE (RFC 8508): the message that goes when the new one is stored. */
#include "imap/append.h"
#include "imap/core/reply.h"
#include "imap/core/set.h"

/* Is it there? A UID may name nothing; the commit asks again. */
static enum status
look(struct cmd *cmd, struct db_txn *txn)
{
	struct appending *x = cmd_state(cmd, struct appending);
	struct view_iter it = VIEW_ITER(&cmd->session->selected->view, &x->source);
	const struct entry *e;
	enum status st;

	it.no_seq = true;
	if ((st = view_iter_begin(&it, txn)) != OK)
		return st;
	e = view_iter_next(&it);
	x->source_status = it.missed || (e != NULL && e->expunged) ? ERR_CONFLICT : e == NULL ? ERR_NOT_FOUND : OK;
	return view_iter_end(&it);
}

enum status
append_source_parse(struct cmd *cmd, struct args *a)
{
	struct appending *x = cmd_state(cmd, struct appending);
	struct arg_set set = {0};
	struct db_txn *txn;
	size_t at;
	enum status st;

	if ((st = arg_space(a)) != OK)
		return st;
	at = a->at;
	if ((st = arg_set(a, &set)) != OK)
		return st;
	if (set.saved || (!set.star && runs_count(&set.runs) != 1) || (set.star && set.runs.n > 0)
	    || set.star_low != 0) {
		arg_set_free(&set);
		return arg_expect_at(a, at, EXPECT_NZ_NUMBER);
	}
	if ((st = cmd_read_begin(cmd, &txn)) != OK) {
		arg_set_free(&set);
		return st;
	}
	if ((st = set_resolve(cmd, txn, &set, &x->source)) == OK)
		st = look(cmd, txn);
	cmd_read_end(cmd, txn);
	x->from = cmd->session->selected->view.grant;
	return st;
}

enum status
append_source_check(struct cmd *cmd)
{
	struct appending *x = cmd_state(cmd, struct appending);

	if (cmd->session->selected->view.read_only)
		return ERR_READ_ONLY;
	if (x->source_status != OK)
		return x->source_status;
	/* As STORE \\Deleted and EXPUNGE would (RFC 8508 6). */
	return grant_need(&x->from, RIGHT_DELETE | RIGHT_EXPUNGE);
}

enum cmd_next
append_source_refuse(struct cmd *cmd, enum status st)
{
	if (st == ERR_NOT_FOUND)
		return reply_no(cmd, "NONEXISTENT", "There is no such message to replace");
	if (st == ERR_CONFLICT)
		return reply_no(cmd, "EXPUNGEISSUED", "The messages have been expunged");
	return reply_status(cmd, st);
}

/* Nobody sees it marked \Deleted in between. */
enum status
append_source_remove(struct appending *x, struct db_txn *txn)
{
	static const struct flag_change mark = {.op = FLAGS_ADD, .flags = FLAG_DELETED};
	struct flag_result marked = {0};
	uint64_t modseq;
	bool more;

	runs_clear(&x->gone);
	x->source_status = message_flags(&x->from, txn, &x->source, &mark, &marked);
	runs_free(&marked.changed);
	runs_free(&marked.failed);
	if (x->source_status == OK)
		x->source_status = message_expunge(&x->from, txn, &x->source, 1, &x->gone, &more, &modseq);
	/* Somebody else was faster. */
	if (x->source_status == OK && x->gone.n == 0)
		x->source_status = ERR_CONFLICT;
	return x->source_status;
}
