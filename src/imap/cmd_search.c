/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEARCH and UID SEARCH (RFC 3501 6.4.4). The mailbox is walked in steps; a search that opens bodies waits for its turn (session/pool.h)
 * and ends when its client has gone.
 */
#include "base/clock.h"
#include "imap/reply.h"
#include "imap/search.h"
#include "imap/selected.h"

/* Bytes of bodies in one step. */
#define STEP_BYTES (4u << 20)

struct searching {
	struct search search;
	struct view_iter it;
	struct runs found;      /* UIDs or sequence numbers, as they are told */
	struct heavy heavy;
	size_t run;             /* of found: where the telling stands */
	uint32_t number;
	bool telling;
};

static void
cleanup(struct cmd *cmd)
{
	struct searching *x = cmd->state;

	search_free(&x->search);
	runs_free(&x->found);
	if (x->heavy.pool)
		heavy_leave(&x->heavy);
}

/* ---- telling ---- */

/* "* SEARCH 2 5 7", also when nothing was found (T70). */
static enum cmd_next
tell(struct cmd *cmd)
{
	struct searching *x = cmd->state;
	struct buf *out = cmd_out(cmd);

	if (!x->telling)
		buf_add(out, STR("* SEARCH"));
	x->telling = true;
	cmd->step = tell;
	for (; x->run < x->found.n; x->run++, x->number = 0) {
		const struct run *r = &x->found.run[x->run];

		if (x->number == 0)
			x->number = r->first;
		for (;; x->number++) {
			char *p = buf_room(out, 16), *start = p;

			if (conn_out_full(cmd->session->conn))
				return CMD_WAIT_OUTPUT;
			if (p != NULL) {
				*p++ = ' ';
				p = put_u32(p, x->number);
				buf_wrote(out, (size_t)(p - start));
			}
			if (x->number == r->last)
				break;
		}
	}
	buf_add(out, STR("\r\n"));
	return reply_ok(cmd, "SEARCH completed");
}

/* ---- finding ---- */

static enum cmd_next
find_some(struct cmd *cmd, struct db_txn *txn, enum status *st_r)
{
	struct searching *x = cmd->state;
	enum cmd_next next = CMD_DONE;
	const struct entry *e;
	enum status end;
	bool hit;

	if ((*st_r = view_iter_begin(&x->it, txn)) != OK)
		return CMD_DONE;
	while (next == CMD_DONE && (e = view_iter_next(&x->it)) != NULL) {
		if ((*st_r = search_message(&x->search, e, &hit)) != OK)
			break;
		if (hit) {
			uint32_t n = cmd->uid ? e->uid : x->it.seq;

			runs_add(&x->found, n, n);
		}
		if (cmd_spent(cmd) || (x->search.textual && search_matcher_read(x->search.matcher) > STEP_BYTES))
			next = CMD_AGAIN;
	}
	end = view_iter_end(&x->it);
	if (*st_r == OK)
		*st_r = end;
	return next;
}

static enum cmd_next
step(struct cmd *cmd)
{
	struct searching *x = cmd->state;
	enum cmd_next next = CMD_DONE;
	struct db_txn *txn;
	enum status st;

	if (x->heavy.pool && !heavy_enter(&x->heavy))
		return CMD_WAIT_COMMIT;
	if ((st = cmd_read_begin(cmd, &txn)) == OK) {
		if ((st = search_begin(&x->search, txn)) == OK) {
			next = find_some(cmd, txn, &st);
			search_end(&x->search);
		}
		cmd_read_end(cmd, txn);
	}
	if (x->heavy.pool)
		heavy_leave(&x->heavy);
	if (st == ERR_AGAIN)
		return CMD_ABORT;
	if (st != OK)
		return reply_status(cmd, st);
	return next == CMD_DONE ? tell(cmd) : next;
}

static enum cmd_next
start(struct cmd *cmd)
{
	struct searching *x = cmd->state;
	struct session *s = cmd->session;
	struct db_txn *txn;
	enum status st;

	if ((st = cmd_read_begin(cmd, &txn)) == OK) {
		st = search_resolve(&x->search, cmd, txn);
		cmd_read_end(cmd, txn);
	}
	if (st == ERR_BAD_INPUT)
		return reply_bad(cmd, "There is no such message");
	if (st != OK)
		return reply_status(cmd, st);
	x->it = (struct view_iter)VIEW_ITER(&s->selected->view, search_only(&x->search));
	x->it.no_seq = cmd->uid;
	if (x->search.heavy && s->imap->pool)
		heavy_init(&x->heavy, s->imap->pool, s->conn, (uint64_t)s->actor.account);
	cmd->step = step;
	return step(cmd);
}

enum cmd_next
cmd_search(struct cmd *cmd)
{
	struct searching *x = arena_new(&cmd->arena, struct searching);
	enum status st;

	cmd->state = x;
	cmd->cleanup = cleanup;
	x->search.arena = &cmd->arena;
	if ((st = arg_space(&cmd->args)) == OK)
		st = search_parse(&x->search, &cmd->args);
	if (st == ERR_NOT_FOUND)
		return reply_no(cmd, "BADCHARSET (US-ASCII UTF-8)", "This charset is not known");
	if (st != OK)
		return reply_syntax(cmd, st, "SEARCH takes search keys");
	return start(cmd);
}
