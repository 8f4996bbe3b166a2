/* SPDX-License-Identifier: Apache-2.0 */
/* Sets that are cut to what one command may work on. */
#include "imap/core/limit.h"

#include "imap/core/reply.h"
#include "imap/core/selected.h"

/* The UID at that place of a set, 0 being the lowest. */
static uint32_t
at_rank(const struct runs *r, uint64_t rank)
{
	for (size_t i = 0; i < r->n; i++) {
		uint64_t n = (uint64_t)r->run[i].last - r->run[i].first + 1;

		if (rank < n)
			return r->run[i].first + (uint32_t)rank;
		rank -= n;
	}
	return 0;
}

/* Those that a filter lets through. */
static enum status
select_some(struct view *v, struct db_txn *txn, struct limit_filter filter, const struct runs *uids, struct runs *there_r)
{
	struct view_iter it = VIEW_ITER(v, uids);
	const struct entry *e;
	enum status st;

	it.no_seq = true;
	it.changed_since = filter.changed_since;
	if ((st = view_iter_begin(&it, txn)) != OK)
		return st;
	while ((e = view_iter_next(&it)) != NULL)
		if (!filter.deleted || (e->flags & FLAG_DELETED))
			runs_add(there_r, e->uid, e->uid);
	return view_iter_end(&it);
}

enum status
limit_cut(struct cmd *cmd, struct db_txn *txn, struct limit_filter filter, struct runs *uids)
{
	struct view *v = &cmd->session->selected->view;
	uint64_t max = cmd_message_max(cmd), n;
	struct runs there = {0};
	enum status st;

	if (max == 0 || v->exists <= max)
		return OK;
	if (filter.deleted || filter.changed_since > 0)
		st = select_some(v, txn, filter, uids, &there);
	else
		st = view_uids_present(v, txn, uids, &there);
	n = runs_count(&there);
	if (st != OK || n <= max) {
		runs_free(&there);
		return st;
	}
	cmd->limit_uid = at_rank(&there, n - max);
	if (cmd->limit_uid > 1)
		runs_remove(&there, 1, cmd->limit_uid - 1);
	runs_free(uids);
	*uids = there;
	return OK;
}

enum status
limit_lowest(struct cmd *cmd, struct db_txn *txn, const struct runs *uids, uint64_t max, uint32_t *uid_r)
{
	struct view *v = &cmd->session->selected->view;
	struct runs there = {0};
	enum status st;

	*uid_r = 0;
	if (max == 0 || v->exists <= max)
		return OK;
	st = view_uids_present(v, txn, uids, &there);
	if (st == OK && runs_count(&there) > max)
		*uid_r = at_rank(&there, runs_count(&there) - max);
	runs_free(&there);
	return st;
}

void
limit_code(struct buf *out, const struct cmd *cmd)
{
	buf_addf(out, "MESSAGELIMIT %llu %u", (unsigned long long)cmd_message_max(cmd), cmd->limit_uid);
}

enum cmd_next
limit_refuse(struct cmd *cmd, uint64_t max, uint32_t uid)
{
	struct str code = arena_printf(&cmd->arena, "MESSAGELIMIT %llu", (unsigned long long)max);

	if (uid != 0)
		code = arena_printf(&cmd->arena, "%.*s %u", STR_FMT(code), uid);
	return reply_no(cmd, arena_cstr(&cmd->arena, code), "Too many messages for one command, try fewer");
}
