/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UIDBATCHES (RFC 10022): the UID ranges that cut the mailbox into batches of equal size, from the highest UIDs down. The mailbox is walked once
 * upwards: batches are counted from the top, so that the lowest one may be short.
 */
#include "base/digits.h"
#include "imap/commands.h"
#include "imap/core/reply.h"
#include "imap/core/syntax.h"

#define SIZE_LEAST 10       /* the most that may be demanded is 500 */
#define MESSAGES_MOST 20000000

struct batches {
	uint32_t size;
	uint32_t low, high;     /* which batches; 0: all */
	uint32_t n;             /* messages in the view */
	uint32_t at;            /* messages walked */
	struct view_iter it;
	uint32_t *first;        /* the first UID of each batch, from the lowest batch up; the lowest begins at UID 1 */
	uint32_t count, made;
	uint32_t last;          /* the highest UID */
	bool begun, told_any;
	uint32_t telling;
};

/* size [low:high] */
static enum status
parse(struct batches *b, struct args *a)
{
	size_t at;
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_nz_number(a, &b->size)) != OK || arg_end(a) == OK)
		return st;
	if ((st = arg_space(a)) != OK)
		return st;
	at = a->at;
	if (arg_nz_number(a, &b->low) != OK)
		return arg_expect(a, EXPECT_RANGE);
	if (!arg_char(a, ':') || arg_nz_number(a, &b->high) != OK || b->high < b->low)
		return arg_expect_at(a, at, EXPECT_RANGE);
	return arg_end(a);
}

/* Notes where batches begin: message i (from 1) begins one if what is left from it on is a multiple of the size. */
static enum cmd_next
walk(struct cmd *cmd, struct db_txn *txn, enum status *st_r)
{
	struct batches *b = cmd_state(cmd, struct batches);
	enum cmd_next next = CMD_DONE;
	const struct entry *e;

	if ((*st_r = view_iter_begin(&b->it, txn)) != OK)
		return CMD_DONE;
	while (next == CMD_DONE && b->at < b->n && (e = view_iter_next(&b->it)) != NULL) {
		uint32_t left = b->n - b->at++;

		if (b->made == 0)
			b->first[b->made++] = 1;
		else if (left % b->size == 0 && b->made < b->count)
			b->first[b->made++] = e->uid;
		b->last = e->uid;
		next = cmd_spent(cmd) ? CMD_AGAIN : CMD_DONE;
	}
	*st_r = view_iter_end(&b->it);
	return next;
}

/* Batch i, 1 the highest: high:low, the lowest one down to UID 1. */
static void
tell_batch(struct cmd *cmd, const struct batches *b, uint32_t i, bool first)
{
	uint32_t k = b->made - i; /* from the lowest, 0 */
	uint32_t high = i == 1 ? b->last : b->first[k + 1] - 1;
	char *p = buf_room(cmd_out(cmd), 32), *start = p;

	if (p == NULL)
		return;
	*p++ = first ? ' ' : ',';
	p = put_u32(p, high);
	*p++ = ':';
	p = put_u32(p, b->first[k]);
	buf_wrote(cmd_out(cmd), (size_t)(p - start));
}

static enum cmd_next
tell(struct cmd *cmd)
{
	struct batches *b = cmd_state(cmd, struct batches);
	struct buf *out = cmd_out(cmd);

	cmd->step = tell;
	if (!b->begun) {
		buf_add(out, STR("* UIDBATCHES (TAG "));
		out_quoted(out, cmd->tag, false);
		buf_addc(out, ')');
		b->begun = true;
		b->telling = b->low ? b->low : 1;
		if (b->high == 0 || b->high > b->made)
			b->high = b->made;
	}
	for (; b->telling <= b->high; b->telling++) {
		if (conn_out_full(cmd->session->conn))
			return CMD_WAIT_OUTPUT;
		tell_batch(cmd, b, b->telling, !b->told_any);
		b->told_any = true;
	}
	buf_add(out, STR("\r\n"));
	return reply_ok(cmd, "UIDBATCHES completed");
}

static enum cmd_next
uidbatches_step(struct cmd *cmd)
{
	struct db_txn *txn;
	enum cmd_next next;
	enum status st;

	if ((st = cmd_read_begin(cmd, &txn)) != OK)
		return reply_status(cmd, st);
	next = walk(cmd, txn, &st);
	cmd_read_end(cmd, txn);
	if (st != OK)
		return reply_status(cmd, st);
	return next == CMD_DONE ? tell(cmd) : next;
}

enum cmd_next
cmd_uidbatches(struct cmd *cmd)
{
	struct batches *b = arena_new(&cmd->arena, struct batches);
	struct view *v = &cmd->session->selected->view;

	if (parse(b, &cmd->args) != OK)
		return reply_bad_code(cmd, "CLIENTBUG", syntax_text(cmd, cmd->row->usage));
	if (b->size < SIZE_LEAST)
		return reply_no(cmd, "TOOFEW", "Batches hold at least 10 messages");
	if (v->exists > MESSAGES_MOST)
		return reply_no(cmd, "TOOMANY", "The mailbox is too large for this");
	b->n = v->exists;
	b->count = b->n / b->size + (b->n % b->size != 0);
	b->first = arena_array(&cmd->arena, (size_t)b->count + 1, sizeof(*b->first));
	b->it = (struct view_iter)VIEW_ITER(v, NULL);
	b->it.no_seq = true;
	cmd_state_set(cmd, struct batches, b);
	cmd->step = uidbatches_step;
	return uidbatches_step(cmd);
}
