/* SPDX-License-Identifier: Apache-2.0 */
/* Modifiers of FETCH (RFC 4466 2.4): a list behind the items. */
#include "imap/core/run_list.h"
#include "imap/fetch/fetch.h"
#include "store/changes.h"

/* CHANGEDSINCE n, RFC 7162 3.1.4.1; 0 is taken (T10). */
static enum status
changed_since(struct fetch *f, struct args *a)
{
	enum status st;

	if ((st = arg_space(a)) != OK || (st = arg_number64(a, &f->changed_since)) != OK)
		return st;
	f->modifiers |= FETCH_CHANGEDSINCE;
	return fetch_add_named(f, "MODSEQ");
}

static enum status
read_modifier(struct fetch *f, struct args *a)
{
	enum status st;

	if (!(f->modifiers & FETCH_CHANGEDSINCE) && arg_keyword(a, "CHANGEDSINCE"))
		return changed_since(f, a);
	/* RFC 7162 3.2.6: of UID FETCH only, once QRESYNC is enabled. */
	if (!(f->modifiers & FETCH_VANISHED) && f->cmd->uid && cmd_enabled(f->cmd, ENABLED_QRESYNC) && arg_keyword(a, "VANISHED")) {
		f->modifiers |= FETCH_VANISHED;
		return OK;
	}
	/* RFC 9394 3.3: of UID FETCH only. */
	if (f->cmd->uid && !f->partial.given && arg_keyword(a, "PARTIAL"))
		return (st = arg_space(a)) != OK ? st : partial_parse(&f->partial, a);
	return arg_expect(a, EXPECT_FETCH_MODIFIER);
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
	/* VANISHED says nothing without CHANGEDSINCE (RFC 7162 3.2.6). */
	if (f->modifiers == FETCH_VANISHED)
		return arg_expect(a, EXPECT_FETCH_MODIFIER);
	return arg_end(a);
}

/* Those of the set that were expunged since. What this session has not been told yet comes as VANISHED without EARLIER
 * (RFC 7162 3.2.10). */
static enum status
find_vanished(struct fetch *f, struct db_txn *txn)
{
	struct view *v = &f->cmd->session->selected->view;
	struct changes c = {0};
	enum status st = changes_since(&v->grant, txn, f->changed_since, NULL, 0, &c);

	if (st != OK)
		return st;
	runs_add_common(&f->gone, &c.gone, &f->known);
	runs_remove_all(&f->gone, &v->ghosts);
	changes_free(&c);
	return OK;
}

/* First PARTIAL, then CHANGEDSINCE (RFC 9394 3.4). */
static enum status
cut(struct fetch *f, struct db_txn *txn)
{
	struct runs exact = {0}, slice = {0};
	enum status st;

	if ((st = view_uids_present(&f->cmd->session->selected->view, txn, &f->uids, &exact)) == OK) {
		run_list_slice(&exact, &f->partial, &slice);
		runs_free(&f->uids);
		f->uids = slice;
	}
	runs_free(&exact);
	return st;
}

enum status
fetch_narrow(struct fetch *f, struct db_txn *txn)
{
	enum status st = f->modifiers & FETCH_VANISHED ? find_vanished(f, txn) : OK;

	return st == OK && f->partial.given ? cut(f, txn) : st;
}
