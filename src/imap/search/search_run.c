/* SPDX-License-Identifier: Apache-2.0 */
/* A search while it runs: its environment, the walk, the answer. */
#include "imap/search/search_run.h"

#include "base/assert.h"
#include "base/clock.h"
#include "imap/core/capability.h"
#include "imap/core/condstore.h"
#include "imap/core/language.h"
#include "imap/core/limit.h"
#include "imap/core/reply.h"
#include "imap/core/selected.h"
#include "imap/news/context.h"
#include "imap/news/update.h"
#include "imap/search/search_filter.h"

/* Bytes of bodies in one step. */
#define STEP_BYTES (4u << 20)

void
search_run_free(struct searching *x)
{
	query_free(&x->search.query);
	context_free(x->context);
	search_tell_free(&x->tell);
	runs_free(&x->scope);
	runs_free(&x->uids);
	runs_free(&x->seqs);
	buf_free(&x->header);
	buf_free(&x->scores);
}

bool
search_turn(struct cmd *cmd)
{
	struct searching *x = cmd_state(cmd, struct searching);

	cmd->step_start = 0;
	return !x->heavy || cmd_turn(cmd);
}

/* ---- the answer ---- */

uint64_t
search_modseq(const struct searching *x)
{
	const struct search_return *r = &x->ret;
	uint64_t first = r->min ? x->modseq_first : 0, last = r->max ? x->modseq_last : 0;

	if (!x->search.query.modseq)
		return 0;
	/* RFC 4731 3.2: of the messages that are told. */
	if (r->all || r->count || r->partial.given || (!r->min && !r->max))
		return x->modseq_max;
	return first > last ? first : last;
}

const char *
search_cannot_keep(const struct cmd *cmd)
{
	const struct searching *x = cmd_state(cmd, struct searching);

	if (!capability_on(cmd->session, x->sorting ? "CONTEXT=SORT" : "CONTEXT=SEARCH"))
		return "Results are not kept up here";
	if (cmd->limit_uid != 0)
		return "The search did not look at all messages";
	return x->context->by.relevancy ? "An order by relevancy is not kept up" : NULL;
}

static enum cmd_next
telling(struct cmd *cmd)
{
	struct searching *x = cmd_state(cmd, struct searching);
	enum cmd_next next = search_tell(&x->tell, cmd->session->conn);

	if (next != CMD_DONE)
		return next;
	if (x->context != NULL)
		context_keep(x->context, cmd->session, &x->search.query, &x->uids, x->order, search_cannot_keep(cmd));
	x->context = NULL;
	return reply_ok(cmd, x->ok);
}

enum cmd_next
search_answer(struct cmd *cmd, const struct runs *found, const char *word, const char *ok)
{
	struct searching *x = cmd_state(cmd, struct searching);
	struct search_return *r = &x->ret;

	/* A score for each, in the order of the answer. */
	ensure(!r->relevancy || x->scores.n == runs_count(found));
	if (r->save)
		search_return_saved(r, &x->uids, x->order ? x->order : &x->uids, &cmd->session->selected->saved);
	/* SAVE alone is quiet (RFC 5182 1). */
	if (r->save && !(r->min || r->max || r->all || r->count || r->relevancy || r->partial.given || r->update))
		return reply_ok(cmd, ok);
	x->tell.ret = r;
	x->tell.found = found;
	x->tell.of = (struct correlators){.tag = cmd->tag, .uid = cmd->uid};
	x->tell.modseq = search_modseq(x);
	x->tell.scores = (const uint8_t *)x->scores.p;
	x->tell.word = word;
	x->ok = ok;
	cmd->step = telling;
	return telling(cmd);
}

/* ---- where ---- */

static bool
spent(void *session)
{
	return cmd_spent(((struct session *)session)->cmd);
}

static enum status
keywords_selected(void *session, struct db_txn *txn, const struct keywords **kw_r)
{
	struct session *s = session;

	*kw_r = &s->selected->keywords;
	return selected_keywords(s, txn);
}

static enum status
keywords_elsewhere(void *elsewhere, struct db_txn *txn, const struct keywords **kw_r)
{
	struct search_elsewhere *o = elsewhere;
	enum status st = OK;

	*kw_r = &o->keywords;
	if (!o->loaded)
		st = keywords_get(txn, &o->arena, o->view.grant.mailbox, &o->keywords);
	o->loaded = st == OK;
	return st;
}

/* All of it outlives the command, for a context: it is the session's, or the selected mailbox's. */
static struct query_env
environment(struct session *s, struct search_elsewhere *o)
{
	struct query_env env = {.cache = s->imap->search_cache, .spent = spent, .arg = s};

	env.view = o ? &o->view : &s->selected->view;
	env.keywords = o ? keywords_elsewhere : keywords_selected;
	env.mailbox = o ? (void *)o : s;
	/* "$" means messages of the selected mailbox, here as there (RFC 5182 2.1). */
	env.saved = o ? NULL : &s->selected->saved;
	return env;
}

/* ---- finding ---- */

/* A sign of life every ten seconds (RFC 9585 4, T75). */
static void
progress(struct cmd *cmd)
{
	struct searching *x = cmd_state(cmd, struct searching);
	struct session *s = cmd->session;
	int64_t now = clock_mono();
	uint32_t goal = x->open ? 0 : s->selected->view.exists;
	bool quotable = str_chr(cmd->tag, ']') == cmd->tag.n;

	if (s->imap->settings.progress_ms == 0 || now - x->told_at < s->imap->settings.progress_ms * 1000)
		return;
	x->told_at = now;
	out_code_begin(cmd_out(cmd), STR(""), "OK");
	buf_add(cmd_out(cmd), STR("INPROGRESS ("));
	if (quotable)
		out_quoted(cmd_out(cmd), cmd->tag, false);
	else
		buf_add(cmd_out(cmd), STR("NIL"));
	buf_addf(cmd_out(cmd), " %u ", x->looked);
	if (goal > x->looked && x->only == NULL)
		buf_addf(cmd_out(cmd), "%u)", goal);
	else
		buf_add(cmd_out(cmd), STR("NIL)"));
	out_code_end(cmd_out(cmd), language_text(s, "Still searching"));
}

/* A message whose row is gone or damaged is one without header. */
static enum status
hand_on(struct searching *x, struct db_txn *txn, const struct entry *e, uint8_t relevancy)
{
	struct sort_row row = {.entry = e, .seq = x->it.seq, .relevancy = relevancy};
	struct mime_summary summary;
	struct email email;
	enum status st = OK;

	if (x->cursor && x->search.collation == MIME_UNICODE_CASEMAP) {
		if (email_cursor_slice(x->cursor, e->email, MIME_SLICE_KEYS, &summary) == OK)
			row.summary = &summary;
	} else if (x->cursor && email_cursor_get(x->cursor, e->email, &email) == OK && mime_summary_open(email.summary, &summary) == OK) {
		row.summary = &summary;
		st = sort_row_header(&x->search.query.env.view->grant, txn, &email, &summary, &x->header, &row.header);
	}
	return st == OK || st == ERR_NOT_FOUND || st == ERR_CORRUPT ? x->hit(x, &row) : st;
}

static enum status
found(struct cmd *cmd, struct db_txn *txn, const struct entry *e)
{
	struct searching *x = cmd_state(cmd, struct searching);
	uint8_t relevancy = 0;
	enum status st;

	if (x->relevancy) {
		if ((st = query_relevancy(&x->search.query, e, &relevancy)) != OK)
			return st;
		buf_addc(&x->scores, (char)relevancy);
	}
	runs_add(&x->uids, e->uid, e->uid);
	if (!cmd->uid)
		runs_add(&x->seqs, x->it.seq, x->it.seq);
	if (x->modseq_first == 0)
		x->modseq_first = e->modseq;
	x->modseq_last = e->modseq;
	if (e->modseq > x->modseq_max)
		x->modseq_max = e->modseq;
	return x->hit ? hand_on(x, txn, e, relevancy) : OK;
}

static enum cmd_next
find_some(struct cmd *cmd, struct db_txn *txn, enum status *st_r)
{
	struct searching *x = cmd_state(cmd, struct searching);
	enum cmd_next next = CMD_DONE;
	const struct entry *e;
	enum status end;
	bool hit;

	if ((*st_r = view_iter_begin(&x->it, txn)) != OK)
		return CMD_DONE;
	while (next == CMD_DONE && (e = view_iter_next(&x->it)) != NULL) {
		x->looked++;
		*st_r = query_message(&x->search.query, e, &hit);
		if (*st_r == OK && hit)
			*st_r = found(cmd, txn, e);
		if (*st_r == ERR_AGAIN) {
			/* Within the message: it comes again. */
			*st_r = OK;
			x->looked--;
			x->it.next_uid = e->uid;
			next = CMD_AGAIN;
			break;
		}
		if (*st_r != OK)
			break;
		if (cmd_spent(cmd) || (x->search.query.textual && search_matcher_read(x->search.query.matcher) > STEP_BYTES))
			next = CMD_AGAIN;
	}
	end = view_iter_end(&x->it);
	if (*st_r == OK)
		*st_r = end;
	if (*st_r == OK)
		*st_r = cmd_hold(cmd, (x->uids.cap + x->seqs.cap + x->scope.cap) * sizeof(struct run) + x->scores.cap);
	return next;
}

static enum cmd_next
find_step(struct cmd *cmd, struct db_txn *txn, enum status *st_r)
{
	struct searching *x = cmd_state(cmd, struct searching);
	enum cmd_next next = CMD_DONE;

	if ((*st_r = query_begin(&x->search.query, txn)) != OK)
		return CMD_DONE;
	if (!x->summaries || (*st_r = email_cursor_open(&x->search.query.env.view->grant, txn, &x->cursor)) == OK) {
		if (x->cursor && x->looked > 0)
			email_cursor_goes_on(x->cursor);
		next = find_some(cmd, txn, st_r);
	}
	email_cursor_close(x->cursor);
	x->cursor = NULL;
	query_end(&x->search.query);
	return next;
}

/* NO empties "$" when SAVE was asked for (RFC 5182 2.1). */
static enum cmd_next
failed(struct cmd *cmd, enum status st)
{
	struct searching *x = cmd_state(cmd, struct searching);

	if (x->ret.save && cmd->session->selected)
		runs_clear(&cmd->session->selected->saved);
	return reply_status(cmd, st);
}

/* Nothing can be sorted or threaded of which a part is missing (RFC 9738 3.3). */
static enum cmd_next
failed_limit(struct cmd *cmd)
{
	(void)failed(cmd, ERR_LIMIT);
	return limit_refuse(cmd, cmd_message_max(cmd), 0);
}

static enum cmd_next
search_step(struct cmd *cmd)
{
	struct searching *x = cmd_state(cmd, struct searching);
	enum cmd_next next = CMD_DONE;
	struct db_txn *txn;
	enum status st;

	if (!search_turn(cmd))
		return CMD_WAIT_WAKE;
	if ((st = cmd_read_begin(cmd, &txn)) == OK) {
		next = find_step(cmd, txn, &st);
		cmd_read_end(cmd, txn);
	}
	cmd_turn_over(cmd);
	if (next != CMD_DONE && x->heavy && conn_gone(cmd->session->conn))
		return CMD_ABORT;
	if (st != OK)
		return failed(cmd, st);
	if (next != CMD_DONE) {
		progress(cmd);
		return next;
	}
	return x->over(cmd);
}

/* RFC 9738 3.1: messages that are looked at count, not those that are found. */
static enum status
keep_limit(struct cmd *cmd, struct db_txn *txn)
{
	struct searching *x = cmd_state(cmd, struct searching);

	if (x->open || cmd_message_max(cmd) == 0 || cmd->session->selected->view.exists <= cmd_message_max(cmd))
		return OK;
	query_scope(&x->search.query, &x->scope);
	return limit_cut(cmd, txn, (struct limit_filter){0}, &x->scope);
}

enum cmd_next
search_in(struct cmd *cmd)
{
	struct searching *x = cmd_state(cmd, struct searching);
	struct db_txn *txn;
	enum status st;

	x->search.query.env = environment(cmd->session, x->elsewhere);
	if ((st = cmd_read_begin(cmd, &txn)) == OK) {
		if ((st = query_resolve(&x->search.query, txn)) == OK)
			st = keep_limit(cmd, txn);
		cmd_read_end(cmd, txn);
	}
	if (st == ERR_AGAIN) {
		cmd->step = search_in;
		return CMD_AGAIN;
	}
	if (st != OK)
		return failed(cmd, st);
	if (cmd->limit_uid != 0 && x->heavy_always)
		return failed_limit(cmd);
	x->only = cmd->limit_uid != 0 ? &x->scope : query_only(&x->search.query);
	x->it = (struct view_iter)VIEW_ITER(x->search.query.env.view, x->only);
	x->it.no_seq = cmd->uid;
	cmd->step = search_step;
	return search_step(cmd);
}

void
search_forget(struct searching *x)
{
	runs_clear(&x->uids);
	buf_clear(&x->scores);
	x->modseq_first = x->modseq_last = x->modseq_max = 0;
	x->search.query.resolved = 0;
	search_tell_free(&x->tell);
	x->tell = (struct search_tell){0};
}

static enum cmd_next
start(struct cmd *cmd)
{
	struct searching *x = cmd_state(cmd, struct searching);

	x->search.query.now = clock_seconds();
	x->told_at = clock_mono();
	x->heavy = x->heavy_always || x->search.query.heavy || x->search.query.textual;
	return x->open ? x->open(cmd) : search_in(cmd);
}

enum cmd_next
search_refuse(struct cmd *cmd, enum status st)
{
	struct searching *x = cmd_state(cmd, struct searching);

	if (x->search.filter_fault == FILTER_FINE && st == ERR_CONFLICT)
		return reply_bad(cmd, "The charset is UTF-8 since UTF8=ACCEPT was enabled");
	if (x->search.filter_fault == FILTER_FINE && st != ERR_NOT_FOUND && !(st == ERR_BAD_INPUT && cmd->args.not_utf8))
		return reply_syntax(cmd, st);
	if (x->ret.save && cmd->session->selected && x->search.filter_fault != FILTER_CHARSET)
		runs_clear(&cmd->session->selected->saved);
	if (x->search.filter_fault != FILTER_FINE)
		return search_filter_refuse(cmd, &x->search);
	/* After UTF8=ACCEPT; JavaMail, which does so, searches anew after a NO and not after a BAD (T101). */
	if (cmd->args.not_utf8)
		return reply_no(cmd, "CANNOT", "The string is not UTF-8");
	return reply_no(cmd, "BADCHARSET (US-ASCII UTF-8)", "This charset is not known");
}

enum cmd_next
search_run(struct cmd *cmd, bool charset_due)
{
	struct searching *x = cmd_state(cmd, struct searching);
	enum status st;

	x->search.query.arena = &cmd->arena;
	if (x->ret.update) {
		if (!capability_on(cmd->session, x->sorting ? "CONTEXT=SORT" : "CONTEXT=SEARCH"))
			return reply_hidden(cmd);
		if (context_find(cmd->session, cmd->tag) != NULL)
			return reply_bad(cmd, "This tag belongs to a search that is still updated");
		x->context = context_new(cmd, x->ret.items);
		x->search.query.arena = &x->context->arena;
		if (x->sorting != NULL)
			sort_like(&x->context->by, x->sorting);
	}
	x->search.session = cmd->session;
	x->search.collation = cmd->session->comparator.collation;
	x->search.utf8_only = cmd_enabled(cmd, ENABLED_UTF8);
	if ((st = search_parse(&x->search, &cmd->args, charset_due)) != OK)
		return search_refuse(cmd, st);
	x->relevancy |= x->ret.relevancy;
	if (x->relevancy && !x->search.query.fuzzy)
		return reply_bad(cmd, "RELEVANCY is of FUZZY keys");
	if (x->search.query.numbers && cmd_enabled(cmd, ENABLED_UIDONLY))
		return reply_bad_code(cmd, "UIDREQUIRED", "Message numbers are not allowed any more");
	/* No expunge during a UID SEARCH that holds message numbers (RFC 9051 7.5.1, RFC 7162 3.2.10). */
	cmd->may_expunge &= !x->search.query.numbers;
	if (x->search.query.modseq)
		condstore_enable(cmd);
	if (cmd->uid && !x->search.query.numbers && update_due(cmd->session, true, UPDATE_ALL)) {
		/* First what is new, then what is found among it (T45). */
		cmd_enter(cmd, CMD_BEFORE);
		cmd->step = start;
		return CMD_AGAIN;
	}
	return start(cmd);
}
