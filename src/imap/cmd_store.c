/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STORE and UID STORE (RFC 3501 6.4.6, 6.4.8). Many messages are changed in several commits, so that nobody else waits long
 * for the writer; after each the new flags of its messages are told. STOREs of few messages overlap (imap/ahead.h).
 */
#include "imap/commands.h"
#include "imap/core/condstore.h"
#include "imap/core/limit.h"
#include "imap/core/reply.h"
#include "imap/core/selected.h"
#include "imap/core/set.h"
#include "store/message.h"

/* Messages whose flags are told as the commit left them, while others of the client are being made behind it. */
#define AFTER_MAX 256

struct storing {
	struct grant grant;
	struct flag_change change;
	bool silent;
	struct runs uids, batch;
	struct view_iter scan, it;
	struct flag_result result; /* of the batch */
	struct runs there;         /* of the batch: those that the commit found */
	struct arena kept;         /* of it: the writer's */
	struct flag_after after;   /* the same as it left them, where others may stand behind it */
	struct runs modified;      /* those that failed UNCHANGEDSINCE, as MODIFIED names them */
};

static enum cmd_next next_batch(struct cmd *cmd);

static void
store_cleanup(struct cmd *cmd)
{
	struct storing *x = cmd_state(cmd, struct storing);

	runs_free(&x->uids);
	runs_free(&x->batch);
	runs_free(&x->result.changed);
	runs_free(&x->result.failed);
	runs_free(&x->there);
	runs_free(&x->modified);
	arena_free(&x->kept);
}

/* "(UNCHANGEDSINCE n) ", RFC 7162 3.1.3. */
static enum status
parse_modifier(struct storing *x, struct args *a)
{
	enum status st;

	if (arg_peek(a) != '(')
		return OK;
	if ((st = arg_open(a)) != OK)
		return st;
	if (!arg_keyword(a, "UNCHANGEDSINCE"))
		return arg_expect(a, EXPECT_STORE_MODIFIER);
	x->change.conditional = true;
	if ((st = arg_space(a)) != OK || (st = arg_number64(a, &x->change.unchanged_since)) != OK ||
	    (st = arg_close(a)) != OK)
		return st;
	return arg_space(a);
}

/* [+-]FLAGS[.SILENT] flags */
static enum status
parse_change(struct storing *x, struct args *a)
{
	struct arg_flags flags;
	struct str item;
	size_t at;
	enum status st;

	if ((st = parse_modifier(x, a)) != OK)
		return st;
	at = a->at;
	x->change.op = arg_char(a, '+') ? FLAGS_ADD : arg_char(a, '-') ? FLAGS_REMOVE : FLAGS_SET;
	if (arg_item(a, &item) != OK)
		return arg_expect_at(a, at, EXPECT_STORE_ITEM);
	x->silent = str_eq(item, STR("FLAGS.SILENT"));
	if (!x->silent && !str_eq(item, STR("FLAGS")))
		return arg_expect_at(a, at, EXPECT_STORE_ITEM);
	if ((st = arg_space(a)) != OK)
		return st;
	at = a->at;
	if ((st = arg_flags(a, &flags)) != OK)
		return st;
	if (flags.recent)
		return arg_expect_at(a, at, EXPECT_FLAGS);
	x->change.flags = (uint8_t)flags.system;
	x->change.keywords = flags.keywords;
	x->change.keywords_n = flags.n;
	return arg_end(a);
}

/* ---- the change ---- */

static enum status
change_fn(struct db_txn *txn, void *arg)
{
	struct storing *x = arg;

	runs_clear(&x->result.changed);
	runs_clear(&x->result.failed);
	runs_clear(&x->there);
	x->after.n = 0;
	x->result.modseq = 0;
	return message_flags(&x->grant, txn, &x->batch, &x->change, &x->result);
}

/* The next messages for one commit. */
static enum status
gather(struct cmd *cmd, struct db_txn *txn)
{
	struct storing *x = cmd_state(cmd, struct storing);
	enum status st;

	runs_clear(&x->batch);
	if ((st = view_iter_begin(&x->scan, txn)) != OK)
		return st;
	(void)view_iter_take(&x->scan, MESSAGE_BATCH, &x->batch, &cmd->expunge_issued);
	cmd->expunge_issued |= x->scan.missed > 0;
	return view_iter_end(&x->scan);
}

/* ---- telling ---- */

/*
 * What is told of a message: its flags, unless the client does not want them; MODSEQ where the session wants it, also after .SILENT if the
 * message changed or the store was conditional (RFC 7162 3.1.3); flags in any case of those that failed the condition.
 */
static void
tell(struct cmd *cmd, uint32_t seq, const struct entry *e)
{
	struct storing *x = cmd_state(cmd, struct storing);
	bool failed = x->result.failed.n && runs_has(&x->result.failed, e->uid);
	bool modseq = cmd_enabled(cmd, ENABLED_CONDSTORE);

	if (failed)
		runs_add(&x->modified, cmd->uid ? e->uid : seq, cmd->uid ? e->uid : seq);
	else if (x->silent && (!modseq || (!x->change.conditional && !runs_has(&x->result.changed, e->uid))))
		return;
	selected_fetch_line(cmd->session, cmd_out(cmd), seq, e, cmd->uid || modseq, failed || !x->silent);
}

/* The message as the commit left it, if that is known, or as it is. */
static const struct entry *
as_left(const struct storing *x, const struct entry *e)
{
	size_t low = 0, high = x->result.after != NULL ? x->after.n : 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (x->after.e[mid].uid < e->uid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < x->after.n && x->result.after != NULL && x->after.e[low].uid == e->uid ? &x->after.e[low] : e;
}

static enum cmd_next
tell_some(struct cmd *cmd, struct db_txn *txn, enum status *st_r)
{
	struct storing *x = cmd_state(cmd, struct storing);
	struct session *s = cmd->session;
	enum cmd_next next = CMD_DONE;
	const struct entry *e;
	enum status st;

	/* The change may have brought keywords (T41). */
	if (x->change.keywords_n)
		selected_keywords_forget(s->selected);
	if ((*st_r = selected_keywords(s, txn)) != OK)
		return CMD_DONE;
	if ((*st_r = view_iter_begin(&x->it, txn)) != OK)
		return CMD_DONE;
	while (next == CMD_DONE && (e = view_iter_next(&x->it)) != NULL) {
		if (!selected_keywords_cover(s->selected, as_left(x, e))) {
			selected_keywords_forget(s->selected);
			if ((*st_r = selected_keywords(s, txn)) != OK)
				break;
		}
		/* One that was expunged after the commit had its change: it is told, too. */
		if (!e->expunged || runs_has(&x->there, e->uid))
			tell(cmd, x->it.seq, as_left(x, e));
		next = cmd_pause(cmd);
	}
	st = view_iter_end(&x->it);
	if (*st_r == OK)
		*st_r = st;
	return next;
}

static enum cmd_next
tell_step(struct cmd *cmd)
{
	struct db_txn *txn;
	enum cmd_next next;
	enum status st;

	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return reply_status(cmd, st);
	next = tell_some(cmd, txn, &st);
	cmd_read_end(cmd, txn);
	if (st != OK)
		return reply_status(cmd, st);
	if (next != CMD_DONE)
		return next;
	return next_batch(cmd);
}

static enum cmd_next
changed(struct cmd *cmd, enum status st)
{
	struct storing *x = cmd_state(cmd, struct storing);
	struct view *v = &cmd->session->selected->view;

	if (st != OK)
		return reply_status(cmd, st);
	/* Others may have expunged some since gather() saw them. */
	selected_missed(cmd, &x->batch, &x->there, &cmd->expunge_issued);
	cmd->worked_on |= x->there.n > 0;
	if (x->result.modseq)
		selected_told(cmd->session->selected, x->result.modseq, x->change.keywords_n > 0);
	/* Without mod-sequences .SILENT is silent, but for those that failed the condition. */
	if (x->silent && !cmd_enabled(cmd, ENABLED_CONDSTORE) && x->result.failed.n == 0)
		return next_batch(cmd);
	x->it = (struct view_iter)VIEW_WALK(v, &x->batch, x->scan.down);
	cmd->step = tell_step;
	return tell_step(cmd);
}

static enum cmd_next
finish(struct cmd *cmd)
{
	struct storing *x = cmd_state(cmd, struct storing);
	struct buf code = {0};
	struct str copy;

	if (x->modified.n == 0)
		return reply_ok(cmd, "STORE completed");
	buf_add(&code, STR("MODIFIED "));
	runs_print(&code, &x->modified);
	copy = arena_str(&cmd->arena, buf_str(&code));
	buf_free(&code);
	return reply_ok_code(cmd, copy, "Some messages have changed meanwhile and were left alone");
}

/* Few messages in one commit: others may come behind it, for what it left is noted. */
static bool
few(struct cmd *cmd)
{
	struct storing *x = cmd_state(cmd, struct storing);
	uint64_t n = runs_count(&x->batch);

	if (!cmd_followed(cmd) || n > AFTER_MAX || cmd->done != NULL || !view_iter_over(&x->scan))
		return false;
	x->after = (struct flag_after){.arena = &x->kept, .e = arena_array(&cmd->arena, n, sizeof(*x->after.e))};
	x->result.after = &x->after;
	return true;
}

static enum cmd_next
next_batch(struct cmd *cmd)
{
	struct storing *x = cmd_state(cmd, struct storing);
	struct db_txn *txn;
	enum status st;

	if (view_iter_over(&x->scan))
		return finish(cmd);
	if ((st = cmd_read_begin(cmd, &txn)) == OK) {
		st = gather(cmd, txn);
		cmd_read_end(cmd, txn);
	}
	if (st != OK)
		return reply_status(cmd, st);
	/* One before it may be why they are gone. */
	if (cmd_ahead(cmd) && cmd->expunge_issued)
		return CMD_NOT_YET;
	if (x->batch.n == 0)
		return finish(cmd);
	return (few(cmd) ? cmd_write_last : cmd_write)(cmd, change_fn, x, changed);
}

static enum cmd_next
start(struct cmd *cmd, struct arg_set *set)
{
	struct storing *x = cmd_state(cmd, struct storing);
	struct view *v = &cmd->session->selected->view;
	struct db_txn *txn;
	enum status st;

	if ((st = cmd_read_begin(cmd, &txn)) != OK) {
		arg_set_free(set);
		return reply_status(cmd, st);
	}
	if ((st = set_resolve(cmd, txn, set, &x->uids)) == OK)
		st = limit_cut(cmd, txn, (struct limit_filter){0}, &x->uids);
	cmd_read_end(cmd, txn);
	if (st == ERR_AGAIN)
		return CMD_NOT_YET;
	if (st == ERR_BAD_INPUT)
		return reply_bad(cmd, "There is no such message");
	if (st != OK)
		return reply_status(cmd, st);
	if (v->read_only)
		return reply_status(cmd, ERR_READ_ONLY);
	x->result.there = &x->there;
	x->grant = v->grant;
	cmd_writes_to(cmd, x->grant.owner);
	/* More than the limit: from the highest UID down (RFC 9738 3.1). */
	x->scan = (struct view_iter)VIEW_WALK(v, &x->uids, cmd->limit_uid != 0);
	x->scan.no_seq = true;
	cmd->reserve = true;
	return next_batch(cmd);
}

enum cmd_next
cmd_store(struct cmd *cmd)
{
	struct storing *x = arena_new(&cmd->arena, struct storing);
	struct arg_set set = {0};
	enum status st;

	if ((st = arg_space(&cmd->args)) != OK || (st = arg_set(&cmd->args, &set)) != OK ||
	    (st = arg_space(&cmd->args)) != OK || (st = parse_change(x, &cmd->args)) != OK) {
		arg_set_free(&set);
		return reply_syntax(cmd, st);
	}
	cmd_state_set(cmd, struct storing, x);
	cmd->cleanup = store_cleanup;
	if (x->change.conditional && cmd_ahead(cmd) && !cmd_enabled(cmd, ENABLED_CONDSTORE)) {
		arg_set_free(&set);
		return CMD_NOT_YET; /* it says something at once */
	}
	if (x->change.conditional)
		condstore_enable(cmd);
	return start(cmd, &set);
}
