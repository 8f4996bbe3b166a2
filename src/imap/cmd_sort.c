/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SORT and UID SORT (RFC 5256 BASE.6.4.SORT, RFC 5957), with RETURN (RFC 5267 3): a search whose answer is put in order.
 */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/core/run_list.h"
#include "imap/search/search_run.h"
#include "query/sort.h"


struct sort_cmd {
	struct searching searching; /* first */
	struct sorting sorting;
	struct runs list, uids;     /* in order, as they are told; and their UIDs, for "$" */
};

static void
sort_cleanup(struct cmd *cmd)
{
	struct sort_cmd *x = cmd_state(cmd, struct sort_cmd);

	search_run_free(&x->searching);
	sort_free(&x->sorting);
	runs_free(&x->list);
	runs_free(&x->uids);
}

static enum status
hit(struct searching *s, const struct sort_row *row)
{
	return sort_add(&((struct sort_cmd *)s)->sorting, row);
}

static enum cmd_next
sorted(struct cmd *cmd)
{
	struct sort_cmd *x = cmd_state(cmd, struct sort_cmd);
	struct searching *s = &x->searching;
	struct buf scores = {0};

	for (size_t i = 0; i < x->sorting.n; i++) {
		uint32_t row = sort_at(&x->sorting, i);

		run_list_add(&x->list, cmd->uid ? x->sorting.uid[row] : x->sorting.seq[row]);
		if (s->ret.save || s->context != NULL)
			run_list_add(&x->uids, x->sorting.uid[row]);
		if (s->ret.relevancy)
			buf_addc(&scores, s->scores.p[row]);
	}
	buf_free(&s->scores);
	s->scores = scores;
	sort_free(&x->sorting);
	x->sorting = (struct sorting){0};
	if (s->ret.save || s->context != NULL)
		s->order = &x->uids;
	return search_answer(cmd, &x->list, "SORT", "SORT completed");
}

static enum cmd_next
sort_step(struct cmd *cmd)
{
	struct sort_cmd *x = cmd_state(cmd, struct sort_cmd);
	bool over;

	if (!search_turn(cmd))
		return CMD_WAIT_WAKE;
	while (!(over = sort_some(&x->sorting)) && !cmd_spent(cmd))
		;
	cmd_turn_over(cmd);
	if (over)
		return sorted(cmd);
	return conn_gone(cmd->session->conn) ? CMD_ABORT : CMD_AGAIN;
}

static enum cmd_next
over(struct cmd *cmd)
{
	cmd->step = sort_step;
	return sort_step(cmd);
}

enum cmd_next
cmd_sort(struct cmd *cmd)
{
	struct sort_cmd *x = arena_new(&cmd->arena, struct sort_cmd);
	struct args *a = &cmd->args;
	enum status st;

	cmd_state_set_with(cmd, struct sort_cmd, x, struct searching, searching);
	cmd->cleanup = sort_cleanup;
	x->searching.hit = hit;
	x->searching.over = over;
	x->searching.sorting = &x->sorting;
	x->searching.heavy_always = true;
	if ((st = arg_space(a)) != OK || (st = search_return_parse(&x->searching.ret, cmd)) != OK ||
	    (st = sort_parse(&x->sorting, a)) != OK || (st = arg_space(a)) != OK)
		return search_refuse(cmd, st);
	x->searching.summaries = x->sorting.summaries;
	x->searching.relevancy = x->sorting.relevancy;
	x->sorting.comparator = cmd->session->comparator;
	x->sorting.charge = &cmd->charge;
	return search_run(cmd, true);
}
