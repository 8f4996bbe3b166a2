/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending what a FETCH asks for (RFC 3501 6.4.5). The answer goes out in steps. Where \Seen is to be set (BODY[] without PEEK), messages are taken
 * in batches: first a commit sets the flag, then the batch goes out with its FLAGS (T57).
 */
#include "imap/core/condstore.h"
#include "base/assert.h"
#include "imap/core/reply.h"
#include "imap/core/selected.h"
#include "imap/core/set.h"
#include "imap/fetch/fetch.h"
#include "store/message.h"

/* A batch that gets \Seen in one commit. */
#define BATCH_MESSAGES 200
#define BATCH_BYTES (512u << 10)

static enum cmd_next fetch_step(struct cmd *cmd);

/* A snapshot for what comes next: the one that is open, or a new one. */
static enum status
snapshot(struct fetch *f)
{
	return f->txn != NULL ? OK : cmd_read_begin(f->cmd, &f->txn);
}

static void
let_go(struct fetch *f)
{
	if (f->txn != NULL)
		cmd_read_end(f->cmd, f->txn);
	f->txn = NULL;
}

static void
fetch_cleanup(struct cmd *cmd)
{
	struct fetch *f = cmd_state(cmd, struct fetch);

	let_go(f);
	runs_free(&f->known);
	runs_free(&f->gone);
	runs_free(&f->uids);
	if (f->way == FETCH_MARKS)
		runs_free(&f->batch);
	runs_free(&f->unseen);
	runs_free(&f->marked);
	arena_free(&f->arena);
	buf_free(&f->tmp);
	fetch_header_forget(f);
}

/* ---- one message ---- */

/* The message got \Seen by this command: its FLAGS are told as those of a change (RFC 7162 3.2.4). */
static bool
marked(const struct fetch *f, const struct entry *e)
{
	return f->marked.n && runs_has(&f->marked, e->uid);
}

static void
begin_message(struct fetch *f, uint32_t seq, const struct entry *e)
{
	struct cmd *cmd = f->cmd;
	bool told = f->uid || (cmd_enabled(cmd, ENABLED_CONDSTORE) && marked(f, e));
	/* In a UIDFETCH only where it was asked for. */
	bool uid = (f->needs & FETCH_UID) || (told && !cmd_enabled(cmd, ENABLED_UIDONLY));

	ensure(!f->open); /* one line at a time */
	f->first = selected_fetch_begin(cmd->session, cmd_out(cmd), seq, e, uid);
}

static void
end_message(struct fetch *f)
{
	buf_add(cmd_out(f->cmd), STR(")\r\n"));
	f->open = false;
	f->cmd->worked_on = true;
	arena_free(&f->arena);
	f->rows = FETCH_ROWS_NONE;
}

static enum status
light_items(struct fetch *f, const struct entry *e)
{
	enum status st = OK;

	if ((f->needs & FETCH_EMAIL) && (st = fetch_email(f, e->email)) != OK)
		return st;
	if (!(f->needs & FETCH_FLAGS) && marked(f, e))
		st = fetch_flags(f, NULL, e);
	if (!(f->needs & FETCH_MODSEQ) && cmd_enabled(f->cmd, ENABLED_CONDSTORE) && marked(f, e))
		st = fetch_modseq(f, NULL, e);
	for (size_t i = 0; st == OK && i < f->n_items && f->items[i].kind->print; i++)
		st = f->items[i].kind->print(f, &f->items[i], e);
	return st;
}

/* The session must know a keyword's name before it comes up. */
static enum status
cover(struct fetch *f, const struct entry *e)
{
	struct session *s = f->cmd->session;

	if (!(f->needs & FETCH_KEYWORDS) || selected_keywords_cover(s->selected, e))
		return OK;
	selected_keywords_forget(s->selected);
	return selected_keywords(s, f->txn);
}

/* A message that cannot be read leaves no trace in the output; the others are served (T56). */
static void
skip_message(struct fetch *f, size_t start, enum status st)
{
	/* Nothing of it was taken by the client: a message that pauses is open, and then there is no way back. */
	ensure(cmd_out(f->cmd)->n >= start);
	cmd_out(f->cmd)->n = start;
	f->left = 0;
	f->open = false;
	f->rows = FETCH_ROWS_NONE;
	arena_free(&f->arena);
	if (st == ERR_NOT_FOUND)
		f->cmd->expunge_issued = true;
	else
		f->failed = st;
}

static enum cmd_next
message(struct fetch *f, const struct entry *e)
{
	struct buf *out = cmd_out(f->cmd);
	enum cmd_next next = CMD_DONE;
	enum status st = cover(f, e);
	size_t start = out->n;

	begin_message(f, f->it.seq, e);
	if (st == OK)
		st = light_items(f, e);
	if (st == OK && (f->needs & FETCH_BODY)) {
		f->item = 0;
		f->left = 0;
		fetch_binary_reset(f);
		f->open = true;
		f->open_email = e->email;
		next = fetch_bodies(f, &st);
	}
	if (st != OK)
		skip_message(f, start, st);
	else if (next == CMD_DONE)
		end_message(f);
	return next;
}

/* Goes on inside the literal where the last step stopped. There is no way back now: a failure ends the
 * connection. */
static enum cmd_next
resume_message(struct fetch *f)
{
	enum cmd_next next;
	enum status st;

	ensure(f->open && f->item < f->n_items);
	f->rows = FETCH_ROWS_NONE;
	if (fetch_email(f, f->open_email) != OK)
		return CMD_ABORT;
	next = fetch_bodies(f, &st);
	if (st != OK)
		return CMD_ABORT;
	if (next == CMD_DONE)
		end_message(f);
	return next;
}

/* ---- steps ---- */

static enum cmd_next
finish(struct cmd *cmd)
{
	struct fetch *f = cmd_state(cmd, struct fetch);

	if (f->failed != OK)
		return reply_no(cmd, reply_status_code(f->failed), "Some messages could not be read");
	/* RFC 3516 4.3: the client then takes BODY[]. */
	if (f->unknown_cte)
		return reply_no(cmd, "UNKNOWN-CTE", "A section could not be decoded");
	return reply_ok(cmd, "FETCH completed");
}

static enum status
seen_fn(struct db_txn *txn, void *arg)
{
	struct fetch *f = arg;
	struct session *s = f->cmd->session;
	struct flag_change change = {.op = FLAGS_ADD, .flags = FLAG_SEEN};
	struct flag_result result = {0};
	enum status st;

	ensure(f->way == FETCH_MARKS && f->unseen.n > 0); /* only what was looked at is marked */
	st = message_flags(&s->selected->view.grant, txn, &f->unseen, &change, &result);
	runs_free(&f->marked);
	f->marked = result.changed;
	runs_free(&result.failed);
	f->seen_modseq = result.modseq;
	return st;
}

/* The batch is to be sent. */
static void
begin_batch(struct fetch *f)
{
	struct view *v = &f->cmd->session->selected->view;

	ensure(!f->open);
	f->it = (struct view_iter)VIEW_WALK(v, &f->batch, f->scan.down);
}

/* A \Seen that could not be set does not keep the client from reading. */
static enum cmd_next
seen_done(struct cmd *cmd, enum status st)
{
	struct fetch *f = cmd_state(cmd, struct fetch);

	if (st == OK && f->seen_modseq)
		selected_told(cmd->session->selected, f->seen_modseq, false);
	if (st != OK)
		runs_clear(&f->marked);
	begin_batch(f);
	return fetch_step(cmd);
}

/* The next messages that go out together, and which of them are to get \Seen. */
static enum status
gather(struct fetch *f)
{
	const struct entry *e;
	uint64_t bytes = 0;
	unsigned n = 0;
	enum status st;

	ensure(f->way == FETCH_MARKS); /* else the batch is the set itself */
	runs_clear(&f->batch);
	runs_clear(&f->unseen);
	runs_clear(&f->marked);
	f->seen_modseq = 0;
	if ((st = view_iter_begin(&f->scan, f->txn)) != OK)
		return st;
	while ((e = view_iter_next(&f->scan)) != NULL) {
		runs_add(&f->batch, e->uid, e->uid);
		if (f->way == FETCH_MARKS && !(e->flags & FLAG_SEEN) && !e->expunged)
			runs_add(&f->unseen, e->uid, e->uid);
		bytes += e->size;
		if (++n >= BATCH_MESSAGES || bytes >= BATCH_BYTES)
			break;
	}
	if (f->scan.missed)
		f->cmd->expunge_issued = true;
	return view_iter_end(&f->scan);
}

/* Sends messages of the batch until it is over or the step is. */
static enum cmd_next
send_batch(struct fetch *f, enum status *st_r)
{
	enum cmd_next next = CMD_DONE;
	const struct entry *e;

	if (f->open && (next = resume_message(f)) != CMD_DONE)
		return next;
	if ((f->needs & FETCH_KEYWORDS) && (*st_r = selected_keywords(f->cmd->session, f->txn)) != OK)
		return CMD_DONE;
	if ((*st_r = view_iter_begin(&f->it, f->txn)) != OK)
		return CMD_DONE;
	while (next == CMD_DONE && (e = view_iter_next(&f->it)) != NULL) {
		next = message(f, e);
		if (next == CMD_DONE)
			next = cmd_pause(f->cmd);
	}
	f->cmd->expunge_issued |= f->it.missed > 0;
	*st_r = view_iter_end(&f->it);
	return next;
}

/* One step in one snapshot. */
static enum cmd_next
read_step(struct fetch *f, bool *over_r, enum status *st_r)
{
	struct session *s = f->cmd->session;
	enum cmd_next next = CMD_DONE;

	ensure(f->txn != NULL && f->cursor == NULL);
	*over_r = false;
	*st_r = OK;
	if ((f->needs & (FETCH_EMAIL | FETCH_STRUCTURE | FETCH_SUMMARY | FETCH_OBJECT)) &&
	    (*st_r = email_cursor_open(&s->selected->view.grant, f->txn, &f->cursor)) != OK)
		return CMD_DONE;
	if (f->cursor && f->stepped)
		email_cursor_goes_on(f->cursor);
	f->stepped = true;
	next = send_batch(f, st_r);
	if (next == CMD_DONE && *st_r == OK) {
		if (f->way == FETCH_READS)
			*over_r = true;
		else if ((*st_r = gather(f)) == OK)
			*over_r = f->batch.n == 0;
	}
	fetch_header_rest(f, next != CMD_AGAIN);
	if (f->cursor)
		email_cursor_close(f->cursor);
	f->cursor = NULL;
	return next;
}

static enum cmd_next
fetch_step(struct cmd *cmd)
{
	struct fetch *f = cmd_state(cmd, struct fetch);
	enum cmd_next next = CMD_DONE;
	bool over = false;
	enum status st;

	/* Before any FETCH (RFC 7162 3.2.6). */
	if (!vanished_print(cmd->session, &f->gone, true, &f->gone_at)) {
		let_go(f);
		return CMD_WAIT_OUTPUT;
	}

	while (!over && next == CMD_DONE) {
		if ((st = snapshot(f)) != OK)
			return reply_status(cmd, st);
		next = read_step(f, &over, &st);
		let_go(f);
		if (st != OK)
			return f->open ? CMD_ABORT : reply_status(cmd, st);
		if (next == CMD_DONE && !over && f->unseen.n)
			return cmd_write(cmd, seen_fn, f, seen_done);
		if (next == CMD_DONE && !over)
			begin_batch(f);
	}
	return next == CMD_DONE ? finish(cmd) : next;
}

/* Begins to send the messages of f->uids. */
static enum cmd_next
walk(struct fetch *f)
{
	struct view *v = &f->cmd->session->selected->view;

	if (f->way == FETCH_READS)
		f->batch = f->uids;
	f->scan = (struct view_iter)VIEW_WALK(v, &f->uids, f->cmd->limit_uid != 0);
	f->scan.no_seq = true;
	f->scan.changed_since = f->changed_since;
	begin_batch(f);
	if (f->way == FETCH_READS)
		f->it.changed_since = f->changed_since;
	f->cmd->step = fetch_step;
	return fetch_step(f->cmd);
}

/* The UIDs of the set, in the snapshot in which the first step goes on. */
static enum status
fetch_find(struct cmd *cmd, struct arg_set *set)
{
	struct fetch *f = cmd_state(cmd, struct fetch);
	enum status st = snapshot(f);

	if (st != OK) {
		arg_set_free(set);
		return st;
	}
	if (f->modifiers & FETCH_VANISHED)
		set_known(cmd, set, &f->known);
	if ((st = set_resolve(cmd, f->txn, set, &f->uids)) == OK)
		st = fetch_narrow(f, f->txn);
	if (st == OK && !f->partial.given)
		st = limit_cut(cmd, f->txn, (struct limit_filter){.changed_since = f->changed_since}, &f->uids);
	if (st != OK || f->uids.n == 0)
		let_go(f);
	return st;
}

/* Without the right reading marks nothing (RFC 4314 4). */
static bool
may_mark(const struct view *v)
{
	return !v->read_only && grant_flags(&v->grant, FLAG_SEEN) != 0;
}

static enum cmd_next
start(struct cmd *cmd, struct arg_set *set)
{
	struct fetch *f = cmd_state(cmd, struct fetch);
	enum status st = fetch_find(cmd, set);

	if (st == ERR_BAD_INPUT)
		return reply_bad(cmd, "There is no such message");
	if (st != OK)
		return reply_status(cmd, st);
	if (f->uids.n == 0 && f->gone.n == 0)
		return finish(cmd);
	/* With CHANGEDSINCE no line is no failure. */
	cmd->worked_on = f->modifiers & FETCH_CHANGEDSINCE;
	cmd_writes_to(cmd, cmd->session->selected->view.grant.owner);
	f->way = (f->needs & FETCH_SEEN) && may_mark(&cmd->session->selected->view) ? FETCH_MARKS : FETCH_READS;
	return walk(f);
}

enum cmd_next
fetch_start(struct cmd *cmd, struct str items, const struct runs *uids)
{
	struct fetch *f = arena_new(&cmd->arena, struct fetch);
	struct args a;

	args_init(&a, arena_str(&cmd->arena, items), &cmd->arena, session_utf8(cmd->session));
	f->cmd = cmd;
	f->uid = true;
	cmd_state_set(cmd, struct fetch, f);
	cmd->cleanup = fetch_cleanup;
	if (fetch_parse(f, &a) != OK)
		return CMD_DONE;
	fetch_unique(f);
	fetch_sort(f);
	f->needs &= ~(unsigned)FETCH_SEEN;
	runs_add_all(&f->uids, uids);
	return walk(f);
}

enum cmd_next
fetch_begin(struct cmd *cmd, struct fetch *f, struct arg_set *set)
{
	fetch_sort(f);
	cmd_state_set(cmd, struct fetch, f);
	cmd->cleanup = fetch_cleanup;
	if (f->needs & FETCH_MODSEQ)
		condstore_enable(cmd);
	if (f->needs & FETCH_SEEN)
		f->needs |= FETCH_KEYWORDS;
	return start(cmd, set);
}
