/* SPDX-License-Identifier: Apache-2.0 */
/* Sequence sets and UID sets as UIDs of the view. */
#include "imap/core/set.h"

/* Takes the UIDs off the set. New ones that the session has not been told of are not meant. */
static void
take_uids(const struct view *v, struct arg_set *set, struct runs *uids_r)
{
	struct runs before = *uids_r;

	/* What the caller's set had is freed with the argument. */
	*uids_r = set->runs;
	set->runs = before;
	if (v->next_told <= UINT32_MAX - 1)
		runs_remove(uids_r, v->next_told ? v->next_told : 1, UINT32_MAX);
}

/* Does it mean what it will mean when the changes before it were told? Messages that come are not in it; "*" may be another one then. */
static bool
settled(const struct cmd *cmd, const struct arg_set *set)
{
	const struct view *v = &cmd->session->selected->view;
	uint32_t last = set->runs.n > 0 ? set->runs.run[set->runs.n - 1].last : 0;

	if (set->saved)
		return true;
	return !set->star && (cmd->uid ? last < v->next_told : last <= v->exists);
}

enum status
set_resolve(struct cmd *cmd, struct db_txn *txn, struct arg_set *set, struct runs *uids_r)
{
	struct view *v = &cmd->session->selected->view;
	uint32_t last = v->exists;
	enum status st = OK;

	runs_clear(uids_r);
	if (cmd_ahead(cmd) && !settled(cmd, set)) {
		arg_set_free(set);
		return ERR_AGAIN;
	}
	/* "$" (RFC 5182): messages, whether by number or UID; none is no error. */
	if (set->saved) {
		runs_add_all(uids_r, &cmd->session->selected->saved);
		arg_set_free(set);
		return OK;
	}
	if (cmd->uid && set->star)
		st = view_last_uid(v, txn, &last);
	else if (!cmd->uid && set->star && last == 0 && !v->deleted)
		st = ERR_BAD_INPUT;
	if (st == OK)
		arg_set_resolve(set, last);
	if (st == OK && cmd->uid)
		take_uids(v, set, uids_r);
	else if (st == OK)
		st = view_uids_of_seqs(v, txn, &set->runs, uids_r);
	arg_set_free(set);
	return st == OK ? cmd_hold(cmd, cmd->holding + uids_r->cap * sizeof(struct run)) : st;
}

void
set_known(const struct cmd *cmd, const struct arg_set *set, struct runs *uids)
{
	const struct selected *sel = cmd->session->selected;
	struct arg_set copy = {.star = set->star, .star_low = set->star_low};

	if (set->saved) {
		runs_add_all(uids, &sel->saved);
		return;
	}
	runs_add_all(&copy.runs, &set->runs);
	arg_set_resolve(&copy, sel->view.next_told ? sel->view.next_told - 1 : 0);
	take_uids(&sel->view, &copy, uids);
	arg_set_free(&copy);
}
