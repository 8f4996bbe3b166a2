/* SPDX-License-Identifier: Apache-2.0 */
/* Modifiers of FETCH (RFC 4466 2.4): a list behind the items. */
#include "imap/fetch.h"

static enum status
read_modifier(struct fetch *f, struct args *a)
{
	enum status st;

	/* RFC 9394 3.3: of UID FETCH only. */
	if (f->cmd->uid && !f->partial.given && arg_keyword(a, "PARTIAL"))
		return (st = arg_space(a)) != OK ? st : partial_parse(&f->partial, a);
	return ERR_BAD_INPUT;
}

enum status
fetch_modifiers(struct fetch *f, struct args *a)
{
	enum status st;

	if (arg_end(a) == OK)
		return OK;
	if ((st = arg_space(a)) != OK || (st = arg_open(a)) != OK)
		return st;
	do
		st = read_modifier(f, a);
	while (st == OK && arg_more(a));
	if (st != OK || (st = arg_close(a)) != OK)
		return st;
	return arg_end(a);
}

enum status
fetch_narrow(struct fetch *f, struct db_txn *txn)
{
	struct runs exact = {0}, slice = {0};
	enum status st;

	if (!f->partial.given)
		return OK;
	if ((st = view_uids_present(&f->cmd->session->selected->view, txn, &f->uids, &exact)) == OK) {
		run_list_slice(&exact, &f->partial, &slice);
		runs_free(&f->uids);
		f->uids = slice;
	}
	runs_free(&exact);
	return st;
}
