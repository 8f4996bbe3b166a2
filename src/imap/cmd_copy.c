/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY, MOVE and their UID forms (RFC 3501 6.4.7, RFC 4315 3, RFC 6851). A COPY of many messages is staged in several commits and
 * published in one, so that it happens entirely or not at all; a MOVE of many goes in batches (RFC 6851 3.3). Into another account each message
 * writes rows of its own, and a hundred are many.
 */
#include "imap/commands.h"
#include "base/assert.h"
#include "imap/core/language.h"
#include "imap/core/limit.h"
#include "imap/core/reply.h"
#include "imap/core/selected.h"
#include "imap/core/set.h"
#include "imap/news/notify.h"
#include "store/copy.h"

struct copying {
	struct session *session;
	struct grant from, to;
	struct str name;          /* of the destination */
	bool move;
	struct runs uids, batch;
	struct view_iter scan;
	bool more;                /* messages behind the batch */
	struct copy_job *job;     /* of a large COPY */
	struct copy_result result;
	struct runs from_uids, to_uids; /* for COPYUID */
	uint32_t uidvalidity;
	bool swept;
	bool told_over;           /* that the destination's owner has more than its quota */
	enum status failed;
};

static enum cmd_next next_batch(struct cmd *cmd);
static enum cmd_next begin_large(struct cmd *cmd);

static void
copy_cleanup(struct cmd *cmd)
{
	struct copying *x = cmd_state(cmd, struct copying);

	runs_free(&x->uids);
	runs_free(&x->batch);
	runs_free(&x->result.from);
	runs_free(&x->from_uids);
	runs_free(&x->to_uids);
	if (x->job)
		copy_free(x->job);
}

/* ---- the answer ---- */

/* "COPYUID 1 2:4 7:9"; empty when nothing was copied: then there must be no such code (T84). */
static struct str
copyuid(struct cmd *cmd, struct copying *x)
{
	struct buf b = {0};
	struct str code = STR_NONE;

	/* Numbers are for who may read there (RFC 4315 4). */
	if (x->from_uids.n == 0 || !(x->to.rights & RIGHT_READ))
		return code;
	ensure(runs_count(&x->from_uids) == runs_count(&x->to_uids));
	buf_addf(&b, "COPYUID %u ", x->uidvalidity);
	runs_print(&b, &x->from_uids);
	buf_addc(&b, ' ');
	runs_print(&b, &x->to_uids);
	code = arena_str(&cmd->arena, buf_str(&b));
	buf_free(&b);
	return code;
}

/* One of the two mailboxes is not there. A deleted one stays so: if it was ours it is seen now. */
static enum cmd_next
not_found(struct cmd *cmd)
{
	bool gone;
	enum status st = selected_look(cmd, &gone);

	if (st != OK)
		return reply_status(cmd, st);
	return gone ? reply_mailbox_gone(cmd) : reply_trycreate(cmd);
}

static enum cmd_next
finish(struct cmd *cmd, enum status st)
{
	struct copying *x = cmd_state(cmd, struct copying);
	struct str code = copyuid(cmd, x);

	if (x->move && code.n) {
		/* Before the EXPUNGEs that the updates bring (RFC 6851 4.3, T84). */
		out_code_begin(cmd_out(cmd), STR(""), "OK");
		buf_add(cmd_out(cmd), code);
		out_code_end(cmd_out(cmd), language_text(cmd->session, "Moved"));
		code = STR_NONE;
	}
	if (st == ERR_NOT_FOUND)
		return not_found(cmd);
	if (st != OK)
		return reply_status(cmd, st);
	return reply_ok_code(cmd, code, x->move ? "MOVE completed" : "COPY completed");
}

static void
note_result(struct copying *x)
{
	if (x->result.to_n == 0)
		return;
	ensure(runs_count(&x->result.from) == x->result.to_n); /* COPYUID pairs them (RFC 4315 3) */
	x->session->cmd->worked_on = true;
	runs_add_all(&x->from_uids, &x->result.from);
	runs_add(&x->to_uids, x->result.to_first, x->result.to_first + x->result.to_n - 1);
	x->uidvalidity = x->result.uidvalidity;
	notify_own_uids(x->session, x->to.mailbox, x->result.to_first, x->result.to_n);
	if (x->result.over && !x->told_over)
		reply_over_quota(x->session->cmd);
	x->told_over |= x->result.over;
}

/* ---- up to MESSAGE_BATCH messages at once ---- */

static enum status
batch_fn(struct db_txn *txn, void *arg)
{
	struct copying *x = arg;

	runs_free(&x->result.from);
	x->result = (struct copy_result){0};
	return message_copy(&x->from, txn, &x->batch, &x->to, x->move, &x->result);
}

/* Which of the batch the transaction looked at: all, or those below result.next. They leave the batch. Others may have expunged some since gather()
 * saw them. */
static void
batch_looked_at(struct cmd *cmd)
{
	struct copying *x = cmd_state(cmd, struct copying);
	struct runs below = {0}, did = {0};

	runs_add(&below, 1, x->result.next != 0 ? x->result.next - 1 : UINT32_MAX);
	runs_add_common(&did, &x->batch, &below);
	selected_missed(cmd, &did, &x->result.from, &cmd->expunge_issued);
	runs_remove_all(&x->batch, &did);
	runs_free(&below);
	runs_free(&did);
}

static enum cmd_next
batch_done(struct cmd *cmd, enum status st)
{
	struct copying *x = cmd_state(cmd, struct copying);

	if (st != OK)
		return finish(cmd, st);
	if (x->result.next != 0 && !x->move)
		return begin_large(cmd);
	batch_looked_at(cmd);
	note_result(x);
	if (x->result.next != 0)
		return cmd_write(cmd, batch_fn, x, batch_done);
	return x->more ? next_batch(cmd) : finish(cmd, OK);
}

/* ---- a large COPY ---- */

static enum status
sweep_fn(struct db_txn *txn, void *arg)
{
	struct copying *x = arg;

	return copy_sweep_step(txn, x->job, &x->swept);
}

static enum cmd_next
sweep_done(struct cmd *cmd, enum status st)
{
	struct copying *x = cmd_state(cmd, struct copying);

	/* What is left is swept at the next start. */
	if (st == OK && !x->swept)
		return cmd_write(cmd, sweep_fn, x, sweep_done);
	return finish(cmd, x->failed);
}

static enum status
publish_fn(struct db_txn *txn, void *arg)
{
	struct copying *x = arg;

	runs_free(&x->result.from);
	x->result = (struct copy_result){0};
	return copy_publish(txn, x->job, &x->result);
}

static enum cmd_next
publish_done(struct cmd *cmd, enum status st)
{
	struct copying *x = cmd_state(cmd, struct copying);

	x->failed = st;
	if (st == OK) {
		copy_published(x->job);
		note_result(x);
	}
	cmd->expunge_issued |= st == OK && x->result.to_n == 0;
	return cmd_write(cmd, sweep_fn, x, sweep_done);
}

static enum status
stage_fn(struct db_txn *txn, void *arg)
{
	struct copying *x = arg;

	return copy_step(txn, x->job);
}

static enum cmd_next
stage_done(struct cmd *cmd, enum status st)
{
	struct copying *x = cmd_state(cmd, struct copying);

	if (st != OK) {
		x->failed = st;
		return cmd_write(cmd, sweep_fn, x, sweep_done);
	}
	copy_stepped(x->job);
	return cmd_write(cmd, copy_more(x->job) ? stage_fn : publish_fn, x,
	    copy_more(x->job) ? stage_done : publish_done);
}

static enum cmd_next
begin_large(struct cmd *cmd)
{
	struct copying *x = cmd_state(cmd, struct copying);

	x->job = copy_begin(&x->from, &x->uids, &x->to);
	return cmd_write(cmd, stage_fn, x, stage_done);
}

/* ---- what is to be copied ---- */

/* The next MESSAGE_BATCH messages. */
static enum status
gather(struct cmd *cmd, struct db_txn *txn)
{
	struct copying *x = cmd_state(cmd, struct copying);
	enum status st;

	x->more = false;
	runs_clear(&x->batch);
	if ((st = view_iter_begin(&x->scan, txn)) != OK)
		return st;
	if (view_iter_take(&x->scan, MESSAGE_BATCH, &x->batch, &cmd->expunge_issued) == MESSAGE_BATCH) {
		uint32_t next_uid = x->scan.next_uid;

		x->more = view_iter_next(&x->scan) != NULL;
		x->scan.next_uid = next_uid;
	}
	cmd->expunge_issued |= x->scan.missed > 0;
	return view_iter_end(&x->scan);
}

static enum cmd_next
next_batch(struct cmd *cmd)
{
	struct copying *x = cmd_state(cmd, struct copying);
	bool across = x->from.owner != x->to.owner;
	struct db_txn *txn;
	enum status st;

	if ((st = cmd_read_begin(cmd, &txn)) == OK) {
		st = gather(cmd, txn);
		cmd_read_end(cmd, txn);
	}
	/* One before it may be why some are gone; what several commits are needed for is looked at as it is then. */
	if (st == OK && cmd_ahead(cmd) && (cmd->expunge_issued || x->more || across))
		return CMD_NOT_YET;
	if (st != OK || x->batch.n == 0)
		return finish(cmd, st);
	if (!x->more && !across)
		return (cmd->done == NULL ? cmd_write_last : cmd_write)(cmd, batch_fn, x, batch_done);
	if (x->move || !x->more)
		return cmd_write(cmd, batch_fn, x, batch_done);
	return begin_large(cmd);
}

/* RFC 9738 3.1: more messages than one COPY may store are refused as a whole, *lowest_r tells where the highest ones begin that it would
 * take; of too many to MOVE the highest ones go. */
static enum status
keep_limit(struct cmd *cmd, struct db_txn *txn, uint32_t *lowest_r)
{
	struct copying *x = cmd_state(cmd, struct copying);

	*lowest_r = 0;
	if (x->move)
		return limit_cut(cmd, txn, (struct limit_filter){0}, &x->uids);
	return limit_lowest(cmd, txn, &x->uids, cmd_save_max(cmd), lowest_r);
}

static enum status
copy_find(struct cmd *cmd, struct db_txn *txn, struct arg_set *set)
{
	struct copying *x = cmd_state(cmd, struct copying);
	struct mailbox mb;
	enum status st = set_resolve(cmd, txn, set, &x->uids);

	if (st != OK)
		return st;
	st = mailbox_find(&x->from.actor, txn, &cmd->arena, x->name, &mb);
	if (st == OK && mb.noselect)
		st = ERR_NOT_FOUND;
	if (st != OK || (st = grant_make(&x->from.actor, txn, &mb, &x->to)) != OK || (st = grant_need(&x->to, RIGHT_INSERT)) != OK)
		return st;
	cmd_writes_to(cmd, x->from.owner);
	cmd_writes_to(cmd, x->to.owner);
	/* Before anything is copied. */
	return x->move ? grant_need(&x->from, RIGHT_DELETE | RIGHT_EXPUNGE) : OK;
}

static enum cmd_next
start(struct cmd *cmd, struct arg_set *set)
{
	struct copying *x = cmd_state(cmd, struct copying);
	struct view *v = &cmd->session->selected->view;
	struct db_txn *txn;
	uint32_t lowest = 0;
	enum status st;

	x->session = cmd->session;
	x->from = v->grant;
	if ((st = cmd_read_begin(cmd, &txn)) != OK) {
		arg_set_free(set);
		return reply_status(cmd, st);
	}
	if ((st = copy_find(cmd, txn, set)) == OK)
		st = keep_limit(cmd, txn, &lowest);
	cmd_read_end(cmd, txn);
	if (st == ERR_AGAIN)
		return CMD_NOT_YET;
	if (st == ERR_BAD_INPUT)
		return reply_bad(cmd, "There is no such message");
	if (st != OK)
		return finish(cmd, st);
	if (x->move && v->read_only)
		return reply_status(cmd, ERR_READ_ONLY);
	if (lowest != 0)
		return limit_refuse(cmd, cmd_save_max(cmd), lowest);
	x->scan = (struct view_iter)VIEW_ITER(v, &x->uids);
	x->scan.no_seq = true;
	return next_batch(cmd);
}

enum cmd_next
cmd_copy(struct cmd *cmd)
{
	struct copying *x = arena_new(&cmd->arena, struct copying);
	struct args *a = &cmd->args;
	struct arg_set set = {0};
	enum status st;

	x->move = cmd->row->flags & CMDF_MOVE;
	if ((st = arg_space(a)) != OK || (st = arg_set(a, &set)) != OK || (st = arg_space(a)) != OK ||
	    (st = arg_mailbox(a, &x->name)) != OK || (st = arg_end(a)) != OK) {
		arg_set_free(&set);
		return reply_syntax(cmd, st);
	}
	cmd_state_set(cmd, struct copying, x);
	cmd->cleanup = copy_cleanup;
	return start(cmd, &set);
}
