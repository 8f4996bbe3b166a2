/* SPDX-License-Identifier: Apache-2.0 */
/* What happened since a mod-sequence: read from SELECT, found, told. */
#include "imap/news/qresync.h"
#include "imap/core/condstore.h"
#include "imap/core/reply.h"
#include "imap/core/selected.h"
#include "store/changes.h"

/* ---- reading ---- */

/* A set without "*" (RFC 7162 7: known-uids). */
static enum status
known_set(struct args *a, struct runs *runs_r)
{
	struct arg_set set;
	size_t at = a->at;
	enum status st = arg_set(a, &set);

	if (st != OK)
		return st;
	if (set.star || set.saved) {
		arg_set_free(&set);
		return arg_expect_at(a, at, EXPECT_SET);
	}
	*runs_r = set.runs;
	return OK;
}

static enum status
match_data(struct qresync *q, struct args *a)
{
	enum status st;

	if ((st = arg_open(a)) != OK || (st = known_set(a, &q->seqs)) != OK || (st = arg_space(a)) != OK ||
	    (st = known_set(a, &q->seq_uids)) != OK)
		return st;
	return arg_close(a);
}

enum status
qresync_parse(struct qresync *q, struct args *a)
{
	enum status st;

	q->given = true;
	if ((st = arg_space(a)) != OK || (st = arg_open(a)) != OK || (st = arg_nz_number(a, &q->uidvalidity)) != OK ||
	    (st = arg_space(a)) != OK || (st = arg_number64(a, &q->modseq)) != OK)
		return st;
	/* mod-sequence-value is not 0, but there are clients that know of no other (T10). */
	if (arg_more(a) && arg_peek(a) != '(') {
		q->known_given = true;
		if ((st = known_set(a, &q->known)) != OK)
			return st;
		(void)arg_more(a);
	}
	if (arg_peek(a) == '(' && (st = match_data(q, a)) != OK)
		return st;
	return arg_close(a);
}

bool
qresync_has_numbers(const struct qresync *q)
{
	return q->seqs.n > 0;
}

/* ---- finding ---- */

/* Member i (from 0) of a set in ascending order; 0: there are not so many. */
static uint32_t
member(const struct runs *r, uint64_t i)
{
	for (size_t k = 0; k < r->n; k++) {
		uint64_t n = (uint64_t)r->run[k].last - r->run[k].first + 1;

		if (i < n)
			return r->run[k].first + (uint32_t)i;
		i -= n;
	}
	return 0;
}

/*
 * The highest UID whose sequence number the client has right: it knows of all that was expunged up to there (RFC 7162 3.2.5.2). What matches
 * has everything below it matching too, so that a binary search does.
 */
static enum status
matched(struct qresync *q, struct view *v, struct db_txn *txn, uint32_t *uid_r)
{
	uint64_t low = 0, high = runs_count(&q->seqs), n = runs_count(&q->seq_uids);

	*uid_r = 0;
	if (n < high)
		high = n;
	while (low < high) {
		uint64_t mid = low + (high - low) / 2;
		uint32_t uid = member(&q->seq_uids, mid), seq = 0;
		enum status st = view_seq(v, txn, uid, &seq);

		if (st != OK)
			return st;
		if (seq != 0 && seq == member(&q->seqs, mid)) {
			*uid_r = uid;
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return OK;
}

enum status
qresync_find(struct qresync *q, struct session *s, struct db_txn *txn)
{
	struct view *v = &s->selected->view;
	struct changes c = {0};
	struct runs all = {0};
	uint32_t uid;
	enum status st;

	/* Another UIDVALIDITY: as if nothing had changed (RFC 7162 3.2.5). */
	if (!q->given || q->uidvalidity != v->uidvalidity || v->next_told <= 1)
		return OK;
	if ((st = matched(q, v, txn, &uid)) != OK ||
	    (st = changes_since(&v->grant, txn, q->modseq, NULL, 0, &c)) != OK)
		return st;
	if (!q->known_given)
		runs_add(&q->known, 1, v->next_told - 1);
	runs_add_all(&all, &c.added);
	runs_add_all(&all, &c.flags);
	runs_add_common(&q->gone, &c.gone, &q->known);
	if (uid)
		runs_remove(&q->gone, 1, uid);
	runs_add_common(&q->changed, &all, &q->known);
	runs_free(&all);
	changes_free(&c);
	q->it = (struct view_iter)VIEW_ITER(v, &q->changed);
	return OK;
}

/* ---- telling ---- */

static enum cmd_next
tell_changed(struct qresync *q, struct cmd *cmd, struct db_txn *txn, enum status *st_r)
{
	struct session *s = cmd->session;
	struct buf *out = cmd_out(cmd);
	enum cmd_next next = CMD_DONE;
	const struct entry *e;
	enum status end;

	if ((*st_r = selected_keywords(s, txn)) != OK || (*st_r = view_iter_begin(&q->it, txn)) != OK)
		return CMD_DONE;
	while (next == CMD_DONE && (e = view_iter_next(&q->it)) != NULL) {
		if (!selected_keywords_cover(s->selected, e)) {
			selected_keywords_forget(s->selected);
			if ((*st_r = selected_keywords(s, txn)) != OK)
				break;
		}
		selected_fetch_line(s, out, q->it.seq, e, true, true);
		next = cmd_pause(cmd);
	}
	end = view_iter_end(&q->it);
	if (*st_r == OK)
		*st_r = end;
	return next;
}

enum cmd_next
qresync_step(struct qresync *q, struct cmd *cmd, enum status *st_r)
{
	struct db_txn *txn;
	enum cmd_next next;

	*st_r = OK;
	if (!vanished_print(cmd->session, &q->gone, true, &q->gone_at))
		return CMD_WAIT_OUTPUT;
	if (q->changed.n == 0)
		return CMD_DONE;
	if ((*st_r = cmd_read_begin(cmd, &txn)) != OK)
		return CMD_DONE;
	next = tell_changed(q, cmd, txn, st_r);
	cmd_read_end(cmd, txn);
	return next;
}

void
qresync_free(struct qresync *q)
{
	runs_free(&q->known);
	runs_free(&q->seqs);
	runs_free(&q->seq_uids);
	runs_free(&q->gone);
	runs_free(&q->changed);
}
