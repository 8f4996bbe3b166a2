/* SPDX-License-Identifier: Apache-2.0 */
#include "imap/set.h"

enum status
set_resolve(struct cmd *cmd, struct db_txn *txn, struct arg_set *set, struct runs *uids_r)
{
	struct view *v = &cmd->session->selected->view;
	uint32_t last = v->exists;
	enum status st = OK;

	/* "$" (RFC 5182): messages, whether by number or UID; none is no error. */
	if (set->saved) {
		runs_add_all(uids_r, &cmd->session->selected->saved);
		arg_set_free(set);
		return OK;
	}
	if (cmd->uid && set->star)
		st = view_last_uid(v, txn, &last);
	/* In an empty mailbox "*" is UIDNEXT (RFC 3501 section 9, seq-number): VANISHED asks for what was there. */
	if (cmd->uid && last == 0)
		last = v->next_told;
	if (st == OK)
		arg_set_resolve(set, last);
	if (st == OK && cmd->uid) {
		*uids_r = set->runs;
		set->runs = (struct runs){0};
		if (v->next_told <= UINT32_MAX - 1)
			runs_remove(uids_r, v->next_told ? v->next_told : 1, UINT32_MAX);
	} else if (st == OK) {
		st = view_uids_of_seqs(v, txn, &set->runs, uids_r);
	}
	arg_set_free(set);
	return st;
}
