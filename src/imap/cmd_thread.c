/* SPDX-License-Identifier: Apache-2.0 */
/* THREAD and UID THREAD (RFC 5256 BASE.6.4.THREAD): a search whose answer is a forest. */
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/search/search_run.h"
#include "query/thread.h"


struct thread_cmd {
	struct searching searching; /* first */
	struct threading threading;
	uint32_t at;                /* the vertex to be told next */
	bool begun;
};

static void
thread_cleanup(struct cmd *cmd)
{
	struct thread_cmd *x = cmd_state(cmd, struct thread_cmd);

	search_run_free(&x->searching);
	thread_free(&x->threading);
}

static enum status
hit(struct searching *s, const struct sort_row *row)
{
	return thread_add(&((struct thread_cmd *)s)->threading, row);
}

/* ---- telling ---- */

/* A vertex opens a parenthesis unless it is the only child of a message. */
static bool
opens(const struct threading *t, uint32_t v)
{
	uint32_t p = t->vertex[v].parent;

	return p == THREAD_NONE || t->vertex[p].child != t->vertex[p].last;
}

/* "(3", " 6", " (4": the vertex v; the space where its parent's number stands before it. */
static void
tell_vertex(struct cmd *cmd, const struct threading *t, uint32_t v)
{
	struct buf *out = cmd_out(cmd);
	uint32_t p = t->vertex[v].parent;
	bool after_number = p != THREAD_NONE && p < t->order.n && t->vertex[p].child == v;

	if (after_number)
		buf_addc(out, ' ');
	if (opens(t, v))
		buf_addc(out, '(');
	if (v < t->order.n)
		buf_addu(out, cmd->uid ? t->order.uid[v] : t->order.seq[v]);
}

static enum cmd_next
tell(struct cmd *cmd)
{
	struct thread_cmd *x = cmd_state(cmd, struct thread_cmd);
	const struct threading *t = &x->threading;
	struct buf *out = cmd_out(cmd);

	if (!x->begun) {
		buf_adds(out, x->at == THREAD_NONE ? "* THREAD" : "* THREAD ");
		x->begun = true;
	}
	while (x->at != THREAD_NONE) {
		uint32_t v = x->at;

		if (conn_out_full(cmd->session->conn))
			return CMD_WAIT_OUTPUT;
		tell_vertex(cmd, t, v);
		x->at = t->vertex[v].child;
		while (x->at == THREAD_NONE) {
			if (opens(t, v))
				buf_addc(out, ')');
			x->at = t->vertex[v].next;
			if (t->vertex[v].parent == THREAD_NONE)
				break;
			v = t->vertex[v].parent;
		}
	}
	buf_add(out, STR("\r\n"));
	return reply_ok(cmd, "THREAD completed");
}

/* ---- working ---- */

static enum cmd_next
thread_step(struct cmd *cmd)
{
	struct thread_cmd *x = cmd_state(cmd, struct thread_cmd);
	bool over;

	if (!search_turn(cmd))
		return CMD_WAIT_WAKE;
	while (!(over = thread_some(&x->threading)) && !cmd_spent(cmd))
		;
	cmd_turn_over(cmd);
	if (!over)
		return conn_gone(cmd->session->conn) ? CMD_ABORT : CMD_AGAIN;
	x->at = x->threading.first;
	cmd->step = tell;
	return tell(cmd);
}

static enum cmd_next
over(struct cmd *cmd)
{
	cmd->step = thread_step;
	return thread_step(cmd);
}

enum cmd_next
cmd_thread(struct cmd *cmd)
{
	struct thread_cmd *x = arena_new(&cmd->arena, struct thread_cmd);
	struct args *a = &cmd->args;
	struct str algorithm;
	size_t at = a->at + 1;
	enum status st;

	cmd_state_set_with(cmd, struct thread_cmd, x, struct searching, searching);
	cmd->cleanup = thread_cleanup;
	x->searching.summaries = true;
	x->searching.hit = hit;
	x->searching.over = over;
	x->searching.heavy_always = true;
	if ((st = arg_space(a)) != OK || (st = arg_atom_upper(a, &algorithm)) != OK || (st = arg_space(a)) != OK)
		return search_refuse(cmd, st);
	x->threading.order.charge = &cmd->charge;
	if (!thread_init(&x->threading, algorithm))
		return search_refuse(cmd, arg_expect_at(a, at, EXPECT_THREAD_ALGORITHM));
	x->threading.order.comparator = cmd->session->comparator;
	return search_run(cmd, true);
}
